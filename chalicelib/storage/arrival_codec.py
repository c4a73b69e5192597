"""How an arrival is written inside a content (message_codec.py has the rules)."""

from datetime import datetime

import msgspec

from chalicelib.domain.arrival import Arrival, Authentication, MessageKind, MessageWarning, Verdict, WarningCode


class StoredArrival(msgspec.Struct, frozen=True, omit_defaults=True):
    """An arrival; `verdicts` are spf, dkim, dmarc, spam and virus, in this order.

    Most mails answer above what they quote, so their new words are how the text begins. Then only their length is stored,
    as long as the text lies beside them: a long one would be paid for twice.
    """

    ses_message_id: str = msgspec.field(name="i")
    raw_size: int = msgspec.field(name="s")
    mail_from: str = msgspec.field(name="f", default="")
    message_id_header: str | None = msgspec.field(name="h", default=None)
    date: datetime | None = msgspec.field(name="d", default=None)
    kind: str = msgspec.field(name="k", default=MessageKind.NORMAL.value)
    automatic: bool = msgspec.field(name="a", default=False)
    verdicts: list[str] = msgspec.field(name="v", default_factory=list)
    extracted_text: str | None = msgspec.field(name="x", default=None)
    extracted_length: int | None = msgspec.field(name="l", default=None)  # characters of the text
    warnings: list[tuple[str, str]] = msgspec.field(name="w", default_factory=list)
    degraded: str | None = msgspec.field(name="g", default=None)
    is_sender_sure: bool = msgspec.field(name="u", default=True)


def to_stored_arrival(arrival: Arrival | None, body_text: str | None) -> StoredArrival | None:
    if arrival is None:
        return None
    extracted = arrival.extracted_text
    is_beginning = extracted is not None and body_text is not None and body_text.startswith(extracted)
    verdicts = arrival.authentication
    return StoredArrival(
        ses_message_id=arrival.ses_message_id,
        raw_size=arrival.raw_size,
        mail_from=arrival.mail_from,
        message_id_header=arrival.message_id_header,
        date=arrival.date,
        kind=arrival.kind.value,
        automatic=arrival.automatic,
        verdicts=[
            verdict.value for verdict in (verdicts.spf, verdicts.dkim, verdicts.dmarc, verdicts.spam, verdicts.virus)
        ],
        extracted_text=None if is_beginning else extracted,
        extracted_length=len(extracted) if is_beginning and extracted is not None else None,
        warnings=[(warning.code.value, warning.message) for warning in arrival.warnings],
        degraded=arrival.degraded,
        is_sender_sure=arrival.is_sender_sure,
    )


def apart_from_text(stored: StoredArrival | None, body_text: str | None) -> StoredArrival | None:
    """The same with its new words written out, for a content whose text goes elsewhere."""
    if stored is None or stored.extracted_length is None:
        return stored
    return msgspec.structs.replace(stored, extracted_text=_extracted(stored, body_text), extracted_length=None)


def _extracted(stored: StoredArrival, body_text: str | None) -> str | None:
    if stored.extracted_length is None or body_text is None:
        return stored.extracted_text
    return body_text[: stored.extracted_length]


def from_stored_arrival(stored: StoredArrival | None, body_text: str | None) -> Arrival | None:
    """`body_text` is the text that is stored in the same item."""
    if stored is None:
        return None
    return Arrival(
        ses_message_id=stored.ses_message_id,
        mail_from=stored.mail_from,
        message_id_header=stored.message_id_header,
        date=stored.date,
        kind=MessageKind(stored.kind),
        automatic=stored.automatic,
        authentication=Authentication(*map(Verdict, stored.verdicts)),
        extracted_text=_extracted(stored, body_text),
        warnings=tuple(MessageWarning(WarningCode(code), message) for code, message in stored.warnings),
        degraded=stored.degraded,
        is_sender_sure=stored.is_sender_sure,
        raw_size=stored.raw_size,
    )
