"""Accounts, keys, callers and inboxes for tests."""

from dataclasses import replace
from datetime import UTC, datetime

from chalicelib.domain.account import DEFAULT_SCOPES, Account, ApiKey, Caller
from chalicelib.domain.ids import AccountId, KeyId
from chalicelib.domain.inbox import Inbox, InboxStatus

ACCOUNT_ID = AccountId("acc_0123456789abcdefghjk")
KEY_ID = KeyId("key_0123456789abcdefghjk")
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def make_account(**changes: object) -> Account:
    account = Account(ACCOUNT_ID, "Acme", "owner@example.com", "self-hosted", 10_000, is_verified=True, created_at=NOON)
    return replace(account, **changes)  # type: ignore[arg-type]


def make_key(**changes: object) -> ApiKey:
    """A key of the account with the default scopes and every inbox."""
    key = ApiKey(KEY_ID, ACCOUNT_ID, "ci", "ask_01234567", DEFAULT_SCOPES, None, NOON)
    return replace(key, **changes)  # type: ignore[arg-type]


def make_caller(**changes: object) -> Caller:
    """A caller with such a key."""
    key = make_key(**changes)
    return Caller(key.account_id, key)


def make_inbox(**changes: object) -> Inbox:
    """An active inbox that has sent three messages today."""
    inbox = Inbox(
        number=7,
        account_id=ACCOUNT_ID,
        address="agent@mail.example.com",
        display_name="Agent",
        status=InboxStatus.ACTIVE,
        daily_send_limit=1_000,
        sends_day=f"{NOON:%Y-%m-%d}",
        sends_today=3,
        total_sent=40,
        bounce_count=2,
        complaint_count=1,
        next_sequence=41,
        created_at=NOON,
    )
    return replace(inbox, **changes)  # type: ignore[arg-type]
