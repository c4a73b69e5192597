"""The event feed: an account's log from a place on, filtered, joined with what it is about, and waited for."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Semaphore

from chalicelib.domain.account import Caller
from chalicelib.domain.delivery import EventType
from chalicelib.domain.errors import NotFound
from chalicelib.domain.event import Event, LoggedEvent, LogPlace, inbox_of
from chalicelib.domain.ids import PublicIds
from chalicelib.domain.joined_event import JoinedEvent
from chalicelib.operations.access import require_inbox
from chalicelib.operations.join_events import JoinEvents
from chalicelib.operations.ports import EventLog, InboxStore

SCAN_LIMIT = 2_000  # events that one request looks at for those it is asked for; then it answers, and the next goes on
STRETCH = 200  # events that are read at a time when not all of them are wanted
FIRST_LOOK, LAST_LOOK = 0.25, 1.0  # seconds between looks for something new
LOOK_GROWTH = 1.3
HELD_AT_ONCE = 8  # requests that wait in one process; one more is answered at once, so that threads are left for others
POLL_SOON, POLL_LATER = (
    1_000,
    5_000,
)  # ms until the next request is worth while: something has just happened; nothing has


@dataclass(frozen=True, slots=True)
class FeedRequest:
    """What of the feed is wanted; empty `types` or no inbox: all."""

    after: LogPlace | None
    limit: int
    inbox_number: int | None = None
    types: frozenset[EventType] = frozenset()
    wait: int = 0  # seconds

    @property
    def is_filtered(self) -> bool:
        return self.inbox_number is not None or bool(self.types)


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Events, oldest first; from `end` on reading goes on."""

    events: tuple[JoinedEvent, ...]
    end: LogPlace
    poll_after_ms: int


@dataclass(frozen=True)
class ReadFeed:
    """A page of the feed; a key that is bound to inboxes sees only what is about these."""

    log: EventLog
    inboxes: InboxStore
    join: JoinEvents
    public_ids: PublicIds
    wait_limit: int  # seconds
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    held: Semaphore = field(default_factory=lambda: Semaphore(HELD_AT_ONCE))

    def place_of(self, event_id: str, caller: Caller) -> LogPlace:
        """The place behind an event. NotFound when the caller sees no such event."""
        self.public_ids.event_place(event_id)  # raises InvalidId for what looks like none
        known = self.log.find(caller.account_id, event_id)
        if known is None or not _reaches(caller, known.event):
            raise NotFound
        return _behind(known)

    def __call__(self, request: FeedRequest, caller: Caller) -> FeedPage:
        if request.inbox_number is not None:
            require_inbox(self.inboxes, request.inbox_number, caller)
        is_held = min(request.wait, self.wait_limit) > 0 and self.held.acquire(blocking=False)
        try:
            return self._read(request, caller, min(request.wait, self.wait_limit) if is_held else 0)
        finally:
            if is_held:
                self.held.release()

    def _read(self, request: FeedRequest, caller: Caller, wait: int) -> FeedPage:
        given_up_at = self.clock() + wait
        place, pause = request.after, FIRST_LOOK
        while True:
            found, place, is_newest = self._look(request, caller, place)
            left = given_up_at - self.clock()
            if found or not is_newest or left <= 0:
                break
            self.sleep(min(pause, left))
            pause = min(pause * LOOK_GROWTH, LAST_LOOK)
        poll_after = 0 if not is_newest else POLL_SOON if found else POLL_LATER
        return FeedPage(tuple(self.join(caller.account_id, found)), place, poll_after)

    def _look(self, request: FeedRequest, caller: Caller, after: LogPlace | None) -> tuple[list[Event], LogPlace, bool]:
        """The wanted events of a stretch, where it ends, and whether nothing stood behind it."""
        found: list[Event] = []
        stretch = STRETCH if request.is_filtered or caller.key.inbox_numbers is not None else request.limit
        for _ in range(0, SCAN_LIMIT, stretch):
            page = self.log.read(caller.account_id, after, stretch)
            for known in page.events:
                if _is_wanted(request, caller, known.event):
                    found.append(known.event)
                if len(found) == request.limit:
                    return found, _behind(known), page.is_newest and known is page.events[-1]
            after = page.end
            if page.is_newest:
                break
        return found, page.end, page.is_newest


def _behind(known: LoggedEvent) -> LogPlace:
    return LogPlace(known.place.chunk, known.place.index + 1)


def _is_wanted(request: FeedRequest, caller: Caller, event: Event) -> bool:
    return (
        _reaches(caller, event)
        and (not request.types or event.type in request.types)
        and (request.inbox_number is None or inbox_of(event) == request.inbox_number)
    )


def _reaches(caller: Caller, event: Event) -> bool:
    """Whether the caller's key sees it: one bound to inboxes sees nothing of domains and webhooks."""
    number = inbox_of(event)
    return caller.key.inbox_numbers is None if number is None else caller.may_use_inbox(number)
