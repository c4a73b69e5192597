"""Messages of whom nobody knows whether SES took them, and news of other mails."""

from datetime import datetime, timedelta

from chalicelib.domain.delivery import DeliveryReport, EventType
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message import Draft
from chalicelib.operations.ports import SendOutcomeUnknown
from tests.factories.accounts import NOON
from tests.operations.watched import Failing
from tests.operations.world import EVIDENCE_WINDOW, INBOX, World

MARGIN = EVIDENCE_WINDOW / 10
OTHER = MessageKey(INBOX, 999)


def hear_of_another(world: World, accepted_at: datetime) -> None:
    """SES tells of a mail of somebody else's, which has been deleted since: that is news all the same."""
    world.record_delivery_report(
        DeliveryReport(
            OTHER, EventType.SENT, DeliveryStatus.SENT, accepted_at, ses_message_id="x", accepted_at=accepted_at
        )
    )


def ambiguous(
    world: World | None = None, draft: Draft | None = None, *, taken: bool = False
) -> tuple[World, MessageKey]:
    """A message that SES was handed at noon without an answer coming back; whether SES has taken it."""
    world = world or World()
    key = world.submitted(draft)
    with world.watching(Failing("provider.send", [SendOutcomeUnknown()], after_effect=taken)):
        world.deliver_next()
    return world, key


def work_until(world: World, moment: datetime) -> None:
    """Do every job that is due before this moment, which then has come."""
    while world.waiting() and world.clock() + timedelta(seconds=world.waiting()[0][0]) < moment:
        world.deliver_next()
    world.clock.now = max(world.clock.now, moment)


def overdue(world: World | None = None, draft: Draft | None = None, *, taken: bool = False) -> tuple[World, MessageKey]:
    """An ambiguous message that SES's news has passed and whose window is nearly over."""
    world, key = ambiguous(world, draft, taken=taken)
    world.clock.now = NOON + 2 * MARGIN
    hear_of_another(world, world.clock())
    work_until(world, NOON + EVIDENCE_WINDOW)
    return world, key
