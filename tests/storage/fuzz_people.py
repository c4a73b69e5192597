"""Writers and readers of one inbox, all at once: what they do at random, and what must hold for each answer."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import IndexedMessage, Page, PageRequest
from chalicelib.storage.message_index import DynamoMessageIndex
from tests.storage.deaths import Deaths, Died
from tests.storage.fuzz_desk import RISING, Desk
from tests.storage.index_oracle import INBOX, VISIBLE, random_filter, random_request

T = TypeVar("T")
GONE, RESERVED = MessagePhase.GONE, MessagePhase.RESERVED


@dataclass
class Writer:
    """Sends, replies, sleeps, kills, advances, deletes and seals; now and then it dies, and a successor goes on."""

    desk: Desk
    deaths: Deaths
    luck: random.Random
    index: DynamoMessageIndex = field(default_factory=DynamoMessageIndex)
    done: Counter[str] = field(default_factory=Counter)

    def step(self) -> None:
        acts = [self.begin, self.reply, self.wake, self.kill, self.advance, self.delete, self.seal]
        self.luck.choices(acts, weights=[24, 22, 4, 1, 36, 10, 3])[0]()

    def begin(self) -> None:
        self._send(self.desk.reserve(self.luck, reply=False))

    def reply(self) -> None:
        self._send(self.desk.reserve(self.luck, reply=True))

    def wake(self) -> None:
        if (sequence := self.desk.stalled(self.luck)) is not None:
            self._commit(sequence)

    def kill(self) -> None:
        if (sequence := self.desk.stalled(self.luck)) is not None:
            with self.desk.at(sequence) as known:
                known.gone = self._give_up(sequence)
            self.done["kills"] += known.gone

    def advance(self) -> None:
        if (sequence := self.desk.choose(self.luck)) is None:
            return
        rank = self.luck.randrange(1, len(RISING))
        to, allowed, key = RISING[rank], frozenset(RISING[:rank]), MessageKey(INBOX, sequence)
        with self.desk.at(sequence) as known:
            answer = self._live(lambda: self.index.advance(key, to, allowed)) or self.index.advance(key, to, allowed)
            if answer.phase is to:
                known.phase = to
        self.done["steps"] += answer.taken

    def delete(self) -> None:
        if (sequence := self.desk.choose(self.luck)) is None:
            return
        thread = self.desk.messages[sequence].thread
        with self.desk.at(sequence, removes=True) as known:
            if self._live(lambda: self._remove(sequence, thread)) is None:
                self._remove(sequence, thread)
            known.gone = True
        self.desk.leave(sequence)
        self.done["deletions"] += 1

    def seal(self) -> None:
        """As a sender does, and not always with the newest number."""
        if self.desk.next_sequence:
            key = MessageKey(
                INBOX, self.luck.choice([self.desk.next_sequence - 1, self.luck.randrange(self.desk.next_sequence)])
            )
            self.done["seals"] += self._live(lambda: self.index.seal_due(key)) or 0

    def _send(self, sequence: int) -> None:
        if self.luck.random() < 0.08:
            self.desk.stall(sequence)  # some of these never wake up
        else:
            self._commit(sequence)
            if sequence % 4 == 0:
                self.done["seals"] += self._live(lambda: self.index.seal_due(MessageKey(INBOX, sequence))) or 0

    def _commit(self, sequence: int) -> None:
        thread = self.desk.messages[sequence].thread

        def members() -> tuple[int, ...]:
            return self.desk.thread_members(thread)

        def commit() -> bool:
            seen = self.index.look(INBOX, members()) if thread != sequence and self.luck.random() < 0.5 else None
            return self.index.commit(MessageKey(INBOX, sequence), MessagePhase.QUEUED, members, seen)

        with self.desk.at(sequence, commits=True) as known:
            death = self.desk.unsettled.get(thread)
            committed = self._live(commit)
            if committed is None and self.luck.random() < 0.5:
                committed = commit()  # the request came again under its idempotency key
            elif committed is None:
                self.desk.unsettle(thread)  # nobody has looked at the thread after that commit
                committed = not self._give_up(sequence)
            elif committed:
                self.desk.settle(thread, death)
            known.committed, known.gone = committed, not committed
        if not committed:
            self.desk.leave(sequence)
        self.done["commits" if committed else "refusals"] += 1

    def _give_up(self, sequence: int) -> bool:
        """False when the message had been committed."""
        return self.index.advance(MessageKey(INBOX, sequence), GONE, {RESERVED, GONE}).phase is GONE

    def _remove(self, sequence: int, thread: int) -> MessagePhase:
        return self.index.remove(MessageKey(INBOX, sequence), lambda: self.desk.thread_members(thread))

    def _live(self, work: Callable[[], T]) -> T | None:
        """The work's answer; None when its process died before or after one of its writes."""
        if self.luck.random() < 0.08:
            self.deaths.plan(self.luck.choice([0, 0, 0, 1, 2]), after=self.luck.random() < 0.5)
        try:
            return work()
        except Died:
            self.done["deaths"] += 1
            return None
        finally:
            self.deaths.forget()


@dataclass
class Reader:
    """Asks for pages and walks; whatever the writers do, its answers hold together."""

    desk: Desk
    luck: random.Random
    index: DynamoMessageIndex = field(default_factory=DynamoMessageIndex)
    done: Counter[str] = field(default_factory=Counter)

    def step(self) -> None:
        self.luck.choice([self.read_page, self.read_everything, self.read_threads, self.walk, self.walk_threads])()

    def read_page(self) -> None:
        phases, request = random_filter(self.luck), random_request(self.luck, self.desk.next_sequence)
        page = self.index.page(INBOX, phases, request)
        assert all(item.phase in phases for item in page.items)
        self._check_page(page, request)

    def read_everything(self) -> None:
        _, before = self.desk.now()
        request = random_request(self.luck, self.desk.next_sequence)
        page = self.index.page(INBOX, VISIBLE, request)
        _, after = self.desk.now()
        self._check_page(page, request)
        least = before.least - (after.left - before.left)
        most = before.most + (after.entered - before.entered)
        assert least <= page.total <= most
        self.done["totals"] += 1

    def read_threads(self) -> None:
        moment, _ = self.desk.now()
        request = random_request(self.luck, self.desk.next_sequence)
        page = self.index.thread_page(INBOX, request)
        self._check_page(page, request)
        threads = Counter(self.desk.messages[item.key.sequence].thread for item in page.items)
        for thread, heads in threads.items():
            # Two replies into a thread of which nothing else is left may both stand for it until one has looked again.
            assert heads == 1 or not self.desk.is_quiet(thread, moment), self._cells(thread)
            self.done["threads with two heads"] += heads > 1

    def _cells(self, thread: int) -> str:
        return f"thread {thread} now: {dict(self.index.look(INBOX, self.desk.thread_members(thread)).cells)}"

    def walk(self) -> None:
        phases = random_filter(self.luck)
        moment, _ = self.desk.now()
        read, places = self._walk(lambda request: self.index.page(INBOX, phases, request))
        shown = {item.key.sequence: item.phase for item in read}
        for sequence, phase in self.desk.still(places, moment).items():
            assert shown.get(sequence) == (phase if phase in phases else None)
            self.done["messages that stood still"] += 1

    def walk_threads(self) -> None:
        moment, _ = self.desk.now()
        read, places = self._walk(lambda request: self.index.thread_page(INBOX, request))
        shown = {item.key.sequence for item in read}
        for head in self.desk.still_heads(places, moment):
            assert head in shown
            self.done["threads that stood still"] += 1

    def _walk(self, get: Callable[[PageRequest], Page[IndexedMessage]]) -> tuple[list[IndexedMessage], range]:
        """A few pages, one after the other, from anywhere; and the sequence numbers they cover."""
        start = self.luck.randrange(self.desk.next_sequence + 1)
        limit = self.luck.randint(1, 12)
        read: list[IndexedMessage] = []
        after: int | None = start
        for _ in range(self.luck.randint(1, 6)):
            request = PageRequest(limit=limit, after=after)
            page = get(request)
            self._check_page(page, request)
            read += page.items
            after = page.next_after
            if after is None:
                break
        numbers = [item.key.sequence for item in read]
        assert numbers == sorted(set(numbers), reverse=True)
        return read, range(0 if after is None else after, start)

    def _check_page(self, page: Page[IndexedMessage], request: PageRequest) -> None:
        numbers = [item.key.sequence for item in page.items]
        assert numbers == sorted(set(numbers), reverse=True)
        assert len(numbers) <= request.limit
        if request.after is None:
            assert len(numbers) == max(0, min(request.limit, page.total - request.offset))
            assert (page.next_after is None) == (request.offset + len(numbers) >= page.total or not numbers)
        else:
            assert all(number < request.after for number in numbers)
            assert page.next_after is None or len(numbers) == request.limit
        self.done["pages"] += 1
