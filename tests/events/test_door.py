"""The door of a queue: which records are done, which go back, and that no record suffers from another."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from chalice.app import Chalice
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.events.door import BATCH_SIZE, EventDoor, RunFailed
from chalicelib.operations.ports.metrics import Metric
from chalicelib.wiring import metrics
from tests.events.sqs_events import failures, recorded_event, sqs_event

QUEUE = "${SendQueue.QueueName}"
NOBODY_MEETS = 10  # seconds after which a test gives up waiting


def handler_of(handle: Callable[[str], None]) -> Callable[..., Any]:
    return EventDoor("tests.events.test_door").on_queue(QUEUE, name="handler")(handle)


def refuse(body: str) -> None:
    if body.startswith("bad"):
        raise ValueError(body)


def test_the_handler_gets_each_records_body() -> None:
    seen: list[str] = []

    answer = handler_of(seen.append)(sqs_event("first", "second"), None)

    assert sorted(seen) == ["first", "second"]
    assert answer == failures()


def test_a_recorded_event_is_read() -> None:
    seen: list[str] = []

    handler_of(seen.append)(recorded_event(), None)

    assert sorted(seen) == ["Test message.", '{"message": "foo1"}']


def test_a_record_whose_call_raises_goes_back_under_its_message_id() -> None:
    def give_up(_: str) -> None:
        raise ValueError("cannot be done")

    event = recorded_event()

    assert handler_of(give_up)(event, None) == {
        "batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in event["Records"]]
    }


@given(st.lists(st.sampled_from(["good", "bad"]), max_size=2 * BATCH_SIZE))
def test_exactly_the_records_that_raised_go_back_and_all_the_others_are_done(bodies: list[str]) -> None:
    done: list[str] = []

    def handle(body: str) -> None:
        refuse(body)
        done.append(body)

    answer = handler_of(handle)(sqs_event(*bodies), None)

    assert answer == failures(*(number for number, body in enumerate(bodies) if body == "bad"))
    assert done == ["good"] * bodies.count("good")


def test_an_empty_batch_is_done() -> None:
    assert handler_of(refuse)({"Records": []}, None) == failures()


def test_the_records_of_a_batch_are_worked_on_side_by_side() -> None:
    all_here = threading.Barrier(BATCH_SIZE, timeout=NOBODY_MEETS)

    def meet(_: str) -> None:
        all_here.wait()  # raises, and so fails its record, when the others do not come

    assert handler_of(meet)(sqs_event(*["x"] * BATCH_SIZE), None) == failures()


def test_the_error_of_a_record_is_logged_with_its_id_and_without_its_body(caplog: pytest.LogCaptureFixture) -> None:
    def give_up(_: str) -> None:
        raise ValueError("cannot be done for bob@example.net")

    handler_of(give_up)(sqs_event("ada@example.com"), None)

    (record,) = caplog.records
    assert vars(record)["sqsMessageId"] == "record-0"
    assert record.getMessage().startswith("a record goes back to its queue: ValueError at events/door.py:")
    assert "@" not in caplog.text
    assert record.exc_info is None  # a traceback ends with the error's own words


def test_the_door_declares_the_queue_and_the_size_of_a_batch() -> None:
    door = EventDoor("tests.events.test_door")
    door.on_queue(QUEUE, name="handler")(refuse)
    app = Chalice("test")
    app.register_blueprint(door.blueprint)

    (source,) = app.event_sources
    assert source.name == "handler"
    assert source.handler_string == "tests.events.test_door.refuse"
    assert {"queue": QUEUE, "batch_size": BATCH_SIZE}.items() <= vars(source).items()


def test_the_ages_of_records_that_come_for_the_first_time_are_one_line_of_metrics(
    capsys: pytest.CaptureFixture[str],
) -> None:
    event = sqs_event("first", "again", "later")
    now = time.time() * 1000
    for record, count, age in zip(event["Records"], "121", (3_000, 4_000, 60_000), strict=True):
        record["attributes"] = {"ApproximateReceiveCount": count, "SentTimestamp": str(int(now - age))}

    EventDoor("tests.events.test_door").on_queue(QUEUE, name="handler", age=Metric.SEND_QUEUE_AGE)(refuse)(event, None)

    (line,) = capsys.readouterr().out.splitlines()
    assert [round(age / 10) * 10 for age in json.loads(line)["SendQueueAge"]] == [0, 60]


def test_what_was_counted_is_written_down_even_when_a_run_fails(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        metrics().add(Metric.FAILED)
        raise ValueError

    event = dict.fromkeys(
        ("version", "account", "region", "detail", "detail-type", "source", "time", "id", "resources")
    )
    with pytest.raises(RunFailed):
        EventDoor("tests.events.test_door").on_schedule("rate(1 minute)", name="clock")(fail)(event, None)

    assert json.loads(capsys.readouterr().out)["Failed"] == 1
