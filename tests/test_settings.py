"""The deployment's settings: what they default to, and what is said of one that is missing or malformed."""

from collections.abc import Iterator
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.message import DeliveryMode
from chalicelib.settings import Settings, SettingsError, read_settings, settings

REQUIRED = {
    "TABLE_NAME": "mail",
    "BUCKET_NAME": "mail-bodies",
    "SEND_QUEUE_URL": "https://sqs.example.com/1/send",
    "INBOUND_QUEUE_URL": "https://sqs.example.com/1/inbound",
    "WEBHOOK_QUEUE_URL": "https://sqs.example.com/1/webhooks",
    "SLOW_WEBHOOK_QUEUE_URL": "https://sqs.example.com/1/slow-webhooks",
    "SES_CONFIGURATION_SET": "events",
    "MAIL_DOMAIN": "mail.example.com",
}
NUMBERS = {
    "RATE_LIMIT_PER_MINUTE": ("rate_limit_per_minute", 100),
    "INBOX_DAILY_SEND_LIMIT": ("inbox_daily_send_limit", 1_000),
    "ACCOUNT_DAILY_SEND_LIMIT": ("account_daily_send_limit", 10_000),
    "EVIDENCE_WINDOW_SECONDS": ("evidence_window_seconds", 900),
    "OUTCOME_UNKNOWN_SECONDS": ("outcome_unknown_seconds", 3_600),
    "FEED_WAIT_SECONDS": ("feed_wait_seconds", 0),
    "ABANDON_RESERVATION_SECONDS": ("abandon_reservation_seconds", 60),
}


@pytest.fixture
def _fresh_settings() -> Iterator[None]:
    """No settings of an earlier test, and none for a later one."""
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_setting_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings({key: value for key, value in REQUIRED.items() if key != name})


@pytest.mark.parametrize("name", REQUIRED)
def test_an_empty_setting_counts_as_missing(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings(REQUIRED | {name: ""})


def test_the_required_settings_are_enough() -> None:
    read = read_settings(REQUIRED)

    assert read.table_name == "mail"
    assert read.bucket_name == "mail-bodies"
    assert read.send_queue_url == "https://sqs.example.com/1/send"
    assert read.inbound_queue_url == "https://sqs.example.com/1/inbound"
    assert read.ses_configuration_set == "events"
    assert read.mail_domain == "mail.example.com"


def test_nothing_leaves_and_test_domains_are_refused_unless_a_deployment_says_otherwise() -> None:
    read = read_settings(REQUIRED)

    assert read.delivery_mode is DeliveryMode.DRY_RUN
    assert read.dry_run_sender == "none"
    assert read.allow_test_domains is False


@pytest.mark.parametrize(("name", "field", "default"), [(name, *rest) for name, rest in NUMBERS.items()])
def test_a_number_has_the_default_of_the_contract(name: str, field: str, default: int) -> None:
    assert getattr(read_settings(REQUIRED), field) == default
    assert getattr(read_settings(REQUIRED | {name: ""}), field) == default


@pytest.mark.parametrize("name", NUMBERS)
@given(number=st.integers(min_value=0, max_value=10**9))
def test_a_number_is_read(name: str, number: int) -> None:
    assert getattr(read_settings(REQUIRED | {name: str(number)}), NUMBERS[name][0]) == number


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("text", ["-1", "1.5", "1e3", "ten", " 5", "0x10", "²"])
def test_a_malformed_number_is_named(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings(REQUIRED | {name: text})


@pytest.mark.parametrize(("text", "mode"), [("email", DeliveryMode.EMAIL), ("dry-run", DeliveryMode.DRY_RUN)])
def test_the_delivery_mode_is_read(text: str, mode: DeliveryMode) -> None:
    assert read_settings(REQUIRED | {"DELIVERY": text}).delivery_mode is mode


@pytest.mark.parametrize(("text", "allowed"), [("yes", True), ("no", False)])
def test_whether_test_domains_are_addresses_is_read(text: str, allowed: bool) -> None:  # noqa: FBT001 - a table's column
    assert read_settings(REQUIRED | {"ALLOW_TEST_DOMAINS": text}).allow_test_domains is allowed


@pytest.mark.parametrize(("text", "allowed"), [("yes", True), ("no", False)])
def test_whether_webhooks_may_call_this_machine_is_read(text: str, allowed: bool) -> None:  # noqa: FBT001 - a table's column
    assert read_settings(REQUIRED | {"ALLOW_LOOPBACK_WEBHOOKS": text}).allow_loopback_webhooks is allowed


@pytest.mark.parametrize("name", ["DELIVERY", "DRY_RUN_SENDER", "ALLOW_TEST_DOMAINS", "ALLOW_LOOPBACK_WEBHOOKS"])
def test_an_unknown_choice_is_named_with_the_known_ones(name: str) -> None:
    with pytest.raises(SettingsError, match=rf"{name} must be one of .+, not 'maybe'"):
        read_settings(REQUIRED | {name: "maybe"})


def test_what_own_domains_need_is_read_and_may_be_left_out() -> None:
    own = {"RECEIPT_RULE_SET": "rules", "INBOUND_TOPIC_ARN": "arn:topic", "DNS_SERVERS": "127.0.0.1:53 [::1]:5353"}
    read, without = read_settings(REQUIRED | own), read_settings(REQUIRED)

    assert (read.receipt_rule_set, read.inbound_topic_arn) == ("rules", "arn:topic")
    assert read.dns_servers == ("127.0.0.1:53", "[::1]:5353")
    assert (without.receipt_rule_set, without.inbound_topic_arn, without.dns_servers) == ("", "", ())


def test_the_mail_domain_is_lower_case() -> None:
    assert read_settings(REQUIRED | {"MAIL_DOMAIN": "Mail.Example.COM"}).mail_domain == "mail.example.com"


@pytest.mark.parametrize(
    ("environment", "region"),
    [
        ({}, "us-east-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-west-1"}, "eu-central-1"),
    ],
)
def test_the_region_is_lambdas_own_first(environment: dict[str, str], region: str) -> None:
    assert read_settings(REQUIRED | environment).region == region


@pytest.mark.usefixtures("_fresh_settings")
def test_the_environment_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)
    first = settings()
    monkeypatch.setenv("TABLE_NAME", "another")

    assert settings() is first
    assert settings().table_name == "mail"


def test_every_setting_is_looked_at_here() -> None:
    looked_at = {field for field, _ in NUMBERS.values()} | {
        *("region", "table_name", "bucket_name", "send_queue_url", "inbound_queue_url"),
        *("ses_configuration_set", "mail_domain"),
        *("delivery_mode", "dry_run_sender", "allow_test_domains"),
        *("webhook_queue_url", "slow_webhook_queue_url", "allow_loopback_webhooks"),
        *("receipt_rule_set", "inbound_topic_arn", "dns_servers"),
    }
    assert {field.name for field in fields(Settings)} == looked_at
