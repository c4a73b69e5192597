"""Threads of an inbox, one thread, and the messages of a thread."""

from dataclasses import dataclass, replace

from chalicelib.domain.account import Caller
from chalicelib.domain.errors import NotFound
from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message import Message
from chalicelib.domain.thread_summary import ThreadSummary
from chalicelib.operations.access import require_front, require_thread
from chalicelib.operations.list_messages import read_messages
from chalicelib.operations.ports import (
    IndexedMessage,
    MessageIndex,
    MessageStore,
    Page,
    PageRequest,
    ThreadMembers,
    ThreadStore,
)


@dataclass(frozen=True)
class ListThreads:
    """An inbox's threads, the one with the newest message first."""

    threads: ThreadStore
    messages: MessageStore
    index: MessageIndex

    def __call__(self, inbox_number: int, caller: Caller, request: PageRequest) -> Page[ThreadSummary]:
        front = require_front(self.index, inbox_number, caller)
        page = self.index.thread_page(inbox_number, request, front)
        newest = read_messages(self.messages, page.items)
        known = self.threads.get_many([message.content.thread for message in newest])
        summaries = tuple(
            ThreadSummary(known[message.content.thread], message)
            for message in newest
            if message.content.thread in known
        )
        return Page(summaries, page.total, page.next_after)


@dataclass(frozen=True)
class GetThread:
    """One thread with its newest message."""

    threads: ThreadStore
    messages: MessageStore
    index: MessageIndex

    def __call__(self, key: ThreadKey, caller: Caller) -> ThreadSummary:
        members = require_thread(self.threads, key, caller)
        visible = _visible(self.index, members)
        newest = read_messages(self.messages, visible[-1:])
        if not newest:
            raise NotFound
        return ThreadSummary(replace(members.thread, message_count=len(visible)), newest[0])


@dataclass(frozen=True)
class ListThreadMessages:
    """A thread's messages, oldest first."""

    threads: ThreadStore
    messages: MessageStore
    index: MessageIndex

    def __call__(self, key: ThreadKey, caller: Caller, request: PageRequest) -> Page[Message]:
        visible = _visible(self.index, require_thread(self.threads, key, caller))
        if not visible:
            raise NotFound
        rest = [item for item in visible if request.after is None or item.key.sequence > request.after]
        wanted = rest[request.offset : request.offset + request.limit]
        more = len(rest) > request.offset + request.limit
        return Page(
            read_messages(self.messages, wanted), len(visible), wanted[-1].key.sequence if more and wanted else None
        )


def _visible(index: MessageIndex, members: ThreadMembers) -> list[IndexedMessage]:
    inbox_number = members.thread.key.inbox_number
    phases = index.phases(inbox_number, members.sequences)
    return [
        IndexedMessage(MessageKey(inbox_number, sequence), phases[sequence])
        for sequence in sorted(members.sequences)
        if phases[sequence].visible
    ]
