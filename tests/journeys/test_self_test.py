"""The self-test of a deployment, over HTTP against the running system and its simulated SES: again and again, nothing left."""

import time
from collections.abc import Iterator

import httpx
import pytest

from infra.checkup.api_answers import over_the_network
from infra.self_test import EXPECTED, SelfTest
from tests.journeys.system import API_KEY, RunningSystem

pytestmark = pytest.mark.xdist_group("journeys")


@pytest.fixture
def client(system: RunningSystem) -> Iterator[httpx.Client]:
    with system.client() as client:
        yield client


def self_test(system: RunningSystem, said: list[str], key: str = API_KEY) -> int:
    """How many findings; looked at more often than SES itself would be worth."""
    return SelfTest(system.api, key, said.append, over_the_network, 60.0, sleep=lambda _: time.sleep(0.1))()


def test_every_mail_comes_to_its_end_and_nothing_is_left_so_that_it_can_be_run_again(
    system: RunningSystem, client: httpx.Client
) -> None:
    inboxes = client.get("/inboxes").json()["total"]
    for _ in range(2):
        said: list[str] = []

        assert self_test(system, said) == 0

        assert [line for line in said if line.startswith("   ok")] == [
            f"   ok  a mail to {address} was {status}" for address, status in EXPECTED.items()
        ]
        assert any(line.startswith("[" + "#" * 30 + "] 4/4") for line in said)
    assert client.get("/inboxes").json()["total"] == inboxes
    assert {client.get(f"/suppressions/{address}").status_code for address in EXPECTED} == {404}
    assert client.get("/account").json()["status"] == "active"


def test_a_key_that_is_none_is_told_with_what_to_do(system: RunningSystem) -> None:
    said: list[str] = []

    assert self_test(system, said, "ask_nobodys") == 1

    assert "POST /inboxes was answered 401 UNAUTHORIZED" in said[-1]
    assert "Put a key of this deployment into AGENTSEND_API_KEY" in said[-1]
