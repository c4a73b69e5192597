"""Threads of received mail: by the Message-IDs it names, and by who names them."""

import pytest

from chalicelib.domain.address import Mailbox
from chalicelib.domain.arrival import Authentication, Verdict, WarningCode
from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message import MessageContent, own_message_id_header
from chalicelib.operations.ports import PageRequest
from tests.factories.accounts import NOON, make_inbox
from tests.operations.incoming import (
    ADDRESS,
    DMARC_FAILS,
    DMARC_PASSES,
    arrive,
    content,
    make_mail,
    make_receipt,
    of_ses,
    only_message,
    received,
)
from tests.operations.test_receive_message import SECOND, SECOND_ADDRESS, listed, two_inboxes
from tests.operations.watched import Crash, Failing
from tests.operations.world import ADA, BOB, EVE, IDS, INBOX, World, make_draft

FIRST = MessageKey(INBOX, 0)
THREAD = ThreadKey(INBOX, 0)
NO_VERDICT = Authentication()
Expected = tuple[bool, list[WarningCode]]  # whether it joins the thread, and what its reader is told


def wrote_to_ada(**draft: object) -> World:
    """Our first message of a conversation, sent; SES gave it a Message-ID of its own."""
    world = World()
    world.sent(make_draft(**draft))
    return world


def answer(
    world: World,
    sender: str = ADA,
    *,
    in_reply_to: str | None = None,
    references: tuple[str, ...] = (),
    authentication: Authentication = NO_VERDICT,
    number: int = 2,
    headers: tuple[str, ...] = (),
) -> MessageContent:
    mail = make_mail(
        sender, message_id=f"<{number}@example.com>", in_reply_to=in_reply_to, references=references, headers=headers
    )
    receipt = make_receipt(ses_message_id=f"ses-in-{number}", mail_from=sender, authentication=authentication)
    return received(world, mail, receipt)


def warnings(message: MessageContent) -> list[WarningCode]:
    assert message.arrival is not None
    return [warning.code for warning in message.arrival.warnings]


# -------------------------------------------------------------------------------------- which message is meant


def test_an_answer_names_the_id_that_ses_gave() -> None:
    world = wrote_to_ada()
    assert answer(world, in_reply_to=of_ses(world, FIRST)).thread == THREAD


def test_an_answer_names_the_id_that_we_gave() -> None:
    world = wrote_to_ada()
    assert answer(world, in_reply_to=own_message_id_header(IDS.message_id(FIRST), "mail.example.com")).thread == THREAD


def test_an_answer_to_a_received_mail_names_its_message_id() -> None:
    world = World()
    first = received(world)
    assert answer(world, in_reply_to="<1@example.com>").thread == first.thread


def test_references_are_read_from_the_right_when_in_reply_to_says_nothing() -> None:
    world = World()
    one = received(world, make_mail(message_id="<one@x>"), make_receipt(ses_message_id="one"))
    two = received(world, make_mail(message_id="<two@x>"), make_receipt(ses_message_id="two"))

    assert answer(world, in_reply_to="<unknown@x>", references=("<one@x>", "<two@x>", "<no@x>")).thread == two.thread
    assert answer(world, in_reply_to="<one@x>", references=("<two@x>",), number=3).thread == one.thread


def test_the_subject_never_joins() -> None:
    world = World()
    received(world)

    message = answer(world)

    assert message.thread == ThreadKey(INBOX, message.key.sequence)
    assert warnings(message) == []


def test_an_unknown_reference_begins_a_thread_without_a_word() -> None:
    message = answer(
        World(), in_reply_to="<nobody-knows@x>", references=("<x@y>", "not an id", "<" + "x" * 2_000 + ">")
    )
    assert warnings(message) == []


def test_a_deleted_message_is_known_no_more() -> None:
    world = wrote_to_ada()
    header = of_ses(world, FIRST)
    world.delete_message(FIRST, world.caller)

    message = answer(world, in_reply_to=header)

    assert message.thread == ThreadKey(INBOX, message.key.sequence)
    assert warnings(message) == []


def test_a_message_that_is_not_committed_is_not_known_yet() -> None:
    world = World()
    with world.watching(Failing("index.commit", [Crash()])), pytest.raises(Crash):
        world.receive_message(arrive(world))

    message = answer(world, in_reply_to="<1@example.com>")

    assert message.thread == ThreadKey(INBOX, message.key.sequence)
    assert warnings(message) == []


def test_a_thousand_references_are_not_all_looked_up() -> None:
    world = World()
    first = received(world, make_mail(message_id="<1@x>"))
    many = tuple(f"<{number}@x>" for number in range(1, 90))

    assert answer(world, references=many).thread != first.thread
    assert answer(world, references=tuple(reversed(many)), number=3).thread == first.thread


# ------------------------------------------------------------------------------------------------- who may join


JOINS: Expected = (True, [])
JOINS_AS_NEW: Expected = (True, [WarningCode.NEW_PARTICIPANT])
BEGINS: Expected = (False, [WarningCode.REFERENCE_NOT_TRUSTED])


@pytest.mark.parametrize(
    ("sender", "dmarc", "expected"),
    [
        (ADA, Verdict.PASS, JOINS),
        (ADA, Verdict.NONE, JOINS),
        (ADA, Verdict.GRAY, JOINS),
        (ADA, Verdict.FAIL, BEGINS),
        (ADA.upper(), Verdict.NONE, JOINS),
        (f"Ada <{ADA}>", Verdict.NONE, JOINS),
        (EVE, Verdict.PASS, JOINS_AS_NEW),
        (EVE, Verdict.NONE, BEGINS),
        (EVE, Verdict.GRAY, BEGINS),
        (EVE, Verdict.FAIL, BEGINS),
        (f'"{ADA}" <{EVE}>', Verdict.NONE, BEGINS),
        (f"{EVE}, {ADA}", Verdict.PASS, BEGINS),
        (f"{ADA}, {EVE}", Verdict.NONE, BEGINS),
        ("", Verdict.PASS, BEGINS),
    ],
)
def test_a_reference_is_worth_what_its_sender_is_worth(sender: str, dmarc: Verdict, expected: Expected) -> None:
    world = wrote_to_ada()
    header = of_ses(world, FIRST)
    mail = make_mail(sender, message_id="<2@example.com>", in_reply_to=header)

    message = received(world, mail, make_receipt(mail_from="", authentication=Authentication(dmarc=dmarc)))

    known = [code for code in warnings(message) if code is not WarningCode.MISLEADING_NAME]
    assert (message.thread == THREAD, known) == expected


@pytest.mark.parametrize("own", [ADDRESS, ADDRESS.upper(), ADDRESS.replace("@", "+tag@")])
@pytest.mark.parametrize(
    ("dmarc", "expected"),
    [(Verdict.PASS, JOINS), (Verdict.NONE, BEGINS), (Verdict.GRAY, BEGINS), (Verdict.FAIL, BEGINS)],
)
def test_whoever_writes_as_the_inbox_itself_must_be_it(own: str, dmarc: Verdict, expected: Expected) -> None:
    world = wrote_to_ada()
    mail = make_mail(ADDRESS, message_id="<2@example.com>", in_reply_to=of_ses(world, FIRST))

    message = received(world, mail, make_receipt(own, authentication=Authentication(dmarc=dmarc)))

    assert (message.thread == THREAD, warnings(message)) == expected


@pytest.mark.parametrize("dmarc", [Verdict.PASS, Verdict.NONE])
@pytest.mark.parametrize(
    "header",
    [
        f"From: {ADA}\r\nFrom: {EVE}",
        f"From: {EVE}\r\nFrom: {ADA}",
        f"From: {ADA}\r\nFrom: nobody can read this",
        f"Sender: {ADA}",
        f"X-Note: y\rFrom: {EVE}\r\nFrom: {ADA}",
        f"From: {EVE} <{ADA}>",
        f'From: "Ada <{ADA}>',
        f"From: Ada <{ADA}> {EVE}",
        f"From: Ada <{ADA}> and more",
        f"From: Ada (of <{ADA}>",
        f"From: nobody can read this\r\nSender: {ADA}",
        "X-Nothing: at all",
    ],
)
def test_a_sender_whom_dmarc_need_not_have_judged_is_nobody(header: str, dmarc: Verdict) -> None:
    world = wrote_to_ada()
    mail = f"{header}\r\nIn-Reply-To: {of_ses(world, FIRST)}\r\n\r\nHi".encode()

    message = received(world, mail, make_receipt(mail_from=ADA, authentication=Authentication(dmarc=dmarc)))

    assert message.thread != THREAD
    assert WarningCode.REFERENCE_NOT_TRUSTED in warnings(message)


def test_whoever_got_the_message_may_answer_it_blind_copies_too() -> None:
    world = wrote_to_ada(bcc=(Mailbox(BOB),))

    message = answer(world, BOB, in_reply_to=of_ses(world, FIRST))

    assert (message.thread, warnings(message)) == (THREAD, [])


def test_who_joined_is_a_participant_from_then_on_and_so_is_whom_they_wrote_to() -> None:
    world = wrote_to_ada()
    answer(world, EVE, in_reply_to=of_ses(world, FIRST), authentication=DMARC_PASSES, headers=(f"Cc: {BOB}",))

    assert warnings(answer(world, EVE, in_reply_to=of_ses(world, FIRST), number=3)) == []
    assert warnings(answer(world, BOB, in_reply_to=of_ses(world, FIRST), number=4)) == []
    thread = world.get_thread(THREAD, world.caller).thread
    assert set(thread.participants) == {ADDRESS, ADA, EVE, BOB}
    assert thread.message_count == 4


def test_who_joined_is_a_participant_no_more_when_their_only_message_is_deleted() -> None:
    world = wrote_to_ada()
    first = answer(world, EVE, in_reply_to=of_ses(world, FIRST), authentication=DMARC_PASSES, headers=(f"Cc: {ADA}",))
    second = answer(world, EVE, in_reply_to=of_ses(world, FIRST), number=3)

    world.delete_message(first.key, world.caller)
    assert set(world.get_thread(THREAD, world.caller).thread.participants) == {ADDRESS, ADA, EVE}
    world.delete_message(second.key, world.caller)
    assert set(world.get_thread(THREAD, world.caller).thread.participants) == {ADDRESS, ADA}

    again = answer(world, EVE, in_reply_to=of_ses(world, FIRST), number=4)
    assert (again.thread != THREAD, warnings(again)) == (True, [WarningCode.REFERENCE_NOT_TRUSTED])


def test_who_was_refused_is_none() -> None:
    world = wrote_to_ada()
    answer(world, EVE, in_reply_to=of_ses(world, FIRST))

    assert set(world.get_thread(THREAD, world.caller).thread.participants) == {ADDRESS, ADA}
    assert warnings(answer(world, EVE, in_reply_to=of_ses(world, FIRST), number=3)) == [
        WarningCode.REFERENCE_NOT_TRUSTED
    ]


def test_a_refused_reference_does_not_keep_a_mail_from_its_own_conversation() -> None:
    world = wrote_to_ada()
    own = answer(world, EVE)

    message = answer(world, EVE, in_reply_to=of_ses(world, FIRST), references=("<2@example.com>",), number=3)

    assert (message.thread, warnings(message)) == (own.thread, [])


def test_a_delivery_report_is_in_a_thread_of_its_own_unless_dmarc_vouches_for_it() -> None:
    daemon = "mailer-daemon@example.com"
    for verdicts, joins in ((NO_VERDICT, False), (DMARC_FAILS, False), (DMARC_PASSES, True)):
        world = wrote_to_ada()
        assert (
            answer(world, daemon, in_reply_to=of_ses(world, FIRST), authentication=verdicts).thread == THREAD
        ) is joins


def test_a_retried_notice_decides_as_the_first_did() -> None:
    """What a mail joined, it stays in, whoever was deleted or came meanwhile."""
    world = wrote_to_ada()
    message = answer(world, in_reply_to=of_ses(world, FIRST))
    receipt = make_receipt(ses_message_id="ses-in-2", authentication=DMARC_FAILS)

    arrive(world, make_mail(in_reply_to=of_ses(world, FIRST), message_id="<2@example.com>"), receipt)
    world.receive_message(receipt)

    assert world.listed() == [message.key, FIRST]


# --------------------------------------------------------------------------------------------- several inboxes


@pytest.mark.parametrize("authentication", [NO_VERDICT, DMARC_PASSES])
def test_an_id_of_another_inbox_is_answered_like_one_that_never_was(authentication: Authentication) -> None:
    world = two_inboxes()
    world.sent()
    unrelated = make_mail(BOB, message_id="<9@example.net>")
    world.receive_message(arrive(world, unrelated, make_receipt(SECOND_ADDRESS, ses_message_id="unrelated")))
    header, own = of_ses(world, FIRST), own_message_id_header(IDS.message_id(FIRST), "mail.example.com")
    mail = make_mail(EVE, in_reply_to=header, references=(own, "<1@example.com>"), message_id="<2@example.com>")

    world.receive_message(arrive(world, mail, make_receipt(SECOND_ADDRESS, authentication=authentication)))

    message = content(world, listed(world, SECOND)[0])
    assert message.thread == ThreadKey(SECOND, 1)
    assert warnings(message) == []


def test_two_inboxes_of_ours_that_talk_have_a_thread_each() -> None:
    world = two_inboxes()

    def carried(sender: str, recipient: str, key: MessageKey, number: int) -> None:
        """What we sent arrives at the other inbox with the Message-ID that SES gave."""
        delivery = world.delivery(key)
        mail = make_mail(
            sender,
            recipient,
            message_id=of_ses(world, key),
            in_reply_to=delivery.in_reply_to,
            references=delivery.references,
        )
        world.receive_message(arrive(world, mail, make_receipt(recipient, ses_message_id=f"in-{number}")))

    world.sent(make_draft(SECOND_ADDRESS))
    world.delivery(FIRST)
    # The world's SES speaks of another domain than the real one; a recipient sees the real one.
    carried(ADDRESS, SECOND_ADDRESS, FIRST, 1)
    world.submit(make_draft(ADDRESS, thread=ThreadKey(SECOND, 0)), inbox_number=SECOND)
    world.work()
    carried(SECOND_ADDRESS, ADDRESS, MessageKey(SECOND, 1), 2)
    world.submit(make_draft(SECOND_ADDRESS, thread=THREAD))
    world.work()
    carried(ADDRESS, SECOND_ADDRESS, MessageKey(INBOX, 2), 3)

    for inbox_number in (INBOX, SECOND):
        (summary,) = world.list_threads(inbox_number, world.caller, PageRequest()).items
        assert summary.thread.message_count == 3
        assert set(summary.thread.participants) == {ADDRESS, SECOND_ADDRESS}
    assert world.inbox().heard_at is None


# ------------------------------------------------------------------------------------------------ answering it


def reply(world: World, thread: ThreadKey = THREAD) -> MessageKey:
    return world.sent(make_draft(thread=thread))


def test_a_reply_names_what_the_received_mail_calls_itself_and_its_chain() -> None:
    world = wrote_to_ada()
    header = of_ses(world, FIRST)
    answer(world, in_reply_to=header, references=("<0@x>", header))

    delivery = world.delivery(reply(world))

    assert delivery.in_reply_to == "<2@example.com>"
    assert delivery.references == ("<0@x>", header, "<2@example.com>")


def test_a_reply_to_a_mail_without_references_names_what_that_answered() -> None:
    world = wrote_to_ada()
    header = of_ses(world, FIRST)
    answer(world, in_reply_to=header)

    assert world.delivery(reply(world)).references == (header, "<2@example.com>")


def test_a_reply_to_a_mail_without_a_message_id_keeps_the_chain() -> None:
    world = wrote_to_ada()
    header = of_ses(world, FIRST)
    received(world, make_mail(message_id=None, in_reply_to=header), make_receipt())

    delivery = world.delivery(reply(world))

    assert (delivery.in_reply_to, delivery.references) == (None, (header,))
    assert b"\r\nIn-Reply-To:" not in world.provider.mails[-1].mail
    assert b"\r\nReferences:" in world.provider.mails[-1].mail


@pytest.mark.parametrize("hostile", ["<a b@x>", "no brackets", "<ü@x>", "<" + "x" * 950 + "@y>"])
def test_a_reply_to_a_mail_with_a_message_id_that_no_header_can_hold_goes_out(hostile: str) -> None:
    world = World()
    first = received(world, make_mail(message_id=hostile, references=("<0@x>", hostile)))

    key = reply(world, first.thread)

    assert world.delivery(key).in_reply_to in (None, "<ab@x>")  # folding white space in an id is left out
    assert hostile.encode() not in world.provider.mails[-1].mail


# ---------------------------------------------------------------------------------------------- what is noted


def test_an_inbox_notes_when_it_heard_from_a_person_outside() -> None:
    world = World()
    received(world)
    assert (world.inbox().heard_at, world.inbox().automatic_at) == (world.clock(), None)


@pytest.mark.parametrize(
    ("headers", "mail_from"), [(("Auto-Submitted: auto-replied",), ADA), ((), ""), (("List-Id: <l.example.com>",), ADA)]
)
def test_an_inbox_notes_when_a_program_wrote(headers: tuple[str, ...], mail_from: str) -> None:
    world = World()

    message = received(world, make_mail(headers=headers), make_receipt(mail_from=mail_from))

    assert message.arrival is not None
    assert message.arrival.automatic
    assert (world.inbox().heard_at, world.inbox().automatic_at) == (None, world.clock())


@pytest.mark.parametrize("number", [SECOND, INBOX])
def test_mail_from_an_inbox_of_ours_is_not_heard_from_outside(number: int) -> None:
    world = World()
    if number == SECOND:
        world.inboxes.create(make_inbox(number=SECOND, address=SECOND_ADDRESS, next_sequence=0))
    received(world, make_mail(SECOND_ADDRESS.upper() if number == SECOND else ADDRESS))
    assert (world.inbox().heard_at, world.inbox().automatic_at) == (None, NOON)


def test_a_mail_from_nobody_is_stored() -> None:
    world = World()
    world.receive_message(arrive(world, b"\r\njust words\r\n", make_receipt("agent+x@mail.example.com", mail_from="")))

    message = only_message(world)

    assert (message.sender, message.to) == (Mailbox(""), ())
    assert message.bcc == (Mailbox("agent+x@mail.example.com"),)
    assert set(world.get_thread(message.thread, world.caller).thread.participants) == {"agent+x@mail.example.com"}
