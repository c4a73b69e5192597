"""Answering a message, and sending it on."""

from chalicelib.api.accepting import ACCEPTING_ERRORS, accept_once
from chalicelib.api.answers import Answer
from chalicelib.api.api_request import ApiRequest
from chalicelib.api.message_requests import ForwardJson, ReplyJson
from chalicelib.api.routes import Routes, Success
from chalicelib.domain.account import Scope
from chalicelib.operations.access import require_reach
from chalicelib.operations.forward_message import Recipients
from chalicelib.shapes.message_shapes import MessageJson
from chalicelib.wiring import operations

routes = Routes(__name__)


@routes.post(
    "/messages/{message_id}/reply",
    Success(202, MessageJson),
    scope=Scope.SEND,
    body=ReplyJson,
    creates=True,
    errors=ACCEPTING_ERRORS,
)
def reply_to_message(request: ApiRequest, message_id: str) -> Answer:
    """Answer a message.

    It goes to Reply-To, else to From; an answer to a message of one's own goes on to its To. With `replyAll` also to the
    other recipients in To and Cc. The inbox itself never gets it.
    """
    answered = operations().public_ids().message_key(message_id)
    require_reach(request.caller, answered.inbox_number)  # a repeated request may be answered from its record alone
    body = request.body(ReplyJson)
    words = body.to_words()
    return accept_once(
        request,
        lambda name_resource: operations().reply_to_message(
            words, answered, reply_all=bool(body.reply_all), caller=request.caller, name_resource=name_resource
        ),
    )


@routes.post(
    "/messages/{message_id}/forward",
    Success(202, MessageJson),
    scope=Scope.SEND,
    body=ForwardJson,
    creates=True,
    errors=ACCEPTING_ERRORS,
)
def forward_message(request: ApiRequest, message_id: str) -> Answer:
    """Send a message on, with its files.

    What it said follows the new words. The forward begins a thread of its own, so that answers to it stay apart from the
    first conversation.
    """
    original = operations().public_ids().message_key(message_id)
    require_reach(request.caller, original.inbox_number)
    body = request.body(ForwardJson)
    words, recipients = body.to_words(), Recipients(*body.recipients())
    return accept_once(
        request,
        lambda name_resource: operations().forward_message(
            words, original, recipients, caller=request.caller, name_resource=name_resource
        ),
    )
