"""Inboxes: create, list, read, change, delete."""

import msgspec

from chalicelib.api.answers import NO_CONTENT, Answer, json_answer
from chalicelib.api.api_request import ApiRequest
from chalicelib.api.json_requests import DeleteInboxQuery, InboxChangeJson, NewInboxJson, PageQuery
from chalicelib.api.paging import Listing
from chalicelib.api.routes import Routes, Success
from chalicelib.domain import ids
from chalicelib.domain.account import Scope
from chalicelib.domain.errors import ErrorCode, NotFound
from chalicelib.domain.inbox import Inbox
from chalicelib.operations.answer_once import Fresh, NameResource
from chalicelib.shapes.json_shapes import InboxJson, PageJson, inbox_as_json
from chalicelib.wiring import operations

routes = Routes(__name__)


@routes.post(
    "/inboxes",
    Success(201, InboxJson),
    scope=Scope.MANAGE,
    body=NewInboxJson,
    creates=True,
    account_wide=True,
    errors=frozenset(
        {
            ErrorCode.INVALID_INBOX_ADDRESS,
            ErrorCode.INVALID_INBOX_DOMAIN,
            ErrorCode.INVALID_INBOX_LOCAL_PART,
            ErrorCode.INBOX_ADDRESS_TAKEN,
            ErrorCode.DOMAIN_NOT_VERIFIED,
            ErrorCode.NOT_FOUND,
        }
    ),
)
def create_inbox(request: ApiRequest) -> Answer:
    """Create an inbox; without a body, one with a random address."""
    body = request.body(NewInboxJson)

    def create(name_resource: NameResource) -> Fresh:
        number = ids.new_inbox_number()
        name_resource(ids.inbox_id(number))
        return Fresh(_encoded(operations().create_inbox(body.to_new_inbox(number), request.caller)))

    def recover(resource: str) -> Fresh:
        number = ids.inbox_number(resource)
        try:
            return Fresh(_encoded(operations().get_inbox(number, request.caller)), by_earlier_request=True)
        except NotFound:
            # Under the same number, so that a first write still under way and this one cannot both succeed.
            return Fresh(_encoded(operations().create_inbox(body.to_new_inbox(number), request.caller)))

    return request.answer_once(201, create, recover)


@routes.get("/inboxes", Success(200, PageJson[InboxJson]), scope=Scope.READ, query=PageQuery)
def list_inboxes(request: ApiRequest) -> Answer:
    """List the account's inboxes, newest first."""
    listing = Listing.of_account(operations().public_ids(), "inboxes", request.caller.account_id)
    page = operations().list_inboxes(request.caller, listing.request(request.query(PageQuery)))
    today = _today()
    return json_answer(200, listing.page(page, lambda inbox: inbox_as_json(inbox, today)))


@routes.get("/inboxes/{inbox_id}", Success(200, InboxJson), scope=Scope.READ)
def get_inbox(request: ApiRequest, inbox_id: str) -> Answer:
    """Read an inbox with its counters."""
    inbox = operations().get_inbox(ids.inbox_number(inbox_id), request.caller)
    return json_answer(200, inbox_as_json(inbox, _today()))


@routes.patch("/inboxes/{inbox_id}", Success(200, InboxJson), scope=Scope.MANAGE, body=InboxChangeJson)
def update_inbox(request: ApiRequest, inbox_id: str) -> Answer:
    """Change an inbox; what the body leaves out stays.

    Set to active, one that was suspended sends again, and is judged by what it sends from then on.
    """
    change = request.body(InboxChangeJson).changed
    inbox = operations().change_inbox(ids.inbox_number(inbox_id), change, request.caller)
    return json_answer(200, inbox_as_json(inbox, _today()))


@routes.delete("/inboxes/{inbox_id}", Success(204), scope=Scope.MANAGE, query=DeleteInboxQuery)
def delete_inbox(request: ApiRequest, inbox_id: str) -> Answer:
    """Delete an inbox; its address is never given out again.

    With `purge`, all that it holds is deleted for good, also of an inbox that was deleted before.
    """
    purges = request.query(DeleteInboxQuery).purge
    delete = operations().purge_inbox if purges else operations().delete_inbox
    delete(ids.inbox_number(inbox_id), request.caller)
    return NO_CONTENT


def _encoded(inbox: Inbox) -> bytes:
    return msgspec.json.encode(inbox_as_json(inbox, _today()))


def _today() -> str:
    return f"{operations().clock():%Y-%m-%d}"
