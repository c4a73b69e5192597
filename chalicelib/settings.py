"""The deployment's settings, read once from the environment when they are first asked for.

Lambda gets them from `infra/resources.yaml`; the embedded system sets the same names. Credentials and endpoints
(`AWS_ENDPOINT_URL_<SERVICE>` …) are read by botocore and not repeated here.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from chalicelib.domain.message import DeliveryMode


class SettingsError(RuntimeError):
    """A setting is missing or cannot be read; the message names the variable."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting; the comment names the unit where it is not in the name."""

    region: str
    table_name: str
    bucket_name: str
    send_queue_url: str
    inbound_queue_url: str  # of notices about received mail
    webhook_queue_url: str  # of news and first attempts
    slow_webhook_queue_url: str  # of endpoints in trouble, retries, replays and tests
    ses_configuration_set: str
    receipt_rule_set: str  # where SES's rules for own domains stand
    inbound_topic_arn: str  # to which SES tells of received mail
    dns_servers: tuple[str, ...]  # `address:port`; none: those of the machine
    mail_domain: str  # where inboxes without a domain of their own live
    delivery_mode: DeliveryMode  # `DELIVERY`: email, or dry-run
    dry_run_sender: str  # what stands in for SES in dry-run: `none` ends at sent, `ses` calls the SES endpoint
    rate_limit_per_minute: int  # requests a key
    inbox_daily_send_limit: int  # messages
    account_daily_send_limit: int  # messages
    evidence_window_seconds: int  # how long an ambiguous send waits for SES's word before it is looked at again
    outcome_unknown_seconds: int  # after which an ambiguous send without any word is shown as failed
    abandon_reservation_seconds: int  # older than any request can live
    feed_wait_seconds: int  # for which GET /events may hold an answer; a held request is a running, paid Lambda
    allow_test_domains: bool  # whether addresses under `.test` (RFC 6761) are addresses
    allow_loopback_webhooks: bool  # whether webhooks may call this very machine, over http too


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process."""
    return read_settings(os.environ)


def stack_name() -> str:
    """The name of the deployment in metrics; empty: it has none."""
    return os.environ.get("STACK_NAME", "")


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Settings from variables; raises `SettingsError` that names the first one missing or malformed."""

    def text(name: str, default: str | None = None) -> str:
        value = environment.get(name, "") or default
        if value is None:
            raise SettingsError(f"{name} is not set; infra/resources.yaml and embedded/ show what belongs there")
        return value

    def number(name: str, default: int) -> int:
        value = text(name, str(default))
        if not value.isdecimal():
            raise SettingsError(f"{name} must be a whole number, not {value!r}")
        return int(value)

    def choice(name: str, default: str, *choices: str) -> str:
        value = text(name, default)
        if value not in choices:
            raise SettingsError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
        return value

    return Settings(
        region=text("AWS_REGION", environment.get("AWS_DEFAULT_REGION", "us-east-1")),
        table_name=text("TABLE_NAME"),
        bucket_name=text("BUCKET_NAME"),
        send_queue_url=text("SEND_QUEUE_URL"),
        inbound_queue_url=text("INBOUND_QUEUE_URL"),
        webhook_queue_url=text("WEBHOOK_QUEUE_URL"),
        slow_webhook_queue_url=text("SLOW_WEBHOOK_QUEUE_URL"),
        ses_configuration_set=text("SES_CONFIGURATION_SET"),
        receipt_rule_set=text("RECEIPT_RULE_SET", ""),
        inbound_topic_arn=text("INBOUND_TOPIC_ARN", ""),
        dns_servers=tuple(text("DNS_SERVERS", "").split()),
        mail_domain=text("MAIL_DOMAIN").lower(),
        delivery_mode=DeliveryMode(choice("DELIVERY", "dry-run", *DeliveryMode)),
        dry_run_sender=choice("DRY_RUN_SENDER", "none", "none", "ses"),
        rate_limit_per_minute=number("RATE_LIMIT_PER_MINUTE", 100),
        inbox_daily_send_limit=number("INBOX_DAILY_SEND_LIMIT", 1_000),
        account_daily_send_limit=number("ACCOUNT_DAILY_SEND_LIMIT", 10_000),
        evidence_window_seconds=number("EVIDENCE_WINDOW_SECONDS", 900),
        outcome_unknown_seconds=number("OUTCOME_UNKNOWN_SECONDS", 3_600),
        abandon_reservation_seconds=number("ABANDON_RESERVATION_SECONDS", 60),
        feed_wait_seconds=number("FEED_WAIT_SECONDS", 0),
        allow_test_domains=choice("ALLOW_TEST_DOMAINS", "no", "yes", "no") == "yes",
        allow_loopback_webhooks=choice("ALLOW_LOOPBACK_WEBHOOKS", "no", "yes", "no") == "yes",
    )
