"""The contract of NewsMark (operations/ports)."""

from datetime import timedelta

import pytest

from chalicelib.operations.ports import NewsMark
from chalicelib.storage.news_mark_store import DynamoNewsMark
from tests.factories.accounts import NOON
from tests.fakes.news_mark import FakeNewsMark
from tests.storage.faults import Network

LATER = NOON + timedelta(microseconds=1)


@pytest.fixture
def mark(*, is_fake: bool) -> NewsMark:
    return FakeNewsMark() if is_fake else DynamoNewsMark()


def test_before_the_first_news_there_is_no_mark(mark: NewsMark) -> None:
    assert mark.get() is None


def test_the_mark_rises_to_the_microsecond(mark: NewsMark) -> None:
    mark.raise_to(NOON)
    mark.raise_to(LATER)
    assert mark.get() == LATER


def test_the_mark_never_falls(mark: NewsMark) -> None:
    mark.raise_to(LATER)
    mark.raise_to(NOON)
    mark.raise_to(LATER)
    assert mark.get() == LATER


@pytest.mark.parametrize("moment", [NOON, LATER])
def test_raising_costs_one_call(network: Network, moment: object) -> None:
    DynamoNewsMark().raise_to(NOON)
    heard = network.listen()

    DynamoNewsMark().raise_to(LATER if moment is LATER else NOON)

    assert heard == ["UpdateItem"]
