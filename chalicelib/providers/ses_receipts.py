"""SES's notices about received mail, as receipts; and receipts as such notices.

Fields as in the SES Developer Guide, page "Contents of notifications for Amazon SES email receiving". Only what is read
is declared: the mail's headers stand in a notice too, but may be cut or left out, and are read from the mail itself.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import msgspec

from chalicelib.domain.arrival import Authentication, Verdict
from chalicelib.domain.log_lines import log_of
from chalicelib.domain.receipt import TRIAL_MESSAGE_ID, WAITING_MAIL, Receipt

logger = log_of(__name__)

T = TypeVar("T")


class UnreadableReceipt(ValueError):
    """The record tells of no mail that can be read; the text says why and never quotes the record."""


class _Object(msgspec.Struct, frozen=True, rename="camel"):
    """A JSON object of SES; fields not declared are skipped unread."""


class _Verdict(_Object, frozen=True):
    status: str


class _Action(_Object, frozen=True):
    type: str
    bucket_name: str | None = None
    object_key: str | None = None


class _Receipt(_Object, frozen=True):
    recipients: tuple[str, ...]
    action: _Action
    spf_verdict: _Verdict | None = None
    dkim_verdict: _Verdict | None = None
    dmarc_verdict: _Verdict | None = None
    spam_verdict: _Verdict | None = None
    virus_verdict: _Verdict | None = None


class _Mail(_Object, frozen=True):
    message_id: str
    timestamp: Annotated[datetime, msgspec.Meta(tz=True)]
    source: str | None = None


class _Notice(_Object, frozen=True, omit_defaults=True):
    notification_type: str | None = None
    mail: _Mail | None = None
    receipt: _Receipt | None = None


class _SnsEnvelope(msgspec.Struct, frozen=True):
    """What SNS wraps around a message without raw delivery (SNS Developer Guide, "HTTP/HTTPS notification JSON")."""

    message: str | None = msgspec.field(default=None, name="Message")


_notice_decoder = msgspec.json.Decoder(_Notice)
_envelope_decoder = msgspec.json.Decoder(_SnsEnvelope)

_RECEIVED = "Received"
_TOPIC_TRIED = b"Successfully validated SNS topic"

# SES guide, "spamVerdict object" and its neighbours: GRAY is no certain answer; PROCESSING_FAILED and DISABLED are none.
_VERDICTS = {"PASS": Verdict.PASS, "FAIL": Verdict.FAIL, "GRAY": Verdict.GRAY}
_STATUSES = {verdict: status for status, verdict in _VERDICTS.items()}

# RFC 5321 section 4.5.5 writes it `<>`; we found no word of AWS on how SES does. Some servers log it as MAILER-DAEMON; with a
# domain that is an address like any other.
_NULL_PATH = re.compile(r"(?:<>|mailer-daemon)?", re.IGNORECASE)
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ADDRESS_CHARACTERS = 320


def read_receipt(body: str | bytes, *, bucket: str) -> Receipt | None:
    """The receipt in a queue record; None when SES only tried the topic out, or tells of something else.

    Raises `UnreadableReceipt`, so that the record ends among the dead letters instead of being lost.
    """
    content = _as_bytes(body)
    if content.startswith(_TOPIC_TRIED):
        return None
    notice = _decode(content, _notice_decoder)
    if notice.notification_type is None and notice.mail is None:
        content = _as_bytes(_present(_decode(content, _envelope_decoder).message, "Message"))
        if content.startswith(_TOPIC_TRIED):
            return None
        notice = _decode(content, _notice_decoder)
    if _is_no_news(notice):
        logger.info("a notice that tells of no mail was dropped", extra={"noticeType": notice.notification_type})
        return None
    return _receipt(_present(notice.mail, "mail"), _present(notice.receipt, "receipt"), bucket)


def notice_body(receipt: Receipt, *, bucket: str) -> str:
    """The notice by which SES tells of such a mail, as far as it is read here."""
    verdicts = receipt.authentication
    notice = _Notice(
        notification_type=_RECEIVED,
        mail=_Mail(receipt.ses_message_id, receipt.received_at, receipt.mail_from),
        receipt=_Receipt(
            recipients=receipt.recipients,
            action=_Action("S3", bucket, receipt.blob),
            spf_verdict=_status(verdicts.spf),
            dkim_verdict=_status(verdicts.dkim),
            dmarc_verdict=_status(verdicts.dmarc),
            spam_verdict=_status(verdicts.spam),
            virus_verdict=_status(verdicts.virus),
        ),
    )
    return msgspec.json.encode(notice).decode()


def _is_no_news(notice: _Notice) -> bool:
    if notice.mail is not None and notice.mail.message_id == TRIAL_MESSAGE_ID:
        return True
    return notice.notification_type is not None and notice.notification_type != _RECEIVED


def _receipt(mail: _Mail, receipt: _Receipt, bucket: str) -> Receipt:
    action = receipt.action
    if action.type != "S3":
        raise UnreadableReceipt(
            f"SES's notice is about an action of type {action.type[:20]!r}; only the S3 action leaves a mail to be read. "
            "The receipt rule is infra/resources.yaml's ReceiptRule."
        )
    blob = _present(action.object_key, "objectKey")
    if action.bucket_name != bucket or not blob.startswith(WAITING_MAIL):
        raise UnreadableReceipt(f"SES put the mail elsewhere than under {WAITING_MAIL} of this deployment's bucket.")
    return Receipt(
        ses_message_id=mail.message_id,
        mail_from=_return_path(mail.source or ""),
        recipients=receipt.recipients,
        received_at=mail.timestamp.astimezone(UTC),
        blob=blob,
        authentication=Authentication(
            spf=_verdict(receipt.spf_verdict),
            dkim=_verdict(receipt.dkim_verdict),
            dmarc=_verdict(receipt.dmarc_verdict),
            spam=_verdict(receipt.spam_verdict),
            virus=_verdict(receipt.virus_verdict),
        ),
    )


def _return_path(source: str) -> str:
    """Empty for a null return path (RFC 5321 section 4.5.5), in whatever way SES writes it."""
    path = _CONTROLS.sub("", source).strip()
    if path.startswith("<") and path.endswith(">") and path != "<>":
        path = path[1:-1]
    return "" if _NULL_PATH.fullmatch(path) else path[:_ADDRESS_CHARACTERS]


def _verdict(verdict: _Verdict | None) -> Verdict:
    return Verdict.NONE if verdict is None else _VERDICTS.get(verdict.status.upper(), Verdict.NONE)


def _status(verdict: Verdict) -> _Verdict:
    return _Verdict(_STATUSES.get(verdict, "DISABLED"))


def _present(part: T | None, name: str) -> T:
    if part is None:
        raise UnreadableReceipt(f"The record is not a notice about received mail: it has no {name!r}.")
    return part


def _as_bytes(text: str | bytes) -> bytes:
    # surrogatepass: what is no text becomes bytes that are no JSON, and is refused as such.
    return text if isinstance(text, bytes) else text.encode(errors="surrogatepass")


def _decode(content: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    try:
        return decoder.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        # These errors name places and types, never values: no address gets into a log by them.
        raise UnreadableReceipt(f"The record is not a notice about received mail: {error}") from error
