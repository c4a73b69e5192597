"""Cell lists: every step on its condition, all steps or none, in one bucket or several."""

from typing import Any

import pytest

from chalicelib.storage.cell_list import CellList, Step, StepRefused
from chalicelib.storage.cell_pages import BUCKET_CELLS
from chalicelib.storage.tables import table_name
from tests.storage.faults import Network
from tests.storage.parallel import at_once

pytestmark = pytest.mark.usefixtures("table")
CELLS = CellList("I#test", "L#list#B#")
FREE = frozenset({"-"})


def test_cells_nobody_wrote_are_empty() -> None:
    assert CELLS.cells([0, 479, 480]) == {0: "-", 479: "-", 480: "-"}
    assert list(CELLS.buckets()) == []


@pytest.mark.parametrize("sequences", [[0], [3, 1, 2], [479, 480], [0, 480, 960, 4_800]])
def test_all_steps_are_taken(sequences: list[int]) -> None:
    CELLS.step([Step(sequence, "q", FREE) for sequence in sequences])
    assert CELLS.cells(sequences) == dict.fromkeys(sequences, "q")


@pytest.mark.parametrize("others", [[1], [480], [480, 481, 960]])
def test_when_one_step_is_refused_none_is_taken(others: list[int]) -> None:
    CELLS.step([Step(0, "d", FREE)])
    steps = [Step(0, "q", FREE), *(Step(sequence, "q", FREE) for sequence in others)]
    with pytest.raises(StepRefused) as refused:
        CELLS.step(steps)
    assert refused.value.cells[0] == "d"
    assert CELLS.cells([0, *others]) == {0: "d"} | dict.fromkeys(others, "-")


def test_a_refusal_tells_how_every_cell_of_that_bucket_stood() -> None:
    CELLS.step([Step(0, "d", FREE), Step(1, "t", FREE)])
    with pytest.raises(StepRefused) as refused:
        CELLS.step([Step(0, "q", FREE), Step(1, "q", frozenset({"t"})), Step(2, "q", FREE)])
    assert refused.value.cells == {0: "d", 1: "t", 2: "-"}


def test_a_step_from_several_states_is_taken_from_each() -> None:
    for sequence, before in enumerate("qsu"):
        CELLS.step([Step(sequence, before, FREE)])
    CELLS.step([Step(sequence, "t", frozenset("qsu")) for sequence in range(3)])
    assert CELLS.cells([0, 1, 2]) == {0: "t", 1: "t", 2: "t"}


def test_a_step_that_no_empty_cell_allows_makes_no_bucket() -> None:
    with pytest.raises(StepRefused) as refused:
        CELLS.step([Step(7, "t", frozenset({"q"}))])
    assert refused.value.cells == {7: "-"}
    assert list(CELLS.buckets()) == []


def test_a_bucket_that_is_there_is_not_emptied() -> None:
    CELLS.step([Step(7, "q", FREE)])
    CELLS.create_bucket(0)
    assert CELLS.cells([7]) == {7: "q"}


def test_buckets_are_told_newest_first_and_lists_do_not_mix() -> None:
    other = CellList("I#test", "L#another#")
    CELLS.step([Step(sequence, "q", FREE) for sequence in (0, 960)])
    other.step([Step(480, "d", FREE)])
    assert [bucket.number for bucket in CELLS.buckets()] == [2, 0]
    assert [bucket.number for bucket in other.buckets()] == [1]
    assert all(len(bucket.cells) == BUCKET_CELLS for bucket in CELLS.buckets())


def test_cells_of_a_bucket_written_at_once_all_stand() -> None:
    at_once([lambda n=n: CELLS.step([Step(n, "q", FREE)]) for n in range(470, 490)])  # type: ignore[misc]
    assert set(CELLS.cells(range(470, 490)).values()) == {"q"}


def test_steps_that_meet_a_transaction_say_look_again(network: Network) -> None:
    CELLS.step([Step(0, "q", FREE)])
    network.conflict("UpdateItem")
    with pytest.raises(StepRefused) as refused:
        CELLS.step([Step(0, "d", frozenset({"q"}))])
    assert refused.value.cells == {}


def test_a_bucket_is_made_although_a_transaction_looks_for_it(network: Network) -> None:
    network.conflict("PutItem")
    CELLS.step([Step(0, "q", FREE)])
    assert CELLS.cells([0]) == {0: "q"}


def test_a_full_bucket_costs_one_write_unit(table: Any) -> None:
    CELLS.step([Step(sequence, "q", FREE) for sequence in range(100)])
    key = {"pk": {"S": "I#0123456789ab"}, "sk": {"S": "B#000000000"}}
    item = {**key, "st": {"L": [{"S": "q"}] * BUCKET_CELLS}}
    table.put_item(TableName=table_name(), Item=item)
    assert size_of(item) <= 1_024


def test_so_does_one_that_was_changed_together_with_another_and_the_head(table: Any) -> None:
    """What such changes leave (storage/index_front.py) fits in beside the cells, after 400 million messages, too."""
    numbers = (899_999, 900_000)
    cells = CellList("I#0123456789ab", "F#")
    cells.step([Step(number * BUCKET_CELLS, "q", FREE) for number in numbers])
    item = table.get_item(TableName=table_name(), Key=cells.key(900_000), ConsistentRead=True)["Item"]
    assert item.keys() == {"pk", "sk", "st", "j899999", "k"}
    ties = {"j899999": {"N": str(2**31 - 1)}, "k": {"N": "999"}, "h": {"N": "9999999"}}
    assert size_of(item | ties) <= 1_024


def size_of(item: dict[str, Any]) -> int:
    """DynamoDB Developer Guide, "Item sizes and formats": names, UTF-8 values, a byte for two digits and one more, 3 bytes
    a list, 1 byte an element.
    """
    size = 0
    for name, attribute in item.items():
        ((kind, value),) = attribute.items()
        size += len(name)
        if kind == "L":
            size += 3 + sum(1 + len(cell["S"]) for cell in value)
        else:
            size += len(value) // 2 + 2 if kind == "N" else len(value)
    return size
