"""What a run of housekeeping costs does not depend on how much there is."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.ids import encode
from chalicelib.storage import keys
from chalicelib.storage.tables import client, table_name
from tests.operations.watched import Effect
from tests.operations.world import INBOX
from tests.storage.engines import Engine
from tests.storage.kept_world import BUCKET, KeptWorld

READ_UNITS = 4 * (
    128 + 250
)  # four pages of 1 MB, and a bucket of the index for each of their 250 items at the very most


@dataclass
class Count:
    calls: int = 0
    units: float = 0

    def __call__(self, _call: str, effect: Effect) -> Any:
        answer = effect()
        self.calls += 1
        consumed = (answer or {}).get("ConsumedCapacity", {})
        for each in consumed if isinstance(consumed, list) else [consumed]:
            self.units += each.get("CapacityUnits", 0)
        return answer


def fill(world: KeptWorld, messages: int) -> None:
    """Sent messages with all that belongs to them, written past the stores."""
    partition = {"S": keys.inbox_partition(INBOX)}
    items: list[dict[str, Any]] = []
    for number in range(-(-messages // 480)):
        cells = [{"S": "T"}] * min(480, messages - number * 480)
        items.append(
            {"sk": keys.bucket(keys.MESSAGE_CELLS, number), "st": {"L": cells + [{"S": "-"}] * (480 - len(cells))}}
        )
    for number in range(messages):
        one = {"N": str(number)}
        items.append({"sk": keys.message(number), "c": {"B": bytes(1_500)}})
        items.append({"sk": keys.delivery(number), "n": {"N": "1"}, "d": {"B": bytes(300)}})
        items.append({"sk": keys.thread(number), "me": {"NS": [str(number)]}, "ol": {"L": []}})
        items.append({"sk": keys.message_id_header(str(number)), "sq": one})
        world.s3.put_object(Bucket=BUCKET, Key=f"raw/{encode(INBOX, 12)}/{number}", Body=b"")
    for start in range(0, len(items), 25):
        puts: list[Any] = [
            {"PutRequest": {"Item": {**item, "pk": partition, "sk": {"S": item["sk"]}}}}
            for item in items[start : start + 25]
        ]
        client().batch_write_item(RequestItems={table_name(): puts})


def dearest_run(world: KeptWorld) -> Count:
    dearest = Count()
    for _ in range(3):
        count = Count()
        with world.watching(count):
            world.keep_house()
        dearest = max(dearest, count, key=lambda each: each.calls)
        assert count.units <= READ_UNITS
    return dearest


def test_a_run_costs_no_more_calls_in_a_table_six_times_as_large(
    embedded_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    dearest: dict[int, Count] = {}
    for messages in (1_000, 6_000):
        with embedded_engine.fresh_table(monkeypatch), monkeypatch.context() as between:
            world = KeptWorld(between, page_items=250, page_objects=250)
            fill(world, messages)
            world.clock.now += timedelta(hours=2)
            dearest[messages] = dearest_run(world)

    assert dearest[6_000].calls <= dearest[1_000].calls + 3  # a page may hold one part of the index more
    assert dearest[6_000].calls < 60
