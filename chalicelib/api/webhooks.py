"""Webhooks: create, read, change, delete; their secrets, tests, deliveries and replays."""

from collections.abc import Callable

import msgspec

from chalicelib.api.answer_size import as_many_as_fit
from chalicelib.api.answers import NO_CONTENT, Answer, json_answer
from chalicelib.api.api_request import ApiRequest
from chalicelib.api.json_requests import PageQuery
from chalicelib.api.paging import Listing
from chalicelib.api.routes import Routes, Success
from chalicelib.api.webhook_requests import DeliveriesQuery, NewWebhookJson, ReplayRangeJson, WebhookChangeJson
from chalicelib.domain.account import Scope
from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.webhook import Webhook, WebhookId, new_webhook_id
from chalicelib.domain.webhook import webhook_id as _id
from chalicelib.operations.answer_once import Fresh, NameResource
from chalicelib.shapes.json_shapes import PageJson, Shape, timestamp
from chalicelib.shapes.webhook_shapes import (
    DeliveriesJson,
    DeliveryJson,
    ReplayJson,
    WebhookJson,
    delivery_as_json,
    delivery_id,
    delivery_place,
    webhook_as_json,
)
from chalicelib.wiring import operations

routes = Routes(__name__)


@routes.post(
    "/webhooks",
    Success(201, WebhookJson),
    scope=Scope.MANAGE,
    body=NewWebhookJson,
    creates=True,
    errors=frozenset({ErrorCode.NOT_FOUND}),
)
def create_webhook(request: ApiRequest) -> Answer:
    """Create a webhook; the answer alone shows its secret."""
    wish = request.body(NewWebhookJson).to_wish()

    def create(name_resource: NameResource) -> Fresh:
        webhook_id = new_webhook_id()
        name_resource(webhook_id)
        return _with_secret(operations().create_webhook(webhook_id, wish, request.caller))

    def recover(resource: str) -> Fresh:
        # Nobody has seen the secret an earlier request may have made: this webhook takes the place of that one.
        return _with_secret(operations().create_webhook(_id(resource), wish, request.caller))

    return request.answer_once(201, create, recover)


@routes.get("/webhooks", Success(200, PageJson[WebhookJson]), scope=Scope.READ, query=PageQuery)
def list_webhooks(request: ApiRequest) -> Answer:
    """List the account's webhooks, newest first; never their secrets."""
    listing = Listing.of_account(operations().public_ids(), "webhooks", request.caller.account_id)
    page = operations().list_webhooks(request.caller, listing.request(request.query(PageQuery)))
    return json_answer(200, listing.page(page, webhook_as_json))


@routes.get("/webhooks/{webhook_id}", Success(200, WebhookJson), scope=Scope.READ)
def get_webhook(request: ApiRequest, webhook_id: str) -> Answer:
    """Read a webhook; never its secret."""
    return json_answer(200, webhook_as_json(operations().get_webhook(_id(webhook_id), request.caller)))


@routes.put("/webhooks/{webhook_id}", Success(200, WebhookJson), scope=Scope.MANAGE, body=WebhookChangeJson)
def update_webhook(request: ApiRequest, webhook_id: str) -> Answer:
    """Change a webhook; what the body leaves out stays. Switched on again, it goes on with what waited for it."""
    change = request.body(WebhookChangeJson).to_wish
    return json_answer(200, webhook_as_json(operations().update_webhook(_id(webhook_id), change, request.caller)))


@routes.delete("/webhooks/{webhook_id}", Success(204), scope=Scope.MANAGE)
def delete_webhook(request: ApiRequest, webhook_id: str) -> Answer:
    """Delete a webhook; nothing more is sent to it."""
    operations().delete_webhook(_id(webhook_id), request.caller)
    return NO_CONTENT


@routes.post("/webhooks/{webhook_id}/rotate-secret", Success(200, WebhookJson), scope=Scope.MANAGE, creates=True)
def rotate_webhook_secret(request: ApiRequest, webhook_id: str) -> Answer:
    """Give a webhook a new secret, shown in this answer alone; the one before it signs as well for 24 hours."""
    known = _id(webhook_id)

    def create(name_resource: NameResource) -> Fresh:
        version = operations().get_webhook(known, request.caller).version
        name_resource(str(version))
        return _with_secret(operations().rotate_webhook_secret(known, request.caller))

    def recover(resource: str) -> Fresh:
        return _with_secret(operations().rotate_webhook_secret(known, request.caller, unseen_since=int(resource)))

    return request.answer_once(200, create, recover)


@routes.post("/webhooks/{webhook_id}/test", Success(202, DeliveryJson), scope=Scope.MANAGE, creates=True)
def test_webhook(request: ApiRequest, webhook_id: str) -> Answer:
    """Send the event `webhook.test` once; its delivery shows what the endpoint answered."""
    known, ids = _id(webhook_id), operations().public_ids()
    return _again_is_harmless(
        request, known, lambda: delivery_as_json(operations().ping_webhook(known, request.caller), ids)
    )


@routes.get("/webhooks/{webhook_id}/deliveries", Success(200, DeliveriesJson), scope=Scope.READ, query=DeliveriesQuery)
def list_webhook_deliveries(request: ApiRequest, webhook_id: str) -> Answer:
    """List what was sent to a webhook in the last 30 days, the newest events first, with every attempt."""
    known, ids, query = _id(webhook_id), operations().public_ids(), request.query(DeliveriesQuery)
    before = None if query.cursor is None else delivery_place(known, query.cursor, ids)
    page = operations().list_deliveries(known, request.caller, before, query.limit)
    shown = as_many_as_fit([delivery_as_json(each, ids) for each in page.deliveries])
    next_cursor = None if page.next_before is None else delivery_id(known, page.next_before, ids)
    if len(shown) < len(page.deliveries):
        next_cursor = shown[-1].id
    return json_answer(200, DeliveriesJson(data=shown, next_cursor=next_cursor))


@routes.post(
    "/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    Success(202, DeliveryJson),
    scope=Scope.MANAGE,
    creates=True,
)
def replay_webhook_delivery(request: ApiRequest, webhook_id: str, delivery_id: str) -> Answer:
    """Deliver one event once more, beginning with a first attempt."""
    known, ids = _id(webhook_id), operations().public_ids()
    place = delivery_place(known, delivery_id, ids)
    return _again_is_harmless(
        request, known, lambda: delivery_as_json(operations().replay_delivery(known, place, request.caller), ids)
    )


@routes.post(
    "/webhooks/{webhook_id}/replay",
    Success(202, ReplayJson),
    scope=Scope.MANAGE,
    body=ReplayRangeJson,
    creates=True,
)
def replay_webhook(request: ApiRequest, webhook_id: str) -> Answer:
    """Deliver again what happened in a stretch of time, whether it was delivered or not; the events' ids stay."""
    body, known = request.body(ReplayRangeJson), _id(webhook_id)

    def replay() -> ReplayJson:
        job = operations().replay_range(known, body.since, body.until, request.caller)
        return ReplayJson(webhook_id=job.webhook_id, since=timestamp(job.since), until=timestamp(job.until))

    return _again_is_harmless(request, known, replay)


def _again_is_harmless(request: ApiRequest, resource: WebhookId, do: Callable[[], Shape]) -> Answer:
    """202 with what `do` answers; after a crash it is done again, and the receiver sees the same events once more."""

    def create(name_resource: NameResource) -> Fresh:
        name_resource(resource)
        return Fresh(msgspec.json.encode(do()))

    return request.answer_once(202, create, lambda _: Fresh(msgspec.json.encode(do())))


def _with_secret(webhook: Webhook) -> Fresh:
    return Fresh(
        msgspec.json.encode(webhook_as_json(webhook, secret=webhook.secret.current)),
        kept=msgspec.json.encode(webhook_as_json(webhook)),
    )
