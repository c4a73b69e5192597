"""What a message index must show, kept in memory, and whether the stored one shows just that."""

import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import IndexedMessage, Page, PageRequest
from chalicelib.storage import keys, tallies
from chalicelib.storage.cell_list import to_bucket
from chalicelib.storage.cell_pages import place
from chalicelib.storage.message_index import DynamoMessageIndex
from chalicelib.storage.tables import query
from chalicelib.storage.tallies import added, tally_of
from chalicelib.storage.tally_items import Head, directory_from, head_from
from tests.fakes.paging import page_of

INBOX = 7
PARTITION = keys.inbox_partition(INBOX)
VISIBLE = [phase for phase in MessagePhase if phase.visible]


@dataclass
class Oracle:
    """The visible messages with their phases, and their threads."""

    phases: dict[int, MessagePhase] = field(default_factory=dict)
    thread_of: dict[int, int] = field(default_factory=dict)  # of every message that ever was, by its first one

    def page(self, phases: Collection[MessagePhase], request: PageRequest) -> Page[IndexedMessage]:
        return self._page((sequence for sequence, phase in self.phases.items() if phase in phases), request)

    def thread_page(self, request: PageRequest) -> Page[IndexedMessage]:
        return self._page(self.heads(), request)

    def heads(self) -> Collection[int]:
        """The newest visible message of each thread."""
        newest: dict[int, int] = {}
        for sequence in sorted(self.phases):
            newest[self.thread_of[sequence]] = sequence
        return newest.values()

    def _page(self, sequences: Iterable[int], request: PageRequest) -> Page[IndexedMessage]:
        return page_of(
            ((sequence, IndexedMessage(MessageKey(INBOX, sequence), self.phases[sequence])) for sequence in sequences),
            request,
        )


def random_filter(luck: random.Random) -> frozenset[MessagePhase]:
    """Every phase, one, or some."""
    return frozenset(luck.sample(VISIBLE, luck.choice([len(VISIBLE), 1, luck.randint(1, len(VISIBLE))])))


def random_request(luck: random.Random, upper: int) -> PageRequest:
    limit = luck.choice([1, luck.randint(1, 20), 20, 100])
    if luck.random() < 0.5:
        return PageRequest(limit=limit, offset=luck.choice([0, luck.randrange(30), luck.randrange(upper + 20)]))
    return PageRequest(limit=limit, after=luck.randrange(upper + 10))


def assert_shows(
    index: DynamoMessageIndex, oracle: Oracle, requests: Sequence[PageRequest], luck: random.Random
) -> None:
    """Every request for a page, filtered at random, is answered as the oracle answers it."""
    for request in requests:
        phases = random_filter(luck)
        assert index.page(INBOX, phases, request) == oracle.page(phases, request)
        assert index.thread_page(INBOX, request) == oracle.thread_page(request)


def assert_shows_all(index: DynamoMessageIndex, oracle: Oracle) -> None:
    everything = PageRequest(limit=1_000_000)
    assert index.page(INBOX, VISIBLE, everything) == oracle.page(VISIBLE, everything)
    assert index.thread_page(INBOX, everything) == oracle.thread_page(everything)


def assert_counted(partition: str = PARTITION) -> int:
    """Buckets, directories and head say the same, notes and ties fit, as a scan tells; how many buckets are sealed."""
    items = list(query(partition, "sk < :end", {":end": {"S": "G"}}))
    buckets = [to_bucket(item) for item in items if item["sk"]["S"].startswith(keys.MESSAGE_CELLS)]
    directories = [directory_from(item) for item in items if item["sk"]["S"].startswith("D#")]
    head = next((head_from(item) for item in items if item["sk"]["S"] == keys.HEAD), Head())
    sealed = [bucket for bucket in buckets if bucket.is_sealed]
    assert [bucket.number for bucket in sealed] == list(range(head.sealed))
    assert not any("-" in bucket.cells or bucket.joints or bucket.ties for bucket in sealed)
    rows = [tally_of(bucket.cells, bucket.changes or 0) for bucket in sealed]
    assert [row for directory in directories for row in directory.buckets] == rows
    size = tallies.DIRECTORY_BUCKETS  # looked up here: the tests make it small
    expected = [rows[start : start + size] for start in range(0, len(rows), size)]
    assert [list(directory.buckets) for directory in directories] == expected
    assert [added(part) for part in expected] == list(head.directories)
    assert all(sealed[place(sequence).bucket].cell(sequence) == note.counted for sequence, note in head.late.items())
    open_ones = {bucket.number: bucket for bucket in buckets if not bucket.is_sealed}
    assert all(note.heir is None or place(note.heir).bucket >= head.sealed for note in head.late.values())
    assert all(open_ones[number].ties >= least for number, least in head.ties.items())
    for number, bucket in open_ones.items():
        assert bucket.head_version <= head.version
        for partner, mark in bucket.joints.items():
            assert open_ones[int(partner)].joints[str(number)] == mark
    return head.sealed
