"""Lists: which part is asked for, and what is answered."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which part of a list: `offset` items from its start, or everything `after` a place in its sequence."""

    limit: int = 20
    offset: int = 0
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list, the exact `total` of the whole, and the place to go on `after` (None: the end)."""

    items: tuple[T, ...]
    total: int
    next_after: int | None
