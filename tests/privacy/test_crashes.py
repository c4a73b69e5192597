"""A death before or after any AWS call of a large deletion: repeated and let go on, it comes to the same end.

`make test` meets a few call sites of each; `make chaos` every call, with everything that may befall one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.erasure import ErasureKind
from chalicelib.domain.errors import Unavailable
from chalicelib.storage.erasure_store import DynamoErasureStore
from tests.chaos.deployment import API_KEY, Snapshot, quiet_logs
from tests.chaos.wire import Call, Fault, Plan, nothing_fails
from tests.factories.api_events import ApiAnswer
from tests.operations.watched import Crash
from tests.privacy.marked_world import DAY, HOUR, MarkedDeployment, Tenant
from tests.privacy.scan import places_of
from tests.storage.engines import Engine

pytestmark = pytest.mark.xdist_group("privacy")

WORD = "betaqword"
DEATHS = (Fault.DIES_BEFORE, Fault.DIES_AFTER)
EVERY = 37  # call site of a deletion is met in `make test`
FINISHED = timedelta(minutes=2)  # a run that died holds what it was at for less


@dataclass
class SmallWorld:
    """The first account, and a tenant with one of everything."""

    deployment: MarkedDeployment
    admin: Tenant
    tenant: Tenant
    snapshot: Snapshot | None = None

    @property
    def thread(self) -> str:
        return str(self.tenant.message("first")["threadId"])


@dataclass(frozen=True)
class Deletion:
    """What a client asks for until it is answered, and where its word may stand afterwards."""

    ask: Callable[[SmallWorld], ApiAnswer]
    left: tuple[str, ...]
    ages: timedelta = timedelta()


DELETIONS = {
    "a thread": Deletion(
        lambda world: world.tenant.api("DELETE", f"/threads/{world.tenant.made['thread']}"),
        ("A#", "K#", "N#", "P#", "W#", "I#", "U#", "raw/", "attachments/", "bodies/"),
    ),
    "an inbox": Deletion(
        lambda world: world.tenant.api("DELETE", f"/inboxes/{world.tenant.made['one']}?purge=true"),
        ("A#", "K#", "P#"),
    ),
    "an account": Deletion(lambda world: world.admin.api("DELETE", f"/accounts/{world.tenant.account_id}"), ()),
    "what has grown old": Deletion(
        lambda world: world.tenant.api("PUT", "/account/retention", {"days": 3}),
        ("A#", "K#", "N#", "P#", "W#", "I#"),
        ages=10 * DAY,
    ),
}


@pytest.fixture(scope="module")
def built(embedded_engine: Engine) -> Iterator[SmallWorld]:
    with pytest.MonkeyPatch.context() as patch, quiet_logs():
        for name, value in embedded_engine.variables.items():
            patch.setenv(name, value)
        deployment = MarkedDeployment(embedded_engine, patch)
        caller = deployment.operations().bootstrap(API_KEY)
        admin = Tenant(deployment, "alphaword", caller.account_id, API_KEY)
        body = {"name": f"{WORD} account", "email": f"{WORD}@example.com"}
        made = admin.api("POST", "/accounts", body, once="account").json
        tenant = Tenant(deployment, WORD, made["id"], made["apiKey"])
        tenant.make("webhook", "/webhooks", {"url": f"https://{WORD}.example.com/hook"})
        tenant.make("one", "/inboxes", {"address": f"{WORD}-one", "displayName": WORD})
        tenant.send("first", "one", WORD, attachmentIds=[tenant.upload("file")])
        deployment.rest()
        tenant.made["thread"] = tenant.message("first")["threadId"]
        tenant.receive(WORD, "one", header=tenant.message("first")["messageIdHeader"])
        tenant.make("queued", f"/messages/{tenant.made['first']}/reply", {"bodyText": WORD})
        yield SmallWorld(deployment, admin, tenant, deployment.snapshot())


def carried_out(world: SmallWorld, deletion: Deletion, plan: Plan = nothing_fails) -> list[Call]:
    """The deletion to its end, under a plan of faults: its calls."""
    assert world.snapshot is not None
    deployment = world.deployment
    deployment.restore(world.snapshot)
    if deletion.ages:
        deployment.rest()  # what was queued is sent, and grows old as well
    deployment.clock.now += deletion.ages
    with deployment.wire.under(plan) as calls:
        _ask(world, deletion)
        for pause in (FINISHED, FINISHED, FINISHED, FINISHED, FINISHED, HOUR, FINISHED, FINISHED, FINISHED, FINISHED):
            deployment.clock.now += pause
            try:
                with deployment.process():
                    deployment.operations().carry_out_erasures()
            except (Crash, Unavailable):
                continue
    return calls


def _ask(world: SmallWorld, deletion: Deletion) -> None:
    for _ in range(5):
        try:
            answer = deletion.ask(world)
        except Crash:
            continue
        if answer.status < 500:
            return
    raise AssertionError("it was never answered")


def left_of(world: SmallWorld, deletion: Deletion) -> list[str]:
    """What should not be there: words in places where nothing may be left, messages, deletions under way."""
    deployment = world.deployment
    deployment.rest()
    found = [place for place in places_of(WORD, deployment) if not place.startswith((*deletion.left, "queue"))]
    if "I#" in deletion.left:
        url = f"/inboxes/{world.tenant.made['one']}"
        for kind in ("messages", "threads"):
            listed = world.tenant.api("GET", f"{url}/{kind}").json
            found += [entry["id"] for entry in listed["data"]] + ["counted"] * listed["total"]
    under_way: Any = DynamoErasureStore().due(deployment.clock() + 10 * DAY)
    return found + [each.kind for each in under_way if each.kind is not ErasureKind.RETENTION]


@pytest.mark.parametrize("name", DELETIONS)
def test_a_death_only_delays_it(name: str, built: SmallWorld) -> None:
    deletion = DELETIONS[name]
    sites = [call.site for call in carried_out(built, deletion)]
    assert left_of(built, deletion) == []
    for place, site in enumerate(list(dict.fromkeys(sites))[EVERY // 2 :: EVERY]):
        check_death(built, deletion, sites.index(site), DEATHS[place % 2])


@pytest.mark.long
@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("name", DELETIONS)
def test_nothing_that_befalls_any_call_does_more_than_delay_it(name: str, fault: Fault, built: SmallWorld) -> None:
    deletion = DELETIONS[name]
    for number in range(len(carried_out(built, deletion))):
        check_death(built, deletion, number, fault)


def check_death(world: SmallWorld, deletion: Deletion, number: int, fault: Fault) -> None:
    hit: list[str] = []
    seen = 0

    def plan(call: Call) -> Fault | None:
        nonlocal seen
        seen += 1
        if seen != number + 1:
            return None
        hit.append(call.site)
        return fault

    carried_out(world, deletion, plan)
    assert left_of(world, deletion) == [], (hit, fault)
