"""Stopping, releasing and discarding, with a death or somebody else at every call: each message has one truth."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import count

import pytest

from chalicelib.domain.delivery import EventType
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from chalicelib.domain.switch import Switch
from chalicelib.operations.ports import SendJob, WakeJob
from chalicelib.operations.send_message import SendMessage
from chalicelib.operations.switches import Switches
from tests.factories.accounts import KEY_ID
from tests.operations.stops import ALL, discard, release, stop
from tests.operations.watched import Crash, FailingAt, Meanwhile
from tests.operations.world import ADA, BOB, INBOX, World, make_draft

INBOX_SWITCH, KEY_SWITCH = Switch.of_inbox(INBOX), Switch.of_key(KEY_ID)
FAILURES: list[Callable[[], BaseException]] = [Crash, lambda: Unavailable("no answer")]
Act = Callable[[World, MessageKey], object]


def held(switch: Switch) -> tuple[World, MessageKey]:
    world = World()
    key = world.submitted(make_draft(ADA, BOB))
    stop(world, switch)
    world.work()
    assert world.phase(key) is MessagePhase.QUEUED
    return world, key


def repeated(act: Act, world: World, key: MessageKey) -> None:
    """As a client does it that got no answer."""
    for _ in range(3):
        try:
            act(world, key)
        except (Crash, Unavailable):
            continue
        return
    raise AssertionError("it failed three times")


def failing_everywhere(
    prepare: Callable[[], tuple[World, MessageKey]], act: Act, *, after_effect: bool
) -> Iterator[tuple[World, MessageKey]]:
    """A world for each call that `act` and the jobs behind it make, in which that one failed once."""
    for make in FAILURES:
        for number in count():
            world, key = prepare()
            failing = FailingAt(number, after_effect, make())
            with world.watching(failing):
                repeated(act, world, key)
                world.work()
            if len(failing.calls) <= number:
                assert number > 4, "it makes more calls than that"
                break
            yield world, key


def is_truth(world: World, key: MessageKey) -> bool:
    """Either SES has it once and nobody was ever told otherwise, or it never had it and it is failed as discarded."""
    told = {event.type for event in world.log.events[world.caller.account_id] if event.message == key}
    reasons = {entry.reason.code for entry in world.delivery(key).timeline if entry.reason}
    if world.provider.calls:
        sent = world.status(key) is MessageStatus.SENT
        return sent and world.provider.calls == 1 and EventType.FAILED not in told and "discarded" not in reasons
    is_failed = world.status(key) is MessageStatus.FAILED and world.phase(key) is MessagePhase.FAILED
    return is_failed and EventType.FAILED in told and "discarded" in reasons


@pytest.mark.parametrize("after_effect", [False, True])
def test_whatever_dies_while_a_message_is_held_it_stays_held_and_goes_once_when_released(*, after_effect: bool) -> None:
    def prepare() -> tuple[World, MessageKey]:
        world = World()
        key = world.submitted(make_draft(ADA, BOB))
        stop(world, INBOX_SWITCH)
        return world, key

    for world, key in failing_everywhere(prepare, lambda _world, _key: None, after_effect=after_effect):
        assert world.provider.calls == 0
        assert world.phase(key) is MessagePhase.QUEUED
        assert [entry.reason.code for entry in world.delivery(key).timeline if entry.reason] == ["inbox_suspended"]
        release(world, INBOX_SWITCH)
        world.work()
        assert world.provider.calls == 1
        assert world.status(key) is MessageStatus.SENT


@pytest.mark.parametrize("switch", ALL)
@pytest.mark.parametrize("after_effect", [False, True])
def test_whatever_dies_in_a_release_the_message_goes_once(switch: Switch, *, after_effect: bool) -> None:
    def until_sent(world: World, key: MessageKey) -> None:
        release(world, switch)
        for _ in range(5):  # as far as the queue has it
            if world.waiting() and isinstance(world.waiting()[0][1], WakeJob):
                world.deliver_next()

    for world, key in failing_everywhere(lambda: held(switch), until_sent, after_effect=after_effect):
        # Behind the mark a death leaves it in doubt, as ever; before it, it costs nothing but time.
        assert len(world.provider.mails) <= 1
        assert world.status(key) in (MessageStatus.SENT, MessageStatus.FAILED)
        if world.status(key) is MessageStatus.FAILED:
            assert "outcome_unknown" in {entry.reason.code for entry in world.delivery(key).timeline if entry.reason}
        assert world.waiting() == []


@pytest.mark.parametrize("switch", ALL)
@pytest.mark.parametrize("after_effect", [False, True])
def test_whatever_dies_in_a_discard_the_message_is_failed_and_never_sent(switch: Switch, *, after_effect: bool) -> None:
    for world, key in failing_everywhere(
        lambda: held(switch), lambda world, _key: discard(world, switch), after_effect=after_effect
    ):
        assert world.provider.calls == 0
        assert is_truth(world, key)
        assert world.waiting() == []


def meanwhile_everywhere(action: Act) -> Iterator[tuple[World, MessageKey]]:
    """A world for each call of a job that sends, in which something else happened right before it."""
    for number in count():
        world = World()
        key = world.submitted(make_draft(ADA, BOB))
        other = Meanwhile(number, partial(action, world, key))
        with world.watching(other):
            world.deliver_next()
        if not other.has_happened:
            assert number > 5
            return
        world.work()
        yield world, key


def test_a_message_that_is_stopped_on_its_way_is_sent_or_held_and_goes_once_when_released() -> None:
    outcomes = []
    for world, key in meanwhile_everywhere(lambda world, _key: stop(world, INBOX_SWITCH)):
        outcomes.append(world.provider.calls)
        assert world.status(key) is (MessageStatus.SENT if world.provider.calls else MessageStatus.QUEUED)
        release(world, INBOX_SWITCH)
        world.work()
        assert world.provider.calls == 1
        assert world.status(key) is MessageStatus.SENT

    assert outcomes[:4] == [0, 0, 0, 0]  # the switch is read beside the write that precedes the mark
    assert set(outcomes[4:]) == {1}


def test_a_message_that_is_stopped_and_discarded_on_its_way_has_one_truth() -> None:
    def stop_and_discard(world: World, _key: MessageKey) -> None:
        stop(world, INBOX_SWITCH)
        assert discard(world, INBOX_SWITCH)

    truths = [is_truth(world, key) for world, key in meanwhile_everywhere(stop_and_discard)]

    assert all(truths)


def test_a_message_whose_switch_is_turned_back_while_it_is_held_is_not_forgotten() -> None:
    for number in count():
        world = World()
        key = world.submitted()
        stop(world, KEY_SWITCH)

        def released(world: World = world) -> None:
            release(world, KEY_SWITCH)
            for _, job in world.waiting():  # its walk has passed by before the message is put back
                if isinstance(job, WakeJob):
                    world.wake_held(job)
            world._waiting = [(due, job) for due, job in world._waiting if not isinstance(job, WakeJob)]

        meanwhile = Meanwhile(number, released)
        with world.watching(meanwhile):
            world.deliver_next()
        if not meanwhile.has_happened:
            assert number > 5
            return
        world.work()
        assert world.status(key) is MessageStatus.SENT, f"forgotten at call {number}"
        assert world.provider.calls == 1


@pytest.mark.parametrize("pause", [0.0, 0.6, 2.0, 30.0])
def test_a_worker_that_stands_still_anywhere_while_others_discard_its_message_does_not_send_it(pause: float) -> None:
    def stands_still(world: World, key: MessageKey) -> None:
        stop(world, INBOX_SWITCH)
        assert discard(world, INBOX_SWITCH)
        world.clock.advance(pause)
        other = another_process(world)
        for _ in range(3):
            for job in [job for _, job in world.waiting() if not isinstance(job, WakeJob)]:
                other(job)
            other(SendJob(key, world.clock(), woken=True))

    late = []
    for world, key in meanwhile_everywhere(stands_still):
        assert is_truth(world, key)
        late.append(world.provider.calls)

    # Once SES is being called nobody can stop it. A process that stood still for a second right before that looks again.
    assert late[:4] == [0, 0, 0, 0]
    assert set(late[4:6]) == {0 if pause > 1 else 1}
    assert set(late[6:]) == {1}


def another_process(world: World) -> SendMessage:
    """A worker that has read nothing yet."""
    made, switches = world.send_message, Switches(world.switch_store, world.clock)
    hand_over = replace(made.hand_over, switches=switches)
    settle = replace(made.settle_ambiguous, switches=switches, hand_over=hand_over)
    hold = replace(made.hold, switches=switches)
    return replace(made, switches=switches, hold=hold, hand_over=hand_over, settle_ambiguous=settle)
