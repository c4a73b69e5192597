"""Composing: a message's content as the bytes of an RFC 5322 mail, the same bytes every time."""

import re
from collections.abc import Iterator, Sequence
from email.utils import format_datetime
from itertools import count

from chalicelib.domain.message import MessageContent
from chalicelib.domain.message_id_header import is_repeatable
from chalicelib.mime.base64_body import LINE, base64_size, is_base64_of
from chalicelib.mime.guard import (
    ComposeError,
    Expected,
    check_header_name,
    header_text_problem,
    verify_composed,
    verify_lines,
)
from chalicelib.mime.header_fields import HeaderField, mailboxes, tokens, unstructured
from chalicelib.mime.parts import (
    BOUNDARY_START,
    AttachmentPart,
    Part,
    Piece,
    attachment_part,
    header_bytes,
    multipart,
    text_part,
)

__all__ = ["AttachmentPart", "ComposeError", "compose", "composed_size_at_most"]

HEADER_ROOM = 512 * 1024  # bytes; twenty headers of 900 characters, fifty names and ten file names take half of it

_MESSAGE_ID = re.compile(r"[A-Za-z0-9_-]{1,60}")  # ours; goes into boundaries, which may have 70 characters
_ADDRESS = re.compile(r"[^\s()<>\[\]:;@\\,\"\x00-\x20\x7f-\U0010ffff]+@[A-Za-z0-9._-]+")
_LONGEST_CUSTOM_WORD = 900  # a URL in List-Unsubscribe must stay whole; past this no line can hold it


def compose(
    content: MessageContent,
    *,
    message_id: str,
    message_id_header: str,
    in_reply_to: str | None,
    references: Sequence[str],
    attachments: Sequence[AttachmentPart] = (),
) -> bytes:
    """The mail as it is handed to SES: ASCII, CRLF, and byte-equal for equal arguments.

    Blind-copied recipients are nowhere in it. Raises `ComposeError` when a value cannot stand in a mail; the API
    refuses every such value before it accepts a message, so this is the second lock and not the first.
    """
    if not _MESSAGE_ID.fullmatch(message_id):
        raise ComposeError(f"{message_id!r} is not a message id")
    if content.body_truncated:
        raise ComposeError("a body is missing in storage, so the mail would not say what was written; send it anew")
    _check_texts(content, attachments)
    fields = [
        *_address_fields(content),
        unstructured("Subject", content.subject),
        tokens("Date", format_datetime(content.created_at).split(" ")),
        *_threading_fields(message_id_header, in_reply_to, references),
        *_custom_fields(content),
        tokens("MIME-Version", ("1.0",)),
    ]
    body = _body(content, attachments, _boundaries(message_id))
    pieces = [Piece(header_bytes((*fields, *body.fields))), *body.body_pieces()]
    verify_composed(_with_first_lines(pieces), _expected(content, fields, body))
    mail = b"".join(piece.octets for piece in pieces)
    verify_lines(mail)
    return mail


def composed_size_at_most(body_text: str | None, body_html: str | None, file_sizes: Sequence[int]) -> int:
    """Bytes that a mail with these bodies and files never exceeds; its header is allowed for."""
    bodies = sum(len(text_part("plain", body).body) for body in (body_text, body_html) if body is not None)
    return HEADER_ROOM + bodies + sum(map(base64_size, file_sizes))


def _with_first_lines(pieces: Sequence[Piece]) -> bytes:
    """The mail with the first line of each file in place of all of them; the files are checked here."""
    for piece in pieces:
        if piece.file is not None and not is_base64_of(piece.octets, piece.file):
            raise ComposeError("a file does not read back as it is")
    return b"".join(piece.octets if piece.file is None else piece.octets[:LINE] for piece in pieces)


def _check_texts(content: MessageContent, attachments: Sequence[AttachmentPart]) -> None:
    named = [content.sender, *content.to, *content.cc, *content.reply_to]
    texts = [
        ("the subject", content.subject),
        *((f"the name of {mailbox.address!r}", mailbox.name) for mailbox in named),
        *((f"the header {name!r}", value) for name, value in content.headers.items()),
        *(("a file name", attachment.filename) for attachment in attachments),
    ]
    for what, text in texts:
        if problem := header_text_problem(text):
            raise ComposeError(f"{what} cannot be written: {problem}")
    for mailbox in named:
        if not _ADDRESS.fullmatch(mailbox.address):
            raise ComposeError(f"{mailbox.address!r} is not an address")


# ------------------------------------------------------------------------------------------------------------ header


def _address_fields(content: MessageContent) -> Iterator[HeaderField]:
    yield mailboxes("From", (content.sender,))
    yield mailboxes("To", content.to)
    if content.cc:
        yield mailboxes("Cc", content.cc)
    if content.reply_to:
        yield mailboxes("Reply-To", content.reply_to)


def _threading_fields(own: str, in_reply_to: str | None, references: Sequence[str]) -> Iterator[HeaderField]:
    if not is_repeatable(own):
        raise ComposeError(f"{own!r} is not a Message-ID")
    yield tokens("Message-ID", (own,))
    # A stranger's Message-ID may be anything. One that no header can hold is left out: the others still thread the
    # reply, and no stranger can keep us from answering.
    if in_reply_to is not None and is_repeatable(in_reply_to):
        yield tokens("In-Reply-To", (in_reply_to,))
    if usable := [known for known in references if is_repeatable(known)]:
        yield tokens("References", usable)


def _custom_fields(content: MessageContent) -> Iterator[HeaderField]:
    for name, value in content.headers.items():
        check_header_name(name)
        yield unstructured(name, value, longest_word=_LONGEST_CUSTOM_WORD)


# -------------------------------------------------------------------------------------------------------------- body


def _boundaries(message_id: str) -> Iterator[str]:
    return (f"{BOUNDARY_START}{message_id}_{number}" for number in count(1))


def _body(content: MessageContent, attachments: Sequence[AttachmentPart], boundaries: Iterator[str]) -> Part:
    """mixed(alternative(text, related(html, images)), files), without the layers that would hold one part only."""
    images: list[Part] = []
    files: list[Part] = []
    for attachment in attachments:
        shown = attachment.inline and attachment.content_id is not None and content.body_html is not None
        (images if shown else files).append(attachment_part(attachment))
    versions = []
    if content.body_text is not None or content.body_html is None:
        versions.append(text_part("plain", content.body_text or ""))
    if content.body_html is not None:
        html = text_part("html", content.body_html)
        versions.append(_wrapped("related", [html, *images], boundaries))
    # The plainest first: the last one a reader understands is the one it shows (RFC 2046 section 5.1.4).
    body = _wrapped("alternative", versions, boundaries)
    return _wrapped("mixed", [body, *files], boundaries)


def _wrapped(subtype: str, parts: Sequence[Part], boundaries: Iterator[str]) -> Part:
    return parts[0] if len(parts) == 1 else multipart(subtype, parts, boundary=next(boundaries))


def _expected(content: MessageContent, fields: Sequence[HeaderField], body: Part) -> Expected:
    return Expected(
        parts=tuple(body.expected(more_names=[field.name for field in fields])),
        mailboxes=(
            ("From", (content.sender,)),
            ("To", content.to),
            ("Cc", content.cc),
            ("Bcc", ()),
            ("Reply-To", content.reply_to),
        ),
        texts=(("Subject", content.subject), *content.headers.items()),
    )
