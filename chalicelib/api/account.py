"""The caller's account, its API keys, and further accounts."""

import re

import msgspec

from chalicelib.api.answers import NO_CONTENT, Answer, json_answer
from chalicelib.api.api_request import ApiRequest
from chalicelib.api.json_requests import NewAccountJson, NewKeyJson, PageQuery
from chalicelib.api.paging import Listing
from chalicelib.api.routes import Routes, Success
from chalicelib.domain.account import Scope
from chalicelib.domain.errors import ErrorCode, NotFound
from chalicelib.domain.ids import ALPHABET, AccountId, KeyId, inbox_number, new_account_id, random_text
from chalicelib.operations.answer_once import Fresh, NameResource
from chalicelib.shapes.json_shapes import (
    CreatedAccountJson,
    CreatedKeyJson,
    KeyJson,
    PageJson,
    created_account_as_json,
    created_key_as_json,
    key_as_json,
)
from chalicelib.shapes.usage_shapes import AccountWithUsageJson, account_with_usage
from chalicelib.wiring import operations

_KEY_ID = re.compile(rf"key_[{ALPHABET}]{{20}}")

routes = Routes(__name__)


@routes.get("/account", Success(200, AccountWithUsageJson), scope=Scope.READ)
def get_account(request: ApiRequest) -> Answer:
    """Read the account the key belongs to, and what it used today and this month."""
    account = operations().get_account(request.caller)
    return json_answer(200, account_with_usage(account, operations().show_usage_of_now(request.caller)))


@routes.post(
    "/account/api-keys",
    Success(201, CreatedKeyJson),
    scope=Scope.MANAGE,
    body=NewKeyJson,
    creates=True,
    errors=frozenset({ErrorCode.NOT_FOUND}),
)
def create_key(request: ApiRequest) -> Answer:
    """Create an API key that can do no more than the one that creates it; the answer alone shows it."""
    body = request.body(NewKeyJson)
    numbers = None if body.inbox_ids is None else frozenset(map(inbox_number, body.inbox_ids))

    def create_as(key_id: KeyId) -> Fresh:
        created = operations().create_key(body.to_new_key(key_id, numbers), request.caller)
        return Fresh(
            msgspec.json.encode(created_key_as_json(created.key, created.text)),
            kept=msgspec.json.encode(created_key_as_json(created.key, None)),
        )

    def create(name_resource: NameResource) -> Fresh:
        key_id = KeyId("key_" + random_text())
        name_resource(key_id)
        return create_as(key_id)

    def recover(resource: str) -> Fresh:
        # Nobody has seen the key an earlier request may have made, and it is kept nowhere: this one takes its place.
        return create_as(KeyId(resource))

    return request.answer_once(201, create, recover)


@routes.get("/account/api-keys", Success(200, PageJson[KeyJson]), scope=Scope.READ, query=PageQuery)
def list_keys(request: ApiRequest) -> Answer:
    """List the account's API keys, newest first, expired ones among them; never the keys themselves."""
    listing = Listing.of_account(operations().public_ids(), "keys", request.caller.account_id)
    page = operations().list_keys(request.caller, listing.request(request.query(PageQuery)))
    return json_answer(200, listing.page(page, key_as_json))


@routes.delete("/account/api-keys/{key_id}", Success(204), scope=Scope.MANAGE)
def delete_key(request: ApiRequest, key_id: str) -> Answer:
    """Revoke an API key."""
    if not _KEY_ID.fullmatch(key_id):
        raise NotFound
    operations().delete_key(KeyId(key_id), request.caller)
    return NO_CONTENT


@routes.post(
    "/accounts",
    Success(201, CreatedAccountJson),
    scope=Scope.ADMIN,
    body=NewAccountJson,
    creates=True,
    errors=frozenset({ErrorCode.NOT_FOUND}),
)
def create_account(request: ApiRequest) -> Answer:
    """Create a further account, separate from every other; the answer alone shows its first key."""
    body = request.body(NewAccountJson)

    def create_as(account_id: AccountId) -> Fresh:
        created = operations().create_account(body.to_new_account(account_id), request.caller)
        return Fresh(
            msgspec.json.encode(created_account_as_json(created.account, created.key_text)),
            kept=msgspec.json.encode(created_account_as_json(created.account, None)),
        )

    def create(name_resource: NameResource) -> Fresh:
        account_id = new_account_id()
        name_resource(account_id)
        return create_as(account_id)

    def recover(resource: str) -> Fresh:
        return create_as(AccountId(resource))  # as for keys: its first key takes the place of one nobody has seen

    return request.answer_once(201, create, recover)
