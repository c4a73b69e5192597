"""Networks that lose replies: the call was carried out, and the caller does not hear of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError


@dataclass
class Network:
    """What stands between the stores and the table."""

    monkeypatch: pytest.MonkeyPatch
    client: Any

    def lose_reply(self, operation: str) -> None:
        """The next call of this operation is carried out and then times out."""
        left = [None]

        def deliver(send: Callable[[], Any], called: str) -> Any:
            answer = send()
            if called == operation and left:
                left.pop()
                raise ReadTimeoutError(endpoint_url="http://table.example.com")
            return answer

        self._put_between(deliver)

    def repeat(self, operation: str) -> None:
        """Each call of this operation is carried out twice, as by an SDK that missed the first reply."""

        def deliver(send: Callable[[], Any], called: str) -> Any:
            if called == operation:
                send()
            return send()

        self._put_between(deliver)

    def fail(self, error: Exception) -> None:
        """No call arrives any more; each raises this."""

        def deliver(_send: Callable[[], Any], _called: str) -> Any:
            raise error

        self._put_between(deliver)

    def conflict(self, operation: str) -> None:
        """The next call of this operation meets a transaction of somebody else and is refused."""
        left = [None]

        def deliver(send: Callable[[], Any], called: str) -> Any:
            if called == operation and left:
                left.pop()
                raise conflict(operation)
            return send()

        self._put_between(deliver)

    def listen(self) -> list[str]:
        """The operations called from now on."""
        heard: list[str] = []

        def deliver(send: Callable[[], Any], called: str) -> Any:
            heard.append(called)
            return send()

        self._put_between(deliver)
        return heard

    def before_next(self, operation: str, act: Callable[[], Any]) -> None:
        """Somebody else does `act` right before the next call of this operation arrives."""
        left = [None]

        def deliver(send: Callable[[], Any], called: str) -> Any:
            if called == operation and left:
                left.pop()
                act()
            return send()

        self._put_between(deliver)

    def _put_between(self, deliver: Callable[[Callable[[], Any], str], Any]) -> None:
        call = self.client._make_api_call

        def through(operation: str, parameters: Any) -> Any:
            return deliver(lambda: call(operation, parameters), operation)

        self.monkeypatch.setattr(self.client, "_make_api_call", through)


def conflict(operation: str) -> ClientError:
    """As DynamoDB says it (API Reference, TransactWriteItems and UpdateItem, "Errors")."""
    if operation != "TransactWriteItems":
        return ClientError({"Error": {"Code": "TransactionConflictException", "Message": ""}}, operation)
    answer: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": ""},
        "CancellationReasons": [{"Code": "TransactionConflict"}, {"Code": "None"}],
    }
    return ClientError(answer, operation)
