"""How many calls of endpoints are made at a time: few of one endpoint and some of one account by one process, few by all.

A call takes up to 15 seconds, and whoever waits for it holds a worker. So that workers are left for everybody else, a call
that finds no slot goes back to the queue instead of waiting. Only a slot that will be free in a moment is waited for.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto

from chalicelib.domain.ids import AccountId
from chalicelib.domain.webhook import Webhook, WebhookId

OF_ENDPOINT = 3
EVERYWHERE = 8  # of one endpoint that is not known to be in trouble, by all processes together
OF_ACCOUNT = 8
OF_ACCOUNT_SLOWLY = 40  # where nothing but endpoints in trouble waits behind them
FOR_QUICK = 3  # more of an account, for endpoints whose latest call was over in a second: its sick ones have the others
QUICK = 1.0  # seconds
QUICK_REMEMBERED = 10_000  # endpoints
PATIENCE = 0.5  # seconds that a call waits for others of its endpoint, none of which is older
STALLED_AFTER = 2.0  # seconds that a call is under way while others want its slot: the endpoint is stuck
_LOOK = 0.05


CallLater = Callable[[float, Callable[[], None]], Callable[[], None]]
"""Do something after so many seconds, unless what it gives is called before."""


def call_later(seconds: float, do: Callable[[], None]) -> Callable[[], None]:
    """In a thread of its own."""
    timer = threading.Timer(seconds, do)
    timer.daemon = True
    timer.start()
    return timer.cancel


class Entry(Enum):
    """Whether a call may be made now."""

    IN = auto()
    BUSY = auto()  # in a second or two
    STALLED = auto()  # its endpoint has all its slots and does not answer


@dataclass
class CallSlots:
    """One for all workers of a process that take from the same queue."""

    of_account: int = OF_ACCOUNT
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _calls: defaultdict[WebhookId, list[float]] = field(default_factory=lambda: defaultdict(list))
    _accounts: defaultdict[AccountId, int] = field(default_factory=lambda: defaultdict(int))
    _quick: set[WebhookId] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def entered(self, webhook: Webhook) -> Iterator[Entry]:
        """Whether the call has a slot; it leaves with the block."""
        began = self.clock()
        while (entry := self._entry(webhook, began)) is None:
            self.sleep(_LOOK)
        taken_at = self.clock()
        if entry is not Entry.IN:
            yield entry
            return
        try:
            yield entry
        finally:
            with self._lock:
                self._leave(webhook, taken_at)

    def _entry(self, webhook: Webhook, began: float) -> Entry | None:
        """None: wait."""
        now = self.clock()
        with self._lock:
            calls = self._calls[webhook.id]
            if len(calls) >= OF_ENDPOINT:
                age = now - calls[0]
                if age >= STALLED_AFTER:
                    return Entry.STALLED
                return Entry.BUSY if max(age, now - began) >= PATIENCE else None
            room = self.of_account + (FOR_QUICK if webhook.id in self._quick else 0)
            if self._accounts[webhook.account_id] >= room:
                return Entry.BUSY
            calls.append(now)
            self._accounts[webhook.account_id] += 1
            return Entry.IN

    def _leave(self, webhook: Webhook, taken_at: float) -> None:
        if self.clock() - taken_at > QUICK:
            self._quick.discard(webhook.id)
        elif len(self._quick) < QUICK_REMEMBERED:
            self._quick.add(webhook.id)
        calls = self._calls[webhook.id]
        calls.remove(min(calls, key=lambda began: abs(began - taken_at)))
        if not calls:
            del self._calls[webhook.id]
        self._accounts[webhook.account_id] -= 1
        if not self._accounts[webhook.account_id]:
            del self._accounts[webhook.account_id]
