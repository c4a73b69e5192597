"""Every text field, from the API's door to the bytes SES is handed: a clear refusal, or a mail that says what was asked.

Never a 5xx, never a header field or a recipient that nobody asked for.
"""

import email
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from chalice.app import Chalice

from chalicelib.domain.ids import inbox_id
from tests.factories.api_events import ApiAnswer, ApiClient
from tests.fakes.operations import FakeOperations
from tests.operations.world import INBOX, World

SAMPLES = Path(__file__).parents[1] / "samples"
NAUGHTY_STRINGS: list[str] = json.loads((SAMPLES / "blns/blns.json").read_text(encoding="utf-8"))
ADDRESSES = [
    (case.findtext("address") or "").translate({0x2400 + code: code for code in range(0x21)} | {0x2421: 0x7F})
    for case in ET.parse(SAMPLES / "isemail/tests.xml").getroot().iter("test")  # noqa: S314 - our own copy
]
INJECTIONS = [
    "a\r\nBcc: eve@example.org",
    "a\nBcc: eve@example.org",
    "a\rBcc: eve@example.org",
    "a\r\n\r\n<script>own body</script>",
    "a\x00b",
    "a\x0bb\x0cc\x1bd\x7f",
    "a\u2028Bcc: eve@example.org",
    "a\u2029Bcc: eve@example.org",
    "a\x85Bcc: eve@example.org",
    "=?utf-8?q?a=0D=0ABcc:_eve@example.org?=",
    "=?utf-8?b?YQ0KQmNjOiBldmVAZXhhbXBsZS5vcmc=?=",
    "=?iso-8859-1?q?a=0ABcc:_eve@example.org?=",
    "=?utf-8?q?a=00b?= =?utf-8?q?=0D=0AX-Own:_1?=",
    '"a\\\r\nBcc: eve@example.org"',
    "eve@example.org, bob@example.net",
    "<eve@example.org>",
    "ada@example.com>, <eve@example.org",
    "ada@example.com\r\nRCPT TO:<eve@example.org>",
    "x" * 100_000,
    "(" * 5_000,
    '"' * 5_001,
    "<" * 5_000 + "@" * 5_000,
    "=?utf-8?q?" * 2_000,
    "\u202egnp.exe",
    "é" * 998,
    "日本語" * 200,
]
FIELDS: dict[str, Callable[[str], dict[str, Any]]] = {
    "subject": lambda text: {"subject": text},
    "bodyText": lambda text: {"bodyText": text},
    "bodyHtml": lambda text: {"bodyHtml": text},
    "to": lambda text: {"to": [text]},
    "cc": lambda text: {"cc": [text]},
    "bcc": lambda text: {"bcc": [text]},
    "replyTo": lambda text: {"replyTo": [text]},
    "name in to": lambda text: {"to": [f"{text} <ada@example.com>"]},
    "quoted name in to": lambda text: {"to": [f'"{text}" <ada@example.com>']},
    "name in replyTo": lambda text: {"replyTo": [f'"{text}" <ada@example.com>']},
    "header value": lambda text: {"headers": {"X-Note": text}},
    "header name": lambda text: {"headers": {text: "note"}},
    "header name after X-": lambda text: {"headers": {f"X-{text}": "note"}},
    "metadata value": lambda text: {"metadata": {"note": text}},
    "metadata name": lambda text: {"metadata": {text: "note"}},
}
USUAL = {"from", "to", "subject", "date", "message-id", "mime-version", "content-type", "content-transfer-encoding"}


class Sender:
    """Sends drafts through the API's door and looks at what SES would have been handed."""

    def __init__(self, app: Chalice, fakes: FakeOperations) -> None:
        self.world = World(daily_send_limit=1_000_000)
        self.api = ApiClient(app)
        fakes.caller = self.world.caller
        fakes.answers["submit_message"] = self.world.submit_message

    def send(self, **fields: Any) -> ApiAnswer:
        draft = {"to": ["ada@example.com"], "subject": "Hello", "bodyText": "Hi"} | fields
        return self.api.call("POST", f"/inboxes/{inbox_id(INBOX)}/messages", json_body=draft)

    def check(self, **fields: Any) -> None:
        """Send a draft; it must be refused clearly or arrive as exactly what was asked for."""
        handed_before = len(self.world.provider.mails)
        answer = self.send(**fields)
        if answer.status != 202:
            assert answer.status == 400, (answer.status, answer.body)
            assert answer.error["message"]
            assert answer.error["details"]
            assert len(self.world.provider.mails) == handed_before
            return
        self.world.work()
        [handed] = self.world.provider.mails[handed_before:]
        shown = answer.json
        wanted = [*shown["toAddresses"], *shown["ccAddresses"], *shown["bccAddresses"]]
        assert list(handed.envelope.rcpt_tos) == wanted
        assert set(wanted) <= set(map(str.strip, _addresses_in(fields)))
        parsed = email.message_from_bytes(handed.mail)
        names = [name.lower() for name in parsed]
        optional = {"cc"} if shown["ccAddresses"] else set()
        optional |= {"reply-to"} if shown["replyTo"] else set()
        asked = {name.lower() for name in fields.get("headers", {})}
        assert set(names) == USUAL - ({"content-transfer-encoding"} - set(names)) | optional | asked
        assert len(names) == len(set(names))
        assert b"eve@example.org" not in handed.mail.partition(b"\r\n\r\n")[0] or "eve@example.org" in str(fields)


def _addresses_in(fields: dict[str, Any]) -> list[str]:
    """Every text of the draft that a recipient may have come from, and the address at its end."""
    texts = [text for name in ("to", "cc", "bcc") for text in fields.get(name, [])] or ["ada@example.com"]
    texts.append("ada@example.com")
    return [*texts, *(text.rpartition("<")[2].rstrip("> ") for text in texts), *map(_lowered, texts)]


def _lowered(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}"


@pytest.fixture
def sender(app: Chalice, fakes: FakeOperations) -> Sender:
    return Sender(app, fakes)


@pytest.mark.parametrize("field", FIELDS)
def test_an_injection_never_becomes_a_header_or_a_recipient(sender: Sender, field: str) -> None:
    for text in INJECTIONS:
        sender.check(**FIELDS[field](text))


@pytest.mark.parametrize("field", FIELDS)
def test_a_naughty_string_is_refused_clearly_or_sent_as_it_is(sender: Sender, field: str) -> None:
    for text in NAUGHTY_STRINGS:
        sender.check(**FIELDS[field](text))


@pytest.mark.parametrize("field", ["to", "cc", "bcc", "replyTo"])
def test_every_address_case_is_refused_clearly_or_written_to(sender: Sender, field: str) -> None:
    for text in ADDRESSES:
        sender.check(**FIELDS[field](text))


@pytest.mark.parametrize("text", INJECTIONS)
def test_an_inbox_cannot_be_named_so_that_its_mails_break(sender: Sender, fakes: FakeOperations, text: str) -> None:
    fakes.answers["create_inbox"] = lambda new, _caller: World(display_name=new.display_name).inbox()

    answer = sender.api.call("POST", "/inboxes", json_body={"displayName": text})

    assert answer.status in (201, 400)
    if answer.status == 201:
        named = World(display_name=answer.json["displayName"])
        named.sent()
        [handed] = named.provider.mails
        assert {name.lower() for name in email.message_from_bytes(handed.mail)} == USUAL
