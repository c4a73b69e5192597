"""The tenant matrix: every route, every place an id can stand, foreign, absent, malformed and deleted."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from app import app
from chalicelib.api.openapi import document
from chalicelib.domain.ids import MessageKey, ThreadKey, inbox_number
from tests.factories.api_events import ApiAnswer
from tests.tenants.places import BODIES, KINDS, NOT_OWNED, WORDS, Operation, Place, operations_in, places_in
from tests.tenants.world import TenantWorld

pytestmark = pytest.mark.xdist_group("tenants")  # one worker, for the world takes seconds

OPERATIONS = tuple(operations_in(document(app)))
PLACES = tuple(place for operation in OPERATIONS for place in places_in(operation))
MOVING = {"ratelimit-remaining", "ratelimit-reset"}
THE_ACCOUNTS = {"domain", "address", "account"}  # a bound key's account has them; they belong to no inbox
NEVER_DELETED = {"event", "cursor"}
BLANK = "0" * 20
PREFIXES = {
    "account": "acc_",
    "attachment": "att_",
    "delivery": "",
    "domain": "dom_",
    "event": "evt_",
    "inbox": "inb_",
    "key": "key_",
    "message": "msg_",
    "thread": "thr_",
    "webhook": "wh_",
}


def test_every_route_and_every_place_of_an_id_is_filled() -> None:
    shapes = {operation.shape for operation in OPERATIONS if operation.shape is not None}
    assert shapes == BODIES.keys()
    assert {place.name for place in PLACES} == KINDS.keys()
    assert len(PLACES) > len([operation for operation in OPERATIONS if "{" in operation.path])
    named = {
        name for operation in OPERATIONS if operation.shape for name in operation.schemas[operation.shape]["properties"]
    }
    named |= {parameter["name"] for operation in OPERATIONS for parameter in operation.described["parameters"]}
    assert named >= WORDS
    assert all(name in operation_schemas(shape) for shape, name in NOT_OWNED)


def operation_schemas(shape: str) -> Mapping[str, object]:
    properties: Mapping[str, object] = OPERATIONS[0].schemas[shape]["properties"]
    return properties


def test_a_new_field_or_parameter_cannot_escape() -> None:
    parameter = {"in": "query", "name": "folderId", "schema": {"type": "string"}}
    new = replace(OPERATIONS[0], described={**OPERATIONS[0].described, "parameters": [parameter]})
    with pytest.raises(KeyError, match="folderId"):
        list(places_in(new))


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_foreign_id_is_answered_like_one_that_never_was(steady: TenantWorld, place: Place) -> None:
    """For a key that is bound to inboxes the ids of other inboxes are foreign; for an admin's, another account's."""
    for caller in ("member", "admin", "bound"):
        _look(steady, caller, place)


def _look(world: TenantWorld, caller: str, place: Place) -> None:
    if caller == "bound" and place.kind in THE_ACCOUNTS:
        return
    mine = world.mine.ids["one"]
    victim = world.mine.ids["two"] if caller == "bound" else world.theirs.ids["one"]
    foreign = [victim[place.kind]] if place.kind in victim else list(_cursors(world, caller, place))
    if place.kind == "account" and caller == "admin":
        foreign = []  # they are the operator's own: an admin changes every account
    if place.kind == "delivery":
        foreign.append(world.mine.ids["two"]["delivery"])  # of another webhook of the same account
    answers = [_shown(world.ask(caller, place.asked(mine, text))) for text in foreign]
    absent = [_shown(world.ask(caller, place.asked(mine, text))) for text in _absent(world, place.kind)]
    gone = [] if place.kind in NEVER_DELETED else [world.mine.deleted[place.kind]]
    answers += [_shown(world.ask(caller, place.asked(mine, text))) for text in gone]
    all_absent = {kind: next(_absent(world, kind)) for kind in KINDS.values()} | {"account": mine["account"]}
    all_foreign = victim | {"account": mine["account"]}
    nowhere = _shown(world.ask(caller, place.asked(all_absent, next(_absent(world, place.kind)))))

    assert absent[0][0] == _expected(place, caller), absent[0]
    assert set(answers + absent) == {absent[0]}
    for text in foreign:
        assert _shown(world.ask(caller, place.asked(all_foreign, text))) == nowhere


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_malformed_id_is_not_found_or_refused_and_does_nothing(steady: TenantWorld, place: Place) -> None:
    world = steady
    mine, caller = world.mine.ids["one"], _caller(place)
    other = mine["key" if place.kind == "inbox" else "inbox"]
    real = mine.get(place.kind, BLANK)
    for text in (
        "x",
        "~",
        real + "0",
        real[:-1],
        real.upper(),
        real + "%00",
        "é",
        other,
        "../account",
        "-",
        "0" * 3000,
    ):
        if text == real or ("/" in text and place.where == "path"):
            continue
        if place.kind == "address" and text.lower() != text:
            continue  # addresses are the same in any letter case
        answer = world.ask(caller, place.asked(mine, text))
        assert answer.status in (400, 404), (text, answer.body)


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_an_id_of_ones_own_is_found(world: TenantWorld, place: Place) -> None:
    """Else that all others are not would prove nothing."""
    mine, caller = world.mine.ids["one"], _caller(place)
    if place.kind == "account":
        mine = world.theirs.ids["one"]  # the first one itself cannot be deleted
    texts = [mine[place.kind]] if place.kind in mine else list(_own_cursors(world, place))
    if place.kind == "attachment" and place.operation.method != "GET":  # a file that a message uses stays
        texts = [world.mine.upload("to send")]
    for text in texts:
        answer = world.ask(caller, place.asked(mine, text))
        refused = answer.status >= 400 and answer.error["code"]
        assert not refused or refused in _refusals(place.operation), answer.body


def _caller(place: Place) -> str:
    return "admin" if place.operation.scopes == {"admin"} else "member"


def _refusals(operation: Operation) -> set[str]:
    """What keeps a route from doing it, though the id is found."""
    if operation.path.endswith("/discard-queued"):
        return {"NOT_SUSPENDED"}
    return set()


def _expected(place: Place, caller: str) -> int:
    """403 for what a key may not do at all, whatever the id."""
    described = str(place.operation.described["description"])
    if caller != "admin" and place.operation.scopes == {"admin"}:
        return 403
    return 403 if caller == "bound" and "not bound to inboxes" in described else 404


def _absent(world: TenantWorld, kind: str) -> Iterator[str]:
    """Ids of the right form: one made up, and where ids are enciphered places, one of a place where nothing is."""
    number, ids = inbox_number(world.mine.ids["one"]["inbox"]), world.deployment.operations()._public_ids
    match kind:
        case "address":
            yield "nobody@example.com"
        case "cursor":
            yield BLANK
        case "inbox":
            yield "inb_0" + "7" * 11  # a number of 56 bits
        case "delivery":
            yield "evt_" + "7" * 20
        case "message":
            yield ids.message_id(MessageKey(number, 77_777))
        case "thread":
            yield ids.thread_id(ThreadKey(number, 77_777))
        case "event":
            yield ids.event_id(77_777, 7)
    if kind in PREFIXES and kind != "inbox":
        yield PREFIXES[kind] + "7" * 20


def _cursors(world: TenantWorld, caller: str, place: Place) -> Iterator[str]:
    """Of the same list of another account or inbox, and of other lists of one's own."""
    if caller == "bound":
        if "{" in place.operation.path and "webhook" not in place.operation.path:
            yield from _cursors_of(world, "member", place.operation, world.mine.ids["two"])
        return
    if place.operation.path != "/accounts":
        yield from _cursors_of(world, world.theirs.key, place.operation, world.theirs.ids["one"])
    for operation in OPERATIONS:
        if operation.path not in (place.operation.path, "/accounts"):
            yield from _cursors_of(world, "member", operation, world.mine.ids["one"])


def _own_cursors(world: TenantWorld, place: Place) -> Iterator[str]:
    found = list(_cursors_of(world, _caller(place), place.operation, world.mine.ids["one"]))
    assert found, f"{place.operation} has no second page"
    yield from found


def _cursors_of(world: TenantWorld, key: str, operation: Operation, ids: Mapping[str, str]) -> Iterator[str]:
    """None, or the one that leads behind the first entry of the list."""
    asked = replace(operation.asked(ids), url=f"{operation.asked(ids).url}?limit=1")
    if any(place.name == "cursor" for place in places_in(operation)):
        if (key, asked.url) not in world.cursors:
            answer = world.ask(key, asked)
            world.cursors[key, asked.url] = answer.json["nextCursor"] if answer.status == 200 else None
        if (cursor := world.cursors[key, asked.url]) is not None:
            yield cursor


def _shown(answer: ApiAnswer) -> tuple[int, bytes, tuple[tuple[str, str], ...]]:
    """All that may tell a caller something; the request id is the same for all requests of tests."""
    headers = ((name.lower(), value) for name, value in answer.headers.items())
    return answer.status, answer.content, tuple(sorted(each for each in headers if each[0] not in MOVING))
