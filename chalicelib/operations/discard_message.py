"""Remove what was stored of a message that nobody will see again."""

from dataclasses import dataclass

from chalicelib.domain.attachment import ids_of
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message import MessageContent
from chalicelib.operations.ports import (
    AttachmentStore,
    MessageIdHeaders,
    MessageStore,
    ReceivedMails,
    SesMessageIds,
    SourceLinks,
    StoredMessage,
)

LONG = 300_000  # characters of both bodies; twelve encoded bytes each are under the 4 MB of an answer


@dataclass(frozen=True)
class DiscardMessage:
    """Content, deliveries, files, source, and the ids by which it is found. Again is harmless.

    The content goes last: as long as it is there, discarding again finds what is left to do.
    """

    messages: MessageStore
    mails: ReceivedMails
    message_id_headers: MessageIdHeaders
    ses_message_ids: SesMessageIds
    attachments: AttachmentStore
    source_links: SourceLinks

    def __call__(self, key: MessageKey, stored: StoredMessage | None, *, never_sent: bool = False) -> None:
        """`stored` is what there is of it; None: no content, but other parts may have been stored.

        `never_sent`: it was never committed, and its request may come again with the same uploads.
        """
        arrival = stored.content.arrival if stored else None
        if stored is None or arrival is not None:
            self.mails.delete_copy(key)
        if arrival is not None and arrival.message_id_header is not None:
            self.message_id_headers.release(arrival.message_id_header, key)
        if stored is not None and stored.delivery is not None and stored.delivery.ses_message_id is not None:
            self.ses_message_ids.delete(stored.delivery.ses_message_id)
        if stored is not None and stored.content.attachments:
            self.attachments.release(ids_of(stored.content.attachments), key, never_sent=never_sent)
        if stored is not None and _may_have_long_source(stored.content):
            self.source_links.remove(key)
        self.messages.delete(key)  # in any case: a delivery item may have been saved while the content went


def _may_have_long_source(content: MessageContent) -> bool:
    """Whether what we composed may have been too long for an answer, so that it was laid out behind a link."""
    if content.arrival is not None:
        return False  # its copy is linked to, and goes
    return bool(content.attachments) or sum(len(body or "") for body in (content.body_text, content.body_html)) > LONG
