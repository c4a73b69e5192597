"""Reads the samples of SES events, and knows the key and the message their tags were made with."""

from pathlib import Path

from chalicelib.domain.delivery import DeliveryReport
from chalicelib.domain.ids import MessageKey, PublicIds
from chalicelib.providers.ses_events import delivery_reports

FOLDER = Path(__file__).parent.parent / "samples" / "ses_events"

IDS = PublicIds(b"the key of the samples")
KEY = MessageKey(7, 42)
MESSAGE_ID = IDS.message_id(KEY)
SES_MESSAGE_ID = "010f019a1c2d3e4f-5b7c1d20-9a41-4c0e-8f36-2d1be7a90c55-000000"


def sample(name: str) -> bytes:
    return (FOLDER / f"{name}.json").read_bytes()


def known_to_nobody(_: str) -> None:
    return None


def reports_of(body: str | bytes) -> tuple[DeliveryReport, ...]:
    """Read by the tag alone."""
    return delivery_reports(body, message_key=IDS.message_key, known=known_to_nobody)
