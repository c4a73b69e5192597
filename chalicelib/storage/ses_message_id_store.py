"""Which message SES knows by which id."""

from dataclasses import dataclass

from chalicelib.domain.ids import MessageKey
from chalicelib.storage import keys
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.tables import SesMessageIdItem


@raises_unavailable
@dataclass(frozen=True)
class DynamoSesMessageIds:
    """`operations.ports.SesMessageIds` over the table."""

    def put(self, ses_message_id: str, key: MessageKey) -> None:
        note_ses_message_id(ses_message_id, key)

    def get(self, ses_message_id: str) -> MessageKey | None:
        place = keys.ses_message_id(ses_message_id)
        try:
            item = SesMessageIdItem.get(place.pk, place.sk, consistent_read=True)
        except SesMessageIdItem.DoesNotExist:
            return None
        return MessageKey(int(item.inbox_number), int(item.sequence))

    def delete(self, ses_message_id: str) -> None:
        place = keys.ses_message_id(ses_message_id)
        SesMessageIdItem(place.pk, place.sk).delete()


def note_ses_message_id(text: str, key: MessageKey) -> None:
    """Note SES's id of a message; again is harmless."""
    _item(text, key).save()


def _item(text: str, key: MessageKey) -> SesMessageIdItem:
    place = keys.ses_message_id(text)
    return SesMessageIdItem(place.pk, place.sk, inbox_number=key.inbox_number, sequence=key.sequence)
