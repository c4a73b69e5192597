"""A message that has no turn yet: it waits in its worker for a moment, or goes back to the queue without a mark on it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from chalicelib.domain.delivery import EventType
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.ports import SendNotReached, SendPaused, SendThrottled
from chalicelib.operations.send_delays import PAUSE_LIMIT
from chalicelib.operations.send_message import TURN_DEADLINE
from chalicelib.operations.send_reasons import OUTCOME_UNKNOWN
from chalicelib.operations.settle_ambiguous import TURN_PATIENCE
from tests.factories.accounts import NOON
from tests.operations.unanswered import MARGIN, ambiguous, hear_of_another, work_until
from tests.operations.watched import Meanwhile, Recording
from tests.operations.world import ADA, BOB, EVE, EVIDENCE_WINDOW, OUTCOME_UNKNOWN_AFTER, World, make_draft


@dataclass
class ScriptedPace:
    """Gives turns as told, and notes what it is asked."""

    is_taken: bool = False
    knows_it: bool = False
    knows_of_pause: bool = False
    asked: list[tuple[int, timedelta]] = field(default_factory=list)
    slowed: int = 0
    paused: int = 0
    on_turn: Callable[[], object] = lambda: None

    def is_full(self, patience: timedelta) -> bool:
        return self.knows_it or self.knows_of_pause

    def is_paused(self) -> bool:
        return self.knows_of_pause

    def turn(self, recipients: int, patience: timedelta) -> bool:
        self.asked.append((recipients, patience))
        self.on_turn()
        return not self.is_taken

    def slow_down(self) -> None:
        self.slowed += 1

    def pause(self) -> None:
        self.paused += 1


class PacedWorld(World):
    """A world whose pace is told what to do."""

    def __init__(self) -> None:
        super().__init__()
        self.script = ScriptedPace()
        self.pace = self.script
        self._wire()


def test_each_recipient_counts_and_a_message_asks_once() -> None:
    world = PacedWorld()
    world.sent(make_draft(ADA, BOB, EVE))

    assert world.script.asked == [(3, TURN_PATIENCE)]


def test_without_a_turn_it_goes_back_unmarked_and_the_timeline_says_why() -> None:
    world = PacedWorld()
    key = world.submitted()
    world.script.is_taken = True

    world.deliver_next()

    assert world.provider.calls == 0
    assert world.phase(key) is MessagePhase.CLAIMED
    assert world.delivery(key).submitted_at is None
    (entry,) = world.delivery(key).timeline
    assert (entry.type, entry.reason and entry.reason.code) == (EventType.SENDING, "awaits_turn")
    world.script.is_taken = False
    world.work()
    assert world.status(key) is MessageStatus.SENT


def test_while_all_turns_are_known_to_be_taken_a_job_costs_one_call() -> None:
    world = PacedWorld()
    key = world.submitted()
    world.script.knows_it = True
    heard = Recording()

    with world.watching(heard):
        world.deliver_next()

    assert heard.calls == ["send_queue.put"]
    assert world.status(key) is MessageStatus.QUEUED


def test_jobs_without_a_turn_never_end_and_come_back_spread_over_a_minute() -> None:
    world = PacedWorld()
    keys = [world.submitted() for _ in range(50)]
    world.script.knows_it = True
    delays = []
    for _ in range(400):
        job = world.taken()
        world.send_message(job)
        delays.append((job.deferrals, world.send_queue.jobs[-1][1]))

    assert all(1 <= delay <= 60 for _, delay in delays)
    assert len({delay for deferrals, delay in delays if deferrals == 0}) == 5
    assert len({delay for deferrals, delay in delays if deferrals >= 4}) > 30
    world.script.knows_it = False
    world.work()
    assert {world.status(key) for key in keys} == {MessageStatus.SENT}


def test_the_time_of_the_call_is_the_time_after_the_wait() -> None:
    """Evidence counts from there: news of a mail that SES took while this one still waited proves nothing about it."""
    world = PacedWorld()
    key = world.submitted()
    world.script.on_turn = lambda: world.clock.advance(9)

    world.work()

    assert world.delivery(key).submitted_at == NOON + timedelta(seconds=9)


def test_a_job_that_took_long_already_waits_less() -> None:
    world = PacedWorld()
    world.submitted()

    with world.watching(Meanwhile("messages.get", lambda: world.clock.advance(15))):
        world.work()

    assert world.script.asked == [(1, TURN_DEADLINE - timedelta(seconds=15))]


def test_throttling_lowers_the_pace() -> None:
    world = PacedWorld()
    world.provider.outcomes = [SendThrottled()]
    world.submitted()

    world.work()

    assert world.script.slowed == 1


def test_a_pause_of_the_account_pauses_the_others_of_the_process() -> None:
    world = PacedWorld()
    world.provider.outcomes = [SendPaused()]
    world.submitted()

    world.work()

    assert world.script.paused == 1


def test_a_message_that_met_a_pause_of_24_hours_is_tried_once_more_whatever_is_known() -> None:
    world = PacedWorld()
    key = world.submitted()
    world.script.knows_of_pause = True
    world.provider.outcomes = [SendPaused()]
    while world.clock() <= NOON + PAUSE_LIMIT:
        assert world.status(key) is MessageStatus.QUEUED
        world.deliver_next()

    world.work()

    assert world.provider.calls == 1
    assert world.status(key) is MessageStatus.FAILED
    assert world.waiting() == []


def test_a_message_that_waits_for_its_turn_for_days_is_sent_although_ses_is_not_reached_once() -> None:
    world = PacedWorld()
    key = world.submitted()
    world.script.knows_it = True
    while world.clock() < NOON + 3 * PAUSE_LIMIT:
        world.deliver_next()
    world.script.knows_it = False
    world.provider.outcomes = [SendNotReached()]

    world.work()

    assert world.status(key) is MessageStatus.SENT


def test_what_needs_no_turn_is_done_although_ses_takes_nothing_so_soon() -> None:
    world, key = ambiguous()
    world.pace = ScriptedPace(knows_it=True)
    world._wire()

    while world.waiting() and world.clock() < NOON + 2 * OUTCOME_UNKNOWN_AFTER:
        world.deliver_next()

    assert world.delivery(key).recipients[0].reason == OUTCOME_UNKNOWN
    assert world.clock() < NOON + OUTCOME_UNKNOWN_AFTER + timedelta(minutes=15)


def test_a_resend_takes_a_turn_too_and_without_one_comes_back() -> None:
    world, key = ambiguous()
    world.clock.now = NOON + 2 * MARGIN
    hear_of_another(world, world.clock())
    world.pace = script = ScriptedPace(is_taken=True)
    world._wire()
    work_until(world, NOON + EVIDENCE_WINDOW)

    world.deliver_next()
    assert (world.provider.calls, world.delivery(key).resent_at) == (0, None)
    script.is_taken = False
    world.work()

    assert script.asked == [(1, TURN_PATIENCE)] * 2
    assert len(world.provider.mails) == 1
    assert world.status(key) is MessageStatus.SENT
