"""Storing a delivery item: on condition that nobody has stored one since it was read, alone or with what goes with it."""

from dataclasses import replace

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.domain.delivery import MessageDelivery
from chalicelib.domain.ids import MessageKey
from chalicelib.operations.ports import Outcome, VersionConflict
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Write, Written, put, put_if, update, write_together
from chalicelib.storage.message_codec import write_delivery
from chalicelib.storage.tables import DeliveryItem, InboxItem


def save(key: MessageKey, delivery: MessageDelivery, outcome: Outcome | None) -> bool:
    """False when it was refused; an outcome is counted on the inbox in the same transaction."""
    if outcome is not None:
        return not write_together([_save(key, delivery), _count(key.inbox_number, outcome)])
    return isinstance(put_if(*_next_version(key, delivery)), Written)


def save_resend(key: MessageKey, delivery: MessageDelivery) -> MessageDelivery:
    """As a lock. Raises `VersionConflict`.

    A transaction carries a token: the SDK's repeat of one whose reply was lost does nothing and hears the same.
    """
    if write_together([_save(key, delivery)]):
        raise VersionConflict
    return replace(delivery, version=delivery.version + 1)


def _save(key: MessageKey, delivery: MessageDelivery) -> Write:
    return put(*_next_version(key, delivery))


def _next_version(key: MessageKey, delivery: MessageDelivery) -> tuple[DeliveryItem, Condition]:
    partition, sort_key = keys.inbox_partition(key.inbox_number), keys.delivery(key.sequence)
    item = DeliveryItem(partition, sort_key, version=delivery.version + 1, delivery=write_delivery(delivery))
    return item, DeliveryItem.version == delivery.version if delivery.version else DeliveryItem.pk.does_not_exist()


def _count(inbox_number: int, outcome: Outcome) -> Write:
    """What the inbox's reputation counts."""
    actions: list[Action] = []
    if outcome.bounced:
        actions.append(InboxItem.bounce_count.add(1))
    if outcome.complained:
        actions.append(InboxItem.complaint_count.add(1))
    return update(InboxItem(keys.inbox_partition(inbox_number), keys.INBOX), actions, InboxItem.pk.exists())
