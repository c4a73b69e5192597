"""Received messages as the API shows them: all of an inbox, their sources, and what they say in the parser's words."""

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import httpx

from chalicelib.domain.address import Mailbox
from chalicelib.domain.arrival import MessageKind, MessageWarning, WarningCode
from chalicelib.mime.parsed_mail import ParsedAttachment, ParsedMail
from tests.journeys.system import Journey

READERS = 4
OF_THREADS = (WarningCode.NEW_PARTICIPANT, WarningCode.REFERENCE_NOT_TRUSTED)  # say nothing of the mail itself
_TRACE = re.compile(
    rb"Return-Path: <[^>\r\n]*>\r\nReceived: from [^\r\n]*\r\n by [^\r\n]* with SMTP id (\w+)[^+]*\+0000 \(UTC\)\r\n"
)


def all_messages(journey: Journey, **query: Any) -> list[dict[str, Any]]:
    """Every message of the inbox, page by page, each with its whole body."""
    found, cursor = [], None
    while True:
        page = journey.listed(limit=100, **query, **({"cursor": cursor} if cursor else {}))
        found += page["data"]
        cursor = page["nextCursor"]
        if cursor is None:
            assert page["total"] == len(found)
            return [journey.message(message) if message["bodyTruncated"] else message for message in found]


def sources(journey: Journey, messages: list[dict[str, Any]]) -> list[tuple[str, bytes]]:
    """For each message SES's id for its mail, and the mail without the trace fields that were put on top."""
    with ThreadPoolExecutor(READERS) as readers:
        raws = list(readers.map(lambda message: journey.client.get(f"/messages/{message['id']}/raw").content, messages))
    return [_taken_apart(raw) for raw in raws]


def _taken_apart(raw: bytes) -> tuple[str, bytes]:
    trace = _TRACE.match(raw)
    assert trace, raw[:400]
    return trace[1].decode(), raw[trace.end() :]


def as_parsed(journey: Journey, message: Mapping[str, Any], return_path: str) -> ParsedMail:
    """What the API tells of a received mail, files downloaded. It does not tell whether a program wrote it."""
    stands_in = message["fromAddress"] == return_path and not message["fromName"]
    warnings = (MessageWarning(WarningCode(known["code"]), known["message"]) for known in message["warnings"])
    return ParsedMail(
        sender=None if stands_in else Mailbox(message["fromAddress"], message["fromName"] or ""),
        to=tuple(_recipients(message, "to")),
        cc=tuple(_recipients(message, "cc")),
        reply_to=tuple(_mailbox(text) for text in message["replyTo"]),
        subject=message["subject"],
        message_id_header=None if message["messageIdHeader"].endswith(".invalid>") else message["messageIdHeader"],
        in_reply_to=(message["inReplyTo"],) if message["inReplyTo"] else (),
        references=tuple(message["references"]),
        date=datetime.fromisoformat(message["dateHeader"]) if message["dateHeader"] else None,
        body_text=message["bodyText"],
        body_html=message["bodyHtml"],
        extracted_text=message["extractedText"],
        attachments=tuple(_file(journey, known) for known in message["attachments"]),
        kind=MessageKind(message["kind"]),
        automatic=False,
        warnings=tuple(warning for warning in warnings if warning.code not in OF_THREADS),
        degraded=message["parseProblem"],
    )


def _recipients(message: Mapping[str, Any], kind: str) -> Iterator[Mailbox]:
    named = [Mailbox(known["address"], known["name"] or "") for known in message["recipients"] if known["kind"] == kind]
    assert [mailbox.address for mailbox in named] == message[f"{kind}Addresses"]
    yield from named


def _mailbox(text: str) -> Mailbox:
    name, bracket, address = text.rpartition(" <")
    return Mailbox(address.removesuffix(">"), name) if bracket else Mailbox(text)


def _file(journey: Journey, known: Mapping[str, Any]) -> ParsedAttachment:
    shown = journey.call("GET", f"/attachments/{known['id']}")
    assert [shown[key] for key in ("filename", "contentType", "size")] == [
        known[key] for key in ("filename", "contentType", "size")
    ]
    with httpx.Client(trust_env=False, timeout=60) as anybody:
        answer = anybody.get(shown["url"])
    assert answer.status_code == 200, answer.text
    assert len(answer.content) == known["size"]
    inline = known["disposition"] == "inline"
    return ParsedAttachment(known["filename"], known["contentType"], answer.content, known["contentId"], inline)
