"""Kind of a mail, and whether a program sent it, by its header alone."""

import pytest

from chalicelib.domain.arrival import MessageKind
from chalicelib.mime.parsed_mail import ParsedMail
from tests.mime.incoming import mixed, multipart, names, parsed, parsed_of, part, text

DELIVERY_STATUS = part("Content-Type: message/delivery-status", body="Reporting-MTA: dns; x\n\nAction: failed\n")
FEEDBACK = part("Content-Type: message/feedback-report", body="Feedback-Type: abuse\n")


@pytest.mark.parametrize(
    ("field", "kind", "automatic"),
    [
        ("X-Nothing: 1", MessageKind.NORMAL, False),
        ("Auto-Submitted: no", MessageKind.NORMAL, False),
        ("Auto-Submitted: No (a person)", MessageKind.NORMAL, False),
        ("Auto-Submitted: auto-replied", MessageKind.AUTO_REPLY, True),
        ("Auto-Submitted: Auto-Generated; owner=x", MessageKind.AUTO_REPLY, True),
        ("Auto-Submitted: auto-generated (failure)", MessageKind.AUTO_REPLY, True),
        ("Auto-Submitted:", MessageKind.NORMAL, False),
        ("X-Autoreply: yes", MessageKind.AUTO_REPLY, True),
        ("X-Autoreply: no", MessageKind.NORMAL, False),
        ("X-Auto-Response-Suppress: All", MessageKind.NORMAL, False),
        ("Precedence: auto_reply", MessageKind.AUTO_REPLY, True),
        ("Precedence: BULK", MessageKind.NORMAL, True),
        ("Precedence: junk", MessageKind.NORMAL, True),
        ("Precedence: list", MessageKind.LIST, True),
        ("Precedence: first-class", MessageKind.NORMAL, False),
        ("List-Id: <a.example.com>", MessageKind.LIST, True),
    ],
)
def test_a_field_tells_the_kind(field: str, kind: MessageKind, *, automatic: bool) -> None:
    message = parsed(field)

    assert (message.kind, message.automatic) == (kind, automatic)


def report(report_type: str, *parts: bytes) -> ParsedMail:
    return parsed_of(multipart("report", text("Sorry"), *parts, parameters=report_type))


@pytest.mark.parametrize("parameters", ["; report-type=delivery-status", '; Report-Type="Delivery-Status"', ""])
def test_a_delivery_report_is_a_bounce(parameters: str) -> None:
    message = report(parameters, DELIVERY_STATUS)

    assert (message.kind, message.automatic) == (MessageKind.BOUNCE, True)
    assert message.body_text == "Sorry"
    assert names(message) == ["delivery-status.txt"]


def test_a_feedback_report_is_a_complaint() -> None:
    assert report("; report-type=feedback-report", FEEDBACK).kind is MessageKind.COMPLAINT
    assert report("", FEEDBACK).kind is MessageKind.COMPLAINT


def test_a_read_receipt_is_an_automatic_answer() -> None:
    message = report("; report-type=disposition-notification")

    assert (message.kind, message.automatic) == (MessageKind.AUTO_REPLY, True)


def test_a_report_that_a_person_forwards_is_no_report() -> None:
    assert mixed(text("See below"), DELIVERY_STATUS).kind is MessageKind.NORMAL


def test_a_report_in_a_plain_multipart_from_a_server_is_a_bounce() -> None:
    structure = multipart("mixed", text("Sorry"), DELIVERY_STATUS)

    assert parsed_of(structure, "Return-Path: <>").kind is MessageKind.BOUNCE


def test_a_report_is_a_report_whatever_its_other_fields_say() -> None:
    structure = multipart("report", text("Sorry"), DELIVERY_STATUS)

    assert parsed_of(structure, "Auto-Submitted: auto-replied", "List-Id: <x>").kind is MessageKind.BOUNCE
