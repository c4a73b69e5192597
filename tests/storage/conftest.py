"""Every store on every engine: the fake in memory, moto, and the embedded system's table."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.storage.engines import Engine
from tests.storage.faults import Network
from tests.storage.small_buckets import small_buckets  # noqa: F401  a fixture of all tests in this folder


@pytest.fixture(scope="session")
def moto_engine() -> Iterator[Engine]:
    engine = Engine({}, in_process=True)
    yield engine
    engine.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The engines a test meets: moto is a second opinion, and may be left out (tests/storage/engines.py)."""
    tables = ["embedded"] if metafunc.definition.get_closest_marker("not_on_moto") else ["moto", "embedded"]
    if "table" in metafunc.fixturenames:
        metafunc.parametrize("table", tables, indirect=True)
    if "is_fake" in metafunc.fixturenames:
        metafunc.parametrize("is_fake", ["fake", *tables], indirect=True)


@pytest.fixture
def table(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A fresh table on each engine that has tables; the client its stores use."""
    engine: Engine = request.getfixturevalue(f"{request.param}_engine")
    with engine.fresh_table(monkeypatch) as client:
        yield client


@pytest.fixture
def network(table: Any, monkeypatch: pytest.MonkeyPatch) -> Network:
    """What can go wrong between the stores and that table."""
    return Network(monkeypatch, table)


@pytest.fixture
def is_fake(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[bool]:
    """Whether a store is tested in memory; otherwise it has a fresh table."""
    if request.param == "fake":
        yield True
    else:
        engine: Engine = request.getfixturevalue(f"{request.param}_engine")
        with engine.fresh_table(monkeypatch):
            yield False
