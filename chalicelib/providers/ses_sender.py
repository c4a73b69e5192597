"""Hands mail to SES (API v2, SendEmail with raw content), one attempt a call, and tells what its answer proves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoAuthTokenError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProxyConnectionError,
    TokenRetrievalError,
)

from chalicelib.domain.delivery import Reason
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
from chalicelib.providers.ses_reasons import diagnostic_text

SendError = SendRefused | SendThrottled | SendPaused | SendNotReached | SendOutcomeUnknown


def make_ses_client(*, connect_timeout: float = 5, read_timeout: float = 25) -> Any:
    """A SES client that tries once; time-outs in seconds, together well under the function's own.

    SES has no idempotency token: a library that repeats a call whose answer was lost sends the mail twice.
    Region, credentials and endpoint come from botocore's own environment.
    """
    config = Config(
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": 1},
        tcp_keepalive=True,  # a connection that died unseen between two mails would leave the second one ambiguous
    )
    return boto3.client("sesv2", config=config)


def ses_message_id_domain(region: str) -> str:
    """The right side of the Message-ID that SES puts in place of ours; the oldest region has a name of its own."""
    return "email.amazonses.com" if region == "us-east-1" else f"{region}.amazonses.com"


@dataclass(frozen=True)
class SesSender:
    """A mail provider that really sends."""

    client: Any  # from `make_ses_client`; botocore makes its class at run time
    configuration_set: str
    message_id_domain: str  # `ses_message_id_domain` of the client's region

    def send(self, mail: bytes, envelope: Envelope, message_id: str) -> SesAcceptance:
        """Hand over one mail. Raises one of the five errors of `operations/ports`, whatever goes wrong."""
        try:
            answer = self.client.send_email(
                FromEmailAddress=envelope.mail_from,
                # With raw content, Destination is the envelope: SES delivers to these and leaves the header as it is.
                # So a blind copy stands here and nowhere else, and To, Cc and Bcc need not be told apart.
                Destination={"ToAddresses": list(envelope.rcpt_tos)},
                Content={"Raw": {"Data": mail}},
                ConfigurationSetName=self.configuration_set,
                EmailTags=[{"Name": AGENTSEND_MESSAGE_TAG, "Value": message_id}],
            )
            ses_message_id: str = answer["MessageId"]
        except Exception as error:
            raise send_error(error) from error
        return SesAcceptance(ses_message_id, f"<{ses_message_id}@{self.message_id_domain}>")


# Errors before a request can have left: the deployment is broken, the mail is untouched and may wait for the repair.
_NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    NoAuthTokenError,
    TokenRetrievalError,
    NoRegionError,
)
_NO_CONNECTION = (EndpointConnectionError, ConnectTimeoutError, ProxyConnectionError)


def send_error(error: Exception) -> SendError:
    """What a failed call proves: only what certainly did not reach SES, or was answered with no, may be sent again.

    The texts name error codes and never quote SES, whose messages contain addresses; only a reason's diagnostic does,
    which is for the owner of the message.
    """
    if isinstance(error, ClientError):
        return _answered(error)
    if isinstance(error, _NO_CREDENTIALS):
        return SendPaused(f"SES cannot be called with the credentials of this deployment ({type(error).__name__}).")
    if isinstance(error, _NO_CONNECTION):
        return SendNotReached(f"SES could not be reached ({type(error).__name__}).")
    if isinstance(error, ParamValidationError):
        return SendRefused(_reason("BadRequestException", str(error)))
    return SendOutcomeUnknown(f"SES's answer to the mail is not known ({type(error).__name__}).")


_THROTTLED = frozenset({"TooManyRequestsException", "Throttling", "ThrottlingException", "RequestLimitExceeded"})

# API v2 words a used-up quota as LimitExceededException or as throttling; AccountSending… and ConfigurationSetSending…
# are what API v1 calls a pause.
_PAUSED = frozenset(
    {
        "LimitExceededException",
        "SendingPausedException",
        "AccountSendingPausedException",
        "ConfigurationSetSendingPausedException",
        "AccountSuspendedException",
    }
)

# Page "Common Error Types" of the SES API v2 reference, and the older spellings that services still answer with.
_NOT_ALLOWED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "NotAuthorized",
        "OptInRequired",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)

_REQUEST_TIMEOUT = 408
_TOO_MANY_REQUESTS = 429


def _answered(error: ClientError) -> SendError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    message = str(error.response.get("Error", {}).get("Message", ""))
    http_status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if not 400 <= http_status < 500 or http_status == _REQUEST_TIMEOUT:
        return SendOutcomeUnknown(f"SES answered with HTTP status {http_status} ({code}).")
    if code in _PAUSED or "quota exceeded" in message.lower():
        return SendPaused(f"SES takes no mail from this account for now ({code}).")
    if code in _THROTTLED or http_status == _TOO_MANY_REQUESTS:
        return SendThrottled(f"SES asks to send more slowly ({code}).")
    if code in _NOT_ALLOWED:
        return SendPaused(f"SES does not accept the credentials of this deployment ({code}).")
    return SendRefused(_reason(code, message))


_UNVERIFIED = (
    "ses_sandbox_unverified",
    (
        "SES refused the mail because an address is not verified: the AWS account is still in the SES sandbox, or "
        "the sending domain is not verified. Verify the address or domain in SES, or request production access."
    ),
)
_REFUSED: Mapping[str, tuple[str, str]] = {
    "MessageRejected": (
        "ses_message_rejected",
        "SES refused the content of the mail. Change it as the diagnostic says and send it again.",
    ),
    "MailFromDomainNotVerifiedException": (
        "ses_mail_from_not_verified",
        "The MAIL FROM domain of the sending identity is not verified. Publish its MX and SPF records and send again.",
    ),
    "NotFoundException": (
        "ses_configuration_set_not_found",
        "The SES configuration set of this deployment does not exist. Deploy the stack again, then send again.",
    ),
    "BadRequestException": (
        "ses_bad_request",
        "SES could not make sense of the mail or of one of its addresses. Correct what the diagnostic names.",
    ),
}
_REFUSED_OTHERWISE = ("ses_refused", "SES refused the mail. The diagnostic says why; correct it and send again.")


def _reason(code: str, message: str) -> Reason:
    # SES then says "Email address is not verified", of the sender's as of a recipient's, and which ones it means.
    unverified = code == "MessageRejected" and "not verified" in message.lower()
    reason_code, sentence = _UNVERIFIED if unverified else _REFUSED.get(code, _REFUSED_OTHERWISE)
    return Reason(reason_code, sentence, diagnostic_text(f"{code}: {message}"))
