"""What changes cost in the sealed part of an inbox's index, and what sealing costs."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from bench.capacity import Row
from bench.filled_inbox import FilledInbox
from bench.meter import Count
from bench.rig import Rig
from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.storage.cell_pages import BUCKET_CELLS
from chalicelib.storage.quiet_buckets import OPEN_CELLS
from chalicelib.storage.tallies import DIRECTORY_BUCKETS
from chalicelib.wiring import operations

TIMES = 10
AMONG = 200_000  # messages; the oldest of the inbox, long sealed


@dataclass(frozen=True)
class LateChanges:
    """Late news, a deletion and a reply in a filled inbox; and in another one the sealing of a bucket."""

    rig: Rig
    filled: FilledInbox

    def rows(self) -> Iterator[Row]:
        yield Row("a late Delivery event, sealed bucket", tuple(self._news(MessagePhase.SENT, "success")))
        yield Row("a late complaint, sealed bucket", tuple(self._news(MessagePhase.DELIVERED, "complaint")))
        yield Row("a reply to a thread whose newest message is sealed", tuple(self._replies()))
        yield Row("delete a message, sealed bucket", tuple(self._deletions()))
        yield self._seal()

    def _news(self, phase: MessagePhase, simulated: str) -> Iterator[Count]:
        """SES reports late about messages in this phase what it reports at once to an address of its simulator."""
        chosen = self._oldest(phase)
        filling = self.filled.filling
        filling.write_messages(chosen)
        filling.write_ses_ids(chosen)
        event = self._event(simulated)
        for sequence in chosen:
            event["mail"]["messageId"] = filling.ses_message_id(sequence)
            event["mail"]["tags"] = {}
            body = json.dumps(event)
            yield self._counted(partial(self.rig.notify, body))
            self._must_stand(sequence, not_in=phase)

    def _event(self, simulated: str) -> Any:
        """The last event SES publishes about a mail to this address of its simulator."""
        inbox_id = self.rig.api("POST", "/inboxes", {})["id"]
        draft = {"to": [f"{simulated}@simulator.amazonses.com"], "subject": "Hello", "bodyText": "Good morning."}
        self.rig.api("POST", f"/inboxes/{inbox_id}/messages", draft)
        self.rig.send(*self.rig.jobs())
        return json.loads(self.rig.take_events()[-1])

    def _replies(self) -> Iterator[Count]:
        filling = self.filled.filling
        ids = operations().public_ids()
        alone = [head for head in filling.traffic.heads if filling.traffic.threads[head] == head and head < AMONG]
        chosen = sorted(alone)[:TIMES]
        filling.write_messages(chosen)
        filling.write_threads(chosen)
        for sequence in chosen:
            thread = ids.thread_id(ThreadKey(filling.inbox.number, sequence))
            draft = {"to": ["ada@example.com"], "threadId": thread, "subject": "Re: Your order", "bodyText": "Yes."}
            path = f"/inboxes/{self.filled.inbox_id}/messages"
            yield self._counted(partial(self.rig.api, "POST", path, draft))
        self.rig.jobs()

    def _deletions(self) -> Iterator[Count]:
        filling = self.filled.filling
        chosen = self._oldest(MessagePhase.BOUNCED)
        filling.write_messages(chosen)
        filling.write_threads(chosen)
        for sequence in chosen:
            path = "/messages/" + operations().public_ids().message_id(MessageKey(filling.inbox.number, sequence))
            yield self._counted(partial(self.rig.api, "DELETE", path))
            self._must_stand(sequence, not_in=MessagePhase.BOUNCED)

    def _seal(self) -> Row:
        """Send the message after which the last bucket of a directory is due, so that the directory is at its largest."""
        filled = FilledInbox.make(self.rig, DIRECTORY_BUCKETS * BUCKET_CELLS + OPEN_CELLS)
        draft = {"to": ["success@simulator.amazonses.com"], "subject": "Hello", "bodyText": "Good morning."}
        self.rig.api("POST", f"/inboxes/{filled.inbox_id}/messages", draft)
        jobs = self.rig.jobs()
        count = self._counted(lambda: self.rig.send(*jobs))
        if operations().index.seal_due(MessageKey(filled.filling.inbox.number, filled.filling.traffic.count)):
            raise RuntimeError("the bucket was not sealed by the sender")
        self.rig.take_events()
        return Row("send a message, and seal a bucket: one in 480", (count,))

    def _oldest(self, phase: MessagePhase) -> list[int]:
        phases = self.filled.filling.traffic.phases
        return [sequence for sequence in range(AMONG) if phases[sequence] is phase][:TIMES]

    def _must_stand(self, sequence: int, *, not_in: MessagePhase) -> None:
        key = MessageKey(self.filled.filling.inbox.number, sequence)
        if operations().index.phase(key) is not_in:
            raise RuntimeError(f"message {sequence} did not change")

    def _counted(self, work: Callable[[], Any]) -> Count:
        with self.rig.meter.counting() as count:
            work()
        return count
