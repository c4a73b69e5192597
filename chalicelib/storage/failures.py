"""What becomes of AWS's errors at the edge of this folder: temporary ones are the domain's Unavailable."""

import inspect
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as NotReached
from pynamodb.exceptions import PynamoDBException

from chalicelib.domain.errors import Unavailable

# DynamoDB Developer Guide, "Error handling with DynamoDB": those that say "Retries: yes". S3 API Reference, "Error
# Responses": SlowDown, ServiceUnavailable, RequestTimeout. The SDK has already tried them several times.
TEMPORARY_CODES = frozenset(
    {
        "InternalError",
        "InternalServerError",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "SlowDown",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
TRIES = 12  # of a write that meets others at the same item, over about a second
MANY_TRIES = 120  # where all writers of an inbox or a thread meet, over about fifteen seconds: none of them may starve

Store = TypeVar("Store", bound=type)


def raises_unavailable(store: Store) -> Store:
    """Class decorator: its public methods raise `Unavailable` when AWS throttles, fails or does not answer.

    Any other error leaves as it is: a wrong request or a missing permission is a fault, and repeating it is no help.
    """
    for name, method in list(vars(store).items()):
        if inspect.isfunction(method) and not name.startswith("_"):
            setattr(store, name, _guarded(method))
    return store


@contextmanager
def unavailable_when_aws_fails() -> Iterator[None]:
    """The same for a block, or as a decorator for a function."""
    try:
        yield
    except (BotoCoreError, ClientError, PynamoDBException) as error:
        if not is_temporary(error):
            raise
        raise Unavailable("Storage is not answering right now.") from error


def is_temporary(error: BaseException) -> bool:
    """Whether the same call may succeed a little later."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(
            cause, NotReached | HTTPClientError | IncompleteReadError
        ):  # no connection, a time-out, a reply cut short
            return True
        if isinstance(cause, ClientError) and _says_later(cause):
            return True
        # PynamoDB keeps the error it wraps in an attribute, and the one below that as the usual cause.
        cause = getattr(cause, "cause", None) or cause.__cause__
    return False


def tries(most: int = TRIES) -> Iterator[int]:
    """Numbers of tries, with a pause before each but the first.

    For writes that AWS refuses because a transaction is at the same item; the SDK does not repeat those by itself.
    """
    for number in range(most):
        if number:
            pause(number)
        yield number


def pause(number: int) -> None:
    """Wait before try `number` (1 …): at random, up to 8 ms and then longer ("Exponential Backoff And Jitter")."""
    time.sleep(random.uniform(0, 0.004 * 2 ** min(number, 6)))  # noqa: S311 - it spreads writers and hides nothing


def _says_later(error: ClientError) -> bool:
    response: Any = error.response
    codes = {reason.get("Code") for reason in response.get("CancellationReasons", ())}
    codes.add(response["Error"].get("Code"))
    return response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500 or not TEMPORARY_CODES.isdisjoint(codes)


def _guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    if not inspect.isgeneratorfunction(method):
        return unavailable_when_aws_fails()(method)

    @wraps(method)
    def generate(*args: Any, **named: Any) -> Iterator[Any]:
        with unavailable_when_aws_fails():
            yield from method(*args, **named)

    return generate
