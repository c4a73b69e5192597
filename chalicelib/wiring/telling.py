"""What tells of changes, and reads what was told."""

from chalicelib.operations.count_usage import CountUsage
from chalicelib.operations.join_events import JoinEvents
from chalicelib.operations.note_progress import NoteProgress
from chalicelib.operations.read_feed import ReadFeed
from chalicelib.operations.tell_events import TellEvents
from chalicelib.operations.tell_webhooks import NoticesToQueue
from chalicelib.storage.event_log import DynamoEventLog
from chalicelib.wiring.built_once import built_once
from chalicelib.wiring.metrics import metrics
from chalicelib.wiring.stores import Stores


class Telling(Stores):
    """The event log, and what writes and reads it."""

    @built_once
    def _event_log(self) -> DynamoEventLog:
        return DynamoEventLog(self.clock, self._public_ids)

    @built_once
    def tell_events(self) -> TellEvents:
        return TellEvents(self._event_log, self._public_ids, self.clock, NoticesToQueue(self.webhook_queue))

    @built_once
    def _progress(self) -> NoteProgress:
        return NoteProgress(metrics(), self._public_ids)

    @built_once
    def _count_usage(self) -> CountUsage:
        return CountUsage(self._event_log, self.messages, self.usage, self.clock)

    @built_once
    def read_feed(self) -> ReadFeed:
        return ReadFeed(
            self._event_log, self.inboxes, self._join_events, self._public_ids, self._settings.feed_wait_seconds
        )

    @built_once
    def _join_events(self) -> JoinEvents:
        return JoinEvents(self.inboxes, self.webhooks, self.domains, self.messages, self.index)
