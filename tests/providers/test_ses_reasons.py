"""SES's words become stable codes and sentences for a person."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.delivery import Reason
from chalicelib.providers import ses_reasons
from chalicelib.providers.ses_reasons import bounce_reason, code_word, complaint_reason, delay_reason, reject_reason

BOUNCES = [
    ("Permanent", "General"),
    ("Permanent", "NoEmail"),
    ("Permanent", "Suppressed"),
    ("Permanent", "OnAccountSuppressionList"),
    ("Transient", "General"),
    ("Transient", "MailboxFull"),
    ("Transient", "MessageTooLarge"),
    ("Transient", "ContentRejected"),
    ("Transient", "AttachmentRejected"),
    ("Transient", "CustomTimeoutExceeded"),
    ("Undetermined", "Undetermined"),
]
DELAYS = [
    "InternalFailure",
    "General",
    "MailboxFull",
    "SpamDetected",
    "RecipientServerError",
    "IPFailure",
    "TransientCommunicationFailure",
    "BYOIPHostNameLookupUnavailable",
    "Undetermined",
    "SendingDeferral",
]


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("NoEmail", "no_email"),
        ("IPFailure", "ip_failure"),
        ("BYOIPHostNameLookupUnavailable", "byoip_host_name_lookup_unavailable"),
        ("auth-failure", "auth_failure"),
        ("Bad content", "bad_content"),
        ("", "undetermined"),
    ],
)
def test_a_word_of_ses_in_snake_case(word: str, code: str) -> None:
    assert code_word(word) == code


@given(st.text())
def test_a_code_is_made_of_small_letters_digits_and_underscores(word: str) -> None:
    assert re.fullmatch(r"[a-z0-9_]{1,64}", code_word(word))


@pytest.mark.parametrize(
    "reason",
    [
        *(bounce_reason(*bounce, None) for bounce in BOUNCES),
        *(delay_reason(delay, None) for delay in DELAYS),
        *(complaint_reason(feedback, None) for feedback in ("abuse", "auth-failure", "fraud", "not-spam", "virus")),
        complaint_reason(None, None),
        complaint_reason(None, "OnAccountSuppressionList"),
        reject_reason("Bad content"),
        reject_reason("Something new"),
        ses_reasons.rendering_failure_reason(None),
    ],
    ids=lambda reason: reason.code,
)
def test_every_reason_says_something_in_whole_sentences(reason: Reason) -> None:
    assert re.fullmatch(r"[A-Z].{20,}\.", reason.message)


def test_codes_of_bounces_differ() -> None:
    assert len({bounce_reason(*bounce, None).code for bounce in BOUNCES}) == len(BOUNCES)


@pytest.mark.parametrize("sub_type", ["General", "MailboxFull", "CustomTimeoutExceeded"])
def test_sending_again_may_help_against_a_passing_fault(sub_type: str) -> None:
    assert bounce_reason("Transient", sub_type, None).retryable


@pytest.mark.parametrize("sub_type", ["MessageTooLarge", "ContentRejected", "AttachmentRejected"])
def test_sending_the_same_again_does_not_help_against_a_refusal_of_the_mail(sub_type: str) -> None:
    assert not bounce_reason("Transient", sub_type, None).retryable


def test_sending_again_does_not_help_against_a_permanent_bounce() -> None:
    assert not bounce_reason("Permanent", "General", None).retryable


def test_a_feedback_type_nobody_registered_is_other() -> None:
    assert complaint_reason("x; rm -rf", None).code == "complaint_other"


@pytest.mark.parametrize("said", [None, "", "  \n"])
def test_a_server_that_said_nothing_is_not_quoted(said: str | None) -> None:
    assert bounce_reason("Permanent", "General", said).diagnostic is None
