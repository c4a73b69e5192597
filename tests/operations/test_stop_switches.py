"""A stopped inbox, key or account: what is held, what is released, what is discarded, and what each looks like."""

from dataclasses import replace

import pytest

from chalicelib.domain.account import SwitchStatus
from chalicelib.domain.delivery import EventType
from chalicelib.domain.ids import KeyId
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from chalicelib.domain.switch import Switch
from chalicelib.operations.browse_inboxes import DeleteInbox
from chalicelib.operations.manage_keys import DeleteKey
from chalicelib.operations.ports import SendJob, SendThrottled, WakeJob
from tests.factories.accounts import KEY_ID, make_caller, make_inbox, make_key
from tests.operations.stops import ALL, discard, operator_says, release, stop
from tests.operations.unanswered import overdue
from tests.operations.watched import Recording
from tests.operations.world import INBOX, World, make_draft

OTHER_KEY = KeyId("key_another0another0anot")
DAYS = 3 * 86_400.0  # seconds


@pytest.mark.parametrize("switch", ALL)
def test_what_is_queued_when_a_switch_is_turned_is_held_and_says_so_once(switch: Switch) -> None:
    world = World()
    key = world.submitted()
    stop(world, switch)
    world.work()
    world.requeue_unsent()
    world.work()

    assert world.provider.calls == 0
    assert world.status(key) is MessageStatus.QUEUED
    assert world.phase(key) is MessagePhase.QUEUED
    reasons = [entry.reason.code for entry in world.delivery(key).timeline if entry.reason]
    assert reasons == [f"{switch.kind}_suspended"]


def test_a_held_message_has_no_job_so_waiting_costs_nothing() -> None:
    world = World()
    world.submitted()
    stop(world, Switch.of_inbox(INBOX))
    world.work()

    assert world.waiting() == []


@pytest.mark.parametrize("switch", ALL)
def test_what_was_held_goes_when_the_switch_is_turned_back(switch: Switch) -> None:
    world = World()
    keys = [world.submitted() for _ in range(3)]
    stop(world, switch)
    world.work()
    world.clock.advance(DAYS)
    release(world, switch)
    world.work()

    assert [world.status(key) for key in keys] == [MessageStatus.SENT] * 3
    assert world.provider.calls == 3


@pytest.mark.parametrize("switch", ALL)
def test_what_was_discarded_is_failed_for_good_and_told(switch: Switch) -> None:
    world = World()
    key = world.submitted()
    stop(world, switch)
    world.work()
    assert discard(world, switch)
    world.work()
    release(world, switch)
    world.requeue_unsent()
    world.work()

    assert world.provider.calls == 0
    assert world.status(key) is MessageStatus.FAILED
    (recipient,) = world.delivery(key).recipients
    assert recipient.reason is not None
    assert recipient.reason.code == "discarded"
    told = [event.type for event in world.log.events[world.caller.account_id]]
    assert told == [EventType.QUEUED, EventType.FAILED]


def test_nothing_is_discarded_while_mail_may_go() -> None:
    world = World()
    key = world.submitted()

    assert not discard(world, Switch.of_inbox(INBOX))
    assert not discard(world, Switch.of_key(KEY_ID))
    assert not discard(world, Switch.of_account(world.caller.account_id))
    world.work()

    assert world.status(key) is MessageStatus.SENT


def test_what_is_accepted_after_a_discard_goes() -> None:
    world = World()
    old = world.submitted()
    stop(world, Switch.of_inbox(INBOX))
    discard(world, Switch.of_inbox(INBOX))
    release(world, Switch.of_inbox(INBOX))
    world.clock.advance(0.001)
    new = world.submitted()
    world.work()

    assert [world.status(key) for key in (old, new)] == [MessageStatus.FAILED, MessageStatus.SENT]


def test_a_stopped_key_holds_only_what_came_with_it() -> None:
    world = World()
    other = make_key(id=OTHER_KEY)
    world.keys.create(other, b"")
    held, free = world.submitted(), world.submit(caller=make_caller(id=OTHER_KEY)).content.key
    stop(world, Switch.of_key(KEY_ID))
    world.work()
    assert [world.status(key) for key in (held, free)] == [MessageStatus.QUEUED, MessageStatus.SENT]

    release(world, Switch.of_key(KEY_ID))
    world.work()

    assert world.status(held) is MessageStatus.SENT


def test_releasing_a_key_queues_nothing_of_other_keys() -> None:
    world = World()
    mine, other = world.submitted(), world.submit(caller=make_caller(id=OTHER_KEY)).content.key
    world.waiting()
    world._waiting.clear()
    release(world, Switch.of_key(KEY_ID))
    world.deliver_next()

    assert [job.message for _, job in world.waiting()] == [mine]
    assert world.phase(other) is MessagePhase.QUEUED


def test_a_message_between_two_switches_waits_for_both() -> None:
    world = World()
    key = world.submitted()
    stop(world, Switch.of_inbox(INBOX))
    stop(world, Switch.of_key(KEY_ID))
    world.work()
    release(world, Switch.of_inbox(INBOX))
    world.work()
    assert world.status(key) is MessageStatus.QUEUED

    release(world, Switch.of_key(KEY_ID))
    world.work()

    assert world.status(key) is MessageStatus.SENT
    reasons = [entry.reason.code for entry in world.delivery(key).timeline if entry.reason]
    assert reasons == ["inbox_suspended", "key_suspended"]


def test_an_account_and_its_operator_have_a_switch_each() -> None:
    world = World()
    key, account_id = world.submitted(), world.caller.account_id
    switch = Switch.of_account(account_id)
    operator_says(world, SwitchStatus.SUSPENDED)
    stop(world, switch)
    release(world, switch)
    world.work()
    assert world.status(key) is MessageStatus.QUEUED

    world.wake_held.begin(switch, account_id)
    operator_says(world, SwitchStatus.ACTIVE)
    world.work()

    assert world.status(key) is MessageStatus.SENT


def test_a_throttled_message_that_goes_back_is_held_when_it_comes_again() -> None:
    world = World()
    key = world.submitted()
    world.provider.outcomes = [SendThrottled()]
    world.deliver_next()
    stop(world, Switch.of_inbox(INBOX))
    world.work()
    assert world.status(key) is MessageStatus.QUEUED
    assert world.waiting() == []

    release(world, Switch.of_inbox(INBOX))
    world.work()

    assert world.status(key) is MessageStatus.SENT


def test_one_that_ses_may_have_taken_is_not_handed_over_again_and_not_discarded() -> None:
    world, key = overdue()
    calls = world.provider.calls
    stop(world, Switch.of_inbox(INBOX))
    discard(world, Switch.of_inbox(INBOX))
    world.work()

    assert world.provider.calls == calls
    assert world.delivery(key).resent_at is None
    (recipient,) = world.delivery(key).recipients
    assert recipient.reason is not None
    assert recipient.reason.code == "outcome_unknown"


def test_a_reply_is_held_like_any_other_message() -> None:
    world = World()
    first = world.sent()
    thread = world.get_message(first, world.caller).content.thread
    reply = world.submitted(make_draft(thread=thread))
    stop(world, Switch.of_account(world.caller.account_id))
    world.clock.advance(1)  # from when on the stop is in force, whatever a worker knew
    world.work()

    assert world.status(reply) is MessageStatus.QUEUED


def test_older_mail_that_does_not_say_its_key_obeys_inbox_and_account() -> None:
    world = World()
    key = world.submitted()
    world.messages.contents[key] = replace(world.messages.contents[key], key_id=None)
    stop(world, Switch.of_key(KEY_ID))
    world.work()

    assert world.status(key) is MessageStatus.SENT


def test_mail_of_a_key_that_was_deleted_goes_if_it_was_active_and_is_discarded_if_it_was_suspended() -> None:
    world = World()
    other = make_caller(id=OTHER_KEY)
    world.keys.create(other.key, b"")
    goes, stays = world.submitted(), world.submit(caller=other).content.key
    stop(world, Switch.of_key(OTHER_KEY))
    delete_key = DeleteKey(world.keys, world.give_up_held)
    delete_key(KEY_ID, world.caller)
    delete_key(OTHER_KEY, world.caller)
    world.work()

    assert [world.status(key) for key in (goes, stays)] == [MessageStatus.SENT, MessageStatus.FAILED]


def test_deleting_a_suspended_inbox_discards_what_it_holds() -> None:
    world = World()
    key = world.submitted()
    stop(world, Switch.of_inbox(INBOX))
    world.work()
    DeleteInbox(world.inboxes, world.give_up_held)(INBOX, world.caller)
    world.work()

    assert world.phase(key) is MessagePhase.FAILED
    assert world.provider.calls == 0


def test_a_release_works_on_in_parts_oldest_first_whatever_the_number() -> None:
    world = World(daily_send_limit=10_000)
    keys = [world.submitted() for _ in range(2_450)]
    stop(world, Switch.of_inbox(INBOX))
    world.waiting()
    world._waiting.clear()
    release(world, Switch.of_inbox(INBOX))
    recording = Recording()
    with world.watching(recording):
        world.deliver_next()
    part = [job.message for _, job in world.waiting() if isinstance(job, SendJob)]
    assert part == keys[:2_000]
    assert len(recording.calls) < 60
    world.send_queue.jobs = [(job, 0) for _, job in world.waiting()]
    world._waiting.clear()
    (rest,) = [job for job, _ in world.send_queue.jobs if isinstance(job, WakeJob)]
    world.wake_held(rest)

    assert [job.message for _, job in world.waiting() if isinstance(job, SendJob)] == keys


def test_an_accounts_release_goes_through_all_its_inboxes() -> None:
    world = World()
    others = range(100, 230)
    for number in others:
        inbox = make_inbox(number=number, address=f"agent-{number}@mail.example.com", next_sequence=0, sends_today=0)
        world.inboxes.create(inbox)
    keys = [world.submit(inbox_number=number).content.key for number in others] + [world.submitted()]
    switch = Switch.of_account(world.caller.account_id)
    stop(world, switch)
    world.work()
    assert world.provider.calls == 0
    release(world, switch)
    world.work()

    assert {world.status(key) for key in keys} == {MessageStatus.SENT}
    assert world.provider.calls == len(keys)


def test_a_request_that_dies_before_it_turns_the_switch_leaves_everything_held() -> None:
    world = World()
    key = world.submitted()
    stop(world, Switch.of_inbox(INBOX))
    world.work()
    world.wake_held.begin(Switch.of_inbox(INBOX), world.caller.account_id)
    world.work()

    assert world.status(key) is MessageStatus.QUEUED
    assert world.waiting() == []


def test_a_message_deleted_while_it_is_held_is_gone_and_not_released() -> None:
    world = World()
    key = world.submitted()
    stop(world, Switch.of_inbox(INBOX))
    world.work()
    world.delete_message(key, world.caller)
    release(world, Switch.of_inbox(INBOX))
    world.work()

    assert world.leaves_nothing_behind(key)
    assert world.provider.calls == 0
