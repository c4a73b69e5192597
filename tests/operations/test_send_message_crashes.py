"""Whatever dies or comes in between, and at whichever call: no message goes twice, and each comes to an end."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.delivery import Reason
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.errors import NotFound, Unavailable
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.ports import SendJob, SendOutcomeUnknown, SendPaused, SendRefused, SendThrottled
from tests.factories.accounts import NOON
from tests.operations.watched import Crash, Effect, FailingAt, Meanwhile
from tests.operations.world import ADA, BOB, World, make_draft, make_event

Errors = Callable[[], list[Exception | None]]

ANSWERS: dict[str, Errors] = {
    "accepted": list,
    "refused": lambda: [SendRefused(Reason("content_rejected", "SES does not take this content."))],
    "throttled first": lambda: [SendThrottled(), None],
    "paused first": lambda: [SendPaused(), None],
    "no answer": lambda: [SendOutcomeUnknown()],
}
FAILURES: dict[str, Callable[[], BaseException]] = {"crash": Crash, "error": lambda: Unavailable("no answer")}


def world_with_message(answers: Errors = ANSWERS["accepted"]) -> tuple[World, MessageKey]:
    world = World()
    world.provider.outcomes = answers()
    return world, world.submitted(make_draft(ADA, BOB))


def assert_at_rest(world: World, key: MessageKey) -> None:
    """Sent at most once, ended, and list and record say the same; what was not sent says so."""
    assert len(world.provider.mails) <= 1
    assert world.waiting() == []
    assert world.status(key) is world.delivery(key).message_status
    assert world.status(key) in (
        (MessageStatus.SENT, MessageStatus.FAILED) if world.provider.mails else (MessageStatus.FAILED,)
    )


def failures_at_every_call(answers: Errors, kind: str, *, after_effect: bool) -> Iterator[tuple[World, MessageKey]]:
    """A world for each call a job makes, in which that call failed once and the queue then came to rest."""
    for number in count():
        world, key = world_with_message(answers)
        failing = FailingAt(number, after_effect, FAILURES[kind]())
        with world.watching(failing):
            world.work()
        if len(failing.calls) <= number:
            assert number > 4, "a job makes more calls than that"
            return
        yield world, key


@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", FAILURES)
@pytest.mark.parametrize("answers", ANSWERS)
def test_a_failure_at_any_call_never_sends_twice_and_the_message_comes_to_an_end(
    answers: str,
    kind: str,
    after_effect: bool,  # noqa: FBT001 - a table's column
) -> None:
    for world, key in failures_at_every_call(ANSWERS[answers], kind, after_effect=after_effect):
        assert_at_rest(world, key)


@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", FAILURES)
def test_after_a_failure_at_any_call_the_news_of_ses_has_the_last_word(
    kind: str,
    after_effect: bool,  # noqa: FBT001 - a table's column
) -> None:
    for world, key in failures_at_every_call(ANSWERS["accepted"], kind, after_effect=after_effect):
        if not world.provider.mails:
            continue
        world.record_delivery_report(make_event(key, DeliveryStatus.DELIVERED, ADA))
        world.record_delivery_report(make_event(key, DeliveryStatus.DELIVERED, BOB))

        assert world.status(key) is MessageStatus.DELIVERED
        assert world.delivery(key).message_id_header == "<ses-1@ses.example.com>"
        assert world.ses_message_ids.get("ses-1") == key


def test_only_a_crash_between_the_mark_and_the_record_leaves_a_message_unsent_or_unknown() -> None:
    """Every other crash costs nothing but time: the message is sent."""
    ends: dict[str, list[MessageStatus]] = {}
    for after_effect in (False, True):
        for number, (world, key) in enumerate(
            failures_at_every_call(ANSWERS["accepted"], "crash", after_effect=after_effect)
        ):
            ends.setdefault(f"{number}", []).append(world.status(key))

    unknown = [number for number, statuses in ends.items() if MessageStatus.FAILED in statuses]

    # 5: the mark (died after it) … 7: the record of the acceptance (died before it)
    assert unknown == ["5", "6", "7"]


# -------------------------------------------------------------------------------------- somebody in between


def meanwhile_at_every_call(action: Callable[[World, MessageKey], object]) -> Iterator[tuple[World, MessageKey]]:
    """A world for each call a job makes, in which something else happened right before that call."""
    for number in count():
        world, key = world_with_message()
        meanwhile = Meanwhile(number, partial(action, world, key))
        with world.watching(meanwhile):
            world.work()
        if not meanwhile.has_happened:
            assert number > 4, "a job makes more calls than that"
            return
        yield world, key


def test_two_workers_with_the_same_job_send_once_wherever_they_meet() -> None:
    for world, key in meanwhile_at_every_call(lambda world, key: world.deliver(SendJob(key, NOON))):
        assert world.provider.calls == 1
        assert world.status(key) is MessageStatus.SENT


def test_a_message_deleted_at_any_moment_leaves_nothing_behind_and_is_not_sent_after_that() -> None:
    sent = []
    for world, key in meanwhile_at_every_call(lambda world, key: world.delete_message(key, world.caller)):
        assert world.leaves_nothing_behind(key)
        sent.append(world.provider.calls)

    # Deleted before the mark it is not sent; once it is marked, it may be on its way.
    assert sent[:6] == [0, 0, 0, 0, 0, 0]
    assert set(sent[6:]) == {1}


@pytest.mark.parametrize("status", [DeliveryStatus.DELIVERED, DeliveryStatus.BOUNCED, DeliveryStatus.COMPLAINED])
def test_news_that_is_faster_than_the_workers_own_record_is_kept(status: DeliveryStatus) -> None:
    early: list[World] = []

    def report(world: World, key: MessageKey) -> None:
        if world.provider.mails:
            early.append(world)
            for recipient in (ADA, BOB):
                world.record_delivery_report(make_event(key, status, recipient))

    for world, key in meanwhile_at_every_call(report):
        if world not in early:
            continue  # SES did not have the mail yet
        assert world.status(key) is status.shown
        assert all(recipient.status is status for recipient in world.delivery(key).recipients)
        assert world.delivery(key).message_id_header == "<ses-1@ses.example.com>"
    assert len(early) >= 3


# ---------------------------------------------------------------------------------------- all of it at once

HAPPENINGS = st.dictionaries(
    st.integers(0, 40),
    st.sampled_from(["crash", "error", "another worker", "news", "deletion", "hours"]),
    max_size=6,
)


@dataclass
class Turmoil:
    """Things that happen at calls with certain numbers, also at the calls of what happened."""

    world: World
    key: MessageKey
    happenings: dict[int, str]
    calls: Iterator[int] = field(default_factory=count)
    is_deleted: bool = False

    def __call__(self, _: str, effect: Effect) -> Any:
        match self.happenings.get(next(self.calls)):
            case "crash":
                raise Crash
            case "error":
                raise Unavailable("no answer")
            case "another worker":
                self.world.deliver(SendJob(self.key, NOON))
            case "news":
                self.hear()
            case "deletion":
                self.delete()
            case "hours":
                self.world.clock.advance(7_200)
        return effect()

    def hear(self) -> None:
        """News only of a mail that SES has; a report that dies is delivered again by its queue, later."""
        if self.world.provider.mails:
            try:
                self.world.record_delivery_report(make_event(self.key, DeliveryStatus.DELIVERED, ADA))
            except (Crash, Unavailable):
                return

    def delete(self) -> None:
        try:
            self.world.delete_message(self.key, self.world.caller)
        except (Crash, Unavailable, NotFound):
            return
        self.is_deleted = True


@settings(max_examples=300)
@given(HAPPENINGS, st.sampled_from(sorted(ANSWERS)))
def test_in_any_turmoil_no_message_goes_twice_and_each_comes_to_an_end(
    happenings: dict[int, str], answers: str
) -> None:
    world, key = world_with_message(ANSWERS[answers])
    turmoil = Turmoil(world, key, happenings)

    with world.watching(turmoil):
        world.work()

    assert len(world.provider.mails) <= 1
    if turmoil.is_deleted:
        assert world.leaves_nothing_behind(key)
    elif world.phase(key) is not MessagePhase.GONE:  # gone: its deletion died half-way
        for recipient in (ADA, BOB) if world.provider.mails else ():
            world.record_delivery_report(make_event(key, DeliveryStatus.DELIVERED, recipient))
        wanted = MessageStatus.DELIVERED if world.provider.mails else MessageStatus.FAILED
        assert world.status(key) is wanted is world.delivery(key).message_status
