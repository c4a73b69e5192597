"""Every error the product raises on purpose, and who is at fault.

AgentSendError
├── CallerError           the request cannot be carried out as it stands; repeating it will not help
│   ├── InvalidInput      a field is wrong; `details` says which and why
│   ├── Unauthenticated   no key, or not a valid one
│   ├── Forbidden         a valid key that may not do this
│   ├── NotFound          no such thing for this caller, whether or not it exists for another
│   │   └── NotFoundAt    the same for ids in a body; `details` says which of them
│   ├── DeletedSince      a repeated request whose work its caller has deleted since
│   ├── MethodNotAllowed  the path exists, the method does not
│   ├── Conflict          the state of things forbids it now
│   ├── QuotaExceeded     the account has as many of something as it may have
│   ├── TooLarge          the request is over a size limit
│   ├── UnsupportedMediaType
│   └── TooMany           a rate or quota is used up; `retry_after` says when to come back
└── ServiceError          our side; the same request may succeed later
    └── Unavailable       nothing was accepted; repeat it after `retry_after`

Each carries the contract's `code`, a message that names the wrong thing and says why, and a `fix` that says what
to do next. HTTP status codes are known to `api/errors.py` alone.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum


class ErrorCode(StrEnum):
    """The contract's error codes, each with the class that carries it."""

    VALIDATION_ERROR = "VALIDATION_ERROR"
    INVALID_INBOX_ADDRESS = "INVALID_INBOX_ADDRESS"
    INVALID_INBOX_DOMAIN = "INVALID_INBOX_DOMAIN"
    INVALID_INBOX_LOCAL_PART = "INVALID_INBOX_LOCAL_PART"
    DOMAIN_NOT_VERIFIED = "DOMAIN_NOT_VERIFIED"
    THREAD_INBOX_MISMATCH = "THREAD_INBOX_MISMATCH"
    ATTACHMENT_TOO_LARGE = "ATTACHMENT_TOO_LARGE"
    ATTACHMENTS_TOO_LARGE = "ATTACHMENTS_TOO_LARGE"
    MALFORMED_JSON = "MALFORMED_JSON"
    UNAUTHORIZED = "UNAUTHORIZED"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    FORBIDDEN_SCOPE = "FORBIDDEN_SCOPE"
    INBOX_SUSPENDED = "INBOX_SUSPENDED"
    KEY_SUSPENDED = "KEY_SUSPENDED"
    ACCOUNT_SUSPENDED = "ACCOUNT_SUSPENDED"
    RECIPIENT_SUPPRESSED = "RECIPIENT_SUPPRESSED"
    NOT_FOUND = "NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    INBOX_ADDRESS_TAKEN = "INBOX_ADDRESS_TAKEN"
    DOMAIN_EXISTS = "DOMAIN_EXISTS"
    DOMAIN_IN_USE = "DOMAIN_IN_USE"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    IDEMPOTENCY_IN_PROGRESS = "IDEMPOTENCY_IN_PROGRESS"
    ATTACHMENT_WITHHELD = "ATTACHMENT_WITHHELD"
    NOT_SUSPENDED = "NOT_SUSPENDED"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    RATE_LIMIT_EXCEEDED = "RATE_LIMIT_EXCEEDED"
    DAILY_LIMIT_EXCEEDED = "DAILY_LIMIT_EXCEEDED"
    LOOP_SUSPECTED = "LOOP_SUSPECTED"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    UNAVAILABLE = "UNAVAILABLE"


class AgentSendError(Exception):
    """An error with a code, a sentence that says what is wrong and one that says what to do."""

    default_code = ErrorCode.INTERNAL_ERROR
    retryable = False

    def __init__(self, message: str, *, fix: str, code: ErrorCode | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.code = code or self.default_code


class CallerError(AgentSendError):
    """The request cannot be carried out as it stands."""


class InvalidInput(CallerError):
    """One or more fields are wrong; `details` maps each field's path to what is wrong with it."""

    default_code = ErrorCode.VALIDATION_ERROR

    def __init__(
        self,
        details: Mapping[str, Sequence[str]],
        *,
        message: str | None = None,
        fix: str = "Correct the fields named in `details` and send the request again.",
        code: ErrorCode | None = None,
    ) -> None:
        self.details: dict[str, list[str]] = {path: list(problems) for path, problems in details.items()}
        super().__init__(message or _first_of(self.details), fix=fix, code=code)


class Unauthenticated(CallerError):
    """No key came, or it is not a valid one."""

    default_code = ErrorCode.UNAUTHORIZED


class Forbidden(CallerError):
    """The key is valid but may not do this, or the inbox may not send."""

    default_code = ErrorCode.FORBIDDEN_SCOPE


class NotFound(CallerError):
    """There is no such thing for this caller.

    Describes nothing on purpose: a foreign id must get exactly the bytes an unknown one gets.
    """

    default_code = ErrorCode.NOT_FOUND

    def __init__(self, message: str = "There is nothing here under this id or path, or it is not yours.") -> None:
        super().__init__(message, fix="Check the id and the path; ids come from the answers of POST and list calls.")


class NotFoundAt(NotFound):
    """Some ids of a body name nothing of this caller's. Says where they stand and nothing of what they name."""

    def __init__(self, paths: Sequence[str]) -> None:
        problem = "there is nothing under this id, or it is not yours"
        self.details: dict[str, list[str]] = {path: [problem] for path in paths}
        super().__init__(_first_of(self.details))


class DeletedSince(CallerError):
    """What an earlier request with this Idempotency-Key created was deleted; only whoever holds the key is told."""

    default_code = ErrorCode.NOT_FOUND

    def __init__(self) -> None:
        super().__init__(
            "What this Idempotency-Key created has been deleted since; nothing was created again.",
            fix="Use a new Idempotency-Key to create another.",
        )


class MethodNotAllowed(CallerError):
    """The path exists, but not with this method."""

    default_code = ErrorCode.METHOD_NOT_ALLOWED

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        self.allowed = tuple(allowed)
        super().__init__(
            f"This path does not take {method}.",
            fix=f"Use one of: {', '.join(allowed)}." if allowed else "See GET /openapi.json for every path.",
        )


class Conflict(CallerError):
    """The state of things forbids the request now; `retry_after` (seconds) is set when waiting helps."""

    default_code = ErrorCode.VALIDATION_ERROR

    def __init__(self, message: str, *, fix: str, code: ErrorCode, retry_after: int | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message, fix=fix, code=code)
        self.retryable = retry_after is not None


class QuotaExceeded(CallerError):
    """The account has as many of something as it may have."""

    default_code = ErrorCode.QUOTA_EXCEEDED


class TooLarge(CallerError):
    """The request is over a size limit."""

    default_code = ErrorCode.PAYLOAD_TOO_LARGE


class UnsupportedMediaType(CallerError):
    """The body is of a type this path does not read."""

    default_code = ErrorCode.UNSUPPORTED_MEDIA_TYPE


class TooMany(CallerError):
    """A rate or quota is used up until `retry_after` seconds from now."""

    default_code = ErrorCode.RATE_LIMIT_EXCEEDED
    retryable = True

    def __init__(self, message: str, *, fix: str, retry_after: int, code: ErrorCode | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message, fix=fix, code=code)


class ServiceError(AgentSendError):
    """Our side failed; the caller did nothing wrong."""

    retryable = True


class Unavailable(ServiceError):
    """Nothing was accepted; the same request may succeed after `retry_after` seconds."""

    default_code = ErrorCode.UNAVAILABLE

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        self.retry_after = retry_after
        super().__init__(message, fix=f"Send the same request again after {retry_after} s.")


def _first_of(details: Mapping[str, Sequence[str]]) -> str:
    path, problems = next(iter(details.items()))
    more = f" (and {len(details) - 1} more, see `details`)" if len(details) > 1 else ""
    return f"{path}: {problems[0]}{more}"
