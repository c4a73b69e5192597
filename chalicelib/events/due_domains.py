"""The clock of own domains: every few minutes, those are checked whose time has come."""

from chalicelib.events.door import EventDoor
from chalicelib.wiring import operations

door = EventDoor(__name__)


@door.on_schedule("rate(5 minutes)", name="due_domains")
def due_domains() -> None:
    """What it does not get to, the next run does."""
    operations().check_due_domains()
