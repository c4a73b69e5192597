"""Which message of an inbox has which Message-ID, given by a stranger or by SES."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_id_header import ses_message_id_in
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import delete_if, put_if
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.tables import MessageIdHeaderItem, SesMessageIdItem, batch_get


@raises_unavailable
@dataclass(frozen=True)
class DynamoMessageIdHeaders:
    """`operations.ports.MessageIdHeaders` over the table."""

    def claim(self, header: str, key: MessageKey) -> None:
        item = _item(header, key)
        item.sequence = key.sequence
        put_if(item, MessageIdHeaderItem.pk.does_not_exist())

    def release(self, header: str, key: MessageKey) -> None:
        delete_if(_item(header, key), MessageIdHeaderItem.sequence == key.sequence)

    def find(self, inbox_number: int, headers: Collection[str]) -> Mapping[str, MessageKey]:
        partition = keys.inbox_partition(inbox_number)
        ours = {header: (partition, keys.message_id_header(header)) for header in headers}
        of_ses = {header: keys.ses_message_id(known) for header in headers if (known := ses_message_id_in(header))}
        wanted = {*ours.values(), *((place.pk, place.sk) for place in of_ses.values())}
        items = {(item["pk"]["S"], item["sk"]["S"]): item for item in batch_get(sorted(wanted))}
        found: dict[str, MessageKey] = {}
        for header in headers:
            place = of_ses.get(header)
            if place and (sent := items.get((place.pk, place.sk))):
                known_to_ses = SesMessageIdItem.from_raw_data(sent)
                found[header] = MessageKey(int(known_to_ses.inbox_number), int(known_to_ses.sequence))
            if header not in found or found[header].inbox_number != inbox_number:
                # What SES calls so may be another inbox's mail to this one: then it is known here as any stranger's is.
                found.pop(header, None)
                if received := items.get(ours[header]):
                    item = MessageIdHeaderItem.from_raw_data(received)
                    found[header] = MessageKey(inbox_number, int(item.sequence))
        return found


def _item(header: str, key: MessageKey) -> MessageIdHeaderItem:
    return MessageIdHeaderItem(keys.inbox_partition(key.inbox_number), keys.message_id_header(header))
