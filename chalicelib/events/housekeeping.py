"""The caretaker: every so often, a bounded part of what crashes may have left is looked through and repaired."""

from chalicelib.events.door import EventDoor
from chalicelib.wiring import operations

door = EventDoor(__name__)


@door.on_schedule("rate(15 minutes)", name="housekeeping")
def housekeeping() -> None:
    """One run; what it does not get to, the next one does."""
    operations().keep_house()
