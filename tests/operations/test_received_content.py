"""What is stored of a received mail: what it says, within what can be stored."""

from dataclasses import replace
from typing import Any

from chalicelib.domain.address import Mailbox
from chalicelib.domain.arrival import MessageKind, MessageWarning, WarningCode
from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message import DeliveryMode, MessageContent
from chalicelib.domain.thread_trust import Trust
from chalicelib.mime.parsed_mail import ParsedAttachment, ParsedMail
from chalicelib.operations.ports import Filing
from chalicelib.operations.received_content import (
    EXTRACTED_CHARACTERS,
    ReceivedMail,
    fitting,
    received_content,
)
from tests.factories.accounts import ACCOUNT_ID
from tests.operations.incoming import ADDRESS, make_receipt
from tests.operations.world import ADA

KEY = MessageKey(7, 5)
PARSED = ParsedMail(
    sender=Mailbox(ADA, "Ada"),
    to=(Mailbox(ADDRESS),),
    cc=(),
    reply_to=(),
    subject="Hello",
    message_id_header="<1@example.com>",
    in_reply_to=("<0@example.com>", "<other@example.com>"),
    references=(),
    date=None,
    body_text="Good morning.",
    body_html=None,
    extracted_text="Good morning.",
    attachments=(),
    kind=MessageKind.NORMAL,
    automatic=False,
    warnings=(MessageWarning(WarningCode.HIDDEN_TEXT, "12 characters are hidden."),),
    degraded=None,
)


def stored(parsed: ParsedMail = PARSED, trust: Trust | None = None, mail_from: str = ADA) -> MessageContent:
    return received_content(
        ReceivedMail(make_receipt(mail_from=mail_from), parsed, 321),
        Filing(KEY, ThreadKey(7, 5), trust),
        account_id=ACCOUNT_ID,
        recipient=ADDRESS,
        mode=DeliveryMode.DRY_RUN,
        attachments=(),
    )


def warnings(content: MessageContent) -> list[WarningCode]:
    assert content.arrival is not None
    return [warning.code for warning in content.arrival.warnings]


def test_it_says_whether_the_environment_really_receives() -> None:
    assert stored().mode is DeliveryMode.DRY_RUN


def test_the_doubts_about_its_reference_stand_with_the_others() -> None:
    assert warnings(stored()) == [WarningCode.HIDDEN_TEXT]
    assert warnings(stored(trust=Trust.PARTICIPANT)) == [WarningCode.HIDDEN_TEXT]
    assert warnings(stored(trust=Trust.NONE)) == [WarningCode.HIDDEN_TEXT, WarningCode.REFERENCE_NOT_TRUSTED]


def test_of_several_ids_that_it_answers_the_first_is_shown() -> None:
    assert stored().in_reply_to == "<0@example.com>"


def test_where_from_names_nobody_the_return_path_stands() -> None:
    nobody = replace(PARSED, sender=None)
    assert stored(nobody).sender == Mailbox(ADA)
    assert stored(nobody, mail_from="").sender == Mailbox("")


def test_a_null_return_path_makes_it_automatic() -> None:
    assert [stored(mail_from=path).arrival.automatic for path in (ADA, "")] == [False, True]  # type: ignore[union-attr]


def test_the_new_words_are_kept_up_to_a_limit() -> None:
    arrival = stored(replace(PARSED, extracted_text="x" * 300_000)).arrival
    assert arrival is not None
    assert arrival.extracted_text == "x" * EXTRACTED_CHARACTERS


# ----------------------------------------------------------------------------------------------- what fits


def mailboxes(count: int, length: int) -> tuple[Mailbox, ...]:
    return tuple(Mailbox(f"{number:0{length - 4}}@x.y") for number in range(count))


def size(parsed: ParsedMail) -> int:
    fields: list[Any] = [parsed.to, parsed.cc, parsed.reply_to, parsed.in_reply_to, parsed.references]
    return len(repr(fields)) + len(repr([(file.filename, file.content_id) for file in parsed.attachments]))


def test_an_ordinary_mail_is_left_as_it_is() -> None:
    assert fitting(PARSED) is PARSED


def test_a_large_circle_of_recipients_is_left_as_it_is() -> None:
    many = replace(PARSED, to=mailboxes(250, 60), cc=mailboxes(250, 60))
    assert fitting(many) is many


def test_header_fields_past_the_bound_are_cut_and_that_is_said() -> None:
    many = replace(PARSED, to=mailboxes(500, 200), cc=mailboxes(500, 200), references=("<" + "x" * 900 + ">",) * 100)

    cut = fitting(many)

    assert (cut.to, cut.cc, cut.references) == (many.to[:50], many.cc[:50], ())
    assert cut.degraded is not None
    assert [warning.code for warning in cut.warnings] == [WarningCode.HIDDEN_TEXT, WarningCode.DEGRADED]


def test_a_few_monstrous_fields_are_left_out() -> None:
    cut = fitting(replace(PARSED, to=mailboxes(30, 16_000), degraded="It has too many parts."))

    assert cut.to == ()
    assert cut.degraded == "It has too many parts."
    assert size(cut) < 10_000


def test_names_of_a_thousand_files_are_shortened_at_their_beginning_so_that_the_ending_stays() -> None:
    files = tuple(ParsedAttachment("ü" * 196 + ".pdf", "application/pdf", b"", "c" * 900) for _ in range(1_000))

    cut = fitting(replace(PARSED, attachments=files))

    assert len(cut.attachments) == 1_000
    assert cut.attachments[0].filename == "ü" * 36 + ".pdf"
    assert size(cut) < 100_000
    assert cut.degraded is not None
