"""What a received mail costs, counted on the real handlers: capacity units, calls, round trips, and dollars."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from statistics import mean
from typing import Any

from bench.meter import Count
from bench.prose import prose
from bench.readme import markdown_table, short
from bench.rig import Rig

REPEATS = 20
ADA = "ada@example.com"
_LONG_LINES = SMTP.clone(max_line_length=998)  # else the package folds Message-IDs in a way that is not allowed

# Dollars for a million, us-east-1, on-demand: AWS's pricing pages of DynamoDB, S3, SQS, SNS, Lambda and SES.
_WRITE_UNITS = 0.625
_READ_UNITS = 0.125
_S3 = {"GetObject": 0.4, "CopyObject": 5.0, "PutObject": 5.0, "DeleteObject": 0.0}
_SES_STORES = 5.0  # its PUT into our bucket
_NOTICE = 0.5 + 3 * 0.4  # SNS; into SQS, out of it, deleted
_LAMBDA_REQUEST = 0.2
_LAMBDA_GB_SECOND = 13.3334  # arm64
_LAMBDA_GB = 1769 / 1024
SES_MAIL = 100.0  # a mail below 256 KB; each whole 256 KB are 90 more

SECONDS_OF_A_ROUND_TRIP = 0.008  # assumed, not measured: how long a call takes within a region
SECONDS_OF_READING = 0.005


@dataclass(frozen=True, slots=True)
class Received:
    """One kind of mail and what each of some took; `counts` is of the notice's whole way through the handler."""

    what: str
    counts: tuple[Count, ...]

    def cells(self) -> list[str]:
        figures = (
            mean(count.write_units for count in self.counts),
            mean(count.read_units for count in self.counts),
            mean(_of(count, "DynamoDB") for count in self.counts),
            mean(_of(count, "S3") for count in self.counts),
            mean(len(count.calls) for count in self.counts),
            mean(count.round_trips for count in self.counts),
            self.dollars(),
        )
        return [self.what, *map(short, figures)]

    def dollars(self) -> float:
        """For a million such notices, without SES's own price."""
        return mean(map(_dollars, self.counts))


def table(rows: Sequence[Received]) -> str:
    heads = ["What", "WCU", "RCU", "DynamoDB calls", "S3 calls", "AWS calls", "round trips", "$ a million"]
    return markdown_table(heads, [row.cells() for row in rows])


def million(plain: Received) -> str:
    """What a million plain mails cost, in one line."""
    ours = plain.dollars()
    units = mean(count.write_units * _WRITE_UNITS + count.read_units * _READ_UNITS for count in plain.counts)
    return (
        f"A million plain mails: ${SES_MAIL + ours:.0f}, of which SES takes ${SES_MAIL:.0f}, DynamoDB ${units:.2f} "
        f"and S3, queue and function ${ours - units:.2f}."
    )


def _of(count: Count, service: str) -> int:
    return sum(call.service == service for call in count.calls)


def _dollars(count: Count) -> float:
    s3 = Counter(call.operation for call in count.calls if call.service == "S3")
    seconds = count.round_trips * SECONDS_OF_A_ROUND_TRIP + SECONDS_OF_READING
    return (
        count.write_units * _WRITE_UNITS
        + count.read_units * _READ_UNITS
        + sum(_S3[operation] * times for operation, times in s3.items())
        + _SES_STORES
        + _NOTICE
        + _LAMBDA_REQUEST
        + seconds * _LAMBDA_GB * _LAMBDA_GB_SECOND
    )


class Arrivals:
    """Lets mails of each kind come in on one rig."""

    def __init__(self, made: Rig) -> None:
        self._rig = made
        self._chance = random.Random(20261122)
        self._number = 0
        self._inbox = made.api("POST", "/inboxes", {})
        self._other = made.api("POST", "/inboxes", {})

    def rows(self) -> Iterator[Received]:
        here, other = self._inbox["address"], self._other["address"]
        html = f"<html><body><p>{prose(60_000, self._chance)}</p></body></html>"
        yield self._each("a plain mail of 2.5 KB, which begins a thread", [self._mail() for _ in range(REPEATS)])
        yield self._each("one that joins a thread", self._answers())
        yield self._each("one with two files of 100 KB", [self._with_files() for _ in range(REPEATS)])
        yield self._each("one of 60 KB of HTML", [self._mail(html=html) for _ in range(REPEATS)])
        automatic = [self._mail(**{"Auto-Submitted": "auto-replied"}) for _ in range(REPEATS)]
        yield self._each("an automatic answer", automatic)
        yield self._each("a plain mail again: its notice came twice", self._notices_again())
        yield self._each("one for two inboxes", [self._mail() for _ in range(REPEATS)], here, other)
        yield self._each("one for nobody", [self._mail() for _ in range(REPEATS)], f"nobody-{here}")

    def _each(self, what: str, mails: Sequence[EmailMessage | str], *recipients: str) -> Received:
        counts = []
        for mail in mails:
            notice = mail if isinstance(mail, str) else self._notice(mail, *recipients)
            with self._rig.meter.counting() as count:
                self._rig.receive(notice)
            counts.append(count)
        return Received(what, tuple(counts))

    def _notice(self, mail: EmailMessage, *recipients: str) -> str:
        return self._rig.door.take(bytes(mail), *(recipients or (self._inbox["address"],)), mail_from=ADA)

    def _notices_again(self) -> list[str]:
        notices = [self._notice(self._mail()) for _ in range(REPEATS)]
        self._rig.receive(*notices)
        return notices

    def _answers(self) -> list[EmailMessage]:
        draft = {"to": [ADA], "subject": "Your order", "bodyText": prose(2_500, self._chance)}
        sent = self._rig.api("POST", f"/inboxes/{self._inbox['id']}/messages", draft)
        self._rig.send(*self._rig.jobs())
        self._rig.take_events()
        known = self._rig.api("GET", f"/messages/{sent['id']}")["messageIdHeader"]
        return [self._mail(**{"In-Reply-To": known, "References": known}) for _ in range(REPEATS)]

    def _with_files(self) -> EmailMessage:
        mail = self._mail()
        for number in range(2):
            data = self._chance.randbytes(100_000)
            mail.add_attachment(data, maintype="application", subtype="pdf", filename=f"report-{number}.pdf")
        return mail

    def _mail(self, html: str = "", **fields: Any) -> EmailMessage:
        self._number += 1
        mail = EmailMessage(_LONG_LINES)
        for name, value in {
            "From": f"Ada <{ADA}>",
            "To": self._inbox["address"],
            "Subject": "Your order",
            "Message-ID": f"<{self._number}@mail.example.com>",
            **fields,
        }.items():
            mail[name] = value
        mail.set_content(html or prose(2_500, self._chance), subtype="html" if html else "plain")
        return mail
