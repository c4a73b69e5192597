"""A part of a list that lies in memory."""

from collections.abc import Iterable
from typing import TypeVar

from chalicelib.operations.ports import Page, PageRequest

T = TypeVar("T")


def page_of(entries: Iterable[tuple[int, T]], request: PageRequest) -> Page[T]:
    """The part asked for of (sequence number, item) pairs, highest sequence number first."""
    newest_first = sorted(entries, key=lambda entry: entry[0], reverse=True)
    rest = [entry for entry in newest_first if request.after is None or entry[0] < request.after][request.offset :]
    chosen = rest[: request.limit]
    return Page(
        tuple(item for _, item in chosen), len(newest_first), chosen[-1][0] if len(rest) > len(chosen) else None
    )
