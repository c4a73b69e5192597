"""Calls that may run at once, one after the other."""

from collections.abc import Callable, Sequence


def together_in_turn(calls: Sequence[Callable[[], None]]) -> None:
    """Runs every call, in order, and then raises the first error; `operations.ports.Together` asks for no more."""
    errors: list[Exception] = []
    for call in calls:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - raised below
            errors.append(error)
    if errors:
        raise errors[0]
