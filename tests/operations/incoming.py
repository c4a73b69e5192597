"""Mails that come in, and the receipts that tell of them."""

import base64
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chalicelib.domain.arrival import Authentication, Verdict
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message import MessageContent
from chalicelib.domain.receipt import Receipt
from tests.factories.accounts import NOON
from tests.operations.world import ADA, INBOX, World

ADDRESS = "agent@mail.example.com"  # of the world's inbox
SES_ID = "o3vrnil0e2ic28trm7dfhrc2v0clambda4nbp0g1"
DMARC_PASSES = Authentication(dmarc=Verdict.PASS)
DMARC_FAILS = Authentication(dmarc=Verdict.FAIL)


def make_mail(
    sender: str = ADA,
    to: str = ADDRESS,
    *,
    message_id: str | None = "<1@example.com>",
    in_reply_to: str | None = None,
    references: Sequence[str] = (),
    body: str = "Good morning.",
    headers: Sequence[str] = (),
) -> bytes:
    lines = [f"From: {sender}", f"To: {to}", "Subject: Hello", *headers]
    if message_id is not None:
        lines.append(f"Message-ID: {message_id}")
    if in_reply_to is not None:
        lines.append(f"In-Reply-To: {in_reply_to}")
    if references:
        lines.append(f"References: {' '.join(references)}")
    return "\r\n".join([*lines, "", body, ""]).encode()


def make_mail_with_files(*files: bytes, message_id: str = "<1@example.com>") -> bytes:
    """A mail with a text and these files, named 0.bin, 1.bin …"""
    parts = [b"Content-Type: text/plain\r\n\r\nSee the files.\r\n"]
    for number, data in enumerate(files):
        head = (
            f'Content-Type: application/x-file\r\nContent-Disposition: attachment; filename="{number}.bin"\r\n'
            "Content-Transfer-Encoding: base64\r\n\r\n"
        )
        parts.append(head.encode() + base64.encodebytes(data).replace(b"\n", b"\r\n"))
    mixed = b"".join(b"--b\r\n" + part for part in parts) + b"--b--\r\n"
    headers = ["MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b"]
    return make_mail(message_id=message_id, headers=headers, body="").removesuffix(b"\r\n\r\n") + b"\r\n\r\n" + mixed


def make_receipt(*recipients: str, ses_message_id: str = SES_ID, **changes: Any) -> Receipt:
    receipt = Receipt(ses_message_id, ADA, recipients or (ADDRESS,), NOON, f"inbound/{ses_message_id}")
    return replace(receipt, **changes)


def arrive(world: World, mail: bytes | None = None, receipt: Receipt | None = None) -> Receipt:
    """SES has stored the mail; its notice is on its way."""
    receipt = receipt or make_receipt()
    world.mails.put(receipt.blob, make_mail() if mail is None else mail)
    return receipt


def received(world: World, mail: bytes | None = None, receipt: Receipt | None = None) -> MessageContent:
    """What becomes of a mail in the world's inbox."""
    known = set(world.listed())
    world.receive_message(arrive(world, mail, receipt))
    (key,) = set(world.listed()) - known
    return content(world, key)


def content(world: World, key: MessageKey) -> MessageContent:
    return world.get_message(key, world.caller).content


def only_message(world: World) -> MessageContent:
    (key,) = world.listed()
    assert key.inbox_number == INBOX
    return content(world, key)


def of_ses(world: World, key: MessageKey) -> str:
    """The Message-ID that the real SES writes into a mail that was sent."""
    return f"<{world.delivery(key).ses_message_id}@eu-west-1.amazonses.com>"
