"""The deployment, rehearsed: the real zip behind the emulated API Gateway, queues, topics and schedules; nothing else runs.

`make rehearse` is the same with words, and waits for EventBridge's own clock.
"""

from collections.abc import Iterator

import pytest

from infra.package import Package
from tests.infra.deployed_system import deployed
from tests.infra.rehearsed_journeys import JOURNEYS, Rehearsal
from tests.journeys.receiver import receiving

pytestmark = pytest.mark.xdist_group("package")


@pytest.fixture(scope="module")
def rehearsal(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    with receiving() as receiver, deployed(package, tmp_path_factory.mktemp("rehearsal"), print) as system:
        yield Rehearsal(system, receiver, waits_for_clock=False)


def test_the_deployed_system_does_what_it_is_for(rehearsal: Rehearsal) -> None:
    for journey in JOURNEYS:  # each goes on with what the one before has left
        getattr(rehearsal, journey)()
