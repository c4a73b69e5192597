"""The last lock: a fault of our own in one step costs that step alone, not the mail."""

from collections.abc import Callable
from typing import TypeVar

from chalicelib.domain.fault_trace import trace_of
from chalicelib.domain.log_lines import log_of
from chalicelib.mime.bounds import Problems

logger = log_of(__name__)

_Read = TypeVar("_Read")


def guarded(what: str, step: Callable[[], _Read], otherwise: _Read, problems: Problems) -> _Read:
    """What the step reads; after a fault `otherwise`, with the fault logged and the mail marked.

    No mail is known to bring this about. But a mail that did would come back from the queue again and again and end
    as a dead letter, while all of it but one step can be read.
    """
    try:
        return step()
    except Exception as error:  # noqa: BLE001 - it is logged, without its text
        logger.error("A mail could not be read: %s: %s", what, trace_of(error))
        problems.add(f"a fault of this program while reading {what}")
        return otherwise
