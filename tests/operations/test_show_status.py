"""Showing what the record says: the list follows it, and never falls back behind it."""

from dataclasses import replace

import pytest

from chalicelib.domain.delivery import MessageDelivery
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.show_status import ShowStatus
from tests.factories.deliveries import KEY, make_delivery
from tests.fakes.message_index import FakeMessageIndex
from tests.fakes.message_store import FakeMessageStore
from tests.operations.watched import Meanwhile, Recording, Watch, unwatched, watched

SENDING, SENT, DELIVERED = DeliveryStatus.SENDING, DeliveryStatus.SENT, DeliveryStatus.DELIVERED
SHOWN_PHASES = [phase for phase in MessagePhase if phase.visible and phase is not MessagePhase.RECEIVED]


class Shelf:
    """One message's record and its place in the list."""

    def __init__(self, record: MessageDelivery, cell: MessagePhase, watch: Watch = unwatched) -> None:
        self.messages = FakeMessageStore()
        self.index = FakeMessageIndex()
        self.record = self.messages.save_delivery(KEY, record)
        self.index.known[KEY] = cell
        self.show = ShowStatus(watched("messages", self.messages, watch), watched("index", self.index, watch))

    def raise_to(self, status: DeliveryStatus) -> None:
        """Somebody else's news, recorded but not shown yet."""
        current = self.messages.deliveries[KEY]
        raised = tuple(replace(recipient, status=status) for recipient in current.recipients)
        self.messages.save_delivery(KEY, replace(current, recipients=raised))


@pytest.mark.parametrize("cell", SHOWN_PHASES)
@pytest.mark.parametrize("before", [status for status in MessageStatus if status is not MessageStatus.RECEIVED])
@pytest.mark.parametrize("status", [status for status in DeliveryStatus if status > SENDING])
def test_whatever_was_shown_the_record_is_shown_in_the_end(
    cell: MessagePhase, before: MessageStatus, status: DeliveryStatus
) -> None:
    shelf = Shelf(make_delivery(status), cell)

    shelf.show(KEY, before, shelf.record)

    expected = MessagePhase.showing(status.shown)
    assert shelf.index.phase(KEY) is expected


@pytest.mark.parametrize("cell", SHOWN_PHASES)
@pytest.mark.parametrize("status", [DeliveryStatus.QUEUED, SENDING])
def test_before_anything_is_known_of_ses_the_list_is_the_senders_alone(
    cell: MessagePhase, status: DeliveryStatus
) -> None:
    shelf = Shelf(make_delivery(status), cell)

    shelf.show(KEY, status.shown, shelf.record)

    assert shelf.index.phase(KEY) is cell


@pytest.mark.parametrize(("before", "after"), [(SENDING, SENT), (SENT, DELIVERED), (DELIVERED, DeliveryStatus.BOUNCED)])
def test_a_step_forward_is_one_write_and_no_reading(before: DeliveryStatus, after: DeliveryStatus) -> None:
    recording = Recording()
    shelf = Shelf(make_delivery(after), MessagePhase.showing(before.shown), recording)

    shelf.show(KEY, before.shown, shelf.record)

    assert recording.calls == ["index.advance"]


@pytest.mark.parametrize("number", range(4))
def test_a_slower_report_does_not_show_what_a_faster_one_has_overtaken(number: int) -> None:
    """The slower one turned a failure into a late acceptance; the faster one knows of a bounce."""
    shelf: Shelf

    def faster() -> None:
        shelf.raise_to(DeliveryStatus.BOUNCED)
        ShowStatus(shelf.messages, shelf.index)(KEY, MessageStatus.SENT, shelf.messages.deliveries[KEY])

    meanwhile = Meanwhile(number, faster)
    shelf = Shelf(make_delivery(SENT), MessagePhase.FAILED, meanwhile)
    shelf.show(KEY, MessageStatus.FAILED, shelf.record)
    if not meanwhile.has_happened:
        faster()

    assert shelf.index.phase(KEY) is MessagePhase.BOUNCED


@pytest.mark.parametrize("before", [MessageStatus.SENDING, MessageStatus.FAILED])
def test_a_deleted_message_stays_deleted(before: MessageStatus) -> None:
    shelf = Shelf(make_delivery(DELIVERED), MessagePhase.GONE)

    shelf.show(KEY, before, shelf.record)

    assert shelf.index.phase(KEY) is MessagePhase.GONE


def test_a_message_without_a_record_is_left_alone() -> None:
    index = FakeMessageIndex()
    key = MessageKey(7, 3)
    index.known[key] = MessagePhase.QUEUED

    ShowStatus(FakeMessageStore(), index)(key, MessageStatus.FAILED, make_delivery(DELIVERED))

    assert index.phase(key) is MessagePhase.QUEUED
