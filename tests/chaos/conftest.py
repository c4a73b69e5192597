"""The table engine of the embedded system, for whole deployments; and a progress bar."""

from collections.abc import Iterator

import pytest

from tests.chaos.deployment import quiet_logs
from tests.chaos.progress import Progress


@pytest.fixture
def progress(capsys: pytest.CaptureFixture[str]) -> Progress:
    return Progress(capsys)


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    with quiet_logs():
        yield
