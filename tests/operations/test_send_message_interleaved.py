"""Workers of one message that are stopped and go on at every call, by chance: never is it sent twice, and it comes to rest.

Two workers that meet at one call (test_send_message_rivals.py) do not show it: the lock matters when one stands between its
mark and SES's answer while the other passes by.
"""

import random
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.errors import NotFound, Unavailable
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.ports import SendJob, SendThrottled
from tests.factories.accounts import NOON
from tests.operations.unanswered import overdue
from tests.operations.watched import Crash, Effect
from tests.operations.world import VISIBILITY_TIMEOUT, World, make_event

SEEDS = 60  # of each kind
STUCK = 30  # seconds after which a schedule has surely gone wrong
KINDS = ("plain", "deleted", "news", "throttled", "resend")


@dataclass
class Turns:
    """Of several threads one runs at a time; at each call of a port chance says who goes on."""

    luck: random.Random
    deaths: float  # a thread dies at a call with this chance, before it or behind it
    _change: threading.Condition = field(default_factory=threading.Condition)
    _ready: set[int] = field(default_factory=set)
    _alive: set[int] = field(default_factory=set)
    _running: int | None = None

    def run(self, tasks: Sequence[Callable[[], object]]) -> None:
        self._alive = set(range(len(tasks)))
        threads = [threading.Thread(target=self._live, args=(number, task)) for number, task in enumerate(tasks)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(STUCK)
            assert not thread.is_alive()

    def watch(self, _call: str, effect: Effect) -> Any:
        me = getattr(_me, "number", None)
        if me is None or getattr(_me, "inside", False):
            return effect()  # the test's own look, or a port that calls another
        self._wait(me)
        if self.luck.random() < self.deaths:
            if self.luck.random() < 0.5:
                self._carry_out(effect)
            raise Crash
        return self._carry_out(effect)

    def _carry_out(self, effect: Effect) -> Any:
        _me.inside = True
        try:
            return effect()
        finally:
            _me.inside = False

    def _live(self, number: int, task: Callable[[], object]) -> None:
        _me.number, _me.inside = number, False
        try:
            self._wait(number)
            with suppress(Crash, Unavailable, NotFound):
                task()
        finally:
            with self._change:
                self._alive.discard(number)
                self._give_on()

    def _wait(self, me: int) -> None:
        with self._change:
            self._ready.add(me)
            self._give_on()
            assert self._change.wait_for(lambda: self._running == me, STUCK)
            self._ready.discard(me)

    def _give_on(self) -> None:
        self._running = None
        if self._ready == self._alive and self._ready:
            self._running = self.luck.choice(sorted(self._ready))
        self._change.notify_all()


_me = threading.local()


def begun(kind: str) -> tuple[World, MessageKey, SendJob]:
    if kind == "resend":
        world, key = overdue()
        return world, key, world.taken()
    world = World()
    key = world.submitted()
    if kind == "throttled":
        world.provider.outcomes = [SendThrottled()]
    return world, key, world.taken()


def lived(kind: str, deaths: float, seed: int) -> tuple[World, MessageKey]:
    """What is left of one schedule, at rest."""
    luck = random.Random(f"{kind} {deaths} {seed}")
    world, key, job = begun(kind)
    turns = Turns(luck, deaths)
    again = SendJob(key, NOON)
    tasks: list[Callable[[], object]] = [lambda: world.send_message(job)]
    tasks += [lambda: world.send_message(again)] * luck.choice((1, 2))
    others: dict[str, Callable[[], object]] = {
        "deleted": lambda: world.delete_message(key, world.caller),
        "news": lambda: world.record_delivery_report(make_event(key, DeliveryStatus.DELIVERED)),
    }
    with world.watching(turns.watch):
        turns.run([*tasks, *([others[kind]] if kind in others else [])])
    # Whoever died comes again, and so does who has only heard that there was nothing to do yet.
    world.send_queue.put(again, VISIBILITY_TIMEOUT)
    with suppress(NotFound):
        others.get(kind, lambda: None)()
    world.work()
    return world, key


@pytest.mark.parametrize("deaths", [0.0, 0.03])
@pytest.mark.parametrize("kind", KINDS)
def test_however_workers_and_others_pass_each_other_a_message_goes_once(kind: str, deaths: float) -> None:
    for seed in range(SEEDS):
        world, key = lived(kind, deaths, seed)
        assert len(world.provider.mails) <= 1, seed
        if kind == "deleted":
            assert world.leaves_nothing_behind(key), seed
            continue
        assert world.status(key) is world.delivery(key).message_status, seed
        if not deaths:
            assert world.status(key) is (MessageStatus.DELIVERED if kind == "news" else MessageStatus.SENT), seed
