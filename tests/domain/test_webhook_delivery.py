"""When a delivery is tried again, and when it has been tried enough."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.webhook_delivery import (
    ATTEMPTS,
    ATTEMPTS_KEPT,
    JITTER,
    LONGEST_RETRY_AFTER,
    RETRIES,
    Answer,
    DeliveryState,
    WebhookDelivery,
)
from chalicelib.storage.webhook_codec import pack
from tests.factories.webhooks import NOON, WEBHOOK_ID, make_logged

statuses = st.none() | st.integers(100, 599)
pauses = st.none() | st.timedeltas(timedelta(0), timedelta(days=9))
answers = st.builds(Answer, statuses, st.text(max_size=2_000), st.none(), pauses)


@given(st.lists(st.tuples(answers, st.floats(0, 1)), min_size=1, max_size=15))
def test_a_delivery_is_tried_at_most_ten_times_never_early_and_ends_settled(tries: list[tuple[Answer, float]]) -> None:
    delivery, now = WebhookDelivery(WEBHOOK_ID, make_logged()), NOON
    for answer, luck in tries:
        delivery = delivery.after(answer, now, now + timedelta(seconds=1), lambda luck=luck: luck)  # type: ignore[misc]
        assert len(delivery.attempts[-1].answer) <= 1_024
        assert (delivery.state is DeliveryState.PENDING) == (delivery.next_attempt_at is not None)
        if delivery.next_attempt_at is None:
            break
        ended, pause = now + timedelta(seconds=1), RETRIES[delivery.tries - 1]
        longest = max(pause * (1 + JITTER), min(answer.retry_after or timedelta(), LONGEST_RETRY_AFTER))
        assert ended + pause <= delivery.next_attempt_at <= ended + longest
        now = delivery.next_attempt_at

    last = tries[len(delivery.attempts) - 1][0]
    assert delivery.tries <= ATTEMPTS
    assert (delivery.state is DeliveryState.DELIVERED) == last.is_success
    if delivery.state is DeliveryState.FAILED:
        assert last.is_gone or delivery.tries == ATTEMPTS


def test_the_pauses_are_those_of_the_contract() -> None:
    hours = [pause / timedelta(hours=1) for pause in RETRIES]
    assert [round(each * 3600) for each in hours[:3]] == [5, 300, 1800]
    assert hours[3:] == [2, 5, 10, 14, 20, 24]
    assert 75 <= sum(hours) <= 76


def test_a_replay_has_all_attempts_before_it_again() -> None:
    delivery, now = WebhookDelivery(WEBHOOK_ID, make_logged()), NOON
    for _ in range(ATTEMPTS):
        delivery = delivery.after(Answer(500), now, now, lambda: 0.0)
    assert delivery.state is DeliveryState.FAILED

    again = delivery.again()
    tried = again.after(Answer(500), now, now, lambda: 0.0)

    assert (again.state, again.tries) == (DeliveryState.PENDING, 0)
    assert tried.next_attempt_at == now + RETRIES[0]
    assert len(tried.attempts) == ATTEMPTS + 1


def test_a_test_is_not_repeated() -> None:
    delivery = WebhookDelivery(WEBHOOK_ID, make_logged(), is_test=True)
    when: datetime = NOON
    assert delivery.after(Answer(500), when, when, lambda: 0.0).state is DeliveryState.FAILED


def test_of_many_rounds_the_newest_attempts_are_kept_and_counted_with_the_others() -> None:
    delivery = WebhookDelivery(WEBHOOK_ID, make_logged())
    for number in range(57):
        if number % 10 == 0:
            delivery = delivery.again()
        began = NOON + timedelta(seconds=number)
        delivery = delivery.after(Answer(500, "ü" * 5_000), began, began, lambda: 0.0)

    assert len(delivery.attempts) == ATTEMPTS_KEPT
    assert delivery.attempts[-1].at == NOON + timedelta(seconds=56)
    assert (delivery.made, delivery.tries, delivery.round) == (57, 7, 6)
    assert {len(attempt.answer.encode()) for attempt in delivery.attempts} == {1_024}
    assert len(pack(delivery)) < 25_000
