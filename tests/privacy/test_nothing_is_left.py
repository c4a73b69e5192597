"""After each kind of deletion nothing of what went is left in table, bucket or queues, and others see what they saw before."""

import base64
import json
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.chaos.deployment import Snapshot, quiet_logs
from tests.privacy.marked_world import DAY, HOUR, MarkedWorld
from tests.privacy.scan import encoded_forms, places_of, unpacked
from tests.storage.engines import Engine
from tests.storage.small_buckets import SMALL, resize

pytestmark = pytest.mark.xdist_group("privacy")  # one worker, for the world takes seconds

LONG = 5  # days: requests are forgotten after one, and what has expired is gone after three more
Lived = tuple[MarkedWorld, Snapshot]


@pytest.fixture(scope="module")
def lived(embedded_engine: Engine) -> Iterator[Lived]:
    with pytest.MonkeyPatch.context() as patch, quiet_logs():
        resize(patch, SMALL)
        for name, value in embedded_engine.variables.items():
            patch.setenv(name, value)
        world = MarkedWorld.build(embedded_engine, patch)
        yield world, world.deployment.snapshot()


@pytest.fixture
def world(lived: Lived) -> MarkedWorld:
    world, snapshot = lived
    world.deployment.restore(snapshot)
    return world


def test_the_scan_sees_every_place_where_something_lies(world: MarkedWorld) -> None:
    """Else that it finds nothing would prove nothing."""
    places = places_of(world.beta.word, world.deployment)
    kinds = {_kind(place) for place in places}

    assert kinds >= {"I F:inbox", "I M", "I T", "A A", "A H", "K K", "N N", "U U", "W D"}
    assert kinds >= {"raw", "bodies", "attachments", "uploads"}
    assert any(kind.startswith("P ") for kind in kinds)
    assert any(place.endswith("#V") for place in places)
    assert any("se" in item for item in world.deployment._items()), "nothing is sealed"


def _kind(place: str) -> str:
    """Of an item the letters of its key, of an object its folder."""
    partition, _, sort_key = place.partition(" ")
    return f"{partition[0]} {sort_key.partition('#')[0]}" if sort_key else place.partition("/")[0]


@pytest.mark.parametrize("text", ["Hidden", "HIDDEN words"])
def test_the_scan_sees_through_what_hides_a_word(text: str) -> None:
    plain = text.encode()
    coded = [plain, plain.hex().encode(), *(base64.b64encode(b"x" * skipped + plain) for skipped in range(3))]

    for data in (*coded, *(b"\1" + zlib.compress(each) for each in coded)):
        assert any(form in each.lower() for form in encoded_forms("hidden") for each in unpacked(data))


def test_of_a_message_nothing_is_left(world: MarkedWorld) -> None:
    deployment, beta, word = world.deployment, world.beta, "deltaword"
    deployment.endpoint.answers = False
    beta.send("secret", "one", word)
    deployment.rest()
    beta.receive(word, "one")
    (received,) = [
        message["id"]
        for message in beta.api("GET", f"/inboxes/{beta.made['one']}/messages?direction=inbound").json["data"]
        if word in json.dumps(message)
    ]
    before = world.gamma.sees()
    assert places_of(word, deployment)

    for message in (beta.made["secret"], received):
        assert beta.api("DELETE", f"/messages/{message}").status == 204
    deployment.let_days_pass(LONG)

    assert places_of(word, deployment) == []
    assert unchanged(world, before)


def test_of_a_suppression_that_is_taken_off_nothing_is_left(world: MarkedWorld) -> None:
    beta, address = world.beta, "deltaword@example.com"
    assert beta.api("POST", "/suppressions", {"address": address, "reason": "manual"}).status == 201
    assert beta.api("DELETE", f"/suppressions/{address}").status == 204
    assert places_of("deltaword", world.deployment) == []


def test_of_a_thread_nothing_is_left(world: MarkedWorld) -> None:
    deployment, beta, word = world.deployment, world.beta, "deltaword"
    deployment.endpoint.answers = False
    first = beta.send("secret", "one", word, attachmentIds=[])
    deployment.rest()
    for number in range(4):  # more than a request takes
        beta.make(f"again {number}", f"/messages/{first}/reply", {"bodyText": f"{word} again"})
        deployment.rest()
    thread = beta.message("secret")["threadId"]
    beta.receive(word, "one", header=beta.message("secret")["messageIdHeader"])
    inbox, before = beta.made["one"], world.gamma.sees()
    listed = beta.api("GET", f"/inboxes/{inbox}/threads").json["total"]

    assert beta.api("DELETE", f"/threads/{thread}").status == 204

    assert beta.api("GET", f"/threads/{thread}").status == 404
    assert beta.api("GET", f"/threads/{thread}/messages").status == 404
    assert thread not in beta.api("GET", f"/inboxes/{inbox}/threads?limit=100").body
    deployment.erase(3)
    deployment.rest()
    assert beta.api("GET", f"/inboxes/{inbox}/threads").json["total"] == listed - 1
    deployment.let_days_pass(LONG)
    assert places_of(word, deployment) == []
    assert unchanged(world, before)


def test_of_an_inbox_that_is_purged_nothing_is_left(world: MarkedWorld) -> None:
    deployment, beta = world.deployment, world.beta
    # What is the account's own, and not the inbox's.
    kept = [place for place in places_of(beta.word, deployment) if place.startswith(("A#", "K#"))]
    beta.send("queued", "one", beta.word)
    before, sent = world.gamma.sees(), len(deployment.ses.accepted)

    for inbox in ("one", "two"):
        assert beta.api("DELETE", f"/inboxes/{beta.made[inbox]}?purge=true").status == 204
        assert beta.api("GET", f"/inboxes/{beta.made[inbox]}").status == 404
    deployment.rest()
    deployment.erase(10)
    deployment.erase(10, pause=HOUR)
    deployment.rest()

    assert len(deployment.ses.accepted) == sent
    left = [place for place in places_of(beta.word, deployment) if place not in kept]
    # What the account had uploaded is forgotten with the request after a day, and so is what made its webhook and key.
    assert all(place.startswith((f"P#{beta.account_id}#", "P#" + world.admin.account_id)) for place in left), left
    assert beta.api("DELETE", f"/inboxes/{beta.made['one']}?purge=true").status == 404
    events = beta.api("GET", "/events?limit=100").json["data"]
    assert events
    assert all(event["deleted"] for event in events)
    assert beta.word not in json.dumps([event for event in events if event["event"].startswith("message.")])
    deployment.let_days_pass(LONG)
    assert [place for place in places_of(beta.word, deployment) if place not in kept] == []
    taken = beta.api("POST", "/inboxes", {"address": f"{beta.word}-one"})
    assert (taken.status, taken.error["code"]) == (409, "INBOX_ADDRESS_TAKEN")
    assert unchanged(world, before)


def test_of_an_account_nothing_is_left_but_numbers(world: MarkedWorld) -> None:
    deployment, beta = world.deployment, world.beta
    beta.upload("never used")
    beta.send("queued", "one", beta.word)
    before, sent = world.gamma.sees(), len(deployment.ses.accepted)

    assert world.admin.api("DELETE", f"/accounts/{beta.account_id}").status == 204

    assert beta.api("GET", "/account").status == 401
    assert world.admin.api("DELETE", f"/accounts/{beta.account_id}").status == 404
    deployment.rest()  # the job of what is queued comes first
    deployment.erase(20)
    deployment.erase(20, pause=HOUR)
    deployment.rest()
    assert len(deployment.ses.accepted) == sent
    deployment.let_days_pass(LONG)
    assert places_of(beta.word, deployment) == []
    partitions = {place.partition(" ")[0] for place in places_of(beta.account_id, deployment)}
    assert partitions == {"I#" + beta.made[inbox].removeprefix("inb_") for inbox in ("one", "two")}
    assert unchanged(world, before)


def test_of_what_has_grown_old_nothing_is_left_and_nothing_younger_goes(world: MarkedWorld) -> None:
    deployment, beta = world.deployment, world.beta
    deployment.endpoint.answers = False
    deployment.clock.now += 10 * DAY
    word = "deltaword"
    beta.send("young", "one", word)
    deployment.rest()
    before = world.gamma.sees()

    assert beta.api("PUT", "/account/retention", {"days": 8}).json["retentionDays"] == 8
    deployment.erase(10)
    deployment.rest()

    listed = beta.api("GET", f"/inboxes/{beta.made['one']}/messages?limit=100").json
    assert [message["id"] for message in listed["data"]] == [beta.made["young"]]
    assert beta.api("GET", f"/inboxes/{beta.made['two']}/messages").json["total"] == 0
    assert beta.api("GET", f"/inboxes/{beta.made['one']}/threads").json["total"] == 1
    deployment.let_days_pass(7)
    assert beta.message("young")["subject"] == f"{word} subject"
    deployment.let_days_pass(2)
    assert beta.api("GET", f"/messages/{beta.made['young']}").status == 404
    assert places_of(word, deployment) == []
    stays = tuple(f"I#{beta.made[inbox].removeprefix('inb_')} F:inbox" for inbox in ("one", "two"))
    left = places_of(beta.word, deployment)
    assert all(place.startswith(("A#", "K#", "N#", "P#", "W#", *stays)) for place in left), left
    assert unchanged(world, before)


def unchanged(world: MarkedWorld, before: dict[str, Any]) -> bool:
    """Whether another account sees what it saw; and nothing that was put into a queue could not be done."""
    assert world.deployment.queues.dead == []
    after = world.gamma.sees()
    for url, seen in before.items():
        assert after[url] == seen, url
    return after == before
