"""What SES does with a mail it takes for us: trace fields on top, the mail into the bucket, a notice to the topic."""

import contextlib
import hashlib
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Protocol

from chalicelib.domain.arrival import Authentication, Verdict
from chalicelib.domain.receipt import WAITING_MAIL, Receipt
from chalicelib.storage.received_mails import receipt_metadata
from embedded.ses_headers import read_header, unfolded
from embedded.ses_notices import ReceiptRule, notice

MAX_MAIL_BYTES = 40 * 1024 * 1024  # Amazon SES guide: Service quotas, email receiving
VERDICTS_FIELD = "X-Embedded-Verdicts"

_HEADER_BYTES_READ = 256 * 1024
_ID_ALPHABET = "0123456789abcdefghijklmnopqrstuv"
_ID_LENGTH = 40


class Bucket(Protocol):
    """Where SES puts mail. A call that returns has been durable; one that raises may have been, or not."""

    def put(self, key: str, data: bytes, metadata: Mapping[str, str]) -> None: ...

    def delete(self, key: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the SMTP dialogue says of a mail, before any of it was read."""

    mail_from: str  # empty for a null return path
    recipients: tuple[str, ...]
    client: str  # as SES names it in Received: `mail.example (mail.example [192.0.2.1])`


@dataclass(frozen=True)
class SesInbound:
    """Takes mail, whether it came by SMTP or from an inbox of this very deployment."""

    bucket: Bucket
    publish: Callable[[str, str], None]  # (topic ARN, message)
    rule: ReceiptRule
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def take(self, ses_message_id: str, envelope: Envelope, raw: bytes, verdicts: Authentication) -> None:
        """Returns when the mail is stored and announced. Raises what kept it from that; then nothing of it is left.

        Only if even the clean-up fails, or the topic took the notice and its answer was lost, can a mail that was
        refused for now still come in, beside the one that is sent again.
        """
        receipt = receipt_of(ses_message_id, envelope, self.clock(), verdicts)
        stored = trace_fields(receipt, envelope.client, self.rule.region) + raw
        try:
            self.bucket.put(receipt.blob, stored, receipt_metadata(receipt))
            self.publish(self.rule.topic_arn, notice(receipt, stored, self.rule, self.clock()))
        except Exception:
            with contextlib.suppress(Exception):  # the first error is the one to be told
                self.bucket.delete(receipt.blob)
            raise


def receipt_of(ses_message_id: str, envelope: Envelope, at: datetime, verdicts: Authentication) -> Receipt:
    return Receipt(
        ses_message_id=ses_message_id,
        mail_from=envelope.mail_from,
        recipients=envelope.recipients,
        received_at=at,
        blob=WAITING_MAIL + ses_message_id,
        authentication=verdicts,
    )


def fits_one_mail(mail_from: str, recipients: Sequence[str]) -> bool:
    """Whether so many recipients find room in what is stored beside a mail, so that it can be announced once more."""
    envelope = Envelope(mail_from, tuple(recipients), "")
    return bool(receipt_metadata(receipt_of("0" * _ID_LENGTH, envelope, datetime.now(UTC), _LONGEST_VERDICTS)))


_LONGEST_VERDICTS = Authentication(*[Verdict.PASS] * 5)


def new_ses_message_id() -> str:
    """An id like those of received mail: letters and digits, forty of them."""
    return "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))


def derived_ses_message_id(seed: str) -> str:
    """The same id for the same seed, so that what is repeated after a crash is known to be the same mail."""
    digest = hashlib.blake2b(seed.encode(), digest_size=_ID_LENGTH).digest()
    return "".join(_ID_ALPHABET[byte % len(_ID_ALPHABET)] for byte in digest)


# ---------------------------------------------------------------------------------------------------- trace fields

_NOT_VISIBLE = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029<>]")


def trace_fields(receipt: Receipt, client: str, region: str) -> bytes:
    """Return-Path and Received, as SES writes them on top of what came (RFC 5321 section 4.4).

    Among several recipients, none is named: each copy of the mail shows its inbox only itself.
    """
    sole = f"\r\n for {_visible(receipt.recipients[0])}" if len(receipt.recipients) == 1 else ""
    lines = (
        f"Return-Path: <{_visible(receipt.mail_from)}>\r\n"
        f"Received: from {client}\r\n"
        f" by inbound-smtp.{region}.amazonaws.com with SMTP id {receipt.ses_message_id}{sole};\r\n"
        f" {format_datetime(receipt.received_at)} (UTC)\r\n"
    )
    return lines.encode()


def _visible(address: str) -> str:
    return _NOT_VISIBLE.sub("?", address)


# -------------------------------------------------------------------------------------------------------- verdicts

_CHECKS = ("spf", "dkim", "dmarc", "spam", "virus")
_WORDS = {"pass": Verdict.PASS, "fail": Verdict.FAIL, "gray": Verdict.GRAY}


def wanted_verdicts(raw: bytes) -> Authentication:
    """What a test mail wants SES to have found: `X-Embedded-Verdicts: dmarc=pass; virus=fail`, in the first such field.

    What is not named, or by no word of ours, was not checked.
    """
    wanted = unfolded(read_header(raw, _HEADER_BYTES_READ)[VERDICTS_FIELD] or "")
    named = dict.fromkeys(_CHECKS, Verdict.NONE)
    for check, _, word in (part.partition("=") for part in wanted.lower().split(";")):
        if check.strip() in named:
            named[check.strip()] = _WORDS.get(word.strip(), Verdict.NONE)
    return Authentication(**named)
