"""Webhooks and events with everything filled in; a test changes what it is about."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from chalicelib.domain.delivery import EventType
from chalicelib.domain.event import Event, LoggedEvent, LogPlace
from chalicelib.domain.ids import EventId, MessageKey, derived_text
from chalicelib.domain.webhook import Webhook, WebhookId, WebhookSecret
from tests.factories.accounts import ACCOUNT_ID

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WEBHOOK_ID = WebhookId("wh_0123456789abcdefghjk")
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def make_webhook(**changes: Any) -> Webhook:
    webhook = Webhook(
        id=WEBHOOK_ID,
        account_id=ACCOUNT_ID,
        url="https://hooks.example.com/mail",
        description=None,
        events=frozenset(),
        inbox_numbers=None,
        is_active=True,
        secret=WebhookSecret(SECRET),
        since=LogPlace(0, 0),
        created_at=NOON,
        updated_at=NOON,
    )
    return replace(webhook, **changes)


def make_logged(number: int = 0, type_: EventType = EventType.SENT, **changes: Any) -> LoggedEvent:
    """The event at place `number` of a log with 18 events a chunk."""
    event = Event(
        id=EventId("evt_" + derived_text(f"event {number}")), type=type_, created_at=NOON, message=MessageKey(7, number)
    )
    return LoggedEvent(LogPlace(number // 18, number % 18), replace(event, **changes))
