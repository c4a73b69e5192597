"""How far something has got, as a line for a terminal."""

from infra.change_set import Event

WIDTH = 30  # characters


def bar(event: Event, done: int, of: int) -> str:
    """A bar, how many resources are done, and what has just happened."""
    reason = f"  {event.reason}" if event.is_failure else ""
    return line(done, of, f"{event.logical_id} {event.status.lower()}{reason}")


def line(done: int, of: int, what: str) -> str:
    """A bar, how many are done, and what has just happened."""
    filled = WIDTH * done // max(of, 1)
    return f"[{'#' * filled}{'.' * (WIDTH - filled)}] {done}/{of}  {what}"
