"""Where the walks of housekeeping go on, and how old sequence numbers are."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from chalicelib.domain.ids import decode
from chalicelib.operations.ports import Walk
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Written, put_if
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.tables import SequenceMarkItem, WalkItem, batch_get

SETTLED_AFTER = timedelta(hours=1)
"""After which no request and no job is at work on a sequence number any more that was given out to it."""


@raises_unavailable
@dataclass(frozen=True)
class DynamoWalkStore:
    """`operations.ports.WalkStore` over the table."""

    def get(self, name: str) -> Walk:
        place = keys.walk(name)
        found = batch_get([(place.pk, place.sk)])
        if not found:
            return Walk(name)
        item = WalkItem.from_raw_data(found[0])
        began = None if item.round_began is None else datetime.fromtimestamp(item.round_began, UTC)
        return Walk(name, item.after, began, int(item.version))

    def save(self, walk: Walk) -> bool:
        place = keys.walk(walk.name)
        item = WalkItem(
            place.pk,
            place.sk,
            after=walk.after,
            round_began=None if walk.round_began is None else walk.round_began.timestamp(),
            version=walk.version + 1,
        )
        unchanged = WalkItem.version == walk.version if walk.version else WalkItem.pk.does_not_exist()
        return isinstance(put_if(item, unchanged), Written)


@raises_unavailable
@dataclass(frozen=True)
class DynamoSequenceMarks:
    """`operations.ports.SequenceMarks` over the table.

    Two marks, because the newer one is of no use for an hour, in which what lies behind it is still being judged. A mark
    that is lost or written by two at once only makes numbers look younger than they are.
    """

    def note(self, inbox_number: int, next_sequence: int, now: datetime) -> None:
        mark = _read([inbox_number]).get(inbox_number)
        if mark is not None and (mark.next_sequence == next_sequence or not _is_settled(mark, now)):
            return
        partition = keys.inbox_partition(inbox_number)
        before = 0 if mark is None else mark.next_sequence
        SequenceMarkItem(
            partition, keys.SEQUENCE_MARK, before=before, next_sequence=next_sequence, at=now.timestamp()
        ).save()

    def settled_before(self, inbox_numbers: Collection[int], now: datetime) -> Mapping[int, int]:
        marks = _read(inbox_numbers)
        return {
            number: 0
            if (mark := marks.get(number)) is None
            else int(mark.next_sequence if _is_settled(mark, now) else mark.before)
            for number in inbox_numbers
        }


def _read(inbox_numbers: Collection[int]) -> dict[int, SequenceMarkItem]:
    places = [(keys.inbox_partition(number), keys.SEQUENCE_MARK) for number in inbox_numbers]
    # An older mark, as a replica may show it, is as true.
    items = map(SequenceMarkItem.from_raw_data, batch_get(places, consistent=False))
    return {decode(item.pk.removeprefix("I#")): item for item in items}


def _is_settled(mark: SequenceMarkItem, now: datetime) -> bool:
    return datetime.fromtimestamp(mark.at, UTC) + SETTLED_AFTER <= now
