"""Remove what was stored of a message that nobody will see again."""

from dataclasses import dataclass

from chalicelib.domain.ids import MessageKey
from chalicelib.operations.ports import MessageIdHeaders, MessageStore, ReceivedMails, SesMessageIds, StoredMessage


@dataclass(frozen=True)
class DiscardMessage:
    """Content, deliveries, source, and the ids by which it is found. Again is harmless.

    The content goes last: as long as it is there, discarding again finds what is left to do.
    """

    messages: MessageStore
    mails: ReceivedMails
    message_id_headers: MessageIdHeaders
    ses_message_ids: SesMessageIds

    def __call__(self, key: MessageKey, stored: StoredMessage | None) -> None:
        """`stored` is what there is of it; None: no content, but other parts may have been stored."""
        arrival = stored.content.arrival if stored else None
        if stored is None or arrival is not None:
            self.mails.delete_copy(key)
        if arrival is not None and arrival.message_id_header is not None:
            self.message_id_headers.release(arrival.message_id_header, key)
        if stored is not None and stored.delivery is not None and stored.delivery.ses_message_id is not None:
            self.ses_message_ids.delete(stored.delivery.ses_message_id)
        self.messages.delete(key)  # in any case: a delivery item may have been saved while the content went
