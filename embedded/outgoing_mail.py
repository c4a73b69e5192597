"""A mail as its recipients get it from SES, which differs in the header from what SES was handed.

Amazon SES guide, "Amazon SES header fields": SES writes a Message-ID of its own over that of a mail.
"""

import re

_HEADER_END = re.compile(rb"\A(?=\r?\n)|\r?\n(?=\r?\n)|\Z")
_FIELD = rb"^%s[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*(?:\n|\Z)"
_MESSAGE_ID = re.compile(_FIELD % rb"message-id", re.IGNORECASE | re.MULTILINE)
_BCC = re.compile(_FIELD % rb"bcc", re.IGNORECASE | re.MULTILINE)


def as_recipients_see_it(raw: bytes, message_id: str) -> bytes:
    """The mail under SES's Message-ID, and without a Bcc field; all else as it was."""
    end = _HEADER_END.search(raw)
    split = end.end() if end else len(raw)
    header = _BCC.sub(b"", raw[:split])
    ours = b"Message-ID: " + message_id.encode() + b"\r\n"
    written = 0

    def put_ours(_theirs: re.Match[bytes]) -> bytes:
        nonlocal written
        written += 1
        return ours if written == 1 else b""

    header = _MESSAGE_ID.sub(put_ours, header)
    return (header if written else ours + header) + raw[split:]
