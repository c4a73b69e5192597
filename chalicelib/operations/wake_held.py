"""Turn a stop switch back, or give up what it holds: the messages that wait behind it each get a new job.

    release   a WakeJob ─▶ the switch is turned      the job looks again and again until it sees that
    discard   a WakeJob ─▶ the switch is marked      (a request that died before left nothing to do)
                 │
                 └─ page by page: a job for each queued message, the oldest first; the sender reads the switches and sends,
                    holds or gives up. What is left of the walk is a WakeJob again.

Nothing is decided here, so everything may be repeated; a job too many is harmless.
"""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.domain.ids import AccountId, KeyId, MessageKey
from chalicelib.domain.log_lines import log_of
from chalicelib.domain.switch import Switch, SwitchKind
from chalicelib.operations.hold_message import SETTLED_AFTER
from chalicelib.operations.ports import (
    Clock,
    InboxStore,
    MessageIndex,
    MessageStore,
    PageRequest,
    SendJob,
    SendQueue,
    SwitchStore,
    WakeJob,
)

logger = log_of(__name__)

PAGE = 100  # messages, or inboxes
STEPS = 20  # pages of one run; a page costs a few reads and ten calls of the queue
LOOK_DELAY = 1  # seconds until it is looked again whether the switch has been turned
REQUEST_LIFE = timedelta(minutes=1)  # after which the request that was to turn it is dead


@dataclass(frozen=True)
class WakeHeld:
    """Do a part of the walk; `begin` makes its first job."""

    switches: SwitchStore
    inboxes: InboxStore
    messages: MessageStore
    index: MessageIndex
    send_queue: SendQueue
    clock: Clock

    def begin(
        self, switch: Switch, account_id: AccountId, asked_at: datetime | None = None, *, discards: bool = False
    ) -> None:
        """To be called before the switch is turned or marked, so that nothing is forgotten whoever dies when."""
        job = WakeJob(switch, account_id, asked_at or self.clock(), discards)
        if switch.kind is SwitchKind.INBOX:
            job = replace(job, inboxes=(int(switch.name),), is_last=True)
        self.send_queue.put(job, math.ceil(SETTLED_AFTER.total_seconds()) if discards else 0)

    def __call__(self, job: WakeJob) -> None:
        if not self._is_turned(job):
            if self.clock() - job.asked_at < REQUEST_LIFE:
                self.send_queue.put(job, LOOK_DELAY)
            else:
                logger.info("a stop switch was not turned after all, or has been turned again")
            return
        for _ in range(STEPS):
            left = self._step(job)
            if left is None:
                return
            job = left
        self.send_queue.put(job)

    def _is_turned(self, job: WakeJob) -> bool:
        state = self.switches.read([job.switch])[job.switch]
        return state.discards(job.asked_at) if job.discards else not state.is_stopped

    def _step(self, job: WakeJob) -> WakeJob | None:
        """One page of messages or of inboxes; what is left then."""
        if not job.inboxes:
            page = self.inboxes.page(job.account_id, PageRequest(PAGE, after=job.inboxes_after))
            numbers = tuple(inbox.number for inbox in page.items)
            following = replace(job, inboxes=numbers, inboxes_after=page.next_after, is_last=page.next_after is None)
            return following if numbers or not following.is_last else None
        keys, more = self.index.queued_since(job.inboxes[0], job.after, PAGE)
        now = self.clock()
        self.send_queue.put_all([SendJob(key, now, woken=True) for key in self._held(job, keys)])
        if more:
            return replace(job, after=keys[-1].sequence if keys else job.after)
        following = replace(job, inboxes=job.inboxes[1:], after=-1)
        return following if following.inboxes or not following.is_last else None

    def _held(self, job: WakeJob, keys: list[MessageKey]) -> list[MessageKey]:
        """Those that the switch can have held: for a key only what came with it, the rest has jobs already."""
        if job.switch.kind is not SwitchKind.KEY or not keys:
            return keys
        key_id = KeyId(job.switch.name)
        contents = [stored.content for stored in self.messages.page(keys, body_budget=0)]
        return [content.key for content in contents if content.key_id == key_id]
