"""Suppressions: look, add, import, take off."""

from urllib.parse import unquote

import msgspec

from chalicelib.api.answers import NO_CONTENT, Answer, json_answer
from chalicelib.api.api_request import ApiRequest
from chalicelib.api.json_requests import PageQuery, read_mailbox
from chalicelib.api.paging import Listing
from chalicelib.api.routes import Routes, Success
from chalicelib.api.suppression_requests import NewSuppressionJson
from chalicelib.domain.account import Scope
from chalicelib.domain.address import AddressError
from chalicelib.domain.errors import NotFound
from chalicelib.domain.suppression import suppression_name
from chalicelib.operations.answer_once import Fresh, NameResource
from chalicelib.operations.manage_suppressions import SuppressionWish
from chalicelib.shapes.json_shapes import PageJson
from chalicelib.shapes.suppression_shapes import ImportedJson, LineProblemJson, SuppressionJson, suppression_as_json
from chalicelib.wiring import operations

routes = Routes(__name__)


@routes.get("/suppressions", Success(200, PageJson[SuppressionJson]), scope=Scope.READ, query=PageQuery)
def list_suppressions(request: ApiRequest) -> Answer:
    """List the addresses that the account does not write to, newest first."""
    ids = operations().public_ids()
    listing = Listing.of_account(ids, "suppressions", request.caller.account_id)
    page = operations().list_suppressions(request.caller, listing.request(request.query(PageQuery)))
    return json_answer(200, listing.page(page, lambda each: suppression_as_json(each, ids)))


@routes.post("/suppressions", Success(201, SuppressionJson), scope=Scope.MANAGE, body=NewSuppressionJson, creates=True)
def create_suppression(request: ApiRequest) -> Answer:
    """Stop writing to an address. One that is on the list stays as it is, and is the answer."""
    wish = _wish(request.body(NewSuppressionJson))

    def add(_resource: str) -> Fresh:
        added = operations().add_suppression(wish, request.caller)
        return Fresh(msgspec.json.encode(suppression_as_json(added, operations().public_ids())))

    def create(name_resource: NameResource) -> Fresh:
        name = suppression_name(wish.address)
        name_resource(name)
        return add(name)

    return request.answer_once(201, create, add)


@routes.post(
    "/suppressions/import", Success(200, ImportedJson), scope=Scope.MANAGE, lines=NewSuppressionJson, creates=True
)
def import_suppressions(request: ApiRequest) -> Answer:
    """Stop writing to many addresses, one JSON object a line; a line that cannot be read is named and left out."""
    lines = request.lines
    wishes = [_wish(each) for each in lines.read if isinstance(each, NewSuppressionJson)]
    invalid = [LineProblemJson(line=each.line, message=each.message) for each in lines.problems]

    def add(_resource: str) -> Fresh:
        done = operations().import_suppressions(wishes, request.caller)
        return Fresh(msgspec.json.encode(ImportedJson(added=done.added, already=done.already, invalid=invalid)))

    def create(name_resource: NameResource) -> Fresh:
        name_resource("suppressions")
        return add("suppressions")

    return request.answer_once(200, create, add)


@routes.get("/suppressions/{address}", Success(200, SuppressionJson), scope=Scope.READ, or_scope=Scope.SEND)
def get_suppression(request: ApiRequest, address: str) -> Answer:
    """Look whether the account does not write to an address: 404 when it does."""
    found = operations().get_suppression(_address(address), request.caller)
    return json_answer(200, suppression_as_json(found, operations().public_ids()))


@routes.delete("/suppressions/{address}", Success(204), scope=Scope.MANAGE)
def delete_suppression(request: ApiRequest, address: str) -> Answer:
    """Take an address off the list; the next message goes to it again."""
    operations().remove_suppression(_address(address), request.caller)
    return NO_CONTENT


def _wish(body: NewSuppressionJson) -> SuppressionWish:
    return SuppressionWish(body.bare_address, body.reason)


def _address(in_path: str) -> str:
    """The address that a path names. API Gateway leaves it percent-encoded, and a plus is a plus there (RFC 3986)."""
    try:
        mailbox = read_mailbox(unquote(in_path))
    except AddressError as error:
        raise NotFound from error
    if mailbox.name:
        raise NotFound
    return mailbox.address
