"""Lists of things that have an owner, newest first: an account's inboxes and keys, the deployment's accounts.

A list is a cell list, `a` for what is there and `x` for what is gone, and beside it an entry for each cell that names the
thing. So any offset and the exact total cost the same as the first page, like those of messages.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.operations.ports import Page, PageRequest
from chalicelib.storage import keys
from chalicelib.storage.cell_list import CellList, Step
from chalicelib.storage.cell_pages import EMPTY, place, select
from chalicelib.storage.conditional_writes import Write, delete, new, write_together
from chalicelib.storage.tables import EntryItem, Item, batch_get, client, table_name

THERE, GONE = "a", "x"
ADDED_AT_ONCE = 49  # two items each, and two buckets at the most: a transaction takes a hundred


@dataclass(frozen=True, slots=True)
class Roster:
    """One list of one owner's partition."""

    partition: str
    name: str

    def add(self, named: str, things: Callable[[int], Sequence[Item]], *besides: Write) -> bool:
        """Create things and list them under one name, all or nothing; False when one of them was there before.

        `things` makes the items, given their place in the list; `besides` are other writes that belong to it.
        """
        sequence = self._next_sequence()
        entry = EntryItem(self.partition, keys.entry(self.name, sequence), names=named)
        writes = [*(new(item) for item in (*things(sequence), entry)), *besides]
        cell = len(writes)
        writes.append(self._cells.write(Step(sequence, THERE, frozenset({EMPTY}))))
        failed = write_together(writes)
        if failed == {cell}:  # nobody has used this bucket before
            self._cells.create_bucket(place(sequence).bucket)
            failed = write_together(writes)
        return not failed

    def add_all(self, things: Mapping[str, Callable[[int], Item]]) -> frozenset[str]:
        """Create things and list each under its name, all or none; the names of those that were there before.

        One item a thing, and no more than `ADDED_AT_ONCE` of them. When some were there nothing was created, and places in
        the list stay empty.
        """
        first = self._next_sequence(len(things))
        places = {name: first + number for number, name in enumerate(things)}
        writes = [new(make(places[name])) for name, make in things.items()]
        writes += [
            new(EntryItem(self.partition, keys.entry(self.name, sequence), names=name))
            for name, sequence in places.items()
        ]
        cells = len(writes)
        steps = [Step(sequence, THERE, frozenset({EMPTY})) for sequence in places.values()]
        by_bucket: dict[int, list[Step]] = {}
        for step in steps:
            by_bucket.setdefault(place(step.sequence).bucket, []).append(step)
        writes += [{"Update": self._cells.update(number, its_steps)} for number, its_steps in by_bucket.items()]
        failed = write_together(writes)
        if failed and min(failed) >= cells:  # nobody has used a bucket before
            for number in by_bucket:
                self._cells.create_bucket(number)
            failed = write_together(writes)
        names = list(things)
        return frozenset(names[position] for position in failed if position < len(names))

    def remove(self, sequence: int, *writes: Write, forgets: bool = False) -> bool:
        """Take an entry off the list together with other writes; False when one of them was refused.

        The entry stays, for whoever deletes an account goes by it, unless its name is to be forgotten.
        """
        entry = EntryItem(self.partition, keys.entry(self.name, sequence))
        more = [delete(entry, EntryItem.pk.exists())] if forgets else []
        cell = self._cells.write(Step(sequence, GONE, frozenset({THERE})))
        return not write_together([*writes, *more, cell])

    def page(self, request: PageRequest) -> Page[str]:
        """What a part of the list names."""
        chosen = select(self._cells.buckets(), {THERE}, limit=request.limit, offset=request.offset, after=request.after)
        sequences = [sequence for sequence, _ in chosen.cells]
        entries = batch_get([(self.partition, keys.entry(self.name, sequence)) for sequence in sequences])
        named = {item["sk"]["S"]: item["e"]["S"] for item in entries}
        places = [keys.entry(self.name, sequence) for sequence in sequences]
        return Page(
            tuple(named[each] for each in places if each in named),  # one may be forgotten since the cells were read
            chosen.total,
            sequences[-1] if chosen.more and sequences else None,
        )

    @property
    def _cells(self) -> CellList:
        return CellList(self.partition, keys.list_cells(self.name))

    def _next_sequence(self, count: int = 1) -> int:
        """The first of some places in the list. One that is never used, after a crash, stays empty, which nobody sees."""
        answer = client().update_item(
            TableName=table_name(),
            Key={"pk": {"S": self.partition}, "sk": {"S": keys.list_counter(self.name)}},
            UpdateExpression="ADD ns :count",
            ExpressionAttributeValues={":count": {"N": str(count)}},
            ReturnValues="UPDATED_NEW",
            ReturnConsumedCapacity="TOTAL",
        )
        return int(answer["Attributes"]["ns"]["N"]) - count
