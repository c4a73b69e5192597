"""Sending a message on: what it says, its files, its own thread, and what refuses it."""

from dataclasses import replace
from email import message_from_bytes, policy
from typing import Any

import pytest

from chalicelib.domain.arrival import Authentication, Verdict
from chalicelib.domain.attachment import Enclosure
from chalicelib.domain.errors import Conflict, ErrorCode, InvalidInput, NotFound, Unavailable
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message import BODY_LIMIT, Message
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.forward_message import Recipients
from chalicelib.operations.reply_to_message import Words
from tests.factories.attachments import DATA, FILE_ID, make_attachment
from tests.factories.messages import make_mailbox
from tests.operations.incoming import arrive, make_mail, make_receipt, received
from tests.operations.refusals import refused
from tests.operations.watched import Crash, FailingAt, Recording, Watch
from tests.operations.world import ADA, BOB, EVE, World, make_draft

WORDS = Words(body_text="See below.")
TO_BOB = Recipients((make_mailbox(BOB),))

WITH_FILES = b"""\
From: Ada <ada@example.com>
To: agent@mail.example.com
Subject: Numbers
Message-ID: <1@example.com>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/related; boundary=r

--r
Content-Type: text/html; charset=utf-8

<p>Look: <img src="cid:logo@example.com"></p>
--r
Content-Type: image/png
Content-Disposition: inline; filename="logo.png"
Content-ID: <logo@example.com>

PNG
--r--
--m
Content-Type: text/csv
Content-Disposition: attachment; filename="numbers.csv"

1,2,3
--m
Content-Type: text/calendar; method=REQUEST
Content-Disposition: attachment; filename="invite.ics"

BEGIN:VCALENDAR
--m--
""".replace(b"\n", b"\r\n")


def forward(world: World, key: MessageKey, words: Words = WORDS, recipients: Recipients = TO_BOB) -> Message:
    return world.forward_message(words, key, recipients, caller=world.caller, name_resource=world.named.append)


def sent_mail(world: World) -> Any:
    world.work()
    return message_from_bytes(world.provider.mails[-1].mail, policy=policy.default)


def test_a_forward_goes_to_whom_the_caller_says_with_the_original_below_the_words() -> None:
    world = World()
    original = received(world)
    recipients = Recipients((make_mailbox(BOB),), (make_mailbox(EVE),), (make_mailbox(ADA),))

    message = forward(world, original.key, recipients=recipients)

    content = message.content
    assert message.status is MessageStatus.QUEUED
    assert (content.to, content.cc, content.bcc) == (recipients.to, recipients.cc, recipients.bcc)
    assert content.subject == "Fwd: Hello"
    assert content.body_text is not None
    assert content.body_text.startswith("See below.\n\n---------- Forwarded message ---------\nFrom: ada@example.com\n")
    assert content.body_text.rstrip().endswith("Good morning.")
    assert content.body_html is None


def test_a_forward_begins_a_thread_of_its_own_and_names_the_original_in_references_alone() -> None:
    world = World()
    original = received(world, make_mail(references=["<0@example.com>"]))

    content = forward(world, original.key).content

    assert content.thread.first_sequence == content.key.sequence
    assert content.in_reply_to is None
    assert content.references == ("<0@example.com>", "<1@example.com>")
    mail = sent_mail(world)
    assert mail["In-Reply-To"] is None
    assert mail["References"] == "<0@example.com> <1@example.com>"
    assert world.get_thread(original.thread, world.caller).thread.message_count == 1


def test_an_answer_to_the_forward_stays_out_of_the_first_conversation() -> None:
    world = World()
    original = received(world)
    content = forward(world, original.key).content
    world.work()
    final = world.delivery(content.key).message_id_header
    assert final is not None
    world.message_id_headers.claim(final, content.key)

    answer = received(
        world,
        make_mail(BOB, message_id="<2@example.net>", in_reply_to=final, references=["<1@example.com>", final]),
        make_receipt(ses_message_id="ses-in-2", mail_from=BOB),
    )

    assert answer.thread == content.thread != original.thread


def test_the_files_go_along_and_images_stay_where_the_html_shows_them() -> None:
    world = World()
    original = received(world, WITH_FILES)
    assert len(original.attachments) == 3

    content = forward(world, original.key).content

    assert content.attachments == original.attachments
    mail = sent_mail(world)
    files = {part.get_filename(): part for part in mail.walk() if part.get_filename()}
    assert files["logo.png"]["Content-ID"] == "<logo@example.com>"
    assert files["logo.png"].get_content_disposition() == "inline"
    assert files["numbers.csv"].get_payload(decode=True).strip() == b"1,2,3"
    assert files["invite.ics"].get_param("method") == "REQUEST"
    assert "multipart/related" in [part.get_content_type() for part in mail.walk()]
    assert 'src="cid:logo@example.com"' in mail.get_body(("html",)).get_content()


def test_files_outlive_the_message_they_came_with() -> None:
    world = World()
    original = received(world, WITH_FILES)
    content = forward(world, original.key).content

    world.delete_message(original.key, world.caller)

    assert len(sent_mail(world).get_body(("html",)).get_content()) > 0
    assert world.status(content.key) is MessageStatus.SENT


def test_the_callers_own_files_stand_first_and_each_file_goes_once() -> None:
    world = World()
    world.attachments.create(make_attachment(), DATA)
    original = received(world, WITH_FILES)
    repeated = Enclosure(original.attachments[1].id)

    content = forward(world, original.key, replace(WORDS, enclosures=(Enclosure(FILE_ID), repeated))).content

    assert [file.filename for file in content.attachments] == ["report.pdf", "logo.png", "numbers.csv", "invite.ics"]


def test_a_content_id_that_no_header_can_hold_is_left_out() -> None:
    world = World()
    hostile = WITH_FILES.replace(b"<logo@example.com>", b"<lo go\xff@example.com>")
    content = forward(world, received(world, hostile).key).content

    world.work()

    assert world.status(content.key) is MessageStatus.SENT


def test_our_own_message_is_forwarded_under_the_id_that_recipients_know() -> None:
    world = World()
    first = world.sent(make_draft(ADA, subject="Re: Lunch", body_html="<p>At one?</p>", bcc=(make_mailbox(EVE),)))

    content = forward(world, first).content

    assert content.subject == "Fwd: Re: Lunch"
    assert content.references == (world.delivery(first).message_id_header,)
    assert EVE not in f"{content.body_text}{content.body_html}"


def test_one_that_ses_has_not_taken_yet_is_named_by_its_final_id_once_it_is_known() -> None:
    world = World()
    first = world.submitted()
    forward(world, first)

    references = sent_mail(world)["References"]

    assert references == world.delivery(first).message_id_header


# ------------------------------------------------------------------------------------------------------ refusals


def test_files_withheld_for_a_virus_are_not_sent_on() -> None:
    world = World()
    receipt = make_receipt(authentication=Authentication(virus=Verdict.FAIL))
    original = received(world, WITH_FILES, receipt)

    error = refused(world, Conflict, lambda: forward(world, original.key))

    assert error.code is ErrorCode.ATTACHMENT_WITHHELD


@pytest.mark.parametrize(
    ("original", "path"), [({"body_text": "x" * BODY_LIMIT}, "bodyText"), ({"body_html": "x" * BODY_LIMIT}, "bodyHtml")]
)
def test_what_would_be_too_long_is_refused_and_says_so(original: dict[str, str], path: str) -> None:
    world = World()
    key = world.submitted(make_draft(**original))
    world.work()
    world.named.clear()

    error = refused(world, InvalidInput, lambda: forward(world, key))

    assert isinstance(error, InvalidInput)
    assert set(error.details) == {path}
    assert "at most 1,000,000" in error.details[path][0]


@pytest.mark.parametrize(
    ("files", "size", "code", "problem"),
    [
        (51, 1, ErrorCode.VALIDATION_ERROR, "it has 51 files; one message carries at most 50"),
        (3, 9 * 1024 * 1024, ErrorCode.ATTACHMENTS_TOO_LARGE, "at most 26,214,400 (25 MiB)"),
    ],
)
def test_an_original_with_more_files_than_a_message_carries_is_named_as_what_is_wrong(
    files: int, size: int, code: ErrorCode, problem: str
) -> None:
    world = World()
    original = received(world, WITH_FILES)
    file = replace(original.attachments[0], size=size)
    world.messages.contents[original.key] = replace(original, attachments=(file,) * files)

    error = refused(world, InvalidInput, lambda: forward(world, original.key))

    assert isinstance(error, InvalidInput)
    assert error.code is code
    assert list(error.details) == ["messageId"]
    assert problem in error.details["messageId"][0]
    assert error.fix is not None
    assert "attachmentIds" in error.fix


def test_a_message_whose_body_is_lost_is_not_sent_on_without_it() -> None:
    world = World()
    original = received(world)
    world.messages.contents[original.key] = replace(original, body_truncated=True)

    error = refused(world, InvalidInput, lambda: forward(world, original.key))

    assert "lost" in error.message


def test_a_message_deleted_meanwhile_is_not_sent_on() -> None:
    world = World()
    original = received(world)
    world.delete_message(original.key, world.caller)

    refused(world, NotFound, lambda: forward(world, original.key))


# ------------------------------------------------------------------------------------------------------- crashes

CALLS = 15


def try_to_forward(world: World, key: MessageKey, watch: Watch) -> bool:
    try:
        with world.watching(watch):
            forward(world, key)
    except (Crash, Unavailable):
        return False
    return True


def test_these_are_all_the_calls_a_forward_makes() -> None:
    world, recording = World(), Recording()
    world.receive_message(arrive(world, WITH_FILES))
    (original,) = world.listed()

    assert try_to_forward(world, original, recording)
    assert len(recording.calls) == CALLS
    assert recording.calls[-1] == "index.commit"


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("error", [Crash(), Unavailable("no answer")])
@pytest.mark.parametrize("number", range(CALLS))
def test_whatever_fails_a_forward_is_there_and_sent_once_or_not_at_all(
    number: int,
    error: BaseException,
    after_effect: bool,  # noqa: FBT001 - a table's column
) -> None:
    world = World()
    original = received(world, WITH_FILES)

    accepted = try_to_forward(world, original.key, FailingAt(number, after_effect, error))
    visible = world.listed()
    world.work()

    is_committed = number == CALLS - 1 and after_effect
    assert (len(visible) == 2) == (accepted or is_committed)
    assert world.listed() == visible
    assert len(world.provider.mails) == len(visible) - 1
    assert all(world.attachments.data(file.id) is not None for file in original.attachments)
