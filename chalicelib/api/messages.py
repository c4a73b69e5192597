"""Messages: send, list, read, delete; their timelines and their sources."""

from chalicelib.api.accepting import ACCEPTING_ERRORS, accept_once
from chalicelib.api.answer_size import fitted, fitted_one
from chalicelib.api.answers import MAIL, NO_CONTENT, Answer, json_answer
from chalicelib.api.api_request import ApiRequest
from chalicelib.api.json_requests import MessagesQuery
from chalicelib.api.message_requests import DraftJson
from chalicelib.api.paging import Listing
from chalicelib.api.routes import Routes, Success
from chalicelib.domain.account import Scope
from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.ids import inbox_number
from chalicelib.operations.access import require_reach
from chalicelib.operations.get_message import SourceLink
from chalicelib.shapes.json_shapes import PageJson
from chalicelib.shapes.message_shapes import (
    MessageJson,
    TimelineEntryJson,
    message_as_json,
    timeline_entry_as_json,
)
from chalicelib.wiring import operations

routes = Routes(__name__)


@routes.post(
    "/inboxes/{inbox_id}/messages",
    Success(202, MessageJson),
    scope=Scope.SEND,
    body=DraftJson,
    creates=True,
    errors=ACCEPTING_ERRORS | {ErrorCode.THREAD_INBOX_MISMATCH},
)
def submit_message(request: ApiRequest, inbox_id: str) -> Answer:
    """Send a message.

    Answered as soon as the message is stored and on its way, before Amazon SES has seen it; its `status` tells the
    rest. One address that cannot be written to refuses the whole message.
    """
    ids = operations().public_ids()
    body = request.body(DraftJson)
    number = inbox_number(inbox_id)
    require_reach(request.caller, number)  # a repeated request may be answered from its record alone
    draft = body.to_draft(None if body.thread_id is None else ids.thread_key(body.thread_id))

    return accept_once(
        request,
        lambda name_resource: operations().submit_message(
            draft, inbox_number=number, caller=request.caller, name_resource=name_resource
        ),
    )


@routes.get("/inboxes/{inbox_id}/messages", Success(200, PageJson[MessageJson]), scope=Scope.READ, query=MessagesQuery)
def list_messages(request: ApiRequest, inbox_id: str) -> Answer:
    """List an inbox's messages, newest first."""
    ids = operations().public_ids()
    query = request.query(MessagesQuery)
    number = inbox_number(inbox_id)
    listing = Listing(ids, "messages", number)
    page = operations().list_messages(
        number, request.caller, listing.request(query), status=query.status, direction=query.direction
    )
    return message_page(listing.page(page, lambda message: message_as_json(message, ids)))


@routes.get("/messages/{message_id}", Success(200, MessageJson), scope=Scope.READ)
def get_message(request: ApiRequest, message_id: str) -> Answer:
    """Read a message with its bodies and the state of each recipient."""
    ids = operations().public_ids()
    message = operations().get_message(ids.message_key(message_id), request.caller)
    return json_answer(200, fitted_one(message_as_json(message, ids)))


@routes.delete("/messages/{message_id}", Success(204), scope=Scope.MANAGE)
def delete_message(request: ApiRequest, message_id: str) -> Answer:
    """Delete a message for good.

    One that is still queued is not sent; mail that was delivered is not recalled.
    """
    operations().delete_message(operations().public_ids().message_key(message_id), request.caller)
    return NO_CONTENT


@routes.get("/messages/{message_id}/events", Success(200, PageJson[TimelineEntryJson]), scope=Scope.READ)
def list_message_events(request: ApiRequest, message_id: str) -> Answer:
    """Read a message's whole timeline, oldest first."""
    entries = operations().list_message_events(operations().public_ids().message_key(message_id), request.caller)
    timeline = [timeline_entry_as_json(entry) for entry in entries]
    return json_answer(200, PageJson(data=timeline, total=len(timeline), next_cursor=None))


@routes.get("/messages/{message_id}/raw", Success(200, media_type=MAIL, may_redirect=True), scope=Scope.READ)
def read_raw_message(request: ApiRequest, message_id: str) -> Answer:
    """Read a message's source, byte for byte: as Amazon SES was handed it, or as it came.

    One above 4 MB is answered with a redirect to a link that works for an hour.
    """
    source = operations().read_raw_message(operations().public_ids().message_key(message_id), request.caller)
    if isinstance(source, SourceLink):
        return Answer(302, content_type=None, headers={"Location": source.url})
    return Answer(200, source, MAIL, {"X-Content-Type-Options": "nosniff"})


def message_page(page: PageJson[MessageJson]) -> Answer:
    """A page of messages as an answer, within what an answer may hold."""
    return json_answer(200, PageJson(data=fitted(page.data), total=page.total, next_cursor=page.next_cursor))
