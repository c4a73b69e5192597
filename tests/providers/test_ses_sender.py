"""What the sender hands to SES, and what each answer proves about the mail."""

import base64
import socket
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    NoCredentialsError,
    ParamValidationError,
    ProxyConnectionError,
    SSLError,
)
from botocore.parsers import ResponseParserError

from chalicelib.operations.ports import (
    Envelope,
    SendNotReached,
    SendOutcomeUnknown,
    SendPaused,
    SendRefused,
    SendThrottled,
    SesAcceptance,
)
from chalicelib.providers.ses_event_json import AGENTSEND_MESSAGE_TAG
from chalicelib.providers.ses_sender import SesSender, make_ses_client, send_error, ses_message_id_domain
from tests.factories.deliveries import ADA, BOB, EVE
from tests.providers.fake_ses import HANG_UP, NEVER, Answer, FakeSes, fake_ses, refusal

MAIL = b"From: agent@mail.example.com\r\nTo: ada@example.com\r\nSubject: Hello\r\n\r\nGood morning.\r\n"
ENVELOPE = Envelope("agent@mail.example.com", (ADA, BOB, EVE))
MESSAGE_ID = "msg_1a61sv7nwh1a1ng63a07"

UNVERIFIED = f"Email address is not verified. The following identities failed the check in region EU-WEST-1: {ADA}"


@pytest.fixture
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    # Whatever a deployment's environment says of retries, a mail is tried once.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "5")


@pytest.fixture
def ses(aws_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSes]:
    with fake_ses() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", server.url)
        yield server


@pytest.fixture
def sender(ses: FakeSes) -> Iterator[SesSender]:
    client = make_ses_client(connect_timeout=1, read_timeout=0.3)
    yield SesSender(client, "the-set", ses_message_id_domain("eu-west-1"))
    client.close()


def send(sender: SesSender) -> SesAcceptance:
    return sender.send(MAIL, ENVELOPE, MESSAGE_ID)


# ------------------------------------------------------------------------------------------ what SES is handed


def test_ses_gets_the_very_bytes_with_every_recipient_in_the_envelope_and_our_id_as_tag(
    sender: SesSender, ses: FakeSes
) -> None:
    send(sender)

    assert ses.requests == [
        (
            "POST",
            "/v2/email/outbound-emails",
            {
                "FromEmailAddress": "agent@mail.example.com",
                "Destination": {"ToAddresses": [ADA, BOB, EVE]},
                "Content": {"Raw": {"Data": base64.b64encode(MAIL).decode()}},
                "ConfigurationSetName": "the-set",
                "EmailTags": [{"Name": AGENTSEND_MESSAGE_TAG, "Value": MESSAGE_ID}],
            },
        )
    ]


def test_an_accepted_mail_has_the_id_and_the_message_id_that_ses_gives(sender: SesSender) -> None:
    assert send(sender) == SesAcceptance("010f-5b7c-000000", "<010f-5b7c-000000@eu-west-1.amazonses.com>")


@pytest.mark.parametrize(
    ("region", "domain"),
    [
        ("us-east-1", "email.amazonses.com"),
        ("us-west-2", "us-west-2.amazonses.com"),
        ("eu-west-1", "eu-west-1.amazonses.com"),
    ],
)
def test_the_message_id_of_ses_ends_with_the_region(region: str, domain: str) -> None:
    assert ses_message_id_domain(region) == domain


# ------------------------------------------------------------------------------------------ what SES answers


@pytest.mark.parametrize(
    "answer",
    [
        refusal(429, "TooManyRequestsException", "Maximum sending rate exceeded."),
        refusal(400, "ThrottlingException", "Maximum sending rate exceeded."),
        refusal(400, "Throttling", "Rate exceeded"),
        refusal(429, "NeverHeardOf"),
    ],
    ids=lambda answer: f"{answer.http_status} {answer.code}",
)
def test_too_fast_is_throttled(sender: SesSender, ses: FakeSes, answer: Answer) -> None:
    ses.answer = answer

    with pytest.raises(SendThrottled):
        send(sender)
    assert len(ses.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        refusal(429, "TooManyRequestsException", "Daily message quota exceeded."),
        refusal(400, "ThrottlingException", "Daily message quota exceeded."),
        refusal(400, "LimitExceededException", "Daily message quota exceeded."),
        refusal(400, "SendingPausedException", "Sending is paused for this account."),
        refusal(400, "AccountSuspendedException"),
        refusal(403, "ExpiredTokenException", "The security token included in the request is expired"),
        refusal(403, "UnrecognizedClientException"),
        refusal(403, "InvalidClientTokenId"),
        refusal(403, "SignatureDoesNotMatch"),
        refusal(403, "AccessDeniedException", "User is not authorized to perform: ses:SendEmail"),
    ],
    ids=lambda answer: f"{answer.code}",
)
def test_what_only_time_or_an_operator_can_change_pauses_the_mail(
    sender: SesSender, ses: FakeSes, answer: Answer
) -> None:
    ses.answer = answer

    with pytest.raises(SendPaused):
        send(sender)
    assert len(ses.requests) == 1


@pytest.mark.parametrize(
    ("answer", "reason_code"),
    [
        (refusal(400, "MessageRejected", UNVERIFIED), "ses_sandbox_unverified"),
        (refusal(400, "MessageRejected", "Illegal content"), "ses_message_rejected"),
        (refusal(400, "MailFromDomainNotVerifiedException"), "ses_mail_from_not_verified"),
        (
            refusal(404, "NotFoundException", "Configuration set <the-set> does not exist."),
            "ses_configuration_set_not_found",
        ),
        (refusal(400, "BadRequestException", "Missing final '@domain'"), "ses_bad_request"),
        (refusal(413, "RequestEntityTooLargeException"), "ses_refused"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_definite_no_is_refused_with_its_own_code(
    sender: SesSender, ses: FakeSes, answer: Answer, reason_code: str
) -> None:
    ses.answer = answer

    with pytest.raises(SendRefused) as refused:
        send(sender)
    assert refused.value.reason.code == reason_code
    assert refused.value.reason.diagnostic is not None
    assert refused.value.reason.diagnostic.startswith(f"{answer.code}: ")
    assert not refused.value.reason.retryable
    assert len(ses.requests) == 1


def test_a_sandbox_refusal_says_what_to_do_and_which_address_is_meant(sender: SesSender, ses: FakeSes) -> None:
    ses.answer = refusal(400, "MessageRejected", UNVERIFIED)

    with pytest.raises(SendRefused) as refused:
        send(sender)

    assert "request production access" in refused.value.reason.message
    assert refused.value.reason.diagnostic == f"MessageRejected: {UNVERIFIED}"
    assert ADA not in str(refused.value)


@pytest.mark.parametrize(
    "answer",
    [
        refusal(500, "InternalServiceError"),
        refusal(503, "ServiceUnavailable"),
        refusal(503, "ThrottlingException"),
        refusal(408, "RequestTimeoutException"),
        Answer(502, b"<html>Bad gateway</html>"),
        Answer(200, b"{}"),
        Answer(200, b"<html>a captive portal</html>"),
        HANG_UP,
        NEVER,
    ],
    ids=["500", "503", "503 throttled", "408", "502 page", "no id", "no JSON", "hang-up", "silence"],
)
def test_without_a_clear_answer_the_outcome_is_unknown_and_the_mail_is_not_tried_again(
    sender: SesSender, ses: FakeSes, answer: Answer
) -> None:
    ses.answer = answer

    with pytest.raises(SendOutcomeUnknown):
        send(sender)
    assert len(ses.requests) == 1


# ------------------------------------------------------------------------------------- where no answer came from


def test_a_closed_port_means_that_ses_was_not_reached(aws_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", f"http://127.0.0.1:{port}")
    client = make_ses_client(connect_timeout=1)

    with pytest.raises(SendNotReached):
        send(SesSender(client, "the-set", "eu-west-1.amazonses.com"))
    client.close()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectTimeoutError(endpoint_url="https://ses.invalid"), SendNotReached),
        (ProxyConnectionError(proxy_url="https://proxy.invalid"), SendNotReached),
        (NoCredentialsError(), SendPaused),
        (ParamValidationError(report="Invalid type for parameter"), SendRefused),
        (SSLError(endpoint_url="https://ses.invalid", error=OSError("bad certificate")), SendOutcomeUnknown),
        (BotoCoreError(), SendOutcomeUnknown),
        (ResponseParserError("no JSON"), SendOutcomeUnknown),
        (KeyError("MessageId"), SendOutcomeUnknown),
        (ClientError({}, "SendEmail"), SendOutcomeUnknown),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.__name__,
)
def test_only_what_cannot_have_left_counts_as_not_taken(error: Exception, expected: type[Exception]) -> None:
    assert type(send_error(error)) is expected


@pytest.mark.parametrize(
    "answer",
    [
        refusal(400, "ThrottlingException", f"Daily message quota exceeded for {ADA}"),
        refusal(403, "AccessDeniedException", f"not authorized on identity {ADA}"),
        refusal(500, "InternalServiceError", f"could not send to {ADA}"),
        refusal(429, "TooManyRequestsException", f"{ADA} gets too much"),
        refusal(400, "MessageRejected", UNVERIFIED),
    ],
    ids=lambda answer: str(answer.code),
)
def test_no_address_stands_in_an_error_that_may_be_logged(sender: SesSender, ses: FakeSes, answer: Answer) -> None:
    ses.answer = answer

    with pytest.raises((SendRefused, SendPaused, SendThrottled, SendOutcomeUnknown)) as failure:
        send(sender)
    assert "@" not in str(failure.value)


def test_the_cause_of_an_error_is_kept(sender: SesSender, ses: FakeSes) -> None:
    ses.answer = refusal(500, "InternalServiceError")

    with pytest.raises(SendOutcomeUnknown) as failure:
        send(sender)
    assert isinstance(failure.value.__cause__, ClientError)


def test_time_outs_end_before_the_function_does(ses: FakeSes) -> None:
    client: Any = make_ses_client()

    assert client.meta.config.connect_timeout + client.meta.config.read_timeout <= 30
    assert client.meta.config.retries["total_max_attempts"] == 1
    client.close()
