"""What holds for every test, and the emulated AWS that all tests of a worker share."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from embedded.data_folder import DataFolder
from embedded.emulated_aws import EmulatedAws
from tests.storage.engines import Engine

# A slow machine is no failure of the code: no test depends on time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


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
