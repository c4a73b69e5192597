"""Delete a message for good: record, bodies, deliveries and its own files; its thread follows."""

from dataclasses import dataclass

from chalicelib.domain.account import Caller
from chalicelib.domain.attachment import ids_of
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message import MessageContent
from chalicelib.operations.access import require_message
from chalicelib.operations.ports import AttachmentStore, MessageIndex, MessageStore, SourceLinks, ThreadStore

LONG = 300_000  # characters of both bodies; twelve encoded bytes each are under the 4 MB of an answer


@dataclass(frozen=True)
class DeleteMessage:
    """Take the cell first, so that a message still queued is not sent; then remove what was stored.

    A crash in between leaves an invisible message; deleting again finishes the work.
    """

    messages: MessageStore
    threads: ThreadStore
    index: MessageIndex
    attachments: AttachmentStore
    source_links: SourceLinks

    def __call__(self, key: MessageKey, caller: Caller) -> None:
        content = require_message(self.messages, key, caller).content
        thread = content.thread
        self.threads.announce_leave(thread, key.sequence)  # its thread counts it by the index from now on
        self.index.remove(key, lambda: self.threads.newest_members(thread))
        self.threads.leave(thread, key.sequence)
        if content.attachments:
            self.attachments.release(ids_of(content.attachments), key)
        if _may_have_long_source(content):
            self.source_links.remove(key)
        self.messages.delete(key)


def _may_have_long_source(content: MessageContent) -> bool:
    """Whether its source may have been too long for an answer, so that it was laid out behind a link."""
    return bool(content.attachments) or sum(len(body or "") for body in (content.body_text, content.body_html)) > LONG
