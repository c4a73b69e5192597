"""Reports that come twice, die half-way or meet each other: the list and the record agree in the end."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.delivery import DeliveryReport
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_status import MessageStatus
from tests.operations.news import (
    BOUNCED,
    COMPLAINED,
    FAILED_SOFTLY,
    NEWS,
    SENT,
    assert_agrees,
    counted,
    sent_to,
)
from tests.operations.watched import Crash, FailingAt, Meanwhile
from tests.operations.world import ADA, BOB, World, make_event

# ------------------------------------------------------------------------------------------------ repetition


@pytest.mark.parametrize("status", NEWS)
def test_a_repeated_report_changes_and_counts_nothing(status: DeliveryStatus) -> None:
    world, key = sent_to(ADA)
    report = make_event(key, status)
    world.record_delivery_report(report)
    before, counters = world.delivery(key), counted(world)

    world.record_delivery_report(report)

    assert world.delivery(key) == before
    assert counted(world) == counters
    assert world.status(key) is status.shown


def test_a_repeated_report_heals_a_crash_between_the_record_and_the_list() -> None:
    world, key = sent_to(ADA)
    report = make_event(key, BOUNCED)
    with world.watching(FailingAt(3, after_effect=False)), pytest.raises(Crash):
        world.record_delivery_report(report)
    assert (world.delivery(key).message_status, world.status(key)) == (MessageStatus.BOUNCED, MessageStatus.SENT)

    world.record_delivery_report(report)

    assert world.status(key) is MessageStatus.BOUNCED
    assert counted(world) == (1, 0)


def reports_failing_at_every_call(
    reports: Sequence[Callable[[MessageKey], DeliveryReport]], error: Callable[[], BaseException], *, after_effect: bool
) -> Iterator[tuple[World, MessageKey]]:
    """A world for each call, in which it failed once; every report was delivered again, as its queue does."""
    for number in count():
        world, key = sent_to(ADA, BOB)
        failing = FailingAt(number, after_effect, error())
        with world.watching(failing):
            for make_report in reports:
                try:
                    world.record_delivery_report(make_report(key))
                except (Crash, Unavailable):
                    continue
        if len(failing.calls) <= number:
            return
        for make_report in reports:
            world.record_delivery_report(make_report(key))
        yield world, key


@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("error", [Crash, lambda: Unavailable("no answer")], ids=["crash", "error"])
def test_a_failure_at_any_call_is_healed_by_the_next_delivery_and_counts_once(
    error: Callable[[], BaseException],
    after_effect: bool,  # noqa: FBT001 - a table's column
) -> None:
    reports = [
        lambda key: make_event(key, BOUNCED, ADA),
        lambda key: make_event(key, COMPLAINED, BOB),
        lambda key: make_event(key, FAILED_SOFTLY, BOB),
    ]
    worlds = list(reports_failing_at_every_call(reports, error, after_effect=after_effect))

    assert len(worlds) >= 6
    for world, key in worlds:
        assert world.status(key) is MessageStatus.COMPLAINED
        assert_agrees(world, key)
        assert counted(world) == (1, 1)


# ------------------------------------------------------------------------------------------------------ races


@pytest.mark.parametrize(("slow", "fast"), list(permutations(NEWS, 2)))
@pytest.mark.parametrize("recipient", [ADA, BOB])
def test_two_reports_at_once_end_in_agreement_wherever_they_meet(
    slow: DeliveryStatus, fast: DeliveryStatus, recipient: str
) -> None:
    for number in count():
        world, key = sent_to(ADA, BOB)
        faster = make_event(key, fast, recipient)
        meeting = Meanwhile(number, partial(world.record_delivery_report, faster))
        with world.watching(meeting):
            world.record_delivery_report(make_event(key, slow, ADA))
        if not meeting.has_happened:
            break

        ada, bob = (max(slow, fast), SENT) if recipient == ADA else (slow, fast)
        assert [one.status for one in world.delivery(key).recipients] == [ada, bob]
        assert_agrees(world, key)
    assert number >= 2


@given(st.dictionaries(st.integers(0, 30), st.tuples(st.sampled_from(NEWS), st.sampled_from([ADA, BOB])), max_size=5))
def test_any_number_of_reports_within_one_another_end_in_agreement(
    meanwhile: dict[int, tuple[DeliveryStatus, str]],
) -> None:
    world, key = sent_to(ADA, BOB)
    numbers = count()
    told = [(SENT, ADA), (SENT, BOB), (FAILED_SOFTLY, ADA)]

    def watch(_: str, effect: Callable[[], object]) -> object:
        if (news := meanwhile.get(next(numbers))) is not None:
            told.append(news)
            world.record_delivery_report(make_event(key, *news))
        return effect()

    with world.watching(watch):
        world.record_delivery_report(make_event(key, FAILED_SOFTLY, ADA))

    assert [one.status for one in world.delivery(key).recipients] == [
        max(status for status, recipient in told if recipient == address) for address in (ADA, BOB)
    ]
    assert_agrees(world, key)
