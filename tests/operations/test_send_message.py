"""Handing a message to SES: what each answer leads to, and how long a message waits for which."""

from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.delivery import EventType, Reason
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.ports import (
    Envelope,
    SendJob,
    SendNotReached,
    SendOutcomeUnknown,
    SendPaused,
    SendRefused,
    SendThrottled,
)
from chalicelib.operations.send_message import (
    PAUSE_DELAY,
    PAUSE_LIMIT,
    RIVAL_DELAY,
    THROTTLE_DELAYS,
    UNCOMMITTED_DELAY,
)
from tests.factories.accounts import NOON
from tests.factories.messages import make_content, make_mailbox
from tests.operations.watched import Crash, Failing, Meanwhile, Recording
from tests.operations.world import (
    ABANDON_AFTER,
    ADA,
    BOB,
    EVE,
    EVIDENCE_WINDOW,
    IDS,
    INBOX,
    OUTCOME_UNKNOWN_AFTER,
    World,
    make_draft,
    make_event,
)

THREAD = ThreadKey(INBOX, 0)
REFUSAL = Reason("ses_sandbox_unverified", "The account is in the sandbox; verify the recipient's address.")
WINDOW = EVIDENCE_WINDOW.total_seconds()


# ------------------------------------------------------------------------------------------------- sent


def test_a_queued_message_is_handed_over_once_and_shown_as_sent() -> None:
    world = World()
    key = world.submitted()

    world.work()

    assert world.provider.calls == 1
    assert world.status(key) is MessageStatus.SENT
    assert world.phase(key) is MessagePhase.SENT
    assert [recipient.status for recipient in world.delivery(key).recipients] == [DeliveryStatus.SENT]


def test_ses_gets_the_envelope_of_every_recipient_and_our_message_id() -> None:
    world = World()
    key = world.sent(make_draft(ADA, cc=(make_mailbox(BOB, "Bob"),), bcc=(make_mailbox(EVE),)))

    (handed,) = world.provider.mails

    assert handed.envelope == Envelope("agent@mail.example.com", (ADA, BOB, EVE))
    assert handed.message_id == IDS.message_id(key)
    assert EVE.encode() not in handed.mail
    assert message_from_bytes(handed.mail)["Subject"] == "Hello"


def test_the_ids_that_ses_gives_are_kept_and_lead_back_to_the_message() -> None:
    world = World()
    key = world.sent()

    delivery = world.delivery(key)

    assert delivery.ses_message_id == "ses-1"
    assert delivery.message_id_header == "<ses-1@ses.example.com>"
    assert world.ses_message_ids.get("ses-1") == key


def test_the_timeline_tells_when_a_worker_took_the_message_and_when_ses_did() -> None:
    world = World()
    key = world.submitted()
    world.clock.advance(2)
    with world.watching(Meanwhile("provider.send", lambda: world.clock.advance(1))):
        world.work()

    told = [(entry.type, entry.occurred_at - NOON) for entry in world.delivery(key).timeline]

    assert told == [(EventType.SENDING, timedelta(seconds=2)), (EventType.SENT, timedelta(seconds=3))]


def test_while_ses_is_called_the_message_is_marked_and_the_time_is_on_record() -> None:
    world = World()
    key = world.submitted()
    seen: list[object] = []

    def look() -> None:
        seen.extend((world.phase(key), world.status(key), world.delivery(key).submitted_at))

    with world.watching(Meanwhile("provider.send", look)):
        world.work()

    assert seen == [MessagePhase.SUBMITTING, MessageStatus.SENDING, NOON]


def test_the_marks_go_before_the_call_and_the_record_after_it() -> None:
    world = World()
    world.submitted()
    recording = Recording()

    with world.watching(recording):
        world.work()

    assert recording.calls == [
        "index.advance",  # claimed
        "messages.get",
        "messages.save_delivery",
        "index.advance",  # submitting
        "provider.send",
        "ses_message_ids.put",
        "messages.save_delivery",
        "index.advance",  # sent
    ]


@pytest.mark.parametrize("times", [1, 2])
def test_a_job_for_a_message_that_is_sent_does_nothing(times: int) -> None:
    world = World()
    key = world.sent()
    before = world.delivery(key)

    for _ in range(times):
        world.send_message(SendJob(key, NOON))

    assert world.provider.calls == 1
    assert world.delivery(key) == before
    assert world.waiting() == []


@pytest.mark.parametrize(
    "status", [DeliveryStatus.DELIVERED, DeliveryStatus.BOUNCED, DeliveryStatus.COMPLAINED, DeliveryStatus.FAILED]
)
def test_a_job_for_a_message_of_which_there_is_news_does_nothing(status: DeliveryStatus) -> None:
    world = World()
    key = world.sent()
    world.record_delivery_report(make_event(key, status))

    world.send_message(SendJob(key, NOON))

    assert world.provider.calls == 1
    assert world.status(key) is status.shown


# ---------------------------------------------------------------------------------------------- refused


def test_a_refusal_fails_the_message_with_its_reason() -> None:
    world = World()
    world.provider.outcomes = [SendRefused(REFUSAL)]
    key = world.submitted(make_draft(ADA, BOB))

    world.work()

    assert world.status(key) is MessageStatus.FAILED
    for recipient in world.delivery(key).recipients:
        assert (recipient.status, recipient.reason) == (DeliveryStatus.FAILED_LOCALLY, REFUSAL)
    assert world.provider.calls == 1


def test_a_refused_message_is_not_tried_again() -> None:
    world = World()
    world.provider.outcomes = [SendRefused(REFUSAL)]
    key = world.submitted()
    world.work()

    world.send_message(SendJob(key, NOON))

    assert world.provider.calls == 1
    assert world.waiting() == []


def test_a_message_that_cannot_be_composed_fails_without_reaching_ses() -> None:
    world = World()
    key = world.submitted()
    world.messages.put(replace(make_content(key=key, thread=THREAD), headers={"Bcc": EVE}))

    world.work()

    assert world.provider.calls == 0
    assert world.status(key) is MessageStatus.FAILED
    reason = world.delivery(key).recipients[0].reason
    assert reason is not None
    assert reason.code == "compose_failed"
    assert not reason.retryable


def test_a_message_that_cannot_be_composed_and_is_deleted_meanwhile_leaves_nothing_behind() -> None:
    world = World()
    key = world.submitted()
    world.messages.put(replace(make_content(key=key, thread=THREAD), headers={"Bcc": EVE}))

    with world.watching(Meanwhile("messages.save_delivery", lambda: world.delete_message(key, world.caller))):
        world.work()

    assert world.leaves_nothing_behind(key)


# --------------------------------------------------------------------------------- throttled, paused, not reached


def test_a_throttled_message_is_queued_again_and_comes_back_with_growing_delay() -> None:
    world = World()
    world.provider.outcomes = [SendThrottled()] * (len(THROTTLE_DELAYS) + 2)
    key = world.submitted()
    world.deliver_next()
    delays = []

    while world.status(key) is MessageStatus.QUEUED:
        delays.append(world.only_job()[0])
        world.deliver_next()

    assert delays == [*THROTTLE_DELAYS, THROTTLE_DELAYS[-1], THROTTLE_DELAYS[-1]]
    assert sorted(delays) == delays
    assert world.status(key) is MessageStatus.SENT


def test_throttling_never_fails_a_message_however_long_it_takes() -> None:
    world = World()
    world.provider.outcomes = [SendThrottled()] * 3
    key = world.submitted()

    for _ in range(3):
        world.clock.advance(2 * PAUSE_LIMIT.total_seconds())
        world.deliver_next()
        assert world.status(key) is MessageStatus.QUEUED
    world.work()

    assert world.status(key) is MessageStatus.SENT


def test_a_put_back_job_remembers_its_age_and_counts_its_deferrals() -> None:
    world = World()
    world.provider.outcomes = [SendThrottled(), SendPaused(), SendNotReached()]
    key = world.submitted()

    for deferrals in (1, 2, 3):
        world.deliver_next()
        assert world.only_job()[1] == SendJob(key, queued_at=NOON, deferrals=deferrals)


def test_while_sending_is_paused_the_message_stays_queued_and_probes_once_a_minute() -> None:
    world = World()
    world.provider.outcomes = [SendPaused()] * 5
    key = world.submitted()

    for _ in range(5):
        world.deliver_next()
        assert world.status(key) is MessageStatus.QUEUED
        assert world.only_job()[0] == PAUSE_DELAY == 60
    world.work()

    assert world.status(key) is MessageStatus.SENT


@pytest.mark.parametrize("error", [SendPaused, SendNotReached])
def test_after_24_hours_of_pause_the_message_fails_and_may_be_sent_again(error: type[Exception]) -> None:
    world = World()
    world.provider.outcomes = [error(), error(), error()]
    key = world.submitted()
    world.deliver_next()

    world.clock.now = NOON + timedelta(hours=24)
    world.deliver_next()
    assert world.status(key) is MessageStatus.QUEUED
    world.clock.now = NOON + timedelta(hours=24, minutes=2)
    world.deliver_next()

    assert world.status(key) is MessageStatus.FAILED
    reason = world.delivery(key).recipients[0].reason
    assert reason is not None
    assert (reason.code, reason.retryable) == ("sending_paused", True)
    assert world.waiting() == []


def test_when_ses_is_not_reached_the_message_is_tried_again_soon() -> None:
    world = World()
    world.provider.outcomes = [SendNotReached()] * 2
    key = world.submitted()

    world.deliver_next()
    assert world.only_job()[0] == THROTTLE_DELAYS[0]
    assert world.status(key) is MessageStatus.QUEUED
    world.work()

    assert world.status(key) is MessageStatus.SENT


@given(
    st.lists(st.sampled_from([SendThrottled, SendPaused, SendNotReached]), max_size=20).map(
        lambda kinds: [kind() for kind in kinds]
    )
)
def test_whatever_ses_certainly_did_not_take_is_sent_in_the_end_and_once(outcomes: list[Exception | None]) -> None:
    world = World()
    tries = len(outcomes) + 1
    world.provider.outcomes = outcomes
    key = world.submitted()

    world.work()

    assert world.status(key) is MessageStatus.SENT
    assert (world.provider.calls, len(world.provider.mails)) == (tries, 1)
    assert [entry.type for entry in world.delivery(key).timeline] == [EventType.SENDING, EventType.SENT]


# ------------------------------------------------------------------------------------------------ ambiguous


def ambiguous(*, taken: bool, draft_to: tuple[str, ...] = (ADA,)) -> tuple[World, MessageKey]:
    """A message that SES was handed without an answer coming back; whether SES has taken it."""
    world = World()
    key = world.submitted(make_draft(*draft_to))
    with world.watching(Failing("provider.send", [SendOutcomeUnknown()], after_effect=taken)):
        world.deliver_next()
    return world, key


@pytest.mark.parametrize("taken", [True, False])
def test_without_an_answer_the_message_stays_sending_and_waits_for_evidence(taken: bool) -> None:  # noqa: FBT001
    world, key = ambiguous(taken=taken)

    assert world.phase(key) is MessagePhase.SUBMITTING
    assert world.status(key) is MessageStatus.SENDING
    assert world.only_job()[0] == WINDOW


@pytest.mark.parametrize("taken", [True, False])
def test_without_any_evidence_it_fails_as_outcome_unknown_and_is_never_sent_again(taken: bool) -> None:  # noqa: FBT001
    world, key = ambiguous(taken=taken)
    calls = world.provider.calls

    world.work()

    assert world.provider.calls == calls
    assert world.status(key) is MessageStatus.FAILED
    recipient = world.delivery(key).recipients[0]
    assert recipient.status is DeliveryStatus.FAILED_LOCALLY
    assert recipient.reason is not None
    assert recipient.reason.code == "outcome_unknown"
    assert world.clock() - NOON == OUTCOME_UNKNOWN_AFTER


def test_an_ambiguous_message_is_looked_at_once_a_window_and_when_it_is_given_up() -> None:
    world, _ = ambiguous(taken=False)
    looks = []

    while world.waiting():
        looks.append(world.only_job()[0])
        world.deliver_next()

    assert looks == [WINDOW] * 4


@pytest.mark.parametrize("minute", [1, 14, 16, 59])
def test_news_that_comes_while_it_waits_settles_it(minute: int) -> None:
    world, key = ambiguous(taken=True)
    while world.waiting() and world.only_job()[0] + (world.clock() - NOON).total_seconds() < minute * 60:
        world.deliver_next()
    world.clock.now = NOON + timedelta(minutes=minute)

    world.record_delivery_report(make_event(key, DeliveryStatus.SENT, None))
    assert world.status(key) is MessageStatus.SENT
    world.work()

    assert world.status(key) is MessageStatus.SENT
    assert world.provider.calls == 1


@pytest.mark.parametrize(
    "status", [DeliveryStatus.SENT, DeliveryStatus.DELIVERED, DeliveryStatus.BOUNCED, DeliveryStatus.COMPLAINED]
)
def test_news_that_comes_after_it_was_given_up_corrects_it(status: DeliveryStatus) -> None:
    world, key = ambiguous(taken=True)
    world.work()

    world.record_delivery_report(make_event(key, status))

    assert world.status(key) is status.shown
    assert world.delivery(key).recipients[0].reason is None
    assert world.provider.calls == 1


def test_news_about_one_recipient_proves_that_the_mail_went_to_all() -> None:
    world, key = ambiguous(taken=True, draft_to=(ADA, BOB))

    world.record_delivery_report(make_event(key, DeliveryStatus.DELIVERED, BOB))
    world.work()

    assert [recipient.status for recipient in world.delivery(key).recipients] == [
        DeliveryStatus.SENT,
        DeliveryStatus.DELIVERED,
    ]
    assert world.status(key) is MessageStatus.SENT


def test_the_job_shows_what_a_report_recorded_but_did_not_live_to_show() -> None:
    world, key = ambiguous(taken=True)
    with world.watching(Failing("index.advance", [Crash()])), pytest.raises(Crash):
        world.record_delivery_report(make_event(key, DeliveryStatus.DELIVERED))
    assert world.status(key) is MessageStatus.SENDING

    world.deliver_next()

    assert world.status(key) is MessageStatus.DELIVERED
    assert world.waiting() == []


def test_the_job_shows_a_refusal_that_its_worker_did_not_live_to_show() -> None:
    world = World()
    world.provider.outcomes = [SendRefused(REFUSAL)]
    key = world.submitted()
    with world.watching(Failing("index.advance", [None, None, Crash()])):  # claimed, marked, then not shown
        world.deliver_next()
    assert world.status(key) is MessageStatus.SENDING
    world.deliver_next()

    assert world.status(key) is MessageStatus.FAILED
    assert world.delivery(key).recipients[0].reason == REFUSAL
    assert world.waiting() == []


def test_a_message_deleted_while_it_waits_for_evidence_is_left_in_peace() -> None:
    world, key = ambiguous(taken=False)
    world.delete_message(key, world.caller)

    world.work()

    assert world.leaves_nothing_behind(key)
    assert world.provider.calls == 0 or world.provider.mails == []


# ------------------------------------------------------------------------------------------------- rivals


def test_a_worker_that_finds_another_at_the_message_comes_back_later() -> None:
    world = World()
    key = world.submitted()
    job = world.taken()

    with world.watching(Meanwhile("provider.send", lambda: world.send_message(job))):
        world.send_message(job)

    assert world.provider.calls == 1
    assert world.status(key) is MessageStatus.SENT
    delay, again = world.only_job()
    assert (delay, again.message) == (WINDOW, key)


def test_a_worker_overtaken_before_the_mark_comes_back_later() -> None:
    world = World()
    world.submitted()
    job = world.taken()

    with world.watching(Meanwhile("messages.save_delivery", lambda: world.send_message(job))):
        world.send_message(job)

    assert world.provider.calls == 1
    assert world.only_job()[0] == RIVAL_DELAY


# ---------------------------------------------------------------------------------------------- uncommitted


def uncommitted() -> tuple[World, MessageKey]:
    """A message whose request died right before the commit, with its job in the queue."""
    world = World()
    with world.watching(Failing("index.commit", [Crash()])), pytest.raises(Crash):
        world.submit()
    return world, world.named[0]


def test_a_job_waits_for_a_message_that_is_not_committed_yet() -> None:
    world, key = uncommitted()

    world.deliver_next()

    assert world.phase(key) is MessagePhase.RESERVED
    assert world.only_job() == (UNCOMMITTED_DELAY, SendJob(key, NOON, deferrals=1))


def test_when_no_request_can_be_alive_any_more_the_reservation_is_killed() -> None:
    world, key = uncommitted()

    world.work()

    assert world.clock() - NOON > ABANDON_AFTER
    assert world.leaves_nothing_behind(key)
    assert world.provider.calls == 0


def test_a_commit_in_the_very_moment_of_giving_up_is_not_lost() -> None:
    world, key = uncommitted()
    world.clock.advance(ABANDON_AFTER.total_seconds() + 1)

    def commit() -> None:
        assert world.index.commit(key, MessagePhase.QUEUED, lambda: (key.sequence,))

    # The worker looks, finds nothing committed, and is about to kill.
    with world.watching(Meanwhile("index.advance", commit, skip=1)):
        world.deliver_next()
    world.work()

    assert world.status(key) is MessageStatus.SENT
    assert world.provider.calls == 1


def test_a_killing_that_died_half_way_is_finished_by_the_next_job() -> None:
    world, key = uncommitted()
    world.clock.advance(ABANDON_AFTER.total_seconds() + 1)

    with world.watching(Failing("threads.leave", [Crash()])):
        world.deliver_next()
    assert world.messages.get(key) is not None
    world.work()

    assert world.leaves_nothing_behind(key)


# ------------------------------------------------------------------------------------------------- deleted


def test_a_message_deleted_while_it_is_queued_is_not_sent() -> None:
    world = World()
    key = world.submitted()
    world.delete_message(key, world.caller)

    world.work()

    assert world.provider.calls == 0
    assert world.leaves_nothing_behind(key)


@pytest.mark.parametrize("moment", ["messages.get", "messages.save_delivery"])
def test_a_message_deleted_between_claim_and_mark_is_not_sent(moment: str) -> None:
    world = World()
    key = world.submitted()

    with world.watching(Meanwhile(moment, lambda: world.delete_message(key, world.caller))):
        world.work()

    assert world.provider.calls == 0
    assert world.leaves_nothing_behind(key)


def test_a_message_deleted_while_ses_takes_it_leaves_nothing_behind() -> None:
    world = World()
    key = world.submitted()

    with world.watching(Meanwhile("provider.send", lambda: world.delete_message(key, world.caller))):
        world.work()

    assert world.provider.calls == 1
    assert world.leaves_nothing_behind(key)


def test_a_worker_that_died_with_a_deleted_message_in_its_hands_leaves_nothing_behind() -> None:
    world = World()
    key = world.submitted()
    deleting = Meanwhile("messages.save_delivery", lambda: world.delete_message(key, world.caller))
    dying = Failing("messages.save_delivery", [Crash()], after_effect=True)

    with world.watching(lambda call, effect: deleting(call, lambda: dying(call, effect))):
        world.deliver_next()
    assert world.messages.get_delivery(key) is not None
    world.work()

    assert world.messages.get_delivery(key) is None
    assert world.provider.calls == 0


# -------------------------------------------------------------------------------------------- reply headers


def reply_to_unsent() -> tuple[World, MessageKey, MessageKey]:
    world = World()
    parent = world.submitted()
    reply = world.submitted(make_draft(thread=THREAD))
    return world, parent, reply


def header(world: World, key: MessageKey, name: str) -> str | None:
    (handed,) = [handed for handed in world.provider.mails if handed.message_id == IDS.message_id(key)]
    value = message_from_bytes(handed.mail)[name]
    return None if value is None else " ".join(value.split())


def test_a_reply_looks_for_the_final_message_id_of_its_parent_when_it_is_composed() -> None:
    world, parent, reply = reply_to_unsent()

    world.work()

    final = world.delivery(parent).message_id_header
    assert final is not None
    assert header(world, reply, "In-Reply-To") == final
    assert header(world, reply, "References") == final
    assert world.delivery(reply).in_reply_to == final
    assert world.delivery(reply).references == (final,)


def test_a_reply_whose_parent_was_never_sent_names_the_message_id_we_gave_it() -> None:
    world, parent, reply = reply_to_unsent()
    world.provider.outcomes = [SendRefused(REFUSAL)]

    world.work()

    ours = f"<{IDS.message_id(parent)}@mail.example.com>"
    assert header(world, reply, "In-Reply-To") == ours
    assert header(world, reply, "References") == ours


def test_a_reply_whose_parent_is_deleted_meanwhile_still_goes() -> None:
    world, parent, reply = reply_to_unsent()
    world.delete_message(parent, world.caller)

    world.work()

    assert world.status(reply) is MessageStatus.SENT
    assert header(world, reply, "In-Reply-To") == f"<{IDS.message_id(parent)}@mail.example.com>"


def test_a_reply_to_a_reply_carries_the_final_ids_of_the_whole_chain() -> None:
    world = World()
    first = world.sent()
    second = world.submitted(make_draft(thread=THREAD))
    third = world.submitted(make_draft(thread=THREAD))

    world.work()

    finals = [world.delivery(key).message_id_header for key in (first, second)]
    assert header(world, third, "In-Reply-To") == finals[1]
    assert header(world, third, "References") == " ".join(filter(None, finals))


def test_a_first_message_has_no_reply_headers() -> None:
    world = World()
    key = world.sent()

    assert header(world, key, "In-Reply-To") is None
    assert header(world, key, "References") is None
    assert header(world, key, "Message-ID") == f"<{IDS.message_id(key)}@mail.example.com>"


def test_the_record_keeps_the_headers_ses_was_handed_when_two_workers_composed_differently() -> None:
    world, parent, reply = reply_to_unsent()
    parents_job, replys_job = world.next_job(), world.next_job()
    assert parents_job is not None
    assert replys_job is not None

    def rival() -> None:
        """The parent is sent, and another worker composes the reply with its final Message-ID, but marks too late."""
        world.send_message(parents_job)
        stored = world.messages.get(reply)
        assert stored is not None
        assert stored.delivery is not None
        final = world.delivery(parent).message_id_header
        world.messages.save_delivery(reply, replace(stored.delivery, in_reply_to=final, references=(str(final),)))

    with world.watching(Meanwhile("provider.send", rival)):
        world.send_message(replys_job)

    assert header(world, reply, "In-Reply-To") == f"<{IDS.message_id(parent)}@mail.example.com>"
    (handed,) = [handed for handed in world.provider.mails if handed.message_id == IDS.message_id(reply)]
    assert world.read_raw(reply, world.caller) == handed.mail


def test_an_error_of_a_store_sends_the_job_back_to_the_queue() -> None:
    world = World()
    key = world.submitted()
    job = world.taken()

    with world.watching(Failing("messages.get", [Unavailable("no answer")])), pytest.raises(Unavailable):
        world.send_message(job)
    world.send_message(job)

    assert world.status(key) is MessageStatus.SENT
