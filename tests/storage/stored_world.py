"""The world of the operations' tests with its messages in a table: real stores, and still a queue worked by hand."""

from collections import defaultdict
from typing import Any

from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import PageRequest
from chalicelib.storage.inbox_store import DynamoInboxStore
from chalicelib.storage.message_index import DynamoMessageIndex
from chalicelib.storage.message_store import DynamoMessageStore
from chalicelib.storage.news_mark_store import DynamoNewsMark
from chalicelib.storage.ses_message_id_store import DynamoSesMessageIds
from chalicelib.storage.thread_store import DynamoThreadStore
from tests.fakes.blob_store import FakeBlobStore
from tests.fakes.suppression_store import NobodySuppressed
from tests.operations.world import INBOX, World, make_draft

ALL = PageRequest(limit=1_000)
VISIBLE = frozenset(phase for phase in MessagePhase if phase.visible)


class StoredWorld(World):
    """Its lists must agree with one another, whatever has happened."""

    inboxes: Any
    messages: Any
    threads: Any
    index: Any
    ses_message_ids: Any
    news_mark: Any

    def _make_stores(self) -> None:
        self.inboxes = DynamoInboxStore()
        self.messages = DynamoMessageStore(FakeBlobStore())
        self.threads = DynamoThreadStore()
        self.index = DynamoMessageIndex()
        self.ses_message_ids = DynamoSesMessageIds()
        self.news_mark = DynamoNewsMark()

    def _make_suppressions(self) -> Any:
        return NobodySuppressed()

    def reply(self, first: int) -> int:
        return self.submitted(make_draft(thread=ThreadKey(INBOX, first))).sequence

    def seal(self, newest: int) -> int:
        """Let newer messages come, of which only the last stays, and all old be sealed; how many buckets are."""
        day = f"{self.clock():%Y-%m-%d}"
        for _ in range(newest - 1):
            reserved = self.inboxes.reserve(INBOX, self.caller.account_id, day)
            self.index.advance(MessageKey(INBOX, reserved.sequence), MessagePhase.GONE, {MessagePhase.RESERVED})
        self.submit()
        self.work()
        return int(self.index.front(INBOX).index.head.sealed)

    def assert_agrees(self) -> None:
        """Threads and their counts, in the list and one by one, are those of the messages that can be read."""
        listed = self.list_messages(INBOX, self.caller, ALL)
        threads: dict[int, list[int]] = defaultdict(list)
        for message in reversed(listed.items):
            threads[message.content.thread.first_sequence].append(message.content.key.sequence)
        page = self.list_threads(INBOX, self.caller, ALL)
        shown = [summary.last_message.content.key.sequence for summary in page.items]
        assert shown == sorted((members[-1] for members in threads.values()), reverse=True)
        assert (page.total, listed.total) == (len(threads), len(listed.items))
        for summary in page.items:
            members = threads[summary.thread.key.first_sequence]
            assert summary.thread.message_count == len(members)
            assert self.get_thread(summary.thread.key, self.caller) == summary
            in_thread = self.list_thread_messages(summary.thread.key, self.caller, ALL)
            assert [message.content.key.sequence for message in in_thread.items] == members
            assert in_thread.total == len(members)
