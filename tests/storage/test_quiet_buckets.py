"""When a bucket is sealed: late enough that its news has come, early enough that lists stay cheap."""

import random
from collections import deque
from collections.abc import Sequence
from itertools import count

import pytest

from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import PageRequest
from chalicelib.storage import index_front
from chalicelib.storage.cell_pages import BUCKET_CELLS
from chalicelib.storage.quiet_buckets import (
    BACKLOG_PATIENCE,
    FEW,
    NEWS_PATIENCE,
    OPEN_CELLS,
    PATIENCE,
    is_due,
)
from tests.storage.engines import NOT_ON_MOTO
from tests.storage.faults import Network
from tests.storage.index_oracle import INBOX, VISIBLE, assert_counted, assert_shows_all
from tests.storage.index_world import QUEUED, World
from tests.storage.small_buckets import SMALL, resize

CLAIMED, SUBMITTING, SENT = MessagePhase.CLAIMED, MessagePhase.SUBMITTING, MessagePhase.SENT
DELIVERED, FAILED = MessagePhase.DELIVERED, MessagePhase.FAILED


def newer_until_due(cells: str) -> int:
    """After how many newer messages a bucket is sealed whose other cells are settled."""
    full = cells.ljust(BUCKET_CELLS, "d")
    return next(newer for newer in count() if is_due(full, newer))


@pytest.mark.parametrize(
    ("cells", "newer"),
    [
        ("", OPEN_CELLS),
        ("rRfFbBcCx", OPEN_CELLS),
        ("t" * FEW, OPEN_CELLS),
        ("tT" * FEW, NEWS_PATIENCE),
        ("t" * FEW + "q", NEWS_PATIENCE),
        ("q" * FEW, OPEN_CELLS),
        ("qsuQSU" * FEW, BACKLOG_PATIENCE),
        ("-", PATIENCE),
        ("-" + "t" * FEW * 2, PATIENCE),
    ],
)
def test_a_bucket_waits_for_what_is_still_to_come(cells: str, newer: int) -> None:
    assert newer_until_due(cells) == newer


def test_no_bucket_waits_for_ever() -> None:
    for cell in "-qsutdfbcrx":
        assert is_due(cell * BUCKET_CELLS, BACKLOG_PATIENCE)


def test_news_has_a_minute_and_a_request_half_a_minute_at_a_hundred_messages_a_second() -> None:
    assert NEWS_PATIENCE >= 50 * 100
    assert 60 * 100 < PATIENCE <= 120 * 100


# ---------------------------------------------------------------------------------------------- in an inbox

QUIET = SMALL | {"FEW": 0, "PATIENCE": 32, "NEWS_PATIENCE": 56, "BACKLOG_PATIENCE": 160}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    resize(monkeypatch, QUIET)
    monkeypatch.setattr(index_front, "_wide", {})
    return World()


ONE_ENGINE = NOT_ON_MOTO


def send(world: World, sequences: Sequence[int]) -> None:
    for sequence in sequences:
        for before, after in ((QUEUED, CLAIMED), (CLAIMED, SUBMITTING), (SUBMITTING, SENT)):
            world.advance(sequence, after, {before})
        world.seal(sequence)


@pytest.mark.usefixtures("table")
@ONE_ENGINE
@pytest.mark.parametrize("lag", [3, 10, 30])
def test_news_that_comes_after_many_newer_messages_is_no_late_change(lag: int, world: World, network: Network) -> None:
    heard = network.listen()
    under_way: deque[int] = deque()
    for sequence in range(160):
        world.add_many([sequence])
        send(world, [sequence])
        under_way.append(sequence)
        if len(under_way) > lag:
            world.advance(under_way.popleft(), DELIVERED, {SENT})
    sealed = assert_counted()
    assert sealed >= (160 - lag) // 8 - 1
    assert heard.count("TransactWriteItems") == sealed  # sealing is one, and a late change would be
    assert_shows_all(world.index, world.oracle)


@pytest.mark.usefixtures("table")
@ONE_ENGINE
def test_a_backlog_that_is_sent_out_of_order_makes_no_late_changes(world: World, network: Network) -> None:
    """Ten buckets wait while SES throttles; jobs that were put back come in any order."""
    world.add_many(range(80))
    waiting = list(range(80))
    random.Random(3).shuffle(waiting)
    heard = network.listen()
    for sequence in waiting:
        send(world, [sequence])
        world.advance(sequence, DELIVERED, {SENT})
    while world.seal(79):
        pass
    sealed = assert_counted()
    assert sealed == 9
    assert heard.count("TransactWriteItems") == sealed
    assert_shows_all(world.index, world.oracle)


@pytest.mark.usefixtures("table")
@ONE_ENGINE
def test_mails_nobody_reports_about_do_not_keep_buckets_open_for_ever(world: World) -> None:
    for sequence in range(160):
        world.add_many([sequence])
        send(world, [sequence])
    open_buckets = 160 // 8 - assert_counted()
    assert open_buckets == 56 // 8
    assert_shows_all(world.index, world.oracle)


@pytest.mark.usefixtures("table")
@ONE_ENGINE
def test_many_open_buckets_are_read_by_one_query_once_they_were_seen(world: World, network: Network) -> None:
    world.add_many(range(80))
    heard = network.listen()
    assert world.index.page(INBOX, VISIBLE, PageRequest()).total == 80
    assert heard == ["Query", "Query"]
    heard.clear()
    assert world.index.page(INBOX, VISIBLE, PageRequest()).total == 80
    assert heard == ["Query"]


@pytest.mark.usefixtures("table")
@ONE_ENGINE
def test_an_inbox_that_was_busy_is_read_in_small_again(world: World, network: Network) -> None:
    world.add_many(range(80))
    world.index.front(INBOX)
    assert index_front._wide
    for sequence in range(80):
        world.advance(sequence, FAILED, {QUEUED})
    while world.index.seal_due(MessageKey(INBOX, 79)):
        pass
    world.index.front(INBOX)
    assert not index_front._wide
