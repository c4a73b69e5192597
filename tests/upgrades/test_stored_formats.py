"""What an earlier version has stored is read in full, and worked on, by this one (docs/upgrading.md)."""

import logging
from typing import Any

import pytest

from chalicelib.storage.table_walk import DynamoTableWalk
from chalicelib.storage.tables import Item
from tests.privacy.marked_world import MarkedDeployment, Tenant
from tests.storage.engines import Engine
from tests.upgrades.kinds import KINDS, kind_of
from tests.upgrades.life import WORD
from tests.upgrades.looks import read_jobs, seen
from tests.upgrades.stored_state import FOLDER, StoredState, as_json, from_json

VERSIONS = sorted(path.name for path in FOLDER.iterdir())
NEWEST = VERSIONS[-1]
pytestmark = pytest.mark.xdist_group("upgrades")


@pytest.fixture(scope="module", params=VERSIONS)
def stored(request: pytest.FixtureRequest) -> StoredState:
    return StoredState.read(FOLDER / request.param)


@pytest.fixture
def deployment(stored: StoredState, embedded_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> MarkedDeployment:
    """This version's code over what the other one has left."""
    for name, value in embedded_engine.variables.items():
        monkeypatch.setenv(name, value)
    made = MarkedDeployment(embedded_engine, monkeypatch)
    stored.restore(made)
    return made


def missing(then: Any, now: Any, place: str = "") -> list[str]:
    """Where what was seen then is not seen now. More may be seen now: new fields."""
    if isinstance(then, dict) and isinstance(now, dict):
        return [
            each
            for name, value in then.items()
            for each in (missing(value, now[name], f"{place}/{name}") if name in now else [f"{place}/{name} is gone"])
        ]
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        pairs = enumerate(zip(then, now, strict=True))
        return [each for number, (old, new) in pairs for each in missing(old, new, f"{place}/{number}")]
    return [] if then == now else [f"{place}: {then!r} is now {now!r}"]


def test_all_is_seen_that_was_seen_then(stored: StoredState, deployment: MarkedDeployment) -> None:
    looked = seen(deployment, stored.notes)

    assert missing({name: stored.seen[name] for name in looked}, looked) == []


def test_every_item_is_read_by_its_model_with_every_attribute(stored: StoredState) -> None:
    for item in stored.items:
        model = kind_of(item).model
        if model is not None:
            again = as_json(model.from_raw_data(from_json(item)).serialize())
            counters = {name for name in item if name[:1] == "r" and name[1:].isdigit()}  # a key's requests by day
            assert again == {name: value for name, value in item.items() if name not in counters}


def test_housekeeping_can_judge_every_item(deployment: MarkedDeployment, caplog: pytest.LogCaptureFixture) -> None:
    walk, after, found = DynamoTableWalk(), None, 0
    with caplog.at_level(logging.WARNING):
        while True:
            sightings, after = walk.page(after, deployment.clock())
            found += len(sightings)
            if after is None:
                break

    assert found > 0
    assert caplog.records == []


def test_every_job_in_a_queue_is_read(stored: StoredState) -> None:
    assert missing(stored.seen["jobs"], read_jobs(stored.jobs)) == []


def test_what_was_under_way_goes_on(stored: StoredState, deployment: MarkedDeployment) -> None:
    notes = stored.notes
    tenant = Tenant(deployment, WORD, notes["account"], notes["key"], dict(notes["made"]))
    before = tenant.api("GET", f"/inboxes/{notes['made']['one']}/messages?direction=inbound").json["total"]

    deployment.rest()
    deployment.erase(5)
    deployment.rest()

    assert deployment.queues.dead == []
    assert [tenant.message(name)["status"] for name in ("news", "queued")] == ["delivered", "delivered"]
    inbound = tenant.api("GET", f"/inboxes/{notes['made']['one']}/messages?direction=inbound").json
    assert inbound["total"] == before + 1
    tenant.send("after", "one", WORD, to=["success+9@simulator.amazonses.com"], cc=[], bcc=[])
    assert tenant.api("PATCH", f"/inboxes/{notes['made']['two']}", {"status": "active"}).status == 200
    tenant.make("again", f"/messages/{notes['made']['received']}/forward", {"to": ["success@simulator.amazonses.com"]})
    deployment.rest()
    assert tenant.message("after")["status"] == "delivered"
    tenant.make(
        "first again",
        f"/inboxes/{notes['made']['one']}/messages",
        {"to": ["a@example.com"], "subject": "x", "bodyText": "y"},
    )


def test_a_request_that_was_answered_then_is_answered_the_same_now(
    stored: StoredState, deployment: MarkedDeployment
) -> None:
    notes = stored.notes
    tenant = Tenant(deployment, WORD, notes["account"], notes["key"])
    tenant.made["one"] = notes["made"]["one"]

    again = tenant.send("success", "one", WORD, to=["success+1@simulator.amazonses.com"], cc=[], bcc=[])

    assert again == notes["made"]["success"]


def test_an_address_that_was_given_out_then_is_not_given_out_now(
    stored: StoredState, deployment: MarkedDeployment
) -> None:
    tenant = Tenant(deployment, WORD, stored.notes["account"], stored.notes["key"])

    taken = tenant.api("POST", "/inboxes", {"address": f"{WORD}-three"})

    assert (taken.status, taken.error["code"]) == (409, "INBOX_ADDRESS_TAKEN")


def test_the_newest_recording_has_every_kind_of_item_object_and_queue() -> None:
    newest = StoredState.read(FOLDER / NEWEST)
    kinds = {kind_of(item) for item in newest.items}

    assert [kind for kind in KINDS if kind not in kinds] == [], "record what is stored now: docs/upgrading.md"
    assert {kind.model for kind in KINDS} >= set(Item.__subclasses__())
    assert {each["name"].partition("/")[0] for each in newest.objects} >= {
        "attachments",
        "bodies",
        "inbound",
        "raw",
        "uploads",
    }
    assert {each["queue"] for each in newest.records} == {"events", "inbound", "send", "webhooks"}
    assert any("se" in item for item in newest.items), "nothing is sealed"


NEVER_SET = {
    "AccountItem.discarded_until",  # read as that of inboxes and keys is, which are there
    "AttachmentItem.is_going",  # stands for the moment between two writes
    "AttachmentItem.upload_tag",  # needs an upload by link, which no bucket here takes
    "AttachmentItem.withheld",  # of a mail with a virus
}


def test_the_newest_recording_has_every_attribute() -> None:
    newest = StoredState.read(FOLDER / NEWEST)
    found: dict[type[Item], set[str]] = {}
    for item in newest.items:
        if (model := kind_of(item).model) is not None:
            found.setdefault(model, set()).update(item)
    lacking = {
        f"{model.__name__}.{python}"
        for model in Item.__subclasses__()
        for python, attribute in model.get_attributes().items()
        if attribute.attr_name not in found.get(model, set()) and python != "ttl"
    }

    assert lacking == NEVER_SET
