"""What a page of an account's inboxes, keys or accounts costs when the list has had a hundred thousand entries."""

from typing import Any

from chalicelib.operations.ports import PageRequest
from chalicelib.storage import keys
from chalicelib.storage.cell_pages import BUCKET_CELLS, EMPTY
from chalicelib.storage.roster import GONE, THERE, Roster
from chalicelib.storage.tables import EntryItem
from tests.storage.engines import NOT_ON_MOTO
from tests.storage.test_thread_costs import counting

PARTITION, NAME = keys.account_partition("acc_1"), "inboxes"
ENTRIES = 100_000
LIMIT = 20

pytestmark = NOT_ON_MOTO  # moto's units are all the same


def fill(table: Any, shown: set[int]) -> None:
    """Every tenth is gone; entries only for those that are read."""
    cells = "".join(GONE if number % 10 == 0 else THERE for number in range(ENTRIES))
    for number, start in enumerate(range(0, ENTRIES, BUCKET_CELLS)):
        text = cells[start : start + BUCKET_CELLS].ljust(BUCKET_CELLS, EMPTY)
        key = {"pk": {"S": PARTITION}, "sk": {"S": keys.bucket(keys.list_cells(NAME), number)}}
        bucket = {**key, "st": {"L": [{"S": character} for character in text]}}
        table.put_item(TableName=EntryItem.Meta.table_name, Item=bucket)
    for number in shown:
        EntryItem(PARTITION, keys.entry(NAME, number), names=f"name {number}").save()


def test_any_page_of_a_hundred_thousand_is_two_calls_and_a_read_unit_for_each_two_thousand(table: Any) -> None:
    there = [number for number in reversed(range(ENTRIES)) if number % 10]
    offsets = (0, len(there) // 2, len(there) - LIMIT)
    fill(table, {number for offset in offsets for number in there[offset : offset + LIMIT]})
    for offset in offsets:
        with counting(table) as cost:
            page = Roster(PARTITION, NAME).page(PageRequest(LIMIT, offset))
        assert page.total == len(there)
        assert page.items == tuple(f"name {number}" for number in there[offset : offset + LIMIT])
        assert cost.calls == ["Query", "BatchGetItem"]
        assert cost.units <= ENTRIES / 2_000 + LIMIT + 1  # an entry is a unit of its own
