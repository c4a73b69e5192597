"""Stop switches: of keys and accounts, and what stopped ones hold is discarded; an inbox's is its status (inboxes.py)."""

import re

import msgspec

from chalicelib.api.answers import Answer, json_answer
from chalicelib.api.api_request import ApiRequest
from chalicelib.api.json_requests import StatusJson
from chalicelib.api.routes import Routes, Success
from chalicelib.domain.account import Scope
from chalicelib.domain.errors import ErrorCode, NotFound
from chalicelib.domain.ids import ALPHABET, KeyId, inbox_number
from chalicelib.domain.switch import Switch
from chalicelib.operations.answer_once import Fresh, NameResource
from chalicelib.shapes.json_shapes import (
    AccountJson,
    DiscardedJson,
    account_as_json,
    timestamp,
)
from chalicelib.wiring import operations

_KEY_ID = re.compile(rf"key_[{ALPHABET}]{{20}}")
_NOT_STOPPED = frozenset({ErrorCode.NOT_SUSPENDED})

routes = Routes(__name__)


@routes.patch("/account", Success(200, AccountJson), scope=Scope.MANAGE, body=StatusJson)
def update_account(request: ApiRequest) -> Answer:
    """Stop all mail of the account, or let it go again; nothing else changes."""
    account = operations().turn_account(request.body(StatusJson).status, request.caller)
    return json_answer(200, account_as_json(account, f"{operations().clock():%Y-%m-%d}"))


@routes.post(
    "/inboxes/{inbox_id}/discard-queued",
    Success(202, DiscardedJson),
    scope=Scope.MANAGE,
    creates=True,
    errors=_NOT_STOPPED,
)
def discard_queued_of_inbox(request: ApiRequest, inbox_id: str) -> Answer:
    """Discard what a suspended inbox holds: each message ends as failed and is never sent."""
    return _discarded(request, Switch.of_inbox(inbox_number(inbox_id)))


@routes.post(
    "/account/api-keys/{key_id}/discard-queued",
    Success(202, DiscardedJson),
    scope=Scope.MANAGE,
    creates=True,
    errors=_NOT_STOPPED,
)
def discard_queued_of_key(request: ApiRequest, key_id: str) -> Answer:
    """Discard what a suspended key holds: each message ends as failed and is never sent."""
    return _discarded(request, Switch.of_key(_id(key_id)))


@routes.post(
    "/account/discard-queued", Success(202, DiscardedJson), scope=Scope.MANAGE, creates=True, errors=_NOT_STOPPED
)
def discard_queued_of_account(request: ApiRequest) -> Answer:
    """Discard what a suspended account holds: each message ends as failed and is never sent."""
    return _discarded(request, Switch.of_account(request.caller.account_id))


def _discarded(request: ApiRequest, switch: Switch) -> Answer:
    """202 with up to when; after a crash it is done again, which gives up what has come to wait since."""

    def discard() -> Fresh:
        until = operations().discard_queued(switch, request.caller)
        return Fresh(msgspec.json.encode(DiscardedJson(accepted_until=timestamp(until))))

    def create(name_resource: NameResource) -> Fresh:
        name_resource(switch.name)
        return discard()

    return request.answer_once(202, create, lambda _: discard())


def _id(text: str) -> KeyId:
    if not _KEY_ID.fullmatch(text):
        raise NotFound
    return KeyId(text)
