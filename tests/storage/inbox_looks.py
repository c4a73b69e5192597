"""What an inbox must show, kept in a dictionary, and the rules that look whether it does."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from chalicelib.domain.ids import ThreadKey
from chalicelib.domain.message import Direction, Message
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.ports import Page, PageRequest
from tests.fakes.paging import page_of
from tests.operations.world import INBOX

UPPER = 400  # more messages than a life has
LUCK = st.integers(0, 2**16)  # which of the messages there are
REQUESTS = st.builds(PageRequest, limit=st.integers(1, 12), offset=st.integers(0, 30) | st.integers(0, UPPER))
REQUESTS |= st.builds(PageRequest, limit=st.integers(1, 12), after=st.integers(0, 40) | st.integers(0, UPPER))

T = TypeVar("T")


@dataclass(frozen=True)
class Shown:
    """A message that must be shown."""

    thread: int
    status: MessageStatus


class InboxLooks(RuleBasedStateMachine):
    """`figures` counts what happened, in all lives."""

    figures: ClassVar[Counter[str]]

    def __init__(self, world: Any) -> None:
        super().__init__()
        self.world = world
        self.shown: dict[int, Shown] = {}
        self.is_settled = True  # whether nobody has died whose job is still to come

    @rule(
        request=REQUESTS,
        status=st.none() | st.sampled_from(MessageStatus),
        direction=st.none() | st.sampled_from(Direction),
    )
    def list_messages(self, request: PageRequest, status: MessageStatus | None, direction: Direction | None) -> None:
        page = self.world.list_messages(INBOX, self.world.caller, request, status=status, direction=direction)
        wanted = {sequence: known.status for sequence, known in self.shown.items() if _fits(known, status, direction)}
        assert [message.status for message in page.items] == [wanted[number] for number in _numbers(page)]
        self._compare(page, _numbers(page), page_of(((number, number) for number in wanted), request))

    @precondition(lambda self: self.is_settled)
    @rule(request=REQUESTS)
    def list_threads(self, request: PageRequest) -> None:
        page = self.world.list_threads(INBOX, self.world.caller, request)
        shown = [summary.last_message.content.key.sequence for summary in page.items]
        heads = {max(members): members for members in self._threads().values()}
        self._compare(page, shown, page_of(((head, head) for head in heads), request))
        assert [summary.thread.message_count for summary in page.items] == [len(heads[head]) for head in shown]

    @precondition(lambda self: self.shown)
    @rule(luck=LUCK, request=REQUESTS)
    def list_thread_messages(self, luck: int, request: PageRequest) -> None:
        """Exact at every moment, also where somebody has died."""
        thread = self._any(luck).thread
        members = sorted(self._threads()[thread])
        key = ThreadKey(INBOX, thread)
        page = self.world.list_thread_messages(key, self.world.caller, request)
        rest = [number for number in members if request.after is None or number > request.after][request.offset :]
        assert (_numbers(page), page.total) == (rest[: request.limit], len(members))
        assert (page.next_after is None) == (len(rest) <= request.limit)
        summary = self.world.get_thread(key, self.world.caller)
        assert summary.thread.message_count == len(members)
        assert summary.last_message.content.key.sequence == members[-1]

    @precondition(lambda self: self.is_settled)
    @rule(limit=st.integers(1, 12))
    def walk(self, limit: int) -> None:
        """Both lists from end to end, by cursor."""
        caller = self.world.caller
        messages = _walked(limit, lambda request: self.world.list_messages(INBOX, caller, request))
        assert [message.content.key.sequence for message in messages] == sorted(self.shown, reverse=True)
        threads = _walked(limit, lambda request: self.world.list_threads(INBOX, caller, request))
        heads = [summary.last_message.content.key.sequence for summary in threads]
        assert heads == sorted((max(members) for members in self._threads().values()), reverse=True)

    def _compare(self, page: Page[Any], shown: list[int], wanted: Page[int]) -> None:
        assert (shown, page.total) == (list(wanted.items), wanted.total)
        assert page.next_after == wanted.next_after
        self.figures["pages"] += 1

    def _threads(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for sequence, known in self.shown.items():
            found.setdefault(known.thread, []).append(sequence)
        return found

    def _any(self, luck: int) -> Shown:
        return self.shown[sorted(self.shown)[luck % len(self.shown)]]


def _fits(known: Shown, status: MessageStatus | None, direction: Direction | None) -> bool:
    received = Direction.INBOUND if known.status is MessageStatus.RECEIVED else Direction.OUTBOUND
    return status in (None, known.status) and direction in (None, received)


def _numbers(page: Page[Message]) -> list[int]:
    return [message.content.key.sequence for message in page.items]


def _walked(limit: int, get: Callable[[PageRequest], Page[T]]) -> Iterator[T]:
    after: int | None = None
    while True:
        page = get(PageRequest(limit=limit, after=after))
        yield from page.items
        after = page.next_after
        if after is None:
            return
