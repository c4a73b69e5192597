"""Many mails for many inboxes at once, every notice twice and in random order: each is one message, in its thread."""

import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from chalicelib.domain.message import Message
from chalicelib.events.inbound_notifications import BATCH_SIZE, inbound_notifications
from chalicelib.operations.ports import PageRequest
from embedded.lambda_events import sqs_event
from tests.journeys.deployment import Deployed, deployed

pytestmark = pytest.mark.xdist_group("storm")

HANDLERS = 8  # Lambda instances, as it were
PEOPLE = 5
WAVES = 3  # conversations begin; are answered; the answers are answered


@dataclass(frozen=True)
class Letter:
    """A mail to come: who is to have it, and in which thread, named by its first Message-ID."""

    wave: int
    inboxes: tuple[int, ...]  # their places among all
    message_id: str
    sender: str
    thread: str
    references: tuple[str, ...] = ()

    def raw(self, number: int) -> bytes:
        lines = [f"From: {self.sender}", f"Subject: Letter {number}", f"Message-ID: {self.message_id}"]
        if self.references:
            lines += [f"In-Reply-To: {self.references[-1]}", f"References: {' '.join(self.references)}"]
        return "\r\n".join([*lines, "", f"This is letter {number}.", ""]).encode()


def letters(inboxes: int, each: int, luck: random.Random) -> Iterator[Letter]:
    """So many for each inbox; of those that begin a thread, some are one mail to two inboxes."""
    for pair in range(0, inboxes, 2):
        both = (pair, pair + 1)
        names = [(number, f"<{pair}.{number}@example.com>") for number in range(each // 10)]
        shared = [Letter(0, both, name, _person(number), name) for number, name in names]
        yield from shared
        for inbox in both:
            yield from _of_one_inbox(inbox, shared, each, luck)


def _of_one_inbox(inbox: int, shared: Sequence[Letter], each: int, luck: random.Random) -> Iterator[Letter]:
    """Half begin a thread; the others answer one of those, or an answer, now and then as a stranger."""
    begun, answers = list(shared), list[Letter]()
    for number in range(len(shared), each):
        name = f"<{inbox}-{number}@example.com>"
        if number < each // 2:
            begun.append(Letter(0, (inbox,), name, _person(number), name))
            yield begun[-1]
            continue
        parent = luck.choice(begun if number < each * 8 // 10 else answers)
        references = (*parent.references, parent.message_id)
        if number % 20 == 19:
            yield Letter(parent.wave + 1, (inbox,), name, f"stranger{number}@example.org", name, references)
            continue
        letter = Letter(parent.wave + 1, (inbox,), name, parent.sender, parent.thread, references)
        if letter.wave == 1:
            answers.append(letter)
        yield letter


def _person(number: int) -> str:
    return f"person{number % PEOPLE}@example.com"


@dataclass
class Queue:
    """Notices waiting in no order; one that a handler fails comes again, as SQS brings it again."""

    luck: random.Random
    waiting: list[str]
    figures: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    def work(self) -> None:
        while notices := self._take():
            messages = [
                {"MessageId": str(number), "ReceiptHandle": "r", "Body": notice}
                for number, notice in enumerate(notices)
            ]
            answer = inbound_notifications(
                sqs_event(messages, "arn:aws:sqs:us-east-1:000000000000:q", "us-east-1"), None
            )
            failed = [notices[int(failure["itemIdentifier"])] for failure in answer["batchItemFailures"]]
            with self._lock:
                self.figures.update(notices=len(notices), failed=len(failed))
                self.waiting += failed

    def _take(self) -> list[str]:
        with self._lock:
            places = sorted(
                self.luck.sample(range(len(self.waiting)), min(BATCH_SIZE, len(self.waiting))), reverse=True
            )
            return [self.waiting.pop(place) for place in places]


def storm(deployment: Deployed, inboxes: int, each: int, seed: int) -> Counter[str]:
    """Bring them all in; what was asked of the handlers."""
    luck = random.Random(seed)
    addresses = [deployment.inbox(1000 + place).address for place in range(inboxes)]
    plan = list(letters(inboxes, each, luck))
    waves: list[list[str]] = [[] for _ in range(WAVES)]
    with ThreadPoolExecutor(HANDLERS) as senders:
        notices = list(senders.map(lambda numbered: _sent(deployment, numbered, addresses), enumerate(plan)))
    for letter, notice in zip(plan, notices, strict=True):
        waves[letter.wave].append(notice)
        waves[luck.randrange(letter.wave, WAVES)].append(notice)
    figures: Counter[str] = Counter(mails=len(plan))
    for wave in waves:
        queue = Queue(luck, wave)
        with ThreadPoolExecutor(HANDLERS) as handlers:
            for worker in [handlers.submit(queue.work) for _ in range(HANDLERS)]:
                worker.result()
        figures += queue.figures
    for place in range(inboxes):
        figures += check(deployment, 1000 + place, [letter for letter in plan if place in letter.inboxes])
    assert deployment.objects("inbound/") == 0
    assert deployment.objects("raw/") == inboxes * each
    return figures


def _sent(deployment: Deployed, numbered: tuple[int, Letter], addresses: Sequence[str]) -> str:
    number, letter = numbered
    return deployment.mail_in(letter.raw(number), letter.sender, *(addresses[place] for place in letter.inboxes))


def check(deployment: Deployed, inbox_number: int, expected: Sequence[Letter]) -> Counter[str]:
    """The inbox holds exactly these, each in its thread, and every list counts them right."""
    found = list(_all_messages(deployment, inbox_number))
    by_id = {_message_id(message): message for message in found}
    assert len(found) == len(by_id) == len(expected)
    assert by_id.keys() == {letter.message_id for letter in expected}
    threads: Mapping[str, set[str]] = defaultdict(set)
    for letter in expected:
        threads[letter.thread].add(letter.message_id)
    for members in threads.values():
        assert len({by_id[name].content.thread for name in members}) == 1
    keys = {by_id[first].content.thread: members for first, members in threads.items()}
    assert len(keys) == len(threads)
    listed = list(_all_threads(deployment, inbox_number))
    assert {summary.thread.key: summary.thread.message_count for summary in listed} == {
        key: len(members) for key, members in keys.items()
    }
    for key, members in keys.items():
        page = deployment.operations.list_thread_messages(key, deployment.caller, PageRequest(limit=100))
        assert (page.total, {_message_id(message) for message in page.items}) == (len(members), members)
    return Counter(messages=len(found), threads=len(listed))


def _message_id(message: Message) -> str:
    assert message.content.arrival is not None
    return str(message.content.arrival.message_id_header)


def _all_messages(deployment: Deployed, inbox_number: int) -> Iterator[Message]:
    request: PageRequest | None = PageRequest(limit=100)
    seen = 0
    while request is not None:
        page = deployment.operations.list_messages(inbox_number, deployment.caller, request)
        yield from page.items
        seen += len(page.items)
        request = None if page.next_after is None else PageRequest(limit=100, after=page.next_after)
    assert page.total == seen


def _all_threads(deployment: Deployed, inbox_number: int) -> Iterator[Any]:
    seen, total = 0, 1
    while seen < total:
        page = deployment.operations.list_threads(inbox_number, deployment.caller, PageRequest(limit=100, offset=seen))
        assert page.items
        yield from page.items
        seen, total = seen + len(page.items), page.total


def test_every_notice_twice_and_in_any_order_makes_each_mail_one_message(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)  # noqa: T201  shown when it fails
    with deployed(tmp_path) as deployment:
        figures = storm(deployment, inboxes=6, each=20, seed=seed)
    assert figures["messages"] == 120
    assert figures["notices"] - figures["failed"] == 2 * figures["mails"]


@pytest.mark.long
def test_ten_thousand_messages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("FUZZ_SEED", random.randrange(2**32)))
    started = time.monotonic()
    with deployed(tmp_path) as deployment:
        figures = storm(deployment, inboxes=50, each=200, seed=seed)
    with capsys.disabled():
        told = ", ".join(f"{figures[name]:,} {name}" for name in ("mails", "notices", "failed", "messages", "threads"))
        print(f"\nseed {seed}: {told}, in {time.monotonic() - started:.0f} s")  # noqa: T201  it runs for many minutes
    assert figures["messages"] == 10_000
    assert figures["notices"] - figures["failed"] == 2 * figures["mails"]
