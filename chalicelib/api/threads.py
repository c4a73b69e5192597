"""Threads: list those of an inbox, read one, list its messages."""

from chalicelib.api.answers import Answer, json_answer
from chalicelib.api.api_request import ApiRequest
from chalicelib.api.json_requests import PageQuery
from chalicelib.api.messages import message_page
from chalicelib.api.paging import Listing
from chalicelib.api.routes import Routes, Success
from chalicelib.domain.account import Scope
from chalicelib.domain.ids import inbox_number
from chalicelib.shapes.json_shapes import PageJson, ThreadJson, thread_as_json
from chalicelib.shapes.message_shapes import MessageJson, message_as_json
from chalicelib.wiring import operations

routes = Routes(__name__)


@routes.get("/inboxes/{inbox_id}/threads", Success(200, PageJson[ThreadJson]), scope=Scope.READ, query=PageQuery)
def list_threads(request: ApiRequest, inbox_id: str) -> Answer:
    """List an inbox's threads, the one with the newest message first."""
    ids = operations().public_ids()
    number = inbox_number(inbox_id)
    listing = Listing(ids, "threads", number)
    page = operations().list_threads(number, request.caller, listing.request(request.query(PageQuery)))
    return json_answer(200, listing.page(page, lambda summary: thread_as_json(summary, ids)))


@routes.get("/threads/{thread_id}", Success(200, ThreadJson), scope=Scope.READ)
def get_thread(request: ApiRequest, thread_id: str) -> Answer:
    """Read a thread with its newest message in short."""
    ids = operations().public_ids()
    summary = operations().get_thread(ids.thread_key(thread_id), request.caller)
    return json_answer(200, thread_as_json(summary, ids))


@routes.get("/threads/{thread_id}/messages", Success(200, PageJson[MessageJson]), scope=Scope.READ, query=PageQuery)
def list_thread_messages(request: ApiRequest, thread_id: str) -> Answer:
    """List a thread's messages, oldest first."""
    ids = operations().public_ids()
    key = ids.thread_key(thread_id)
    listing = Listing(ids, f"thread messages:{key.first_sequence}", key.inbox_number)
    page = operations().list_thread_messages(key, request.caller, listing.request(request.query(PageQuery)))
    return message_page(listing.page(page, lambda message: message_as_json(message, ids)))
