"""Which of AWS's errors are the caller's business: temporary ones are Unavailable, faults leave as they are."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, NoCredentialsError
from botocore.exceptions import ReadTimeoutError as Timeout
from pynamodb.exceptions import GetError, UpdateError

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import MessageKey
from chalicelib.storage import failures
from chalicelib.storage.account_store import DynamoAccountStore
from chalicelib.storage.failures import raises_unavailable, tries
from chalicelib.storage.message_index import DynamoMessageIndex
from tests.factories.accounts import ACCOUNT_ID
from tests.storage.faults import Network


def answered(code: str, status: int = 400, **more: Any) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}, **more}
    return ClientError(answer, "GetItem")


def cancelled(*reasons: str) -> ClientError:
    return answered("TransactionCanceledException", CancellationReasons=[{"Code": reason} for reason in reasons])


TEMPORARY = [
    answered("ProvisionedThroughputExceededException"),
    answered("ThrottlingException"),
    answered("RequestLimitExceeded"),
    answered("InternalServerError", 500),
    answered("SlowDown", 503),
    answered("NameNobodyKnows", 502),
    answered("TransactionInProgressException"),
    cancelled("None", "ThrottlingError"),
    cancelled("TransactionConflict"),
    Timeout(endpoint_url="http://table.example.com"),
    ConnectTimeoutError(endpoint_url="http://table.example.com"),
    EndpointConnectionError(endpoint_url="http://table.example.com"),
]
FAULTS = [
    answered("ValidationException"),
    answered("ResourceNotFoundException"),
    answered("AccessDeniedException"),
    cancelled("ValidationError"),
    NoCredentialsError(),
]


@raises_unavailable
class Store:
    def read(self, error: Exception) -> None:
        raise error

    def each(self, error: Exception) -> Iterator[int]:
        yield 1
        raise error

    def _inner(self, error: Exception) -> None:
        raise error


@pytest.mark.parametrize("error", TEMPORARY, ids=repr)
def test_a_temporary_error_is_unavailable_with_its_cause(error: Exception) -> None:
    with pytest.raises(Unavailable) as told:
        Store().read(error)
    assert told.value.__cause__ is error


@pytest.mark.parametrize("error", TEMPORARY, ids=repr)
def test_an_error_that_pynamodb_wraps_is_seen_through(error: Exception) -> None:
    with pytest.raises(Unavailable):
        Store().read(UpdateError("failed", error))


@pytest.mark.parametrize("error", [*FAULTS, GetError("failed", FAULTS[0]), ValueError("a fault of ours")], ids=repr)
def test_a_fault_leaves_as_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as told:
        Store().read(error)
    assert told.value is error


def test_an_iterator_that_breaks_off_is_unavailable_after_what_it_gave() -> None:
    numbers = Store().each(TEMPORARY[0])
    assert next(numbers) == 1
    with pytest.raises(Unavailable):
        next(numbers)


def test_only_the_edge_translates() -> None:
    with pytest.raises(ClientError):
        Store()._inner(TEMPORARY[0])


@pytest.mark.parametrize("error", TEMPORARY, ids=repr)
def test_the_stores_translate(network: Network, error: Exception) -> None:
    network.fail(error)
    with pytest.raises(Unavailable):
        DynamoAccountStore().get(ACCOUNT_ID)
    with pytest.raises(Unavailable):
        DynamoMessageIndex().phase(MessageKey(7, 0))


def test_tries_pause_longer_and_longer_but_not_before_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    monkeypatch.setattr("random.uniform", lambda _low, high: high)
    assert list(tries()) == list(range(failures.TRIES))
    assert len(pauses) == failures.TRIES - 1
    assert pauses == sorted(pauses)
    assert 0.5 < sum(pauses) < 3
