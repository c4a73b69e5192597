"""A death before and after each AWS call the product makes, and the loss of its reply: at rest every promise holds.

`make test` meets each call site once, with one of the three, sites that only read up to three in a run, for a death at a read
leaves what a death at the write before it has left. A site is told by the function that calls and the three around it:
what leads there from a submission, a reply and a forward is one. `make chaos` tells sites by their whole path, and meets
each of each act with all of them, at the first of its calls there and at the last; and then random combinations:
CHAOS_SEEDS (200) of them, from CHAOS_SEED (at random, and printed).
"""

import itertools
import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.chaos.acts import ACTS, Act, Past, Run, build_past, perform
from tests.chaos.deployment import Deployment
from tests.chaos.progress import Progress
from tests.chaos.wire import DEATHS_AND_LOSSES, Call, Fault
from tests.storage.engines import Engine
from tests.storage.small_buckets import SMALL, resize

pytestmark = pytest.mark.xdist_group("crashes")  # one worker, for the recording takes most of a minute

EVERY_FAULT = tuple(Fault)
READS = tuple(
    f"{name} "
    for name in (
        "dynamodb.GetItem",
        "dynamodb.BatchGetItem",
        "dynamodb.Query",
        "dynamodb.Scan",
        "s3.GetObject",
        "s3.HeadObject",
        "s3.ListObjectsV2",
        "sesv2.GetAccount",
    )
)
PLACE = 4  # functions, the innermost first
READS_TOGETHER = 3  # faults in one run; a job is received five times before it is a dead letter


@dataclass(frozen=True)
class Recorded:
    """The calls of every act when nothing fails."""

    past: Past
    calls: dict[str, list[str]]  # sites, in order

    def first_and_last_of(self, act: str) -> list[int]:
        """Of each site in this act the first call and the last; those between tell nothing new."""
        sites = self.calls[act]
        last = {site: number for number, site in enumerate(sites)}
        return sorted({*map(sites.index, last), *last.values()})

    def first_in(self) -> dict[str, str]:
        """The first site of each place, with the act in which it is met first."""
        places: dict[str, str] = {}
        found: dict[str, str] = {}
        for act, sites in self.calls.items():
            for site in sites:
                if places.setdefault(place_of(site), site) == site:
                    found.setdefault(site, act)
        return found


def place_of(site: str) -> str:
    """Its innermost functions; what writes for every store is none of them."""
    operation, *path = site.split(" < ")
    return " < ".join(
        [operation, *[step for step in path if not step.startswith("storage/conditional_writes")][:PLACE]]
    )


@pytest.fixture(scope="module")
def module_monkeypatch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def recorded(embedded_engine: Engine, module_monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """What each act calls; nothing is violated when nothing fails but what belongs to it."""
    resize(module_monkeypatch, SMALL | {"CLOSED_AT": 2})  # so that chunks of the event log are closed, too
    for name, value in embedded_engine.variables.items():
        module_monkeypatch.setenv(name, value)
    past = build_past(Deployment(embedded_engine, module_monkeypatch))
    calls = {}
    for name, act in ACTS.items():
        made, oracle = perform(past, act, comes_again=True)
        assert oracle.violations == [], name
        calls[name] = [call.site for call in made]
    return Recorded(past, calls)


@dataclass
class At:
    """One fault, at the call with this number; and which site it met."""

    number: int
    fault: Fault
    seen: int = 0
    hit: str | None = None

    def __call__(self, call: Call) -> Fault | None:
        self.seen += 1
        if self.seen != self.number + 1:
            return None
        self.hit = call.site
        return self.fault


@dataclass
class AtEach:
    """One fault at the first call of each of these sites."""

    left: dict[str, Fault]

    def __call__(self, call: Call) -> Fault | None:
        return self.left.pop(call.site, None)


@pytest.mark.parametrize("act", ACTS)
def test_a_death_or_a_lost_reply_at_any_call_site_breaks_no_promise(act: str, recorded: Recorded) -> None:
    mine = [site for site, first in recorded.first_in().items() if first == act]
    writes = [site for site in mine if not site.startswith(READS)]
    reads = [site for site in mine if site.startswith(READS)]
    while left := writes or reads:
        number = len(writes) + len(reads)
        sites = left[:1] if left is writes else left[:READS_TOGETHER]
        faults = {
            site: DEATHS_AND_LOSSES[(number + place) % len(DEATHS_AND_LOSSES)] for place, site in enumerate(sites)
        }
        at = AtEach(dict(faults))

        _, oracle = perform(recorded.past, ACTS[act], at, is_patient=number % 2 == 0)

        assert oracle.violations == [], f"in {act!r}: {faults}"
        assert sites[0] not in at.left, f"the run took another way than its recording in {act!r}: {sites[0]}"
        for site in faults.keys() - at.left.keys():  # a death may keep the run from the others: they come again
            left.remove(site)


def test_every_part_of_the_product_that_calls_aws_is_met(recorded: Recorded) -> None:
    """The recording is of no use where an act is missing."""
    met = " ".join(itertools.chain(*recorded.calls.values()))
    missing = [function for function in CALLING if function not in met]
    assert missing == []


# What makes AWS calls in a message's life, by its function; accounts, keys and inboxes are not a message's.
CALLING = [
    "s3.PutObject",
    "s3.GetObject",
    "s3.HeadObject",
    "s3.CopyObject",
    "s3.DeleteObject",
    "s3.ListObjectsV2",
    "sqs.SendMessage",
    "sesv2.SendEmail",
    "dynamodb.Scan",
    "dynamodb.TransactWriteItems",
    "dynamodb.BatchGetItem",
    "sealing:Sealing",
    "sealed_cells:_write",
    "sealed_part:",
    "SubmitMessage._store",
    "HandOver",
    "SettleAmbiguous._resend",
    "SettleAmbiguous._give_up",
    "SendPace",
    "NoteNews",
    "SendMessage._await_commit",
    "RecordDeliveryReport",
    "ShowStatus",
    "DynamoEventLog.append",
    "DynamoEventLog.newest_chunk",
    "FileReceived._store",
    "FindThread",
    "StopLoops",
    "NoteArrival",
    "DeleteMessage",
    "DiscardMessage",
    "AbandonReservation",
    "RecoverMessage",
    "RequeueUnsent",
    "RequeueReceived",
    "TidyTable._requeue",
    "TidyTable._remove_part",
    "TidyBucket._remove",
    "TidyInbound.step",
    "DynamoAttachmentStore.use",
    "DynamoAttachmentStore._release",
]


@pytest.mark.long
def test_every_call_site_of_every_act_with_every_death(recorded: Recorded, progress: Progress) -> None:
    plans = [
        (act, number, fault)
        for act in recorded.calls
        for number in recorded.first_and_last_of(act)
        for fault in DEATHS_AND_LOSSES
    ]
    hit: set[str] = set()
    figures: Counter[str] = Counter()
    for act, number, fault in progress("every call", plans):
        at = At(number, fault)
        _, oracle = perform(recorded.past, ACTS[act], at, is_patient=number % 2 == 0, comes_again=number % 4 == 1)
        assert oracle.violations == [], f"{fault} at call {number} of {act!r}: {at.hit}"
        hit.add(str(at.hit))
        figures += oracle.figures
    assert hit >= set(itertools.chain(*recorded.calls.values()))
    progress.say(f"{len(plans):,} deaths and losses at {len(hit):,} sites: 0 violations; {dict(figures)}")


@dataclass
class AtRandom:
    """Each call may fail in any way, but not for ever."""

    luck: random.Random
    share: float
    left: int = 6

    def __call__(self, _: Call) -> Fault | None:
        if self.left and self.luck.random() < self.share:
            self.left -= 1
            return self.luck.choice(EVERY_FAULT)
        return None


def some_acts(luck: random.Random) -> Act:
    """One act, or two or three whose records are under way at the same time."""
    if luck.random() < 0.4:
        return ACTS[luck.choice(sorted(ACTS))]
    # A script is for its own act, and whoever loses a queue loses what belongs to the others.
    together = sorted(name for name, act in ACTS.items() if not act.script and "lost" not in name)
    names = luck.sample(together, luck.choice((2, 3)))
    if any(name.startswith("delete") for name in names):  # what one deletes, no other can answer
        names = [name for name in names if not name.startswith(("reply", "forward"))]
    chosen = [ACTS[name] for name in names]

    def perform_all(run: Run) -> None:
        for act in chosen:
            act.perform(run)

    excuses = frozenset(excuse for act in chosen for excuse in act.excuses)
    return Act(perform_all, excuses=excuses, keeps_house=any(act.keeps_house for act in chosen))


@pytest.mark.long
def test_random_combinations(recorded: Recorded, progress: Progress) -> None:
    """Acts by themselves or several at once, each call of which may fail in any way; then all records come once more."""
    seed = int(os.environ.get("CHAOS_SEED", random.randrange(2**32)))
    seeds = range(seed, seed + int(os.environ.get("CHAOS_SEEDS", "200")))
    failed: Counter[Fault] = Counter()
    for number in progress(f"random combinations from CHAOS_SEED={seed}", seeds):
        luck = random.Random(number)
        act = some_acts(luck)
        plan = AtRandom(luck, luck.choice([0.02, 0.05, 0.15]))
        calls, oracle = perform(
            recorded.past, act, plan, is_patient=luck.random() < 0.5, is_tidied=True, comes_again=True
        )
        failed.update(call.fault for call in calls if call.fault is not None)
        assert oracle.violations == [], f"CHAOS_SEED={number} CHAOS_SEEDS=1"
    progress.say(f"{len(seeds)} seeds from {seed}, {failed.total():,} faults: 0 violations")
