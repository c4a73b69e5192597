import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.ses_behaviour import DRY_RUN, Outcome, behaviour_of

SEQUENCES = {
    "success@simulator.amazonses.com": [Outcome.DELIVERY],
    "bounce@simulator.amazonses.com": [Outcome.BOUNCE_UNKNOWN_USER],
    "complaint@simulator.amazonses.com": [Outcome.DELIVERY, Outcome.COMPLAINT],
    "ooto@simulator.amazonses.com": [Outcome.DELIVERY, Outcome.BOUNCE_AUTOMATIC_ANSWER],
    "suppressionlist@simulator.amazonses.com": [Outcome.BOUNCE_SUPPRESSED],
    "delay@simulator.test": [Outcome.DELIVERY_DELAY, Outcome.DELIVERY],
    "throttle@simulator.test": [Outcome.DELIVERY],
    "reply+any-words@simulator.test": [Outcome.DELIVERY],
}


@pytest.mark.parametrize(("address", "outcomes"), SEQUENCES.items())
def test_each_simulator_address_has_its_sequence(address: str, outcomes: list[Outcome]) -> None:
    steps = behaviour_of(address).steps
    assert [step.outcome for step in steps] == outcomes
    assert [step.after for step in steps] == sorted(step.after for step in steps)


@given(
    st.sampled_from([address for address in SEQUENCES if address.endswith("amazonses.com")]),
    st.from_regex(r"[a-z0-9.-]{1,20}", fullmatch=True),
)
def test_a_label_and_the_case_change_nothing_at_ses_own_simulator(address: str, label: str) -> None:
    name, _, domain = address.partition("@")
    assert behaviour_of(f"{name.upper()}+{label}@{domain.title()}") == behaviour_of(address)


@pytest.mark.parametrize(
    ("label", "seconds"), [("5s", 5), ("250ms", 0.25), ("2m", 120), ("7", 7), ("soon", 5), ("", 5), ("999999m", 3600)]
)
def test_a_delay_is_as_long_as_its_label_says(label: str, seconds: float) -> None:
    delayed, delivered = behaviour_of(f"delay+{label}@simulator.test").steps
    assert delivered.after - delayed.after == pytest.approx(seconds)


@pytest.mark.parametrize(("address", "tries"), [("throttle@", 2), ("throttle+5@", 5), ("throttle+many@", 2)])
def test_a_throttled_mail_is_refused_as_often_as_its_label_says(address: str, tries: int) -> None:
    assert behaviour_of(address + "simulator.test").throttled_tries == tries


def test_fail_is_refused_at_once() -> None:
    assert behaviour_of("fail@simulator.test").rejected


@pytest.mark.parametrize(
    "address",
    ["ada@example.com", "success@example.com", "somebody@simulator.amazonses.com", "success@simulator.test", "odd"],
)
def test_nothing_more_is_heard_of_mail_to_anyone_else(address: str) -> None:
    assert behaviour_of(address) == DRY_RUN
