"""What deletes much at once: a thread, an account, and what is older than an account keeps messages."""

import re

from chalicelib.api.answers import NO_CONTENT, Answer, json_answer
from chalicelib.api.api_request import ApiRequest
from chalicelib.api.json_requests import RetentionJson
from chalicelib.api.routes import Routes, Success
from chalicelib.domain.account import Scope
from chalicelib.domain.errors import ErrorCode, NotFound
from chalicelib.domain.ids import ALPHABET, AccountId
from chalicelib.shapes.json_shapes import AccountJson, account_as_json
from chalicelib.wiring import operations

_ACCOUNT_ID = re.compile(rf"acc_[{ALPHABET}]{{20}}")

routes = Routes(__name__)


@routes.delete("/threads/{thread_id}", Success(204), scope=Scope.MANAGE)
def delete_thread(request: ApiRequest, thread_id: str) -> Answer:
    """Delete a thread with all its messages.

    It answers 404 and is in no list from now on; its messages go within moments, the newest first.
    """
    operations().delete_thread(operations().public_ids().thread_key(thread_id), request.caller)
    return NO_CONTENT


@routes.delete(
    "/accounts/{account_id}",
    Success(204),
    scope=Scope.ADMIN,
    account_wide=True,
    errors=frozenset({ErrorCode.VALIDATION_ERROR}),
)
def delete_account(request: ApiRequest, account_id: str) -> Answer:
    """Delete an account with all its data, for good; its keys are dead at once. The first account cannot be deleted."""
    if not _ACCOUNT_ID.fullmatch(account_id):
        raise NotFound
    operations().delete_account(AccountId(account_id), request.caller)
    return NO_CONTENT


@routes.put("/account/retention", Success(200, AccountJson), scope=Scope.MANAGE, body=RetentionJson, account_wide=True)
def set_retention(request: ApiRequest) -> Answer:
    """Say for how many days the account keeps messages; older ones are deleted for good, within hours."""
    operations().set_retention(request.body(RetentionJson).days, request.caller)
    account = operations().get_account(request.caller)
    return json_answer(200, account_as_json(account, f"{operations().clock():%Y-%m-%d}"))
