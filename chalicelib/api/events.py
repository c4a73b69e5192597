"""The event feed: everything that happened in an account, in one order."""

from collections.abc import Sequence

import msgspec

from chalicelib.api.answer_size import ANSWER_LIMIT, LARGEST_GROWTH
from chalicelib.api.answers import Answer, json_answer
from chalicelib.api.api_request import ApiRequest
from chalicelib.api.json_requests import EventsQuery
from chalicelib.api.routes import Routes, Success
from chalicelib.domain.account import Scope
from chalicelib.domain.event import LogPlace
from chalicelib.domain.ids import AccountId, PublicIds, inbox_number
from chalicelib.domain.joined_event import JoinedEvent
from chalicelib.operations.read_feed import FeedRequest
from chalicelib.shapes.event_shapes import BODY_LIMIT, EventJson, FeedJson, event_as_json
from chalicelib.wiring import operations

routes = Routes(__name__)


@routes.get("/events", Success(200, FeedJson), scope=Scope.READ, query=EventsQuery)
def list_events(request: ApiRequest) -> Answer:
    """Read the event feed: what webhooks carry, oldest first, for 30 days.

    Begin without `after`, and go on with `nextCursor`, which is always there; `wait` holds the answer until something
    happens, where the deployment allows it. `pollAfterMs` says when it is worth while to ask again.
    """
    ids, query, caller = operations().public_ids(), request.query(EventsQuery), request.caller
    asked = FeedRequest(
        after=None if query.after is None else _place(ids, query.after, request),
        limit=query.limit,
        inbox_number=None if query.inbox_id is None else inbox_number(query.inbox_id),
        types=query.wanted_types,
        wait=query.wait,
    )
    page = operations().read_feed(asked, caller)
    return json_answer(
        200,
        FeedJson(
            data=_fitted(page.events, ids),
            next_cursor=ids.cursor(page.end.chunk, page.end.index, of=_feed_of(caller.account_id)),
            poll_after_ms=page.poll_after_ms,
        ),
    )


def _fitted(events: Sequence[JoinedEvent], ids: PublicIds) -> list[EventJson]:
    """The events as webhooks carry them; where that is too much for one answer, each with an equal share of it."""
    shown = [event_as_json(joined, ids) for joined in events]
    if sum(len(msgspec.json.encode(event)) for event in shown) * LARGEST_GROWTH <= ANSWER_LIMIT:
        return shown
    share = ANSWER_LIMIT // (LARGEST_GROWTH * len(events))
    return [event_as_json(joined, ids, min(BODY_LIMIT, share)) for joined in events]


def _place(ids: PublicIds, after: str, request: ApiRequest) -> LogPlace:
    """Raises InvalidId or NotFound for what is neither a cursor of this account's feed nor one of its events."""
    if after.startswith("evt_"):
        return operations().read_feed.place_of(after, request.caller)
    return LogPlace(*ids.cursor_place(after, of=_feed_of(request.caller.account_id)))


def _feed_of(account_id: AccountId) -> str:
    return f"events:{account_id}"
