"""A client that brings mail after mail over one connection, byte for byte, without waiting between commands (RFC 2920)."""

import smtplib
from collections.abc import Callable, Sequence

TAKEN = 250
SENDER = "corpora@sender.example"


def carried(mail: bytes) -> bytes:
    """What SMTP can carry of a mail: a last line that has no end gets one, for only after one is DATA over (RFC 5321 4.1.1.4)."""
    return mail if mail.endswith(b"\r\n") else mail + b"\r\n"


def bring(smtp: str, mails: Sequence[bytes], to: Sequence[str], taken: Callable[[str], object]) -> None:
    """Each mail to all recipients; `taken` gets the id from each 250 the moment it is read. Raises when the door refuses."""
    host, _, port = smtp.rpartition(":")
    with smtplib.SMTP(host, int(port), timeout=60) as client:
        client.ehlo("mail.example")
        assert client.has_extn("pipelining")
        group = "".join((f"MAIL FROM:<{SENDER}>\r\n", *(f"RCPT TO:<{address}>\r\n" for address in to), "DATA\r\n"))
        client.send(group)
        for left in reversed(range(len(mails))):
            for code in (*[TAKEN] * (1 + len(to)), 354):
                _expect(client, code)
            client.send(_dotted(carried(mails[-1 - left])) + (group.encode() if left else b""))
            taken(_expect(client, TAKEN).split()[-1].decode())


def _dotted(mail: bytes) -> bytes:
    """smtplib's own way to do it changes line ends."""
    return (b"\r\n" + mail).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


def _expect(client: smtplib.SMTP, code: int) -> bytes:
    got, text = client.getreply()
    assert got == code, (code, got, text)
    return text
