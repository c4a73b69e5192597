"""What a reader of a mail says it holds: the files of tests/samples/inbound, and how a parsed mail is held against one."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from chalicelib.domain.address import Mailbox
from chalicelib.mime.parsed_mail import ParsedAttachment, ParsedMail
from tests.corpora_mails import CORPORA

SAMPLES = Path(__file__).parents[1] / "samples" / "inbound"
_SUFFIX = ".expected.json"


@dataclass(frozen=True, slots=True)
class Expectation:
    name: str
    mail: Path
    said: Mapping[str, Any]  # what is not said is not checked


def expectation_names() -> list[str]:
    return sorted(path.name.removesuffix(_SUFFIX) for path in SAMPLES.glob(f"*{_SUFFIX}"))


def read_expectation(name: str) -> Expectation:
    """Raises ValueError for a key that no check knows: a slip in it would check nothing."""
    said = json.loads((SAMPLES / f"{name}{_SUFFIX}").read_text("utf-8"))
    if unknown := said.keys() - _CHECKS.keys() - {"mail", "why"}:
        raise ValueError(f"{name}: unknown keys {sorted(unknown)}")
    for attachment in said.get("attachments", ()):
        if unknown := attachment.keys() - _OF_ATTACHMENT.keys():
            raise ValueError(f"{name}: unknown keys of an attachment {sorted(unknown)}")
    where = SAMPLES if said["mail"].startswith("own/") else CORPORA
    return Expectation(name, where / said["mail"], said)


def differences(said: Mapping[str, Any], parsed: ParsedMail) -> list[str]:
    """One sentence for each thing that is not as it was said."""
    return [f"{key}: {what}" for key, check in _CHECKS.items() if key in said for what in check(said[key], parsed)]


# --------------------------------------------------------------------------------------------------- the checks

_Check = Callable[[Any, ParsedMail], Iterator[str]]


def _same(of: Callable[[ParsedMail], object]) -> _Check:
    def check(said: Any, parsed: ParsedMail) -> Iterator[str]:
        found = of(parsed)
        if found != said:
            yield f"expected {said!r}, found {found!r}"

    return check


def _starts(of: Callable[[ParsedMail], str | None]) -> _Check:
    def check(said: str, parsed: ParsedMail) -> Iterator[str]:
        found = of(parsed)
        if found is None or not found.startswith(said):
            yield f"expected it to start with {said!r}, found {_short(found)}"

    return check


def _contains(of: Callable[[ParsedMail], str | None]) -> _Check:
    def check(said: list[str] | None, parsed: ParsedMail) -> Iterator[str]:
        found = of(parsed)
        if said is None:
            if found is not None:
                yield f"expected none, found {_short(found)}"
            return
        for piece in said:
            if found is None or piece not in found:
                yield f"expected {piece!r} in it, found {_short(found)}"

    return check


def _lacks(of: Callable[[ParsedMail], str | None]) -> _Check:
    def check(said: list[str], parsed: ParsedMail) -> Iterator[str]:
        found = of(parsed)
        for piece in said:
            if piece in (found or ""):
                yield f"expected no {piece!r} in it, found {_short(found)}"

    return check


def _mailboxes(of: Callable[[ParsedMail], tuple[Mailbox, ...]]) -> _Check:
    def check(said: list[list[str | None]], parsed: ParsedMail) -> Iterator[str]:
        found = [[mailbox.address, mailbox.name] for mailbox in of(parsed)]
        if len(said) != len(found) or not all(map(_same_mailbox, said, found)):
            yield f"expected {said!r}, found {found!r}"

    return check


def _sender(said: list[str | None] | None, parsed: ParsedMail) -> Iterator[str]:
    found = [parsed.sender.address, parsed.sender.name] if parsed.sender else None
    if (said is None) != (found is None) or (said and found and not _same_mailbox(said, found)):
        yield f"expected {said!r}, found {found!r}"


def _same_mailbox(said: list[str | None], found: list[str]) -> bool:
    """A name of null: good mail programs differ on it."""
    return said[0] == found[0] and said[1] in (None, found[1])


_OF_ATTACHMENT: Mapping[str, Callable[[ParsedAttachment], object]] = {
    "filename": lambda attachment: attachment.filename,
    "contentType": lambda attachment: attachment.content_type,
    "size": lambda attachment: len(attachment.data),
    "sha256": lambda attachment: sha256(attachment.data).hexdigest(),
    "contentId": lambda attachment: attachment.content_id,
    "inline": lambda attachment: attachment.inline,
}


def _attachments(said: list[dict[str, Any]], parsed: ParsedMail) -> Iterator[str]:
    if len(said) != len(parsed.attachments):
        names = [(attachment.filename, attachment.content_type) for attachment in parsed.attachments]
        yield f"expected {len(said)}, found {len(names)}: {names!r}"
        return
    for number, (expected, attachment) in enumerate(zip(said, parsed.attachments, strict=True)):
        for key, value in expected.items():
            found = _OF_ATTACHMENT[key](attachment)
            if found != value:
                yield f"[{number}].{key}: expected {value!r}, found {found!r}{_beginning(key, attachment)}"


def _beginning(key: str, attachment: ParsedAttachment) -> str:
    return f" of {attachment.data[:60]!r}…{attachment.data[-30:]!r}" if key in {"size", "sha256"} else ""


def _short(text: str | None) -> str:
    return repr(text if text is None or len(text) < 400 else text[:400] + "…")


def _when(date: datetime | None) -> str | None:
    return date.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if date else None


_CHECKS: Mapping[str, _Check] = {
    "sender": _sender,
    "to": _mailboxes(lambda mail: mail.to),
    "cc": _mailboxes(lambda mail: mail.cc),
    "replyTo": _mailboxes(lambda mail: mail.reply_to),
    "subject": _same(lambda mail: mail.subject),
    "subjectStarts": _starts(lambda mail: mail.subject),
    "subjectContains": _contains(lambda mail: mail.subject),
    "messageIdHeader": _same(lambda mail: mail.message_id_header),
    "inReplyTo": _same(lambda mail: list(mail.in_reply_to)),
    "references": _same(lambda mail: list(mail.references)),
    "date": _same(lambda mail: _when(mail.date)),
    "bodyText": _same(lambda mail: mail.body_text),
    "bodyTextStarts": _starts(lambda mail: mail.body_text),
    "bodyTextContains": _contains(lambda mail: mail.body_text),
    "bodyTextLacks": _lacks(lambda mail: mail.body_text),
    "bodyHtmlContains": _contains(lambda mail: mail.body_html),
    "extractedTextContains": _contains(lambda mail: mail.extracted_text),
    "extractedTextLacks": _lacks(lambda mail: mail.extracted_text),
    "attachments": _attachments,
    "kind": _same(lambda mail: mail.kind.value),
    "automatic": _same(lambda mail: mail.automatic),
    "degraded": _same(lambda mail: mail.degraded is not None),
    "warnings": _same(lambda mail: sorted({warning.code.value for warning in mail.warnings})),
}
