"""Where a walk goes on, and how old a sequence number is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.operations.ports import Walk
from chalicelib.storage.walk_store import SETTLED_AFTER, DynamoSequenceMarks, DynamoWalkStore

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MARKS, WALKS = DynamoSequenceMarks(), DynamoWalkStore()
pytestmark = pytest.mark.usefixtures("table")


def settled(after: timedelta) -> int:
    return MARKS.settled_before([7], NOW + after)[7]


def test_a_walk_goes_on_where_it_was_saved() -> None:
    walk = Walk("table", after='["I#é", "M#1"]', round_began=NOW)
    assert WALKS.get("table") == Walk("table")
    assert WALKS.save(walk)
    assert WALKS.get("table") == replace(walk, version=1)
    assert WALKS.get("bucket") == Walk("bucket")


def test_of_two_that_go_on_at_once_one_is_told() -> None:
    WALKS.save(Walk("table", "a"))
    mine, theirs = WALKS.get("table"), WALKS.get("table")
    assert WALKS.save(replace(mine, after="b"))
    assert not WALKS.save(replace(theirs, after="c"))
    assert WALKS.get("table").after == "b"


def test_no_number_is_old_before_an_hour_has_gone_by() -> None:
    assert settled(timedelta(0)) == 0
    MARKS.note(7, 5, NOW)
    assert settled(SETTLED_AFTER - timedelta(seconds=1)) == 0
    assert settled(SETTLED_AFTER) == 5


def test_a_newer_look_leaves_older_numbers_old() -> None:
    MARKS.note(7, 5, NOW)
    MARKS.note(7, 8, NOW + timedelta(hours=2))
    assert settled(timedelta(hours=2)) == 5
    MARKS.note(7, 9, NOW + timedelta(hours=2, minutes=30))
    assert settled(timedelta(hours=3)) == 8
    assert MARKS.settled_before([8], NOW)[8] == 0


def test_a_quiet_inbox_costs_no_write(network: Any) -> None:
    MARKS.note(7, 5, NOW)
    heard = network.listen()
    MARKS.note(7, 5, NOW + timedelta(days=1))
    assert heard == ["BatchGetItem"]
