"""Every store on every engine: the fake in memory, moto, and the embedded system's table."""

from collections.abc import Iterator
from typing import Any

import pytest

from embedded.data_folder import DataFolder
from embedded.emulated_aws import EmulatedAws
from tests.storage.engines import Engine
from tests.storage.faults import Network
from tests.storage.small_buckets import small_buckets  # noqa: F401  a fixture of all tests in this folder


@pytest.fixture(scope="session")
def embedded_endpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The emulated AWS of the embedded system, one for all tests of a worker: variables that point clients to it."""
    folder = DataFolder(tmp_path_factory.mktemp("aws"))
    folder.lock()
    aws = EmulatedAws(folder, {})
    endpoints: dict[str, str] = {}
    try:
        aws.start()
        aws.wait_until_ready(endpoints)
        yield endpoints
    finally:
        aws.stop()
        folder.unlock()


@pytest.fixture(scope="session")
def embedded_engine(embedded_endpoints: dict[str, str]) -> Iterator[Engine]:
    engine = Engine(embedded_endpoints)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def moto_engine() -> Iterator[Engine]:
    engine = Engine({}, in_process=True)
    yield engine
    engine.close()


@pytest.fixture(params=["moto", "embedded"])
def table(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A fresh table on each engine that has tables; the client its stores use."""
    engine: Engine = request.getfixturevalue(f"{request.param}_engine")
    with engine.fresh_table(monkeypatch) as client:
        yield client


@pytest.fixture
def network(table: Any, monkeypatch: pytest.MonkeyPatch) -> Network:
    """What can go wrong between the stores and that table."""
    return Network(monkeypatch, table)


@pytest.fixture(params=["fake", "moto", "embedded"])
def is_fake(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[bool]:
    """Whether a store is tested in memory; otherwise it has a fresh table."""
    if request.param == "fake":
        yield True
    else:
        engine: Engine = request.getfixturevalue(f"{request.param}_engine")
        with engine.fresh_table(monkeypatch):
            yield False
