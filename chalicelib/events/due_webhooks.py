"""The clock of webhooks: every minute, the retries are queued that are due in the next one."""

from chalicelib.events.door import EventDoor
from chalicelib.wiring import operations

door = EventDoor(__name__)


@door.on_schedule("rate(1 minute)", name="due_webhooks")
def due_webhooks() -> None:
    """What it does not get to, the next run does."""
    operations().queue_due_webhooks()
