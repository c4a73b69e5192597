"""Who is suppressed gets no mail: refused when it is accepted, left out when it is sent, added by what SES says."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import count

import pytest

from chalicelib.domain.delivery import DeliveryReport, EventType
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.errors import ErrorCode, Forbidden, NotFound
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.joined_event import JoinedEvent
from chalicelib.domain.message import Message
from chalicelib.domain.message_status import MessageStatus
from chalicelib.domain.suppression import SUPPRESSED, Suppression, SuppressionReason
from chalicelib.operations.look_ahead import UNKNOWN
from chalicelib.operations.ports import SendThrottled
from chalicelib.operations.send_pace import Unpaced
from chalicelib.shapes.event_shapes import event_body
from chalicelib.shapes.message_shapes import message_as_json
from tests.factories.accounts import NOON
from tests.factories.messages import make_mailbox
from tests.operations.news import BOUNCED, COMPLAINED, DELIVERED, FAILED, FAILED_SOFTLY, SENT, counted, sent_to
from tests.operations.unanswered import overdue
from tests.operations.watched import Crash, FailingAt, Meanwhile, Recording
from tests.operations.world import ADA, BOB, EVE, IDS, World, make_draft, make_event


def suppress(world: World, *addresses: str) -> None:
    for address in addresses:
        world.suppressions.add(Suppression(world.caller.account_id, address, SuppressionReason.MANUAL, NOON))


def statuses(world: World, key: MessageKey) -> dict[str, MessageStatus]:
    return {known.address: known.status.shown for known in world.delivery(key).recipients}


def written_to(world: World) -> list[tuple[str, ...]]:
    return [tuple(mail.envelope.rcpt_tos) for mail in world.provider.mails]


# ----------------------------------------------------------------------------------------------- accepting


def test_a_mail_to_suppressed_addresses_alone_is_refused_with_their_names_and_counts_for_nothing() -> None:
    world = World()
    suppress(world, ADA, BOB)

    with pytest.raises(Forbidden) as refused:
        world.submit(make_draft(ADA, bcc=(make_mailbox(BOB),)))

    assert refused.value.code is ErrorCode.RECIPIENT_SUPPRESSED
    assert f"{ADA} (manual), {BOB} (manual)" in refused.value.message
    assert (world.inbox().sends_today, world.inbox().total_sent) == (0, 40)
    assert (world.listed(), world.waiting(), world.named) == ([], [], [])


def test_an_address_is_suppressed_in_whatever_capitals_it_is_written() -> None:
    world = World()
    suppress(world, "ADA@example.com")
    with pytest.raises(Forbidden):
        world.submit(make_draft("Ada@Example.com"))
    assert world.submit(make_draft("ada+label@example.com")).status is MessageStatus.QUEUED


def test_the_list_of_another_account_does_not_matter() -> None:
    world = World()
    world.suppressions.add(Suppression(type(world.caller.account_id)("acc_other"), ADA, SuppressionReason.MANUAL, NOON))
    assert world.submit().status is MessageStatus.QUEUED


def test_another_accounts_inbox_does_not_exist_whoever_is_suppressed() -> None:
    world = World(account_id="acc_other")
    suppress(world, ADA)
    with pytest.raises(NotFound):
        world.submit()


def test_with_some_suppressed_the_others_get_the_mail_and_those_are_failed_from_the_start() -> None:
    world = World()
    suppress(world, BOB)
    key = world.submitted(make_draft(ADA, BOB))

    assert world.status(key) is MessageStatus.QUEUED
    begin = [(entry.type, entry.recipient) for entry in world.list_events(key, world.caller)]
    assert begin == [(EventType.QUEUED, None), (EventType.FAILED, BOB)]

    world.work()

    assert written_to(world) == [(ADA,)]
    assert statuses(world, key) == {ADA: MessageStatus.SENT, BOB: MessageStatus.FAILED}
    assert world.delivery(key).recipients[1].reason == SUPPRESSED
    assert world.status(key) is MessageStatus.FAILED
    told = [event.type for event in world.log.events[world.caller.account_id]]
    assert told == [EventType.QUEUED, EventType.FAILED, EventType.SENT]
    events = world.list_events(key, world.caller)
    assert begin == [(entry.type, entry.recipient) for entry in events][:2]
    assert len({entry.id for entry in events}) == len(events)


@pytest.mark.parametrize("news", [DELIVERED, BOUNCED, COMPLAINED, FAILED_SOFTLY, SENT])
def test_news_of_the_others_counts_and_leaves_the_suppressed_one_as_it_is(news: DeliveryStatus) -> None:
    world = World()
    suppress(world, BOB)
    key = world.submitted(make_draft(ADA, BOB))
    world.work()

    for _ in range(2):
        world.record_delivery_report(make_event(key, news, ADA))

    assert statuses(world, key) == {ADA: news.shown, BOB: MessageStatus.FAILED}
    assert world.status(key) is world.delivery(key).message_status
    assert world.suppressions.names(world.caller.account_id) == {BOB} | ({ADA} if news >= BOUNCED else set())


def test_who_is_taken_off_the_list_behind_the_acceptance_stays_failed_for_that_mail() -> None:
    world = World()
    suppress(world, BOB)
    key = world.submitted(make_draft(ADA, BOB))
    world.suppressions.remove(world.caller.account_id, BOB)
    world.work()
    assert statuses(world, key) == {ADA: MessageStatus.SENT, BOB: MessageStatus.FAILED}


# ------------------------------------------------------------------------------------------------ sending


def test_who_is_suppressed_between_acceptance_and_sending_gets_nothing() -> None:
    world = World()
    key = world.submitted(make_draft(ADA, BOB))
    suppress(world, "BOB@example.net")
    world.work()

    assert written_to(world) == [(ADA,)]
    assert statuses(world, key) == {ADA: MessageStatus.SENT, BOB: MessageStatus.FAILED}
    assert world.status(key) is MessageStatus.FAILED
    assert [event.type for event in world.log.events[world.caller.account_id]].count(EventType.FAILED) == 1


def test_when_nobody_is_left_the_message_is_failed_and_ses_is_not_called() -> None:
    world = World()
    key = world.submitted(make_draft(ADA, BOB))
    suppress(world, ADA, BOB)
    world.work()

    assert world.provider.calls == 0
    assert world.status(key) is MessageStatus.FAILED
    assert {known.reason for known in world.delivery(key).recipients} == {SUPPRESSED}
    told = [event.type for event in world.log.events[world.caller.account_id]]
    assert told == [EventType.QUEUED, EventType.FAILED, EventType.FAILED]
    world.requeue_unsent()
    assert world.waiting() == []


def test_a_batch_asks_once_and_honours_what_it_hears() -> None:
    world = World()
    keys = [world.submitted(make_draft(address)) for address in (ADA, BOB, EVE)]
    suppress(world, BOB)
    jobs = [world.taken() for _ in keys]
    recording = Recording()

    with world.watching(recording):
        ahead = world.look_ahead(jobs)
        for job in jobs:
            world.send_message(job, ahead.get(job.message, UNKNOWN))

    assert recording.calls.count("suppressions.among") == 1
    assert [world.status(key) for key in keys] == [MessageStatus.SENT, MessageStatus.FAILED, MessageStatus.SENT]
    assert written_to(world) == [(ADA,), (EVE,)]


def test_what_a_batch_heard_is_asked_again_when_it_is_seconds_old() -> None:
    world = World()
    keys = [world.submitted(make_draft(address)) for address in (ADA, BOB)]
    jobs = [world.taken() for _ in keys]
    ahead = world.look_ahead(jobs)

    class Busy(Unpaced):
        def turn(self, recipients: int, patience: timedelta) -> bool:
            assert (recipients, patience > timedelta(0)) == (1, True)
            world.clock.advance(3)
            suppress(world, ADA, BOB)
            return True

    world.pace = Busy()
    world._wire()
    for job in jobs:
        world.send_message(job, ahead.get(job.message, UNKNOWN))

    assert world.provider.calls == 0
    assert [world.status(key) for key in keys] == [MessageStatus.FAILED] * 2


def test_a_mail_that_ses_throttled_is_looked_at_again() -> None:
    world = World()
    world.provider.outcomes = [SendThrottled(), None]
    key = world.submitted(make_draft(ADA, BOB))
    world.deliver_next()
    suppress(world, ADA)
    world.work()
    assert written_to(world) == [(BOB,)]
    assert statuses(world, key) == {ADA: MessageStatus.FAILED, BOB: MessageStatus.SENT}


def test_a_mail_without_an_answer_is_not_handed_over_again_to_who_is_suppressed_since() -> None:
    world, key = overdue()
    suppress(world, ADA)
    world.work()

    assert world.provider.mails == []
    assert world.status(key) is MessageStatus.FAILED
    reason = world.delivery(key).recipients[0].reason
    assert reason is not None
    assert reason.code == "outcome_unknown"


@pytest.mark.parametrize("taken", [False, True])
def test_the_others_get_a_mail_without_an_answer_once_more_and_of_the_suppressed_one_nothing_is_claimed(
    taken: bool,  # noqa: FBT001 - a table's column
) -> None:
    world, key = overdue(draft=make_draft(ADA, BOB), taken=taken)
    before = len(world.provider.mails)
    suppress(world, ADA)
    world.work()

    assert written_to(world)[before:] == [(BOB,)]
    assert statuses(world, key) == {ADA: MessageStatus.FAILED, BOB: MessageStatus.SENT}
    ada = next(known for known in world.delivery(key).recipients if known.address == ADA)
    assert ada.reason is not None
    assert ada.reason.code == "outcome_unknown"
    world.record_delivery_report(DeliveryReport(key, EventType.BOUNCED, BOUNCED, world.clock(), ADA))
    assert statuses(world, key)[ADA] is MessageStatus.BOUNCED, "what SES says of the first mail still counts"


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("both", [False, True])
def test_wherever_the_sender_dies_no_suppressed_one_gets_mail_and_the_message_comes_to_an_end(
    both: bool,  # noqa: FBT001 - a table's column
    after_effect: bool,  # noqa: FBT001 - a table's column
) -> None:
    for number in count():
        world = World()
        key = world.submitted(make_draft(ADA, BOB))
        suppress(world, BOB, *([ADA] if both else []))
        failing = FailingAt(number, after_effect)
        with world.watching(failing):
            world.work()
        if len(failing.calls) <= number:
            return
        assert all(BOB not in recipients for recipients in written_to(world))
        assert len(world.provider.mails) <= (0 if both else 1)
        assert statuses(world, key)[BOB] is MessageStatus.FAILED
        assert world.status(key) is world.delivery(key).message_status is MessageStatus.FAILED


def test_wherever_the_suppression_comes_in_it_is_honoured_until_the_look_and_never_half() -> None:
    sent = []
    for number in count():
        world = World()
        key = world.submitted()
        meanwhile = Meanwhile(number, partial(suppress, world, ADA))
        with world.watching(meanwhile):
            world.work()
        if not meanwhile.has_happened:
            break
        sent.append(world.provider.calls)
        assert world.status(key) is (MessageStatus.SENT if world.provider.calls else MessageStatus.FAILED)
    looked_at = 5  # claimed, read, saved, switches looked at, asked
    assert sent == [0] * looked_at + [1] * (len(sent) - looked_at)


# ------------------------------------------------------------------------------------------------- news


@pytest.mark.parametrize(
    ("news", "reason"), [(BOUNCED, SuppressionReason.BOUNCE), (COMPLAINED, SuppressionReason.COMPLAINT)]
)
def test_a_permanent_bounce_and_a_complaint_suppress_their_recipient(
    news: DeliveryStatus, reason: SuppressionReason
) -> None:
    world, key = sent_to(ADA, BOB)
    world.record_delivery_report(make_event(key, news, BOB))

    found = world.suppressions.find(world.caller.account_id, [ADA, BOB])
    assert {address: (each.reason, each.message) for address, each in found.items()} == {BOB: (reason, key)}
    with pytest.raises(Forbidden):
        world.submit(make_draft(BOB))


@pytest.mark.parametrize("news", [SENT, DELIVERED, FAILED_SOFTLY, FAILED])
def test_other_news_suppresses_nobody(news: DeliveryStatus) -> None:
    world, key = sent_to(ADA)
    world.record_delivery_report(make_event(key, news))
    assert world.suppressions.names(world.caller.account_id) == set()


@pytest.mark.parametrize("address", ["bounce@simulator.amazonses.com", "Complaint@Simulator.Amazonses.com"])
def test_the_simulators_plain_names_are_never_suppressed_so_that_a_try_can_be_repeated(address: str) -> None:
    world, key = sent_to(address)
    world.record_delivery_report(make_event(key, BOUNCED, address))
    assert world.suppressions.names(world.caller.account_id) == set()


def test_a_simulators_name_with_a_label_is_an_address_like_any() -> None:
    world, key = sent_to("bounce+try@simulator.amazonses.com")
    world.record_delivery_report(make_event(key, BOUNCED, "bounce+try@simulator.amazonses.com"))
    assert world.suppressions.names(world.caller.account_id) == {"bounce+try@simulator.amazonses.com"}


def test_the_first_reason_stays_whatever_comes_later() -> None:
    world, key = sent_to(ADA)
    for news in (BOUNCED, COMPLAINED, BOUNCED):
        world.record_delivery_report(make_event(key, news))
    assert world.suppressions.find(world.caller.account_id, [ADA])[ADA].reason is SuppressionReason.BOUNCE


def test_a_notice_that_comes_again_does_not_put_back_what_was_taken_off() -> None:
    world, key = sent_to(ADA)
    report = make_event(key, BOUNCED)
    world.record_delivery_report(report)
    assert world.suppressions.remove(world.caller.account_id, ADA)

    world.record_delivery_report(report)

    assert world.suppressions.names(world.caller.account_id) == set()
    assert world.submit().status is MessageStatus.QUEUED


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("news", [BOUNCED, COMPLAINED])
def test_wherever_the_handler_dies_the_notice_that_comes_again_suppresses(
    news: DeliveryStatus,
    after_effect: bool,  # noqa: FBT001 - a table's column
) -> None:
    for number in count():
        world, key = sent_to(ADA)
        failing = FailingAt(number, after_effect)
        with world.watching(failing):
            try:
                world.record_delivery_report(make_event(key, news))
            except Crash:
                world.record_delivery_report(make_event(key, news))
        if len(failing.calls) <= number:
            return
        assert world.suppressions.names(world.caller.account_id) == {ADA}
        assert world.status(key) is news.shown


def test_two_handlers_of_the_same_notice_suppress_once_wherever_they_meet() -> None:
    for number in count():
        world, key = sent_to(ADA)
        meanwhile = Meanwhile(number, partial(world.record_delivery_report, make_event(key, BOUNCED)))
        with world.watching(meanwhile):
            world.record_delivery_report(make_event(key, BOUNCED))
        if not meanwhile.has_happened:
            return
        assert world.suppressions.names(world.caller.account_id) == {ADA}
        assert counted(world) == (1, 0)


# ------------------------------------------------------------------------------------------------- shown


def test_the_answer_shows_who_is_suppressed_and_so_do_its_replay_and_every_later_look() -> None:
    world = World()
    suppress(world, BOB)
    accepted = world.submit(make_draft(ADA, bcc=(make_mailbox(BOB),)))
    key = accepted.content.key

    def shown(message: Message) -> list[tuple[str, str, str | None]]:
        found = message_as_json(message, IDS)
        return [
            (each.address, each.status.value, each.reason.code if each.reason else None) for each in found.recipients
        ]

    at_first = [(ADA, "queued", None), (BOB, "failed", "suppressed")]
    assert shown(accepted) == shown(world.get_message(key, world.caller)) == at_first
    world.provider.outcomes = [SendThrottled(), None]
    world.deliver_next()
    assert world.status(key) is MessageStatus.QUEUED
    assert shown(world.get_message(key, world.caller)) == at_first
    world.work()
    sent = world.get_message(key, world.caller)
    assert shown(sent) == [(ADA, "sent", None), (BOB, "failed", "suppressed")]
    assert shown(replace(sent, status=MessageStatus.QUEUED, delivery=None)) == at_first


def test_a_webhook_names_a_suppressed_blind_copy_nowhere_but_in_what_is_about_it() -> None:
    world = World()
    suppress(world, EVE)
    key = world.submitted(make_draft(ADA, bcc=(make_mailbox(EVE),)))
    world.work()
    message = world.get_message(key, world.caller)
    bodies = {
        event.type: event_body(JoinedEvent(event, message=message), IDS).decode()
        for event in world.log.events[world.caller.account_id]
    }
    assert {type_ for type_, body in bodies.items() if EVE in body} == {EventType.FAILED}
    assert bodies[EventType.FAILED].count(EVE) == 1


def test_a_message_that_waits_long_tells_who_is_suppressed_with_its_being_queued() -> None:
    world = World()
    suppress(world, BOB)
    key = world.submitted(make_draft(ADA, BOB))

    class Full(Unpaced):
        def is_full(self, patience: timedelta) -> bool:
            return patience > timedelta(0)

    world.pace = Full()
    world._wire()
    for _ in range(3):
        world.deliver_next()

    told = world.log.events[world.caller.account_id]
    assert [event.type for event in told] == [EventType.QUEUED, EventType.FAILED]
    entry = JoinedEvent(told[1], message=world.get_message(key, world.caller)).entry
    assert entry is not None
    assert (entry.recipient, entry.reason) == (BOB, SUPPRESSED)
    assert world.status(key) is MessageStatus.QUEUED
    world.pace = Unpaced()
    world._wire()
    world.work()
    assert written_to(world) == [(ADA,)]
    assert [event.type for event in told] == [EventType.QUEUED, EventType.FAILED, EventType.SENT]
