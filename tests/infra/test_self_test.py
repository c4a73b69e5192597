"""The self-test when something does not come: it ends at its time, says what to look at, and leaves nothing behind."""

from dataclasses import dataclass, field

import pytest

from chalicelib.domain.reputation import LEAST_SENDS
from chalicelib.domain.suppression import may_be_suppressed
from infra.checkup.api_answers import Answer
from infra.self_test import AGAIN_SECONDS, EXPECTED, SelfTest
from tests.infra.simulated_api import KEY, SILENT, URL, WAYS, SimulatedApi, error

SECONDS = 60.0


@dataclass
class Run:
    """One self-test, whose sleep is a clock that is put on."""

    api: SimulatedApi
    url: str = URL
    key: str = KEY
    now: float = 0.0
    said: list[str] = field(default_factory=list)

    def __call__(self) -> int:
        return SelfTest(self.url, self.key, self.said.append, self.api, SECONDS, lambda: self.now, self._sleep)()

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    @property
    def faults(self) -> list[str]:
        return [line for line in self.said if line.startswith("fault")]


def test_each_mail_that_comes_to_its_end_is_told_and_what_was_made_is_deleted() -> None:
    run = Run(SimulatedApi())

    assert run() == 0

    assert run.said[0].endswith("4 mails to SES's mailbox simulator, 1 minutes at most")
    assert len([line for line in run.said if line.startswith("   ok")]) == len(EXPECTED)
    assert run.api.there == {}
    assert run.now < SECONDS


@pytest.mark.parametrize(
    ("name", "way", "what", "fix"),
    [
        ("success", ("queued",), "success@simulator.amazonses.com is queued after 1 minutes", "SendQueueSender"),
        ("bounce", ("queued", "sent"), "is sent after 1 minutes, and not bounced", "DeliveryNotificationQueue"),
        (
            "complaint",
            ("queued", "sent", "delivered"),
            "is delivered after 1 minutes, and not complained",
            "Run this again",
        ),
        ("success", ("queued", "failed"), "was to be delivered, and is failed", "SES says no."),
        ("suppressionlist", ("queued", "sent", "delivered"), "was to be bounced, and is delivered", "SendQueueSender"),
    ],
)
def test_a_mail_that_does_not_come_to_its_end_is_named_with_where_to_look(
    name: str, way: tuple[str, ...], what: str, fix: str
) -> None:
    run = Run(SimulatedApi({**WAYS, name: way}))

    assert run() == 1

    (fault,) = run.faults
    assert what in fault
    assert fix in fault
    assert run.now <= SECONDS + AGAIN_SECONDS
    assert run.api.there == {}


def test_an_address_that_somebody_has_suppressed_is_named_and_the_others_are_followed() -> None:
    run = Run(SimulatedApi(suppressed="bounce"))

    assert run() == 1

    assert "403 RECIPIENT_SUPPRESSED: it is so" in run.faults[0]
    assert "Do so." in run.faults[0]
    assert len([line for line in run.said if line.startswith("   ok")]) == len(EXPECTED) - 1
    assert run.api.there == {}


@pytest.mark.parametrize(
    ("run", "what"),
    [
        (Run(SimulatedApi(), key="ask_wrong"), "POST /inboxes was answered 401 UNAUTHORIZED"),
        (Run(SimulatedApi(), url=f"{SILENT}/api"), "POST /inboxes got no answer: no such host"),
        (Run(SimulatedApi(refuses={"POST": Answer(502, None)})), "POST /inboxes was answered 502"),
    ],
)
def test_an_api_that_refuses_everything_is_one_finding(run: Run, what: str) -> None:
    assert run() == 1
    assert what in run.faults[0]
    assert run.api.there == {}


def test_an_api_that_is_busy_is_asked_again_when_it_says() -> None:
    api = SimulatedApi(busy=2)
    run = Run(api)

    assert run() == 0

    assert run.now >= 2 * 7
    assert api.there == {}


def test_what_cannot_be_deleted_is_named() -> None:
    run = Run(SimulatedApi(refuses={"DELETE /inboxes": error(503, "UNAVAILABLE")}))

    assert run() == 1

    assert "Delete it: DELETE /inboxes/inb_1?purge=true" in run.faults[0]


def test_an_api_that_falls_silent_ends_it_and_all_is_still_cleared_away() -> None:
    run = Run(SimulatedApi(refuses={"GET": error(500, "INTERNAL_ERROR")}))

    assert run() == 1

    assert "was answered 500 INTERNAL_ERROR" in run.faults[0]
    assert run.api.there == {}


def test_it_cannot_cost_anybody_his_name() -> None:
    assert len(EXPECTED) < LEAST_SENDS  # of a new inbox each time, before which none is judged
    assert not any(may_be_suppressed(address) for address in EXPECTED)
