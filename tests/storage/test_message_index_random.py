"""The index against the fake: the same random life of an inbox, and after it the same pages everywhere."""

import random
from collections.abc import Sequence

import pytest

from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import MessageIndex, PageRequest
from chalicelib.storage.message_index import DynamoMessageIndex
from tests.fakes.message_index import FakeMessageIndex
from tests.fakes.thread_store import FakeThreadStore
from tests.storage.engines import NOT_ON_MOTO
from tests.storage.test_message_index_threads import INBOX, VISIBLE, Inbox

pytestmark = NOT_ON_MOTO

FIRST = 440  # so that the life crosses into further buckets


class Life:
    """Random commits, replies, steps, kills and deletions, done to several inboxes alike."""

    def __init__(self, luck: random.Random, *inboxes: Inbox) -> None:
        self.luck = luck
        self.inboxes = inboxes
        self.next_sequence = FIRST
        self.thread_of: dict[int, int] = {}

    def step(self) -> None:
        act = self.luck.choices(
            [self.begin, self.reply, self.advance, self.kill, self.delete], weights=[3, 3, 4, 1, 2]
        )[0]
        act()

    def begin(self) -> None:
        sequence = self._new_sequence()
        self.thread_of[sequence] = sequence
        assert {inbox.add(sequence) for inbox in self.inboxes} == {True}

    def reply(self) -> None:
        if self.thread_of:
            first = self.thread_of[self._any()]
            sequence = self._new_sequence()
            self.thread_of[sequence] = first
            assert {inbox.add(sequence, first) for inbox in self.inboxes} == {True}

    def advance(self) -> None:
        allowed = set(self.luck.sample(VISIBLE, 4))
        to = self.luck.choice(VISIBLE)
        sequence = self._any() if self.thread_of else self.next_sequence
        assert len({inbox.index.advance(MessageKey(INBOX, sequence), to, allowed) for inbox in self.inboxes}) == 1

    def kill(self) -> None:
        key = MessageKey(INBOX, self._new_sequence())
        for inbox in self.inboxes:
            assert inbox.index.advance(key, MessagePhase.GONE, {MessagePhase.RESERVED}).taken
            assert not inbox.index.commit(key, MessagePhase.QUEUED, lambda: (key.sequence,))

    def delete(self) -> None:
        if self.thread_of:
            sequence = self._any()
            first = self.thread_of.pop(sequence)
            for inbox in self.inboxes:
                inbox.delete(sequence, first)

    def _new_sequence(self) -> int:
        self.next_sequence += self.luck.choice([1, 1, 1, 2, 7])  # some reservations are never used
        return self.next_sequence

    def _any(self) -> int:
        return self.luck.choice(list(self.thread_of))


def random_request(luck: random.Random, upper: int) -> PageRequest:
    limit = luck.randint(1, 100)
    if luck.random() < 0.5:
        return PageRequest(limit=limit, offset=luck.choice([0, luck.randrange(200), luck.randrange(2_000)]))
    return PageRequest(limit=limit, after=luck.randrange(FIRST - 1, upper + 2))


def assert_same_pages(
    luck: random.Random, real: MessageIndex, fake: MessageIndex, requests: Sequence[PageRequest]
) -> None:
    for request in requests:
        phases = set(luck.sample(VISIBLE, luck.randint(1, len(VISIBLE))))
        assert real.page(INBOX, phases, request) == fake.page(INBOX, phases, request)
        assert real.thread_page(INBOX, request) == fake.thread_page(INBOX, request)


@pytest.mark.usefixtures("table")
def test_a_random_life_gives_the_pages_of_the_fake() -> None:
    luck, steps, pages = random.Random(1), 400, 20
    real, fake = DynamoMessageIndex(), FakeMessageIndex()
    life = Life(luck, Inbox(real, FakeThreadStore()), Inbox(fake, FakeThreadStore()))
    for step in range(steps):
        life.step()
        if step % 50 == 49 or step + 1 == steps:
            assert_same_pages(luck, real, fake, [random_request(luck, life.next_sequence) for _ in range(pages)])
    everything = range(FIRST, life.next_sequence + 1)
    assert real.phases(INBOX, everything) == fake.phases(INBOX, everything)
    assert set(real.unfinished()) == set(fake.unfinished())


@pytest.mark.parametrize("seed", range(5))
def test_the_fake_lists_what_a_plain_count_of_the_life_gives(seed: int) -> None:
    luck = random.Random(seed)
    fake = FakeMessageIndex()
    threads = FakeThreadStore()
    life = Life(luck, Inbox(fake, threads))
    for _ in range(350):
        life.step()
    left = sorted(life.thread_of, reverse=True)
    heads = {max(sequence for sequence in left if life.thread_of[sequence] == life.thread_of[own]) for own in left}
    for limit, offset in ((10, 0), (7, 20), (1_000, 0), (5, len(left))):
        request = PageRequest(limit=limit, offset=offset)
        page, thread_page = fake.page(INBOX, VISIBLE, request), fake.thread_page(INBOX, request)
        assert [item.key.sequence for item in page.items] == left[offset : offset + limit]
        assert [item.key.sequence for item in thread_page.items] == sorted(heads, reverse=True)[offset : offset + limit]
        assert (page.total, thread_page.total) == (len(left), len(heads))
    for first in set(life.thread_of.values()):
        assert threads.get(ThreadKey(INBOX, first)) is not None
