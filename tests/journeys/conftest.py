"""One running system for all journeys of a test process; each journey has an inbox of its own."""

from collections.abc import Iterator

import pytest

from tests.journeys.system import Journey, RunningSystem


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    running = RunningSystem.start(tmp_path_factory.mktemp("journeys"))
    yield running
    assert running.stop() == 0


@pytest.fixture
def journey(system: RunningSystem) -> Iterator[Journey]:
    with system.client() as client:
        yield Journey(client)
