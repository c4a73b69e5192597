"""What every POST that sends a message does around its operation: accepted once, answered as it was at first."""

from collections.abc import Callable
from dataclasses import replace

import msgspec

from chalicelib.api.answer_size import fitted_one
from chalicelib.api.answers import Answer
from chalicelib.api.api_request import ApiRequest
from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message import Message
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.answer_once import Fresh, NameResource
from chalicelib.shapes.message_shapes import message_as_json
from chalicelib.wiring import operations

ACCEPTING_ERRORS = frozenset(
    {
        ErrorCode.ATTACHMENTS_TOO_LARGE,
        ErrorCode.ATTACHMENT_WITHHELD,
        ErrorCode.DOMAIN_NOT_VERIFIED,
        ErrorCode.INBOX_SUSPENDED,
        ErrorCode.ACCOUNT_SUSPENDED,
        ErrorCode.RECIPIENT_SUPPRESSED,
        ErrorCode.DAILY_LIMIT_EXCEEDED,
        ErrorCode.LOOP_SUSPECTED,
    }
)

Submit = Callable[[Callable[[MessageKey], None]], Message]
"""Accepts the message; calls what it is given with the message's key before anything is stored."""


def accept_once(request: ApiRequest, submit: Submit) -> Answer:
    """202 with the message."""
    ids = operations().public_ids()

    def create(name_resource: NameResource) -> Fresh:
        return _fresh(submit(lambda key: name_resource(ids.message_id(key))))

    def recover(resource: str) -> Fresh | None:
        message = operations().recover_message(ids.message_key(resource), request.caller)
        return None if message is None else _fresh(message, by_earlier_request=True)

    return request.answer_once(202, create, recover)


def _fresh(message: Message, *, by_earlier_request: bool = False) -> Fresh:
    """The answer as it was at first, whatever has become of the message since: it follows from the content alone."""
    at_first = replace(message, status=MessageStatus.QUEUED, delivery=None)
    shown = fitted_one(message_as_json(at_first, operations().public_ids()))
    return Fresh(msgspec.json.encode(shown), by_earlier_request=by_earlier_request, remade=True)
