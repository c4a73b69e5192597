"""The one shape of every error, and the one place that knows HTTP status codes for them."""

import msgspec
from msgspec import UNSET, Struct, UnsetType

from chalicelib.api.answers import Answer, json_answer
from chalicelib.domain.errors import (
    AgentSendError,
    Conflict,
    ErrorCode,
    InvalidInput,
    MethodNotAllowed,
    NotFoundAt,
    TooMany,
    Unauthenticated,
    Unavailable,
)

STATUS: dict[ErrorCode, int] = {
    ErrorCode.VALIDATION_ERROR: 400,
    ErrorCode.INVALID_INBOX_ADDRESS: 400,
    ErrorCode.INVALID_INBOX_DOMAIN: 400,
    ErrorCode.INVALID_INBOX_LOCAL_PART: 400,
    ErrorCode.DOMAIN_NOT_VERIFIED: 400,
    ErrorCode.THREAD_INBOX_MISMATCH: 400,
    ErrorCode.ATTACHMENT_TOO_LARGE: 400,
    ErrorCode.ATTACHMENTS_TOO_LARGE: 400,
    ErrorCode.MALFORMED_JSON: 400,
    ErrorCode.UNAUTHORIZED: 401,
    ErrorCode.QUOTA_EXCEEDED: 402,
    ErrorCode.FORBIDDEN_SCOPE: 403,
    ErrorCode.INBOX_SUSPENDED: 403,
    ErrorCode.KEY_SUSPENDED: 403,
    ErrorCode.ACCOUNT_SUSPENDED: 403,
    ErrorCode.RECIPIENT_SUPPRESSED: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.METHOD_NOT_ALLOWED: 405,
    ErrorCode.INBOX_ADDRESS_TAKEN: 409,
    ErrorCode.DOMAIN_EXISTS: 409,
    ErrorCode.DOMAIN_IN_USE: 409,
    ErrorCode.IDEMPOTENCY_KEY_REUSED: 409,
    ErrorCode.IDEMPOTENCY_IN_PROGRESS: 409,
    ErrorCode.ATTACHMENT_WITHHELD: 409,
    ErrorCode.NOT_SUSPENDED: 409,
    ErrorCode.PAYLOAD_TOO_LARGE: 413,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: 415,
    ErrorCode.RATE_LIMIT_EXCEEDED: 429,
    ErrorCode.DAILY_LIMIT_EXCEEDED: 429,
    ErrorCode.LOOP_SUSPECTED: 429,
    ErrorCode.INTERNAL_ERROR: 500,
    ErrorCode.UNAVAILABLE: 503,
}


class ErrorDetail(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is wrong, why, and what to do about it."""

    code: ErrorCode
    status: int
    message: str
    details: dict[str, list[str]] | UnsetType = UNSET
    fix: str
    request_id: str
    retryable: bool


class ErrorJson(Struct, frozen=True):
    """The shape of every error."""

    error: ErrorDetail


class Fault(AgentSendError):
    """Something went wrong that nobody foresaw."""

    def __init__(self) -> None:
        super().__init__(
            "Something went wrong on our side.",
            fix="Tell the operator the requestId. Before you repeat a POST, give it an Idempotency-Key.",
        )


def error_answer(error: AgentSendError, request_id: str) -> Answer:
    """The error as an answer."""
    status = STATUS[error.code]
    detail = ErrorDetail(
        code=error.code,
        status=status,
        message=error.message,
        details=error.details if isinstance(error, InvalidInput | NotFoundAt) else UNSET,
        fix=error.fix,
        request_id=request_id,
        retryable=error.retryable,
    )
    return json_answer(status, msgspec.json.encode(ErrorJson(detail)), headers=_headers(error))


def _headers(error: AgentSendError) -> dict[str, str]:
    if isinstance(error, MethodNotAllowed):
        return {"Allow": ", ".join(error.allowed)}  # RFC 9110 section 15.5.6
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": "Bearer"}  # RFC 9110 section 15.5.2
    if isinstance(error, TooMany | Unavailable | Conflict) and error.retry_after is not None:
        return {"Retry-After": str(error.retry_after)}
    return {}
