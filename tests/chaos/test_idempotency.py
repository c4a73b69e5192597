"""Fifty equal POSTs at once are one message; the other answers are replays or say that the first is still running.

`make test` does this five times, `make chaos` a hundred times.
"""

import os
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier, Lock

import pytest

from app import app
from embedded.thread_safe_app import make_thread_safe
from tests.chaos.acts import DONE
from tests.chaos.client import REPEAT_AFTER
from tests.chaos.deployment import API_KEY, Deployment, new_key
from tests.chaos.progress import Progress
from tests.chaos.wire import Call, Fault
from tests.factories.api_events import ApiAnswer
from tests.operations.watched import Crash
from tests.storage.engines import Engine

AT_ONCE, FEW, MANY = 50, 5, 100
REPLAYED = "idempotent-replayed"


@pytest.fixture
def deployment(embedded_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """One whose requests come side by side, each a process of its own."""
    for name, value in embedded_engine.variables.items():
        monkeypatch.setenv(name, value)
    make_thread_safe(app)
    deployment = Deployment(embedded_engine, monkeypatch)
    deployment.operations().bootstrap(API_KEY)
    deployment.wire.is_shared = True
    return deployment


@dataclass
class Crowd:
    """Equal requests, all at the same moment."""

    deployment: Deployment
    inbox_id: str
    key: str = field(default_factory=new_key)

    def ask(self, times: int = AT_ONCE) -> list[ApiAnswer]:
        """The answers of those that got one."""
        together = Barrier(times)

        def request() -> ApiAnswer | None:
            together.wait()
            body = {"to": [DONE], "subject": self.key, "bodyText": "Hi."}
            try:
                return self.deployment.api("POST", f"/inboxes/{self.inbox_id}/messages", body, once=self.key)
            except Crash:
                return None

        with ThreadPoolExecutor(times) as people:
            answers = [asked.result() for asked in [people.submit(request) for _ in range(times)]]
        return [answer for answer in answers if answer is not None]


def one_message(answers: list[ApiAnswer]) -> str | None:
    """The id that all 202 name; everybody else is told that the first request is still running."""
    ids = {answer.json["id"] for answer in answers if answer.status == 202}
    others = {answer.error["code"] for answer in answers if answer.status != 202}
    assert len(ids) <= 1, f"several messages: {ids}"
    assert others <= {"IDEMPOTENCY_IN_PROGRESS"}, others
    assert all(answer.status in (202, 409) for answer in answers)
    firsts = [answer for answer in answers if answer.status == 202 and answer.header(REPLAYED) is None]
    assert len(firsts) <= 1, "two were told that they were the first"
    return ids.pop() if ids else None


def new_inbox(deployment: Deployment) -> str:
    made: str = deployment.api("POST", "/inboxes", {}).json["id"]
    return made


def assert_each_went_once(deployment: Deployment, inbox_id: str, made: list[str]) -> None:
    while deployment.deliver_next():
        pass
    page = deployment.api("GET", f"/inboxes/{inbox_id}/messages?limit=100").json
    assert (page["total"], {message["id"] for message in page["data"]}) == (len(made), set(made))
    tags = [value for mail in deployment.ses.accepted for (value,) in mail.tags.values() if value in made]
    assert sorted(tags) == sorted(made)


def storm(deployment: Deployment, rounds: Iterator[int]) -> int:
    """How many of all answers were replays."""
    inbox_id, made, replays = new_inbox(deployment), list[str](), 0
    for _ in rounds:
        crowd = Crowd(deployment, inbox_id)
        answers = crowd.ask()
        message_id = one_message(answers)
        assert message_id is not None
        assert one_message([*answers, *crowd.ask(2)]) == message_id
        replays += sum(answer.header(REPLAYED) is not None for answer in answers)
        made.append(message_id)
    assert_each_went_once(deployment, inbox_id, made)
    return replays


@dataclass
class DiesOnce:
    """One request dies at its call with this number; which of them, chance decides."""

    number: int
    fault: Fault
    is_over: bool = False
    _seen: dict[int, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def __call__(self, call: Call) -> Fault | None:
        if not any("answer_once" in step or "idempotency" in step for step in call.path):
            return None
        with self._lock:
            me = threading.get_ident()
            self._seen[me] = self._seen.get(me, -1) + 1
            if self.is_over or self._seen[me] != self.number:
                return None
            self.is_over = True
            return self.fault


def storm_with_deaths(deployment: Deployment, rounds: Iterator[int], luck: random.Random) -> int:
    """In how many rounds a request died."""
    inbox_id, made, deaths = new_inbox(deployment), list[str](), 0
    for _ in rounds:
        crowd = Crowd(deployment, inbox_id)
        dying = DiesOnce(luck.randrange(14), luck.choice([Fault.DIES_BEFORE, Fault.DIES_AFTER]))
        with deployment.wire.under(dying):
            begun = crowd.ask()
        deployment.clock.now += REPEAT_AFTER
        answers = [*begun, *crowd.ask(10), *crowd.ask(2)]
        message_id = one_message(answers) if dying.is_over else one_message(begun)
        assert message_id is not None
        made.append(message_id)
        deaths += dying.is_over
    assert_each_went_once(deployment, inbox_id, made)
    return deaths


def test_fifty_equal_requests_at_once_are_one_message(deployment: Deployment) -> None:
    assert storm(deployment, iter(range(FEW))) >= 0


def test_so_they_are_when_one_of_them_dies_half_way(deployment: Deployment) -> None:
    seed = random.randrange(2**32)
    print("CHAOS_SEED", seed)  # noqa: T201  shown when it fails
    assert storm_with_deaths(deployment, iter(range(FEW)), random.Random(seed)) > 0


Storm = Callable[[Deployment, Iterator[int], random.Random], int]


@pytest.mark.long
def test_a_hundred_times(deployment: Deployment, progress: Progress) -> None:
    replays = storm(deployment, progress("fifty equal requests", range(MANY)))
    progress.say(f"{MANY} × {AT_ONCE} equal requests: {MANY} messages, {replays:,} replays at once, the rest 409")


@pytest.mark.long
def test_a_hundred_times_with_a_death(deployment: Deployment, progress: Progress) -> None:
    seed = int(os.environ.get("CHAOS_SEED", random.randrange(2**32)))
    name = f"fifty equal requests, one dying, CHAOS_SEED={seed}"
    deaths = storm_with_deaths(deployment, progress(name, range(MANY)), random.Random(seed))
    progress.say(f"{MANY} × {AT_ONCE} equal requests with {deaths} deaths half-way: {MANY} messages")
