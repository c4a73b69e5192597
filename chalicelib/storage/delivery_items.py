"""Storing a delivery item: on condition that nobody has stored one since it was read, alone or with what goes with it."""

from dataclasses import dataclass, replace

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.domain.delivery import MessageDelivery
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.inbox import InboxStatus
from chalicelib.domain.reputation import LEAST_SENDS, SENDS_A_BOUNCE, SENDS_A_COMPLAINT
from chalicelib.operations.ports import Outcome, VersionConflict
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Write, Written, put, put_if, update, write_together
from chalicelib.storage.inbox_items import bare_item
from chalicelib.storage.message_codec import write_delivery
from chalicelib.storage.tables import DeliveryItem, InboxItem

_SAVE = 0  # its position in a transaction
_TRIES = 3  # of a count that meets others who suspend the inbox or set it to active


def save(key: MessageKey, delivery: MessageDelivery) -> bool:
    """False when it was refused."""
    return isinstance(put_if(*_next_version(key, delivery)), Written)


def save_outcome(key: MessageKey, delivery: MessageDelivery, outcome: Outcome) -> bool | None:
    """Save it and count the outcome on the inbox, in one transaction: whether the inbox is to be judged; None: refused.

    Nearly always the inbox keeps its good name, and the write itself says so. Where it does not, the inbox is looked at.
    """
    counted = _quietly(key, outcome)
    for _ in range(_TRIES):
        failed = write_together([_save(key, delivery), counted.write])
        if not failed:
            return counted.is_to_be_judged
        if _SAVE in failed:
            return None
        inbox = bare_item(key.inbox_number)
        try:
            inbox.refresh(consistent_read=True)
        except InboxItem.DoesNotExist:
            return False if save(key, delivery) else None
        counted = _counted(key, outcome, counts=key.sequence >= (inbox.period_sequence or 0))
    raise Unavailable("Too many writers are at the same inbox.")


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


@dataclass(frozen=True, slots=True)
class _Count:
    write: Write
    is_to_be_judged: bool


def _quietly(key: MessageKey, outcome: Outcome) -> _Count:
    """Count it on the condition that it does not cost the inbox its good name; one that is suspended has none to lose."""
    room: Condition = (InboxItem.bounce_room >= SENDS_A_BOUNCE * outcome.bounced) & (
        InboxItem.complaint_room >= SENDS_A_COMPLAINT * outcome.complained
    )
    quiet: Condition = room | (InboxItem.period_sends < LEAST_SENDS) | (InboxItem.status != InboxStatus.ACTIVE.value)
    return _Count(_update(key, _everywhere(outcome), _of_the_period(key) & quiet), is_to_be_judged=False)


def _counted(key: MessageKey, outcome: Outcome, *, counts: bool) -> _Count:
    """Count it; a message of before the inbox was set to active counts in the totals alone."""
    if counts:
        return _Count(_update(key, _everywhere(outcome), _of_the_period(key)), is_to_be_judged=True)
    return _Count(_update(key, _in_total(outcome), InboxItem.period_sequence > key.sequence), is_to_be_judged=False)


def _of_the_period(key: MessageKey) -> Condition:
    begun: Condition = InboxItem.period_sequence.does_not_exist() | (InboxItem.period_sequence <= key.sequence)
    there: Condition = InboxItem.pk.exists() & begun
    return there


def _in_total(outcome: Outcome) -> list[Action]:
    actions: list[Action] = []
    if outcome.bounced:
        actions.append(InboxItem.bounce_count.add(1))
    if outcome.complained:
        actions.append(InboxItem.complaint_count.add(1))
    return actions


def _everywhere(outcome: Outcome) -> list[Action]:
    actions = _in_total(outcome)
    if outcome.bounced:
        actions.append(InboxItem.bounce_room.add(-SENDS_A_BOUNCE))
    if outcome.complained:
        actions.append(InboxItem.complaint_room.add(-SENDS_A_COMPLAINT))
    return actions


def _update(key: MessageKey, actions: list[Action], condition: Condition) -> Write:
    return update(bare_item(key.inbox_number), actions, condition)
