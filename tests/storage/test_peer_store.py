"""The contract of PeerStore (operations/ports)."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from chalicelib.domain.loop import LOOP_SENDS, LOOP_WINDOW, PEER_LIFETIME, LoopSuspicion, Origin
from chalicelib.operations.ports import PeerStore
from chalicelib.storage import tables
from chalicelib.storage.peer_store import DynamoPeerStore
from tests.fakes.peer_store import FakePeerStore
from tests.storage.engines import NOT_ON_MOTO, Engine
from tests.storage.faults import Network
from tests.storage.parallel import at_once

NOW = datetime(2026, 11, 22, 12, 0, 0, 123_000, tzinfo=UTC)
A_SECOND = timedelta(seconds=1)
BOT, OTHER = "bot@example.com", "other@example.com"


@pytest.fixture
def peers(*, is_fake: bool) -> PeerStore:
    return FakePeerStore() if is_fake else DynamoPeerStore()


def send(peers: PeerStore, *addresses: str, at: datetime = NOW) -> LoopSuspicion | None:
    wanted = addresses or (BOT,)
    return peers.note_send(7, peers.find(7, wanted), at)


def sends(peers: PeerStore, address: str = BOT) -> tuple[datetime, ...]:
    return peers.find(7, [address])[address].sends


def test_a_correspondent_who_writes_no_automatic_mail_leaves_no_record(peers: PeerStore) -> None:
    peers.note_mail(7, BOT, Origin.PERSON, NOW)
    assert peers.find(7, [BOT]) == {}


def test_a_record_is_of_one_inbox_and_of_an_address_in_any_case(peers: PeerStore) -> None:
    peers.note_mail(7, "Bot@Example.com", Origin.PROGRAM, NOW)
    found = peers.find(7, ["BOT@example.com", OTHER])
    assert {address: peer.program_at for address, peer in found.items()} == {"BOT@example.com": NOW}
    assert peers.find(8, [BOT]) == {}


@pytest.mark.parametrize("address", ["x" * 5_000, "ünïcode@example.com", "half \ud800@example.com"])
def test_an_address_may_be_whatever_a_stranger_writes(peers: PeerStore, address: str) -> None:
    peers.note_mail(7, address, Origin.PROGRAM, NOW)
    assert address in peers.find(7, [address])


def test_the_newest_mail_of_each_origin_counts_in_whatever_order_they_are_noted(peers: PeerStore) -> None:
    mails = [
        (Origin.PROGRAM, NOW),
        (Origin.PROGRAM, NOW + 2 * A_SECOND),
        (Origin.PERSON, NOW + A_SECOND),
        (Origin.SIBLING, NOW + A_SECOND),
    ]
    for number, order in enumerate(permutations(mails)):
        peers.note_mail(number, BOT, Origin.PROGRAM, NOW - A_SECOND)
        for origin, at in (*order, *order):
            peers.note_mail(number, BOT, origin, at)
        peer = peers.find(number, [BOT])[BOT]
        assert (peer.program_at, peer.person_at, peer.sibling_at) == (
            NOW + 2 * A_SECOND,
            NOW + A_SECOND,
            NOW + A_SECOND,
        )


def test_twenty_sends_are_noted_and_the_next_is_refused_until_the_first_is_ten_minutes_old(peers: PeerStore) -> None:
    peers.note_mail(7, BOT, Origin.PROGRAM, NOW - A_SECOND)
    times = [NOW + number * A_SECOND for number in range(LOOP_SENDS)]
    assert [send(peers, at=at) for at in times] == [None] * LOOP_SENDS
    assert sends(peers) == tuple(times)

    assert send(peers, at=times[-1]) == LoopSuspicion(BOT, NOW + LOOP_WINDOW)
    assert send(peers, at=NOW + LOOP_WINDOW - A_SECOND) is not None
    assert sends(peers) == tuple(times)
    assert send(peers, at=NOW + LOOP_WINDOW) is None
    assert sends(peers) == (*times[1:], NOW + LOOP_WINDOW)


def test_sends_from_before_a_persons_mail_do_not_count(peers: PeerStore) -> None:
    peers.note_mail(7, BOT, Origin.PROGRAM, NOW)
    for _ in range(LOOP_SENDS):
        assert send(peers, at=NOW + A_SECOND) is None
    peers.note_mail(7, BOT, Origin.PERSON, NOW + 2 * A_SECOND)
    peers.note_mail(7, BOT, Origin.PROGRAM, NOW + 3 * A_SECOND)

    assert send(peers, at=NOW + 4 * A_SECOND) is None


def test_a_send_to_several_is_noted_for_all_or_for_none(peers: PeerStore) -> None:
    for address in (BOT, OTHER):
        peers.note_mail(7, address, Origin.PROGRAM, NOW)
    for _ in range(LOOP_SENDS):
        assert send(peers, OTHER) is None

    suspicion = send(peers, BOT, OTHER)

    assert suspicion is not None
    assert suspicion.address == OTHER
    assert sends(peers, BOT) == ()


def test_an_address_given_twice_is_one(peers: PeerStore) -> None:
    peers.note_mail(7, BOT, Origin.PROGRAM, NOW)
    assert send(peers, BOT, "BOT@example.com") is None
    assert sends(peers) == (NOW,)


def test_what_was_found_may_have_changed_since(peers: PeerStore) -> None:
    peers.note_mail(7, BOT, Origin.PROGRAM, NOW)
    found = peers.find(7, [BOT])
    assert send(peers) is None
    assert peers.note_send(7, found, NOW) is None
    assert sends(peers) == (NOW, NOW)


@NOT_ON_MOTO
def test_of_32_at_once_exactly_20_are_noted(peers: PeerStore) -> None:
    peers.note_mail(7, BOT, Origin.PROGRAM, NOW)

    outcomes = at_once([lambda: send(peers)] * 32, threads=32)

    assert outcomes.count(None) == LOOP_SENDS
    assert len(sends(peers)) == LOOP_SENDS


def test_a_send_that_is_repeated_after_a_lost_reply_is_noted_once(
    embedded_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    peers = DynamoPeerStore()
    with embedded_engine.fresh_table(monkeypatch) as client:  # moto does not know the token of a transaction
        peers.note_mail(7, BOT, Origin.PROGRAM, NOW)
        Network(monkeypatch, client).repeat("TransactWriteItems")

        assert send(peers) is None
        assert sends(peers) == (NOW,)


def test_a_record_expires_30_days_after_the_latest_mail(table: Any) -> None:
    peers = DynamoPeerStore()
    peers.note_mail(7, BOT, Origin.PROGRAM, NOW)
    (item,) = table.scan(TableName=tables.table_name())["Items"]
    assert int(item["ttl"]["N"]) == int((NOW + PEER_LIFETIME).timestamp())
