"""An inbox with a made-up history and the lists it answers: what to ask for, and what must come back."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

from bench.filling import Filling
from bench.rig import Rig
from bench.traffic import Traffic
from chalicelib.domain.ids import MessageKey, ThreadKey, inbox_number
from chalicelib.domain.message import Direction
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.list_messages import phases_of
from chalicelib.wiring import operations

LIMITS = (20, 100)
_NEIGHBOUR = 50  # messages; what lies between two wanted ones that are closer than this may be read with them


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: the request, and the messages it must show."""

    target: str
    sequences: tuple[int, ...]
    total: int


@dataclass(frozen=True)
class MessageList:
    """A list of an inbox: `messages` or `threads`, with a filter, and everything in it, newest first."""

    inbox_id: str
    resource: str
    filter: dict[str, str]
    sequences: list[int]

    @property
    def name(self) -> str:
        return " ".join([self.resource, *(f"{key} {value}" for key, value in self.filter.items())])

    def page(self, offset: int, limit: int, *, by_cursor: bool = False) -> Page:
        query: dict[str, Any] = {**self.filter, "limit": limit, "offset": offset}
        if by_cursor and offset:
            del query["offset"]
            before = self.sequences[offset - 1]
            query["cursor"] = operations().public_ids().cursor(inbox_number(self.inbox_id), before, of=self.resource)
        target = f"/inboxes/{self.inbox_id}/{self.resource}?{urlencode(query)}"
        return Page(target, tuple(self.sequences[offset : offset + limit]), len(self.sequences))

    def offsets(self, limit: int) -> dict[str, int]:
        """Where the first, the middle and the last page begin."""
        total = len(self.sequences)
        return {"first page": 0, "middle page": total // 2, "last page": max(0, total - limit)}


@dataclass(frozen=True)
class FilledInbox:
    """A filled inbox, with the contents of every page that `pages` names."""

    inbox_id: str
    filling: Filling

    @classmethod
    def make(cls, rig: Rig, count: int) -> "FilledInbox":
        """An inbox of so many messages, without their contents."""
        inbox_id = rig.api("POST", "/inboxes", {"displayName": "Agent"})["id"]
        inbox = operations().get_inbox.inboxes.get(inbox_number(inbox_id))
        if inbox is None:
            raise RuntimeError(f"{inbox_id} was made and is not there")
        filled = cls(inbox_id, Filling(inbox, Traffic.of(count)))
        filled.filling.write_index()
        return filled

    def lists(self) -> Iterator[MessageList]:
        """All messages, all threads, and every filter."""
        traffic = self.filling.traffic
        yield MessageList(self.inbox_id, "messages", {}, traffic.listed(phases_of(None, None)))
        yield MessageList(self.inbox_id, "threads", {}, sorted(traffic.heads, reverse=True))
        for status in MessageStatus:
            yield MessageList(
                self.inbox_id, "messages", {"status": status.value}, traffic.listed(phases_of(status, None))
            )
        for direction in Direction:
            yield MessageList(
                self.inbox_id, "messages", {"direction": direction.value}, traffic.listed(phases_of(None, direction))
            )

    def write_pages(self, lists: Collection[MessageList]) -> None:
        """The contents of the first, the middle and the last page of these lists, and of what lies between."""
        messages: set[int] = set()
        threads: set[int] = set()
        for listed in lists:
            for limit in LIMITS:
                for offset in listed.offsets(limit).values():
                    shown = listed.page(offset, limit).sequences
                    messages |= {number for wanted in _with_neighbours(shown) for number in wanted}
                    threads |= set(shown) if listed.resource == "threads" else set()
        self.filling.write_messages(sorted(messages))
        self.filling.write_threads(threads)

    def check(self, listed: MessageList, page: Page, answer: Any) -> None:
        """Raises when an answer is not the page that was asked for."""
        ids, number = operations().public_ids(), self.filling.inbox.number
        threads = self.filling.traffic.threads
        if listed.resource == "threads":
            wanted: list[str] = [ids.thread_id(ThreadKey(number, threads[sequence])) for sequence in page.sequences]
        else:
            wanted = [ids.message_id(MessageKey(number, sequence)) for sequence in page.sequences]
        if (answer["total"], [entry["id"] for entry in answer["data"]]) != (page.total, wanted):
            raise RuntimeError(f"{page.target} did not answer what was asked for")


def _with_neighbours(sequences: Collection[int]) -> Iterator[Collection[int]]:
    yield sequences
    for high, low in pairwise(sequences):
        if high - low <= _NEIGHBOUR:
            yield range(low, high)
