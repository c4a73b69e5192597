"""The caller's account, its API keys, and further accounts."""

import re

import msgspec

from chalicelib.api.answers import NO_CONTENT, Answer, json_answer
from chalicelib.api.api_request import ApiRequest
from chalicelib.api.json_requests import AccountChangeJson, KeyChangeJson, NewAccountJson, NewKeyJson, PageQuery
from chalicelib.api.paging import Listing
from chalicelib.api.routes import Routes, Success
from chalicelib.domain.account import Scope
from chalicelib.domain.errors import ErrorCode, NotFound
from chalicelib.domain.ids import ALPHABET, AccountId, KeyId, inbox_number, new_account_id, random_text
from chalicelib.operations.answer_once import Fresh, NameResource
from chalicelib.shapes.json_shapes import (
    AccountJson,
    CreatedAccountJson,
    CreatedKeyJson,
    KeyJson,
    PageJson,
    account_as_json,
    created_account_as_json,
    created_key_as_json,
    key_as_json,
)
from chalicelib.shapes.usage_shapes import AccountWithUsageJson, account_with_usage
from chalicelib.wiring import operations

_KEY_ID = re.compile(rf"key_[{ALPHABET}]{{20}}")
_ACCOUNT_ID = re.compile(rf"acc_[{ALPHABET}]{{20}}")
_NOT_FOUND = frozenset({ErrorCode.NOT_FOUND})

routes = Routes(__name__)


@routes.get("/account", Success(200, AccountWithUsageJson), scope=Scope.READ)
def get_account(request: ApiRequest) -> Answer:
    """Read the account the key belongs to, and what it used today and this month."""
    account = operations().get_account(request.caller)
    return json_answer(200, account_with_usage(account, _today(), operations().show_usage_of_now(request.caller)))


@routes.post(
    "/account/api-keys",
    Success(201, CreatedKeyJson),
    scope=Scope.MANAGE,
    body=NewKeyJson,
    creates=True,
    errors=_NOT_FOUND,
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


@routes.patch("/account/api-keys/{key_id}", Success(200, KeyJson), scope=Scope.MANAGE, body=KeyChangeJson)
def update_key(request: ApiRequest, key_id: str) -> Answer:
    """Change an API key; what the body leaves out stays. Never to more than the key that asks may do.

    A suspended key is refused on every route, and what it sent and is still queued is held. `status` is changed alone.
    """
    body, wanted = request.body(KeyChangeJson), _key_id(key_id)
    if body.status is msgspec.UNSET:
        return json_answer(200, key_as_json(operations().change_key(wanted, body.changed, request.caller)))
    return json_answer(200, key_as_json(operations().turn_key(wanted, body.status, request.caller)))


@routes.delete("/account/api-keys/{key_id}", Success(204), scope=Scope.MANAGE)
def delete_key(request: ApiRequest, key_id: str) -> Answer:
    """Revoke an API key."""
    operations().delete_key(_key_id(key_id), request.caller)
    return NO_CONTENT


@routes.post(
    "/accounts",
    Success(201, CreatedAccountJson),
    scope=Scope.ADMIN,
    body=NewAccountJson,
    creates=True,
    account_wide=True,
    errors=_NOT_FOUND,
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


@routes.get(
    "/accounts",
    Success(200, PageJson[AccountJson]),
    scope=Scope.ADMIN,
    query=PageQuery,
    account_wide=True,
    errors=_NOT_FOUND,
)
def list_accounts(request: ApiRequest) -> Answer:
    """List every account of the deployment, newest first."""
    listing = Listing.of_account(operations().public_ids(), "accounts", request.caller.account_id)
    page = operations().list_accounts(request.caller, listing.request(request.query(PageQuery)))
    today = _today()
    return json_answer(200, listing.page(page, lambda account: account_as_json(account, today)))


@routes.patch(
    "/accounts/{account_id}", Success(200, AccountJson), scope=Scope.ADMIN, body=AccountChangeJson, account_wide=True
)
def update_account_of_deployment(request: ApiRequest, account_id: str) -> Answer:
    """Change an account's plan, daily limit or status; what the body leaves out stays."""
    if not _ACCOUNT_ID.fullmatch(account_id):
        raise NotFound
    settings = request.body(AccountChangeJson).to_settings()
    account = operations().change_account(AccountId(account_id), settings, request.caller)
    return json_answer(200, account_as_json(account, _today()))


def _key_id(text: str) -> KeyId:
    if not _KEY_ID.fullmatch(text):
        raise NotFound
    return KeyId(text)


def _today() -> str:
    return f"{operations().clock():%Y-%m-%d}"
