"""The wire under every AWS client: each call is seen, named by where it was made, and may go wrong as a test says.

It stands where botocore hands a request to the network (`Endpoint._get_response`), below the SDK's own retries: what is
lost here is repeated, or not, as it would be in AWS.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from types import SimpleNamespace
from typing import Any, Protocol

import botocore.endpoint
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from tests.chaos.sites import caller_path
from tests.operations.watched import Crash

Response = tuple[Any, Any]
"""What botocore's endpoint works with: an HTTP response and what was parsed of it."""


class Fault(Enum):
    """What may become of one call."""

    DIES_BEFORE = "the process dies before it"
    DIES_AFTER = "the process dies after it"
    REPLY_LOST = "it is carried out, its first reply is lost"
    REPLIES_LOST = "it is carried out, and no try of it gets a reply"
    NOT_REACHED = "no try of it gets there"
    SERVER_ERROR = "its first try is answered 500 and not carried out"
    THROTTLED = "its first try is throttled"


DEATHS_AND_LOSSES = (Fault.DIES_BEFORE, Fault.DIES_AFTER, Fault.REPLY_LOST)


@dataclass
class Call:
    """One call of an AWS API, over all its tries."""

    service: str
    operation: str
    path: tuple[str, ...]
    number: int
    parameters: Mapping[str, Any]
    fault: Fault | None = None
    tries: int = 0

    @property
    def site(self) -> str:
        return f"{self.service}.{self.operation} < {' < '.join(self.path)}"


class Service(Protocol):
    """A service in this process."""

    def answer(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The parsed answer. Raises ServiceError."""


class ServiceError(Exception):
    """An error answer of a service."""

    def __init__(self, code: str, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


Plan = Callable[[Call], Fault | None]


def nothing_fails(_: Call) -> Fault | None:
    return None


@dataclass
class Wire:
    """Carries calls to the services given, and those to others (the table) over the network as they are."""

    services: dict[str, Service] = field(default_factory=dict)
    plan: Plan = nothing_fails
    calls: list[Call] = field(default_factory=list)
    is_dead: bool = False  # the process: nothing it still does has an effect
    is_shared: bool = False  # each thread is a process of its own, and a death is that thread's alone
    _current: threading.local = field(default_factory=threading.local)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _unseen: bool = False

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        make_api_call, send = BaseClient._make_api_call, botocore.endpoint.Endpoint._get_response  # type: ignore[attr-defined]

        def called(client: Any, operation: str, parameters: Any) -> Any:
            if not self._unseen:
                self._current.call = self._begin(client.meta.service_model.service_name, operation, parameters)
            return make_api_call(client, operation, parameters)

        def carried(endpoint: Any, request: Any, model: Any, context: Any) -> Any:
            service = self.services.get(model.service_model.service_name)

            def deliver() -> tuple[Response | None, Exception | None]:
                if service is None:
                    answered: tuple[Response | None, Exception | None] = send(endpoint, request, model, context)
                    return answered
                return _answered(service, model.name, self._current.call.parameters), None

            return deliver() if self._unseen else self._carry(self._current.call, deliver)

        monkeypatch.setattr(BaseClient, "_make_api_call", called)
        monkeypatch.setattr(botocore.endpoint.Endpoint, "_get_response", carried)
        monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _seconds: None))  # between tries

    @contextmanager
    def under(self, plan: Plan) -> Iterator[list[Call]]:
        """The calls made within, each with the fate that `plan` gives it."""
        self.plan, before = plan, len(self.calls)
        made: list[Call] = []
        try:
            yield made
        finally:
            self.plan = nothing_fails
            made += self.calls[before:]

    @contextmanager
    def unseen(self) -> Iterator[None]:
        """For the test's own calls of the table: not recorded, never failing."""
        self._unseen = True
        try:
            yield
        finally:
            self._unseen = False

    def _begin(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Call:
        with self._lock:
            if self.is_dead:
                raise Crash
            call = Call(service, operation, caller_path(), len(self.calls), parameters)
            self.calls.append(call)
            call.fault = self.plan(call)
            return call

    def _carry(
        self, call: Call, deliver: Callable[[], tuple[Response | None, Exception | None]]
    ) -> tuple[Response | None, Exception | None]:
        call.tries += 1
        fault, is_first = call.fault, call.tries == 1
        if self.is_dead or fault is Fault.DIES_BEFORE:
            self._die()
        if fault is Fault.NOT_REACHED:
            return None, ConnectTimeoutError(endpoint_url="http://aws.example.com")
        if fault is Fault.SERVER_ERROR and is_first:
            return _error("InternalServerError", 500), None
        if fault is Fault.THROTTLED and is_first:
            return _error("ThrottlingException", 400), None
        answer = deliver()
        if fault is Fault.DIES_AFTER:
            self._die()
        if fault is Fault.REPLIES_LOST or (fault is Fault.REPLY_LOST and is_first):
            return None, ReadTimeoutError(endpoint_url="http://aws.example.com")
        return answer

    def _die(self) -> None:
        self.is_dead = not self.is_shared
        raise Crash


def _answered(service: Service, operation: str, parameters: Mapping[str, Any]) -> Response:
    try:
        parsed = service.answer(operation, parameters)
    except ServiceError as error:
        return _error(error.code, error.status)
    return SimpleNamespace(status_code=200, headers={}), {"ResponseMetadata": {"HTTPStatusCode": 200}, **parsed}


def _error(code: str, status: int) -> Response:
    parsed = {
        "Error": {"Code": code, "Message": code},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {}},
    }
    return SimpleNamespace(status_code=status, headers={}), parsed
