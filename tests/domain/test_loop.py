"""When sends to an automatic address count, and when they are too many."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain.loop import (
    LOOP_SENDS,
    LOOP_WINDOW,
    PEER_LIFETIME,
    LoopSuspicion,
    Origin,
    Peer,
    heard_lately,
    may_be_looping,
    suspicion,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("peer", "origin"),
    [
        (Peer(), Origin.PERSON),
        (Peer(program_at=NOW), Origin.PROGRAM),
        (Peer(program_at=NOW, person_at=NOW - MINUTE), Origin.PROGRAM),
        (Peer(program_at=NOW - MINUTE, person_at=NOW), Origin.PERSON),
        (Peer(program_at=NOW, person_at=NOW), Origin.PERSON),
        (Peer(sibling_at=NOW, program_at=NOW - MINUTE), Origin.SIBLING),
        (Peer(sibling_at=NOW, program_at=NOW), Origin.PROGRAM),
        (Peer(program_at=NOW - PEER_LIFETIME), Origin.PERSON),
    ],
)
def test_the_newest_mail_says_what_an_address_is(peer: Peer, origin: Origin) -> None:
    assert peer.newest_origin(NOW) is origin


def test_the_newest_20_sends_are_kept_in_order_however_they_come() -> None:
    peer = Peer()
    for minute in reversed(range(30)):
        peer = peer.with_send(NOW + minute * MINUTE)
    assert peer.sends == tuple(NOW + minute * MINUTE for minute in range(10, 30))


def test_the_21st_send_waits_until_the_first_has_left_the_window() -> None:
    sends = tuple(NOW + number * timedelta(seconds=1) for number in range(LOOP_SENDS))
    now = NOW + MINUTE
    found = suspicion({"bot@example.com": Peer(program_at=NOW, sends=sends)}, now)
    assert found == LoopSuspicion("bot@example.com", NOW + LOOP_WINDOW)
    assert found.seconds_left(now) == 540
    assert found.seconds_left(now + timedelta(milliseconds=1)) == 540
    assert found.seconds_left(found.until) == 1
    assert suspicion({"bot@example.com": Peer(program_at=NOW, sends=sends)}, NOW + LOOP_WINDOW) is None
    assert suspicion({"bot@example.com": Peer(program_at=NOW, sends=sends[1:])}, now) is None


def test_of_several_the_one_that_lasts_longest_is_told() -> None:
    peers = {
        name: Peer(sends=(at,) * LOOP_SENDS) for name, at in (("a", NOW), ("b", NOW + MINUTE), ("c", NOW - MINUTE))
    }
    assert suspicion(peers, NOW + 2 * MINUTE) == LoopSuspicion("b", NOW + MINUTE + LOOP_WINDOW)


def test_what_was_long_ago_or_never_does_not_matter() -> None:
    assert [may_be_looping(at, NOW) for at in (None, NOW - PEER_LIFETIME, NOW)] == [False, False, True]
    assert [heard_lately(at, NOW) for at in (None, NOW - LOOP_WINDOW, NOW)] == [False, False, True]
