"""The table engines that stores are tested on: moto in process, and the one the embedded system runs on."""

import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
from moto import mock_aws

from chalicelib.storage import tables
from embedded.aws_environment import CREDENTIALS
from embedded.template import read_template

TEMPLATE = Path(__file__).parents[2] / "infra" / "resources.yaml"
AWAY_FROM_AWS = {
    "AWS_DEFAULT_REGION": "us-east-1",
    **CREDENTIALS,
    "AWS_EC2_METADATA_DISABLED": "true",
}
# For what is told of our own order of calls, and for what is long: moto answers one at a time, and slowly.
NOT_ON_MOTO = pytest.mark.not_on_moto


class NoTable:
    """In place of the client when a test is over."""

    _request_signer = None  # PynamoDB looks whether it has credentials

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name}: this test uses a table and asks for none; it needs the fixture `table`")


@dataclass
class Engine:
    """A table engine; it keeps one client for all its tests, because making one takes a tenth of a second."""

    variables: Mapping[str, str]
    in_process: bool = False
    _client: Any = field(default=None)

    @contextmanager
    def fresh_table(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
        """A table as the deployment has it, all models bound to it; the client that every store uses."""
        for name, value in (AWAY_FROM_AWS | dict(self.variables)).items():
            monkeypatch.setenv(name, value)
        try:
            if self.in_process:
                with mock_aws():
                    yield self.another_table()
            else:
                yield self.another_table()
        finally:
            # else a test without a table would take the one before it
            tables.connection()._client = cast("Any", NoTable())

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def take_off(self) -> None:
        """What tests put on the client: taken back, it leaves the client's own method over the one of its class."""
        if self._client is not None and not self.in_process:
            vars(self._client).pop("_make_api_call", None)

    def another_table(self) -> Any:
        """Another table, empty; the client stays."""
        name = f"mail-{uuid.uuid4().hex}"
        tables.bind_table(name)
        if self._client is None:
            self._client = one_at_a_time(tables.client()) if self.in_process else tables.client()
        tables.connection()._client = self._client
        self._client.create_table(TableName=name, **key_schema())
        return self._client


@cache  # reading the template takes a tenth of a second
def key_schema() -> dict[str, Any]:
    """What infra/resources.yaml says of the table's keys."""
    properties = read_template(TEMPLATE).resources["MailTable"].properties
    return {name: properties[name] for name in ("BillingMode", "AttributeDefinitions", "KeySchema")}


def one_at_a_time(client: Any) -> Any:
    """DynamoDB applies each call to an item at once; moto has no locks, so its callers take turns."""
    lock = threading.Lock()
    call = client._make_api_call

    def in_turn(operation: str, parameters: Any) -> Any:
        with lock:
            return call(operation, parameters)

    client._make_api_call = in_turn
    return client
