"""How a look becomes findings: a fault, a note, that all is well, or that it may not be looked at."""

import json
import shlex
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from chalicelib.domain.errors import Unavailable
from infra.checkup.deployed import NotInStack
from infra.preflight import Finding, Weight
from infra.stack import CommandFailed

T = TypeVar("T")
Looks = Callable[[], Iterable[Finding]]
ASKING_FAILS = (ClientError, BotoCoreError, PynamoDBException, Unavailable, CommandFailed)
"""What may come out of a question to AWS."""

# Services name them differently; the words are the same.
_REFUSED = ("AccessDenied", "Unauthorized", "AuthorizationError", "NotAuthorized", "Forbidden")
_GONE = ("NotFound", "NoSuch", "NonExistent", "DoesNotExist", "NotExist")


def fault(what: str, fix: str) -> Finding:
    return Finding(Weight.FAULT, what, fix)


def note(what: str, fix: str = "") -> Finding:
    return Finding(Weight.NOTE, what, fix)


def well_or(faults: Iterable[Finding], well: str) -> Iterator[Finding]:
    """The faults; when there are none, that all is well. Notes are no faults."""
    found = list(faults)
    yield from found
    if not any(each.weight is Weight.FAULT for each in found):
        yield Finding(Weight.FINE, well)


def guarded(what: str, looks: Looks) -> Iterator[Finding]:
    """What the look finds; that it cannot be looked at is a finding, too, and that the stack does not have it."""
    try:
        yield from looks()
    except NotInStack as missing:
        yield fault(f"{what}: the stack has no {missing}", "make deploy puts in what is missing.")
    except ASKING_FAILS as error:
        yield unreadable(what, error)


def of_each(things: Iterable[T], what: Callable[[T], str], look: Callable[[T], Iterable[Finding]]) -> list[Finding]:
    """What a look finds at each, `what` it is called; one that cannot be looked at hides none of the others."""
    return [finding for each in things for finding in guarded(what(each), partial(look, each))]


def as_json(value: object) -> str:
    """For a command line."""
    return shlex.quote(json.dumps(value))


def unreadable(what: str, error: Exception) -> Finding:
    """Why AWS does not answer a question, and what to do about it."""
    answer = _of_aws(error)
    if answer is None:
        return fault(
            f"{what} cannot be looked at: {error}", "Look whether this machine reaches AWS, and run this again."
        )
    code, message = answer.response["Error"].get("Code", ""), answer.response["Error"].get("Message", "")
    if any(word in code for word in _REFUSED):
        return fault(
            f"{what} may not be looked at: {answer.operation_name} is refused",
            f"Run this with credentials that may {answer.operation_name}; docs/operations.md lists what the doctor asks.",
        )
    if any(word in code for word in _GONE):
        return fault(
            f"{what} is gone: {message or code}",
            "Somebody has deleted it by hand, which CloudFormation does not notice: docs/operations.md, "
            '"What was deleted by hand".',
        )
    return fault(f"{what} cannot be looked at: {code} {message}".rstrip(), "Run this again in a minute.")


def _of_aws(error: BaseException | None) -> ClientError | None:
    """The answer of AWS at the bottom of it."""
    while error is not None and not isinstance(error, ClientError):
        error = error.__cause__ or getattr(error, "cause", None)
    return error
