"""The JSON of SES's news about outbound mail, as far as we read it, and how to get it out of a queue record.

SES tells the same news in two shapes: event publishing (`eventType`, with the mail's message tags) and identity
notifications (`notificationType`, without tags). Either comes bare (SNS raw message delivery) or in SNS's envelope.
Fields as in the SES Developer Guide, pages "Contents of event data that Amazon SES publishes to Amazon SNS" and
"Amazon SNS notification contents for Amazon SES". Only what is read is declared: the rest, the mail's headers above
all, may be missing, cut or huge.
"""

from datetime import UTC, datetime
from typing import Annotated, TypeVar

import msgspec

AGENTSEND_MESSAGE_TAG = "agentsend-message-id"
"""The SES message tag that carries our message id; SES hands it back in every event about the mail."""

T = TypeVar("T")


class UnreadableNotification(ValueError):
    """The record is no news of SES about outbound mail; the text says why and never quotes the record."""


class _Object(msgspec.Struct, frozen=True, rename="camel"):
    """A JSON object of SES; fields not declared are skipped unread."""


class _Dated(_Object, frozen=True):
    timestamp: Annotated[datetime, msgspec.Meta(tz=True)]

    @property
    def at(self) -> datetime:
        """When it happened, in UTC whatever offset it was written with."""
        return self.timestamp.astimezone(UTC)


class MailTags(_Object, frozen=True):
    """The one tag of ours; SES gives every tag a list of values."""

    message_ids: tuple[str, ...] = msgspec.field(default=(), name=AGENTSEND_MESSAGE_TAG)


class Mail(_Dated, frozen=True):
    """The mail that the news is about, dated when SES took it."""

    message_id: str
    tags: MailTags | None = None


class Recipient(_Object, frozen=True):
    """One address; the other fields come from a delivery status notification (RFC 3464), where there was one."""

    email_address: str
    action: str | None = None
    status: str | None = None
    diagnostic_code: str | None = None


class Bounce(_Dated, frozen=True):
    bounce_type: str
    bounce_sub_type: str
    bounced_recipients: tuple[Recipient, ...]


class Complaint(_Dated, frozen=True):
    complained_recipients: tuple[Recipient, ...]
    complaint_sub_type: str | None = None
    complaint_feedback_type: str | None = None


class Delivery(_Dated, frozen=True):
    recipients: tuple[str, ...]


class DeliveryDelay(_Dated, frozen=True):
    delay_type: str
    delayed_recipients: tuple[Recipient, ...]


class Reject(_Object, frozen=True):
    reason: str


class RenderingFailure(_Object, frozen=True):
    error_message: str | None = None


class SesEvent(_Object, frozen=True):
    """One event or notification: the mail it is about, and the object of its kind."""

    mail: Mail | None = None
    event_type: str | None = None
    notification_type: str | None = None
    bounce: Bounce | None = None
    complaint: Complaint | None = None
    delivery: Delivery | None = None
    delivery_delay: DeliveryDelay | None = None
    reject: Reject | None = None
    failure: RenderingFailure | None = None

    @property
    def kind(self) -> str | None:
        return self.event_type or self.notification_type


class _SnsEnvelope(msgspec.Struct, frozen=True):
    """What SNS wraps around a message without raw delivery (SNS Developer Guide, "HTTP/HTTPS notification JSON")."""

    message: str | None = msgspec.field(default=None, name="Message")


# Made at import: the records of a batch are read side by side.
_event_decoder = msgspec.json.Decoder(SesEvent)
_envelope_decoder = msgspec.json.Decoder(_SnsEnvelope)

# SES tries a topic out when an event destination or an identity is pointed at it: the first with a plain sentence,
# the second with a notification of its own type. Neither is news.
_TOPIC_TRIED = b"Successfully validated SNS topic"
_SUBSCRIBED = "AmazonSnsSubscriptionSucceeded"


def read_ses_event(body: str | bytes) -> SesEvent | None:
    """The event in a queue record, out of its SNS envelope; None when SES only tried the topic out.

    Raises `UnreadableNotification`.
    """
    content = _as_bytes(body)
    if content.startswith(_TOPIC_TRIED):
        return None
    event = _decode(content, _event_decoder)
    if event.kind is None:
        content = _as_bytes(present(_decode(content, _envelope_decoder).message, "Message"))
        if content.startswith(_TOPIC_TRIED):
            return None
        event = _decode(content, _event_decoder)
    return None if event.kind == _SUBSCRIBED else event


def present(part: T | None, name: str) -> T:
    """A part that an event of its kind must have. Raises `UnreadableNotification`."""
    if part is None:
        raise UnreadableNotification(f"The record is not an SES event: it has no {name!r}.")
    return part


def _as_bytes(text: str | bytes) -> bytes:
    # surrogatepass: what is no text becomes bytes that are no JSON, and is refused as such.
    return text if isinstance(text, bytes) else text.encode(errors="surrogatepass")


def _decode(content: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    try:
        return decoder.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        # These errors name places and types, never values: no address gets into a log by them.
        raise UnreadableNotification(f"The record is not an SES event: {error}") from error
