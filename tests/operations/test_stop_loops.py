"""Loops: programs that answer each other are noticed and stopped; nobody else is, and nobody else pays for it."""

from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest

from chalicelib.domain.arrival import Authentication, Verdict
from chalicelib.domain.errors import ErrorCode, TooMany, Unavailable
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.loop import LOOP_SENDS, LOOP_WINDOW, PEER_LIFETIME
from chalicelib.domain.message import Draft, MessageContent
from chalicelib.operations.reply_to_message import Words
from tests.factories.accounts import make_inbox
from tests.factories.messages import make_mailbox
from tests.operations.incoming import ADDRESS, arrive, make_mail, make_receipt, of_ses
from tests.operations.refusals import refused
from tests.operations.watched import Crash, FailingAt, Recording
from tests.operations.world import ADA, BOB, INBOX, World, make_draft
from tests.storage.parallel import at_once

BOT = "bot@example.com"
AUTOMATIC = ("Auto-Submitted: auto-replied",)
SECOND, SECOND_ADDRESS = 8, "second@mail.example.com"
A_SECOND = timedelta(seconds=1)


def hear(
    world: World,
    sender: str,
    *headers: str,
    to: str = ADDRESS,
    late: timedelta = timedelta(),
    again: int = 1,
    dmarc: Verdict = Verdict.NONE,
    answers: str | None = None,
) -> None:
    """A mail comes in at this moment (or came `late` ago and is only now worked on), and its notice `again` times."""
    number = len(world.filings.filings) + 1
    receipt = make_receipt(to, ses_message_id=f"ses-in-{number}", mail_from=sender, received_at=world.clock() - late)
    receipt = replace(receipt, authentication=Authentication(dmarc=dmarc))
    mail = make_mail(sender, to, message_id=f"<in-{number}@example.com>", in_reply_to=answers, headers=headers)
    for _ in range(again):
        world.receive_message(arrive(world, mail, receipt))


def send(world: World, *to: str, times: int = 1, inbox_number: int = INBOX) -> None:
    for _ in range(times):
        world.submit(make_draft(*(to or (BOT,))), inbox_number=inbox_number)
        world.clock.advance(1)


def suspected(world: World, draft: Draft | None = None, *, inbox_number: int = INBOX) -> TooMany:
    world.work()
    world.named.clear()
    before = world.inboxes.inboxes[inbox_number]
    error = refused(world, TooMany, lambda: world.submit(draft or make_draft(BOT), inbox_number=inbox_number))
    assert isinstance(error, TooMany)
    assert error.code is ErrorCode.LOOP_SUSPECTED
    after = world.inboxes.inboxes[inbox_number]
    assert (after.sends_today, after.total_sent) == (before.sends_today, before.total_sent)
    return error


def looping() -> World:
    """A program has written, and has been answered 20 times in 20 seconds."""
    world = World()
    hear(world, BOT, *AUTOMATIC)
    world.clock.advance(1)
    send(world, times=LOOP_SENDS)
    return world


# --------------------------------------------------------------------------------------------------- the limit


def test_the_21st_send_to_a_program_is_refused_and_says_until_when() -> None:
    world = looping()

    error = suspected(world)

    assert BOT in error.message
    assert error.retry_after == (LOOP_WINDOW - LOOP_SENDS * A_SECOND).total_seconds()
    assert f"{error.retry_after} s" in error.fix
    assert error.retryable


def test_after_that_time_it_is_sent_again_and_not_a_second_earlier() -> None:
    world = looping()
    seconds = suspected(world).retry_after

    world.clock.advance(seconds - 1)
    suspected(world)
    world.clock.advance(1)
    send(world)


@pytest.mark.parametrize(
    "header", ["Auto-Submitted: auto-generated", "Precedence: bulk", "Precedence: junk", "List-Id: <news.example.com>"]
)
def test_every_sign_of_a_program_counts(header: str) -> None:
    world = World()
    hear(world, BOT, header)
    world.clock.advance(1)
    send(world, times=LOOP_SENDS)
    suspected(world)


def test_slow_answers_are_no_loop() -> None:
    world = World()
    hear(world, BOT, *AUTOMATIC)
    for _ in range(3 * LOOP_SENDS):
        send(world)
        world.clock.advance(30)


def test_whoever_else_is_written_to_meanwhile_is_not_concerned() -> None:
    world = looping()
    send(world, ADA, times=LOOP_SENDS + 5)
    suspected(world, make_draft(ADA, bcc=(make_mailbox("BOT@Example.com"),)))


def test_a_reply_is_counted_like_any_send() -> None:
    world = World()
    hear(world, BOT, *AUTOMATIC)
    (original,) = world.listed()
    world.clock.advance(1)
    answer = Words(body_text="Thank you.")

    def reply() -> MessageContent:
        return world.reply_to_message(
            answer, original, reply_all=False, caller=world.caller, name_resource=world.named.append
        ).content

    for _ in range(LOOP_SENDS):
        reply()
    with pytest.raises(TooMany) as refusal:
        reply()

    assert refusal.value.code is ErrorCode.LOOP_SUSPECTED


def test_a_program_that_names_another_address_for_answers_is_known_by_that_too() -> None:
    world = World()
    hear(world, f"noreply@{BOT.partition('@')[2]}", *AUTOMATIC, f"Reply-To: {BOT}")
    world.clock.advance(1)
    send(world, times=LOOP_SENDS)
    suspected(world)


def test_a_program_that_names_a_stranger_for_answers_stops_nobody() -> None:
    world = World()
    hear(world, "noreply@elsewhere.example", *AUTOMATIC, f"Reply-To: {BOT}")
    world.clock.advance(1)
    send(world, times=2 * LOOP_SENDS)
    assert len(world.listed()) == 1 + 2 * LOOP_SENDS


def test_a_forged_mail_of_a_program_stops_nobody() -> None:
    world = World()
    hear(world, BOT, *AUTOMATIC, dmarc=Verdict.FAIL)
    world.clock.advance(1)
    send(world, times=2 * LOOP_SENDS)
    assert len(world.listed()) == 1 + 2 * LOOP_SENDS


@pytest.mark.parametrize(
    ("sender", "dmarc"),
    [
        ("noreply@mail.example.com", Verdict.PASS),  # of the same organisation
        ("noreply@elsewhere.example", Verdict.NONE),
        ("noreply@elsewhere.example", Verdict.FAIL),
    ],
)
def test_a_program_that_answers_us_is_known_by_whom_it_names_for_answers(sender: str, dmarc: Verdict) -> None:
    world = World()
    world.sent(make_draft(BOT))
    header = of_ses(world, MessageKey(INBOX, 0))
    world.clock.advance(700)
    hear(world, sender, *AUTOMATIC, f"Reply-To: {BOT}", dmarc=dmarc, answers=header)
    world.clock.advance(1)
    send(world, times=LOOP_SENDS)
    suspected(world)


def test_a_program_that_answers_us_and_fails_dmarc_is_known_all_the_same() -> None:
    world = World()
    world.sent(make_draft(BOT))
    header = of_ses(world, MessageKey(INBOX, 0))
    world.clock.advance(700)
    hear(world, BOT, *AUTOMATIC, dmarc=Verdict.FAIL, answers=header)
    world.clock.advance(1)
    send(world, times=LOOP_SENDS)
    suspected(world)


@pytest.mark.parametrize("sender", ["noreply@mail.example.com", "noreply@a.b.example.com", "noreply@example.com"])
def test_domains_of_one_organisation_name_each_other_for_answers(sender: str) -> None:
    world = World()
    hear(world, sender, *AUTOMATIC, f"Reply-To: {BOT}")
    world.clock.advance(1)
    send(world, times=LOOP_SENDS)
    suspected(world)


def test_a_tag_behind_a_plus_is_no_other_address() -> None:
    world = World()
    hear(world, BOT, *AUTOMATIC)
    world.clock.advance(1)
    for number in range(LOOP_SENDS):
        send(world, f"bot+{number}@example.com")
    suspected(world, make_draft("bot+more@example.com"))


# ------------------------------------------------------------------------------------------------- people


def test_a_forged_mail_of_a_person_lifts_nothing() -> None:
    world = looping()
    hear(world, BOT, dmarc=Verdict.FAIL)
    suspected(world)


def test_a_mail_of_a_person_from_there_lifts_it_and_the_count_begins_anew() -> None:
    world = looping()
    hear(world, BOT)
    world.clock.advance(1)
    send(world, times=LOOP_SENDS + 5)

    hear(world, BOT, *AUTOMATIC)
    world.clock.advance(1)
    send(world, times=LOOP_SENDS)
    suspected(world)


def test_a_mail_of_another_person_does_not_lift_it() -> None:
    world = looping()
    hear(world, ADA)
    suspected(world)


def test_mails_may_be_told_of_twice_late_and_in_any_order() -> None:
    world = World()
    hear(world, BOT, *AUTOMATIC, again=2)
    world.clock.advance(60)
    hear(world, BOT, again=3)
    hear(world, BOT, *AUTOMATIC, late=timedelta(seconds=30))  # came before the person's, is worked on after it
    world.clock.advance(1)
    send(world, times=LOOP_SENDS + 1)

    hear(world, BOT, *AUTOMATIC)
    world.clock.advance(1)
    hear(world, BOT, late=timedelta(seconds=10))  # the person's came first
    world.clock.advance(1)
    send(world, times=LOOP_SENDS)
    suspected(world)


def test_after_a_month_without_automatic_mail_nothing_is_left_of_it() -> None:
    world = looping()
    world.clock.advance(PEER_LIFETIME.total_seconds())
    recording = Recording()
    with world.watching(recording):
        send(world, times=LOOP_SENDS + 1)
    assert not [call for call in recording.calls if call.startswith("peers.")]


# --------------------------------------------------------------------------------- two inboxes of one deployment


def two_inboxes() -> World:
    world = World()
    world.inboxes.create(make_inbox(number=SECOND, address=SECOND_ADDRESS, next_sequence=0, sends_today=0))
    return world


def talk(world: World, rounds: int) -> None:
    """Each answers the other's mail at once, a second apart."""
    for _ in range(rounds):
        world.submit(make_draft(SECOND_ADDRESS))
        hear(world, ADDRESS, to=SECOND_ADDRESS)
        world.clock.advance(1)
        world.submit(make_draft(ADDRESS), inbox_number=SECOND)
        hear(world, SECOND_ADDRESS)
        world.clock.advance(1)


def test_two_of_ours_that_only_hear_each_other_are_stopped() -> None:
    world = two_inboxes()
    talk(world, LOOP_SENDS)

    suspected(world, make_draft(ADDRESS), inbox_number=SECOND)
    world.submit(make_draft(SECOND_ADDRESS))  # its first went out before the other had written anything
    suspected(world, make_draft(SECOND_ADDRESS))


@pytest.mark.parametrize("address", [ADDRESS, SECOND_ADDRESS])
def test_a_person_who_wrote_to_either_within_the_window_lets_them_talk_on(address: str) -> None:
    world = two_inboxes()
    talk(world, LOOP_SENDS)
    hear(world, ADA, to=address)

    talk(world, LOOP_SENDS)

    world.clock.advance(LOOP_WINDOW.total_seconds())
    talk(world, LOOP_SENDS)
    suspected(world, make_draft(ADDRESS), inbox_number=SECOND)


def test_automatic_mail_from_outside_is_no_person() -> None:
    world = two_inboxes()
    talk(world, LOOP_SENDS)
    hear(world, BOT, *AUTOMATIC)
    suspected(world, make_draft(ADDRESS), inbox_number=SECOND)


def test_an_inbox_that_says_it_answers_by_itself_is_a_program_whoever_else_wrote() -> None:
    world = two_inboxes()
    hear(world, ADA)
    hear(world, SECOND_ADDRESS, *AUTOMATIC)
    world.clock.advance(1)
    send(world, SECOND_ADDRESS, times=LOOP_SENDS)
    suspected(world, make_draft(SECOND_ADDRESS))


# --------------------------------------------------------------------------------------------- cost and care


def test_an_inbox_that_only_people_write_to_pays_nothing() -> None:
    world, recording = World(), Recording()
    with world.watching(recording):
        hear(world, ADA)
        send(world, ADA, BOB, times=3)
    assert not [call for call in recording.calls if call.startswith("peers.")]
    assert recording.calls.count("inboxes.reserve") == 3
    assert "inboxes.get" not in recording.calls


def test_one_that_programs_write_to_pays_one_read_for_each_send_to_others_and_a_write_for_those_to_them() -> None:
    world = World()
    hear(world, BOT, *AUTOMATIC)
    recording = Recording()
    with world.watching(recording):
        send(world, ADA)
        send(world, BOT)
    assert [call for call in recording.calls if call.startswith("peers.")] == [
        "peers.find",
        "peers.find",
        "peers.note_send",
    ]


def test_of_32_sends_at_once_exactly_20_are_accepted() -> None:
    world = World()
    hear(world, BOT, *AUTOMATIC)
    world.clock.advance(1)
    barrier = Barrier(32)

    def submit() -> bool:
        barrier.wait()
        try:
            world.submit(make_draft(BOT))
        except TooMany:
            return False
        return True

    accepted = at_once([submit] * 32, threads=32)
    world.work()

    assert accepted.count(True) == LOOP_SENDS
    assert (len(world.listed()), len(world.provider.mails)) == (LOOP_SENDS + 1, LOOP_SENDS)
    assert world.inbox().sends_today == LOOP_SENDS


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("error", [Crash(), Unavailable("no answer")])
@pytest.mark.parametrize("number", range(4))
def test_whatever_fails_around_the_count_nothing_is_stored(
    number: int,
    error: BaseException,
    after_effect: bool,  # noqa: FBT001 - a table's column
) -> None:
    world = World()
    hear(world, BOT, *AUTOMATIC)
    failing = FailingAt(number, after_effect, error)
    with world.watching(failing), pytest.raises(type(error)):
        world.submit(make_draft(BOT))

    before = {"inboxes.reserve", "accounts.reserve", "suppressions.find", "peers.find", "peers.note_send"}
    assert failing.calls[number] in before
    assert len(world.listed()) == 1
    assert world.waiting() == []
    send(world)


def test_a_mail_whose_sender_could_not_be_noted_is_noted_when_its_notice_comes_again() -> None:
    world, recording = World(), Recording()
    mail, receipt = make_mail(BOT, headers=AUTOMATIC), make_receipt(mail_from=BOT)
    with world.watching(recording):
        world.receive_message(arrive(world, mail, receipt))
    number = recording.calls.index("peers.note_mail")

    world = World()
    with world.watching(FailingAt(number, after_effect=False)), pytest.raises(Crash):
        world.receive_message(arrive(world, mail, receipt))
    assert world.peers.peers == {}
    world.receive_message(receipt)

    assert len(world.listed()) == 1
    assert (INBOX, BOT) in world.peers.peers
