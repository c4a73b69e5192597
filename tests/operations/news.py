"""News about mails to Ada and Bob, and what is looked at after it."""

from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.ids import MessageKey
from tests.operations.world import World, make_draft

SENT, FAILED_SOFTLY, DELIVERED = DeliveryStatus.SENT, DeliveryStatus.FAILED_SOFTLY, DeliveryStatus.DELIVERED
FAILED, BOUNCED, COMPLAINED = DeliveryStatus.FAILED, DeliveryStatus.BOUNCED, DeliveryStatus.COMPLAINED
NEWS = (SENT, FAILED_SOFTLY, DELIVERED, FAILED, BOUNCED, COMPLAINED)


def sent_to(*recipients: str) -> tuple[World, MessageKey]:
    world = World()
    return world, world.sent(make_draft(*recipients))


def assert_agrees(world: World, key: MessageKey) -> None:
    """The list shows what the record says."""
    assert world.status(key) is world.delivery(key).message_status


def counted(world: World) -> tuple[int, int]:
    """(bounced, complained) messages of the inbox; it began with two and one."""
    return world.inbox().bounce_count - 2, world.inbox().complaint_count - 1
