"""How far a stack has got, as a line for a terminal."""

from infra.change_set import Event

WIDTH = 30  # characters


def bar(event: Event, done: int, of: int) -> str:
    """A bar, how many resources are done, and what has just happened."""
    filled = WIDTH * done // max(of, 1)
    reason = f"  {event.reason}" if event.is_failure else ""
    return f"[{'#' * filled}{'.' * (WIDTH - filled)}] {done}/{of}  {event.logical_id} {event.status.lower()}{reason}"
