"""Which message of an inbox a received mail is: one record for each, written on condition."""

from dataclasses import dataclass
from datetime import timedelta

from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.thread_trust import Trust
from chalicelib.operations.ports import Filing
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Written, put_if
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.tables import FilingItem, batch_get

# A notice lives for 14 days, in its queue and among the dead letters together, and as long again when it is put back.
KEPT_AFTER_DELETION = timedelta(days=60)


@raises_unavailable
@dataclass(frozen=True)
class DynamoFilingStore:
    """`operations.ports.FilingStore` over the table."""

    def get(self, ses_message_id: str, inbox_number: int) -> Filing | None:
        found = batch_get([(keys.inbox_partition(inbox_number), keys.filing(ses_message_id))])
        return _filing(inbox_number, FilingItem.from_raw_data(found[0])) if found else None

    def put(self, ses_message_id: str, filing: Filing, instead_of: Filing | None = None) -> Filing | None:
        item = _item(ses_message_id, filing)
        expected = FilingItem.pk.does_not_exist()
        if instead_of is not None:
            expected = (FilingItem.sequence == instead_of.message.sequence) & FilingItem.is_deleted.does_not_exist()
        outcome = put_if(item, expected)
        if isinstance(outcome, Written):
            return filing
        return None if outcome.found is None else _filing(filing.message.inbox_number, outcome.found)

    def mark_deleted(self, ses_message_id: str, message: MessageKey, thread: ThreadKey) -> None:
        item = _item(ses_message_id, Filing(message, thread))
        item.is_deleted = True
        item.ttl = KEPT_AFTER_DELETION
        # Written also where no record is any more: it was lost, and the mail may still come again.
        put_if(item, FilingItem.pk.does_not_exist() | (FilingItem.sequence == message.sequence))


def _item(ses_message_id: str, filing: Filing) -> FilingItem:
    return FilingItem(
        keys.inbox_partition(filing.message.inbox_number),
        keys.filing(ses_message_id),
        sequence=filing.message.sequence,
        thread=filing.thread.first_sequence,
        trust=filing.trust.value if filing.trust else None,
        log_since=filing.log_since or None,
    )


def _filing(inbox_number: int, item: FilingItem) -> Filing:
    return Filing(
        MessageKey(inbox_number, int(item.sequence)),
        ThreadKey(inbox_number, int(item.thread)),
        Trust(item.trust) if item.trust else None,
        log_since=int(item.log_since or 0),
        is_deleted=bool(item.is_deleted),
    )
