"""A strict SMTP client, and a door for it with stand-ins behind."""

import smtplib
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from embedded.smtp_inbound import SmtpDoor
from tests.embedded.inbound_fakes import FakeBucket, FakeMailboxes, FakeTopic, inbound_over

ANNA, BERT = "anna@agents.test", "bert@agents.test"
MAIL = b"From: Carl <carl@example.com>\r\nSubject: Hi\r\n\r\nText\r\n"
LIMIT = 200_000


class Client(smtplib.SMTP):
    """Sends a mail's bytes as RFC 5321 says, touching nothing else: smtplib itself mends line ends."""

    def deliver(
        self, raw: bytes, *to: str, mail_from: str = "carl@example.com", cuts: Sequence[int] = ()
    ) -> tuple[int, bytes]:
        self.command(f"MAIL FROM:<{mail_from}>", 250)
        for address in to or (ANNA,):
            self.command(f"RCPT TO:<{address}>", 250)
        self.command("DATA", 354)
        wire = (b"\r\n" + raw).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"
        for cut in cuts:
            self.send(wire[:cut])
            wire = wire[cut:]
        self.send(wire)
        return self.getreply()

    def command(self, line: str, code: int) -> bytes:
        got, text = self.docmd(line)
        assert got == code, (line, got, text)
        return text


@dataclass
class Door:
    """A door with stand-ins behind it."""

    port: int
    bucket: FakeBucket = field(default_factory=FakeBucket)
    topic: FakeTopic = field(default_factory=FakeTopic)
    mailboxes: FakeMailboxes = field(default_factory=lambda: FakeMailboxes({ANNA, BERT, "anna+tag@agents.test"}))

    served: SmtpDoor | None = None

    def client(self) -> Client:
        client = Client("127.0.0.1", self.port, timeout=20)
        client.ehlo("mail.example")
        return client

    def mails(self) -> list[bytes]:
        """What came in, without the fields that were put on top."""
        return [without_trace(data) for data, _ in self.bucket.objects.values()]


def without_trace(stored: bytes) -> bytes:
    lines = stored.split(b"\r\n")
    assert lines[0].startswith(b"Return-Path: <")
    assert lines[1].startswith(b"Received: from ")
    length = next(number for number, line in enumerate(lines) if line.endswith(b"+0000 (UTC)"))
    return b"\r\n".join(lines[length + 1 :])


@contextmanager
def opened(*, max_bytes: int = LIMIT, **options: Any) -> Iterator[Door]:
    listener = socket.create_server(("127.0.0.1", 0))
    door = Door(listener.getsockname()[1])
    served = SmtpDoor(
        listener,
        door.mailboxes,
        inbound_over(door.bucket, door.topic),
        hostname="agents.test",
        max_bytes=max_bytes,
        **options,
    )
    door.served = served
    served.start()
    try:
        yield door
    finally:
        served.stop()
