"""The errors that the gateway answers by itself, in the contract's one shape."""

import json
from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class GatewayError:
    """An answer that no Lambda function was asked for, or that one failed to give."""

    status: int
    code: str
    message: str
    fix: str
    retryable: bool = False

    def body(self, request_id: str) -> bytes:
        error = {
            "code": self.code,
            "status": self.status,
            "message": self.message,
            "fix": self.fix,
            "requestId": request_id,
            "retryable": self.retryable,
        }
        return json.dumps({"error": error}).encode()


REQUEST_TOO_LARGE = GatewayError(
    413,
    "PAYLOAD_TOO_LARGE",
    "The request body is over 10 MB, more than API Gateway takes.",
    "Send less in one request. A file goes by the link that POST /attachments/uploads gives.",
)
EVENT_TOO_LARGE = GatewayError(
    413,
    "PAYLOAD_TOO_LARGE",
    "The request body is over 6 MB, more than a Lambda function takes; in base64, as it travels, it is a third longer.",
    "Send less in one request. A file goes by the link that POST /attachments/uploads gives.",
)
ANSWER_TOO_LARGE = GatewayError(
    502,
    "INTERNAL_ERROR",
    "The answer is over 6 MB, more than a Lambda function may give.",
    "Ask for less at a time: a smaller `limit`.",
)
FUNCTION_FAILED = GatewayError(
    502,
    "INTERNAL_ERROR",
    "The function failed without an answer.",
    "Look at the log; send the same request again with the same Idempotency-Key.",
    retryable=True,
)


def protocol_error(status: int, reason: str) -> GatewayError:
    """For a request that is not proper HTTP (RFC 9112), or whose header is too large."""
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return REQUEST_TOO_LARGE
    code = "PAYLOAD_TOO_LARGE" if status == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE else "VALIDATION_ERROR"
    if status >= 500:
        code = "INTERNAL_ERROR"
    return GatewayError(
        status, code, f"The request cannot be read: {reason}.", "Correct the request and send it again."
    )
