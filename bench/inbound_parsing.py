"""Reading mail: this project's parser beside `email.policy.default`, on the mails of tests/corpora."""

import email
import email.policy
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from statistics import median
from typing import Any, cast

from bench.readme import markdown_table, short
from chalicelib.domain.address import Mailbox
from chalicelib.mime.parse import parse_mail
from chalicelib.mime.parsed_mail import ParsedMail
from tests.corpora_mails import corpus_mails

ROUNDS = 9
MB = 1_000_000

People = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What both say of a mail, in one form."""

    subject: str
    addresses: People
    text: str | None
    html: str | None
    file_names: tuple[str | None, ...]
    files: tuple[bytes, ...]
    date: datetime | None


FIELDS = ("subject", "addresses", "text", "html", "file_names", "files", "date")


def with_email_package(raw: bytes) -> Reading:
    """The same work with Python's `email` package: all its headers that are shown, both bodies, every file."""
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    files = list(mail.iter_attachments()) if mail.is_multipart() else []
    for name in ("message-id", "in-reply-to", "references"):
        str(mail.get(name, ""))
    return Reading(
        subject=str(mail.get("subject", "")),
        addresses=tuple(_people(mail)),
        text=None if plain is None else cast("str", plain.get_content()),
        html=None if html is None else cast("str", html.get_content()),
        file_names=tuple(file.get_filename() for file in files),
        files=tuple(map(_octets, files)),
        date=_date(mail),
    )


def _people(mail: EmailMessage) -> Iterator[tuple[str, str]]:
    for name in ("from", "to", "cc", "reply-to"):
        for header in cast("Sequence[Any]", mail.get_all(name, ())):
            addresses: Sequence[Address] = header.addresses
            yield from ((address.display_name, address.addr_spec) for address in addresses)


def _octets(file: Any) -> bytes:
    content = file.get_content() if not file.is_multipart() else file.get_payload(0)
    if isinstance(content, bytes):
        return content
    return bytes(content) if isinstance(content, EmailMessage) else cast("bytes", file.get_payload(decode=True))


def _date(mail: EmailMessage) -> datetime | None:
    header = cast("Any", mail["date"])
    found: datetime | None = header.datetime if header else None
    if found is None:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def as_reading(parsed: ParsedMail) -> Reading:
    people = (*((parsed.sender,) if parsed.sender else ()), *parsed.to, *parsed.cc, *parsed.reply_to)
    return Reading(
        subject=parsed.subject,
        addresses=tuple(map(_pair, people)),
        text=parsed.body_text,
        html=parsed.body_html,
        file_names=tuple(file.filename for file in parsed.attachments),
        files=tuple(file.data for file in parsed.attachments),
        date=parsed.date,
    )


def _pair(mailbox: Mailbox) -> tuple[str, str]:
    return mailbox.name, mailbox.address


# -------------------------------------------------------------------------------------------------- what differs


def differing(ours: Reading, theirs: Reading) -> Iterator[str]:
    """The fields that differ; neither case of a domain, nor line ends, nor a name or text that only we make up."""
    if " ".join(ours.subject.split()) != " ".join(theirs.subject.split()):
        yield "subject"
    if _lower(ours.addresses) != _lower(theirs.addresses):
        yield "addresses"
    if _lines(ours.text) != _lines(theirs.text) and not (theirs.text is None and ours.html):
        yield "text"
    if _lines(ours.html) != _lines(theirs.html):
        yield "html"
    if len(ours.file_names) != len(theirs.file_names) or any(
        name not in {None, own} for own, name in zip(ours.file_names, theirs.file_names, strict=True)
    ):
        yield "file_names"
    if ours.files != theirs.files:
        yield "files"
    if ours.date != theirs.date:
        yield "date"


def _lower(people: People) -> People:
    return tuple((" ".join(name.split()), address.lower()) for name, address in people)


def _lines(text: str | None) -> str:
    return "\n".join((text or "").split("\r\n")).strip()


# ------------------------------------------------------------------------------------------------- how long it takes


@dataclass
class Times:
    """Processor time of each reader for each mail, in each round."""

    ours: dict[str, list[int]] = field(default_factory=dict)
    theirs: dict[str, list[int]] = field(default_factory=dict)

    def take(self, name: str, raw: bytes) -> None:
        """The two in turn, so that whatever else the machine does meets both."""
        for times, read in ((self.ours, parse_mail), (self.theirs, with_email_package)):
            times.setdefault(name, []).append(_nanoseconds(read, raw))

    def ratios(self) -> list[float]:
        """How much longer the package takes for all mails, in each round."""
        return [_in_round(self.theirs, number) / _in_round(self.ours, number) for number in range(ROUNDS)]

    def ratios_of_mails(self) -> list[float]:
        return [median(self.theirs[name]) / median(self.ours[name]) for name in self.ours]


def _in_round(times: dict[str, list[int]], number: int) -> int:
    return sum(each[number] for each in times.values())


def _nanoseconds(read: Callable[[bytes], object], raw: bytes) -> int:
    began = time.process_time_ns()
    read(raw)
    return time.process_time_ns() - began


# ------------------------------------------------------------------------------------------------------- the report


def report() -> str:
    """Both read the whole corpus; the findings as text and a table."""
    mails, unread, differences = dict(corpus_mails()), list[str](), Counter[str]()
    for name, raw in mails.items():
        try:
            theirs = with_email_package(raw)
        except Exception:  # noqa: BLE001 - whatever it raises, counting that is the point
            unread.append(name)
            continue
        differences.update(differing(as_reading(parse_mail(raw)), theirs))
    both = {name: raw for name, raw in mails.items() if name not in unread}
    times = Times()
    for _ in range(ROUNDS):
        for name, raw in both.items():
            times.take(name, raw)
    size = sum(map(len, both.values()))
    rows = [
        _row(what, taken, size) for what, taken in (("parse_mail", times.ours), ("email.policy.default", times.theirs))
    ]
    heads = ["Reader", "MB/s", "ms, a mail in the middle", "its slowest mail", "ms"]
    ratios, of_mails = sorted(times.ratios()), sorted(times.ratios_of_mails())
    fields = ", ".join(f"{name.replace('_', ' ')} {differences[name]}" for name in FIELDS)
    return (
        f"{markdown_table(heads, rows)}\n\n"
        f"Of {len(mails)} mails `email.policy.default` raises an error for {len(unread)}; the table is of the other "
        f"{len(both)}, {size / MB:.1f} MB. It takes {median(ratios):.2f} times as long for all of them ({ratios[0]:.2f} … "
        f"{ratios[-1]:.2f} in {ROUNDS} rounds), and {median(of_mails):.2f} times for the mail in the middle "
        f"({of_mails[len(of_mails) // 10]:.2f} … {of_mails[-len(of_mails) // 10]:.2f} for eight mails in ten).\n\n"
        f"Mails in which the two read differently: {fields}."
    )


def _row(what: str, taken: dict[str, list[int]], size: int) -> list[str]:
    typical = {name: median(each) for name, each in taken.items()}
    slowest = max(typical, key=lambda name: typical[name])
    whole = sum(typical.values())
    cells = (size / MB / (whole / 1e9), median(typical.values()) / 1e6)
    return [f"`{what}`", *map(short, cells), f"`{slowest}`", short(typical[slowest] / 1e6)]
