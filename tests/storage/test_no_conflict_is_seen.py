"""Writers of one inbox that meet each other's transactions: each is answered, and nothing is lost."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.storage.inbox_store import DynamoInboxStore
from tests.factories.accounts import make_inbox
from tests.storage.busy_items import BusyItems
from tests.storage.engines import NOT_ON_MOTO
from tests.storage.index_oracle import INBOX, assert_counted, assert_shows_all
from tests.storage.index_world import QUEUED, World
from tests.storage.parallel import at_once
from tests.storage.small_buckets import SMALL, resize

pytestmark = [pytest.mark.usefixtures("table"), NOT_ON_MOTO]
COMPLAINED, SENT = MessagePhase.COMPLAINED, MessagePhase.SENT


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    resize(monkeypatch, SMALL | {"BUCKET_CELLS": 16, "FEW": 16})
    return World()


@pytest.fixture
def busy(table: Any, monkeypatch: pytest.MonkeyPatch, world: World) -> BusyItems:
    """Sixty-eight messages, of which the first sixty-four are sealed; from then on transactions take time."""
    world.add_many(range(68))
    while world.seal(67):
        pass
    assert assert_counted() == 4
    items = BusyItems(table, seconds=0.004)
    items.install(monkeypatch)
    return items


def test_thirty_two_late_changes_at_once_are_all_made(world: World, busy: BusyItems) -> None:
    at_once([partial(world.advance, sequence, COMPLAINED, {QUEUED}) for sequence in range(0, 64, 2)], threads=32)
    assert busy.refused["writes"] > 0
    assert_counted()
    assert_shows_all(world.index, world.oracle)


def test_sixteen_replies_to_sealed_messages_at_once_are_all_made_while_a_bucket_is_sealed(
    world: World, busy: BusyItems
) -> None:
    world.add_many(range(68, 84))
    replies: list[Callable[[], object]] = [partial(world.add, 84 + number, 2 * number) for number in range(16)]
    sealers: list[Callable[[], object]] = [partial(world.index.seal_due, MessageKey(INBOX, 100))] * 2
    at_once([*replies[:4], *sealers, *replies[4:]], threads=18)
    assert busy.refused["writes"] > 0
    assert assert_counted() == 5
    assert_shows_all(world.index, world.oracle)


def test_replies_over_two_open_buckets_and_news_in_the_newest_do_not_fail_each_other(
    world: World, busy: BusyItems
) -> None:
    world.add_many(range(68, 84))
    replies: list[Callable[[], object]] = [partial(world.add, 84 + number, 66 + number) for number in range(12)]
    news: list[Callable[[], object]] = [
        partial(world.advance, 80 + number % 4, SENT, {QUEUED, SENT}) for number in range(24)
    ]
    at_once([*replies, *news], threads=36)
    assert busy.refused["writes"] > 0
    assert_counted()
    assert_shows_all(world.index, world.oracle)


def test_inboxes_made_at_once_are_all_made(busy: BusyItems) -> None:
    store = DynamoInboxStore()
    inboxes = [make_inbox(number=100 + number, address=f"agent-{number}@mail.example.com") for number in range(16)]
    assert all(at_once([partial(store.create, inbox) for inbox in inboxes], threads=16))
    assert busy.refused["transactions"] > 0
