"""The clock of large deletions: every minute, those under way go on for most of a minute."""

from chalicelib.events.door import EventDoor
from chalicelib.wiring import operations

door = EventDoor(__name__)


@door.on_schedule("rate(1 minute)", name="erasing")
def erasing() -> None:
    """What it does not get to, the next run does."""
    operations().carry_out_erasures()
