"""Threads of an inbox, one thread, and the messages of a thread."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, replace

from chalicelib.domain.account import Caller
from chalicelib.domain.errors import NotFound
from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message import Message
from chalicelib.domain.thread import Thread
from chalicelib.domain.thread_summary import ThreadSummary
from chalicelib.operations.access import require_front, require_thread
from chalicelib.operations.list_messages import read_messages
from chalicelib.operations.ports import (
    FrontOutdated,
    InboxFront,
    IndexedMessage,
    MessageIndex,
    MessageStore,
    Page,
    PageRequest,
    ThreadMembers,
    ThreadStore,
)
from chalicelib.operations.thread_pages import ThreadPage, newest_sequences

FRONT_TRIES = 5  # of a page that others seal or fold away behind its front


@dataclass(frozen=True)
class ListThreads:
    """An inbox's threads, the one with the newest message first."""

    threads: ThreadStore
    messages: MessageStore
    index: MessageIndex

    def __call__(self, inbox_number: int, caller: Caller, request: PageRequest) -> Page[ThreadSummary]:
        front, page = self._page(inbox_number, caller, request)
        newest = read_messages(self.messages, page.items)
        known = self.threads.get_many(
            {message.content.thread: message.content.key.sequence for message in newest[::-1]}
        )
        hidden = self._hidden(front, inbox_number, list(known.values()))
        summaries = tuple(
            ThreadSummary(_counted(known[message.content.thread], hidden), message)
            for message in newest
            if message.content.thread in known
        )
        return Page(summaries, page.total - (len(page.items) - len(summaries)), page.next_after)

    def _page(self, inbox_number: int, caller: Caller, request: PageRequest) -> tuple[InboxFront, Page[IndexedMessage]]:
        """A page and the front it is of: what came behind that front is on neither."""
        for _ in range(FRONT_TRIES):
            front = require_front(self.index, inbox_number, caller)
            with suppress(FrontOutdated):
                return front, self.index.thread_page(inbox_number, request, front)
        page = self.index.thread_page(inbox_number, request)
        return require_front(self.index, inbox_number, caller), page

    def _hidden(self, front: InboxFront, inbox_number: int, known: Sequence[ThreadMembers]) -> AbstractSet[int]:
        """The recent messages that cannot be read; only those being deleted are looked for behind the front."""
        hidden = self.index.hidden(front, {sequence for members in known for sequence in members.recent})
        leaving = {sequence for members in known for sequence in members.leaving}
        phases = self.index.phases(inbox_number, leaving) if leaving else {}
        return hidden | {sequence for sequence, phase in phases.items() if not phase.visible}


@dataclass(frozen=True)
class GetThread:
    """One thread with its newest message."""

    threads: ThreadStore
    messages: MessageStore
    index: MessageIndex

    def __call__(self, key: ThreadKey, caller: Caller) -> ThreadSummary:
        members = require_thread(self.threads, key, caller)
        sequences = newest_sequences(self.threads, members)
        phases = self.index.phases(key.inbox_number, sequences)
        if not any(phase.visible for phase in phases.values()):
            # So many are under way, or being deleted, that none of the newest can be read.
            sequences = tuple(sorted({*sequences, *self.threads.newest_members(key)}))
            phases = self.index.phases(key.inbox_number, sequences)
        visible = [sequence for sequence in sequences if phases[sequence].visible]
        listed = [IndexedMessage(MessageKey(key.inbox_number, sequence), phases[sequence]) for sequence in visible[-1:]]
        newest = read_messages(self.messages, listed)
        if not newest:
            raise NotFound
        hidden = set(members.recent).difference(visible)
        return ThreadSummary(_counted(members, hidden), newest[0])


def _counted(members: ThreadMembers, hidden: AbstractSet[int]) -> Thread:
    """The thread with the number of messages that can be read."""
    recent = sum(sequence not in hidden for sequence in members.recent)
    return replace(members.thread, message_count=sum(run.count for run in members.runs) + recent)


@dataclass(frozen=True)
class ListThreadMessages:
    """A thread's messages, oldest first."""

    threads: ThreadStore
    messages: MessageStore
    index: MessageIndex

    def __call__(self, key: ThreadKey, caller: Caller, request: PageRequest) -> Page[Message]:
        wanted = ThreadPage(require_thread(self.threads, key, caller), request)
        settled = self.threads.settled_members(key, wanted.runs) if wanted.runs else ()
        page = wanted.page(settled, self.index.phases(key.inbox_number, wanted.candidates(settled)))
        if not page.total:
            raise NotFound
        return Page(read_messages(self.messages, page.items), page.total, page.next_after)
