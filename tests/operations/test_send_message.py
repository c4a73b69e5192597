"""Handing a message to SES: what each of its answers leads to, and how long a message waits for which."""

from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes

import pytest

from chalicelib.domain.delivery import EventType, Reason
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.ports import Envelope, SendJob, SendOutcomeUnknown, SendRefused, SendThrottled
from tests.factories.accounts import NOON
from tests.factories.messages import make_content, make_mailbox
from tests.operations.watched import Failing, Meanwhile, Recording
from tests.operations.world import ADA, BOB, EVE, IDS, INBOX, World, make_draft, make_event

THREAD = ThreadKey(INBOX, 0)
REFUSAL = Reason("ses_sandbox_unverified", "The account is in the sandbox; verify the recipient's address.")


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
        "switches.read",  # at the same time
        "suppressions.among",  # at the same time
        "index.advance",  # submitting
        "provider.send",
        "messages.save_acceptance",
        "index.advance",  # sent
        "log.tell",  # queued and sent
        "index.seal_due",
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


def test_a_message_whose_body_is_lost_fails_instead_of_going_without_it() -> None:
    world = World()
    key = world.submitted()
    world.messages.contents[key] = replace(world.messages.contents[key], body_text=None, body_truncated=True)

    world.work()

    assert world.provider.calls == 0
    assert world.status(key) is MessageStatus.FAILED


def test_a_message_that_cannot_be_composed_and_is_deleted_meanwhile_leaves_nothing_behind() -> None:
    world = World()
    key = world.submitted()
    world.messages.put(replace(make_content(key=key, thread=THREAD), headers={"Bcc": EVE}))

    with world.watching(Meanwhile("messages.save_delivery", lambda: world.delete_message(key, world.caller))):
        world.work()

    assert world.leaves_nothing_behind(key)


def test_an_error_of_a_store_sends_the_job_back_to_the_queue() -> None:
    world = World()
    key = world.submitted()
    job = world.taken()

    with world.watching(Failing("messages.get", [Unavailable("no answer")])), pytest.raises(Unavailable):
        world.send_message(job)
    world.send_message(job)

    assert world.status(key) is MessageStatus.SENT


def test_an_acceptance_whose_reply_is_lost_is_recorded_with_its_id_and_shown_by_the_next_job() -> None:
    world = World()
    key = world.submitted()

    with world.watching(Failing("messages.save_acceptance", [Unavailable("no answer")], after_effect=True)):
        world.work()

    assert world.status(key) is MessageStatus.SENT
    assert world.ses_message_ids.get("ses-1") == key
    assert world.provider.calls == 1


def test_a_claimed_message_that_ses_is_known_to_have_is_not_sent_again() -> None:
    world = World()
    key = world.submitted()
    job = world.next_job()
    assert job is not None
    world.deliver(job)
    # As after a put-back that was repeated late: the phases say queued, the record knows better.
    world.index.known[key] = MessagePhase.QUEUED

    world.deliver(job)

    assert world.provider.calls == 1
    assert world.status(key) is MessageStatus.SENT


@pytest.mark.parametrize("outcome", [None, SendRefused(REFUSAL), SendThrottled(), SendOutcomeUnknown()])
def test_whatever_becomes_of_a_message_the_index_hears_how_far_its_inbox_has_come(
    outcome: Exception | None,
) -> None:
    world = World()
    world.submitted()
    world.provider.outcomes = [outcome]
    heard = Recording()
    with world.watching(heard):
        world.deliver_next()
    assert heard.calls[-1] == "index.seal_due"
