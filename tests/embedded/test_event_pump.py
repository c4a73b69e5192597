import json
import queue
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from chalice.app import Chalice, Cron, Rate

from embedded.event_pump import EventPump, QueueSource, Schedule, UnsupportedEventSource, sources_of
from embedded.lambda_context import LambdaContext
from tests.embedded.conftest import REGION, RunningAws

Handler = Callable[[dict[str, Any], Any], Any]
Start = Callable[..., EventPump]


class Seen:
    """A handler that remembers its batches and answers as it is told."""

    def __init__(self, answer: Handler = lambda _event, _context: None) -> None:
        self.batches: queue.Queue[list[dict[str, Any]]] = queue.Queue()
        self._answer = answer

    def __call__(self, event: dict[str, Any], context: Any) -> Any:
        self.batches.put(event["Records"])
        return self._answer(event, context)

    def next_bodies(self) -> set[str]:
        return {record["body"] for record in self.batches.get(timeout=15)}


@pytest.fixture
def start(running_aws: RunningAws, queue_url: str) -> Iterator[Start]:
    """Starts a pump on the fresh queue; it is stopped at the end."""
    pumps: list[EventPump] = []
    sqs = running_aws.client("sqs")
    arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def start_pump(handler: Handler, **options: Any) -> EventPump:
        pump = EventPump([QueueSource("worker", handler, queue_url, arn, **options)], sqs=sqs, region=REGION)
        pumps.append(pump)
        pump.start()
        return pump

    yield start_pump
    for pump in pumps:
        pump.stop()


def send(aws: RunningAws, url: str, *bodies: str) -> None:
    entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
    aws.client("sqs").send_message_batch(QueueUrl=url, Entries=entries)


def left_over(aws: RunningAws, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


def test_a_handled_message_is_gone(running_aws: RunningAws, queue_url: str, start: Start) -> None:
    seen = Seen()
    send(running_aws, queue_url, "one")
    pump = start(seen)
    assert seen.next_bodies() == {"one"}
    pump.stop()
    assert left_over(running_aws, queue_url) == 0


def test_a_batch_never_holds_more_than_the_handler_asked_for(
    running_aws: RunningAws, queue_url: str, start: Start
) -> None:
    send(running_aws, queue_url, *"abcdefg")
    seen = Seen()
    start(seen, batch_size=3)
    bodies: set[str] = set()
    while len(bodies) < 7:
        batch = seen.next_bodies()
        assert len(batch) <= 3
        bodies |= batch


def test_a_message_whose_handler_raised_comes_again(running_aws: RunningAws, queue_url: str, start: Start) -> None:
    calls: list[str] = []

    def fail_once(event: dict[str, Any], _context: Any) -> None:
        calls.append(event["Records"][0]["messageId"])
        if len(calls) == 1:
            raise RuntimeError("the first try fails")

    seen = Seen(fail_once)
    send(running_aws, queue_url, "again")
    pump = start(seen)
    first, second = seen.batches.get(timeout=15), seen.batches.get(timeout=15)
    assert first[0]["messageId"] == second[0]["messageId"]
    assert second[0]["attributes"]["ApproximateReceiveCount"] == "2"
    pump.stop()
    assert left_over(running_aws, queue_url) == 0


def test_of_a_partly_failed_batch_only_the_named_messages_come_again(
    running_aws: RunningAws, queue_url: str, start: Start
) -> None:
    def fail_bad(event: dict[str, Any], _context: Any) -> dict[str, Any]:
        bad = [record["messageId"] for record in event["Records"] if record["body"] == "bad"]
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in bad]}

    seen = Seen(fail_bad)
    send(running_aws, queue_url, "good", "bad", "fine")
    start(seen, batch_size=10)
    first = seen.next_bodies()
    while first != {"good", "bad", "fine"}:
        first |= seen.next_bodies()
    assert seen.next_bodies() == {"bad"}
    assert seen.next_bodies() == {"bad"}


def test_without_report_batch_item_failures_the_answer_is_not_heeded(
    running_aws: RunningAws, queue_url: str, start: Start
) -> None:
    def fail_all(event: dict[str, Any], _context: Any) -> dict[str, Any]:
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in event["Records"]]}

    seen = Seen(fail_all)
    send(running_aws, queue_url, "lost, as in AWS")
    pump = start(seen, reports_failures=False)
    seen.next_bodies()
    pump.stop()
    assert left_over(running_aws, queue_url) == 0


def test_a_poison_message_ends_in_the_dead_letter_queue_and_its_neighbours_do_not(
    running_aws: RunningAws, queue_url: str, start: Start
) -> None:
    sqs = running_aws.client("sqs")
    dead_url = sqs.create_queue(QueueName=f"dead-{uuid.uuid4()}")["QueueUrl"]
    dead_arn = sqs.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
    sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"RedrivePolicy": redrive})

    def choke(event: dict[str, Any], _context: Any) -> dict[str, Any]:
        poison = [record["messageId"] for record in event["Records"] if record["body"] == "poison"]
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in poison]}

    send(running_aws, queue_url, "poison", "sound")
    start(Seen(choke), batch_size=10)
    dead = sqs.receive_message(QueueUrl=dead_url, WaitTimeSeconds=15).get("Messages", [])
    assert [message["Body"] for message in dead] == ["poison"]
    assert left_over(running_aws, queue_url) == 0


def test_stopping_waits_for_the_handler_that_runs(running_aws: RunningAws, queue_url: str, start: Start) -> None:
    running, may_end = threading.Event(), threading.Event()
    ended: list[bool] = []

    def slow(_event: dict[str, Any], _context: Any) -> None:
        running.set()
        may_end.wait(timeout=10)
        ended.append(True)

    send(running_aws, queue_url, "slow")
    pump = start(slow)
    assert running.wait(timeout=15)
    stopping = threading.Thread(target=pump.stop)
    stopping.start()
    assert not ended
    may_end.set()
    stopping.join(timeout=15)
    assert ended == [True]
    assert left_over(running_aws, queue_url) == 0


def test_batches_are_handled_side_by_side_up_to_the_handlers_limit(
    running_aws: RunningAws, queue_url: str, start: Start
) -> None:
    meeting = threading.Barrier(3)
    seen = Seen(lambda _event, _context: meeting.wait(timeout=15))
    send(running_aws, queue_url, "a", "b", "c")
    start(seen, batch_size=1, batches_at_once=3)
    assert seen.next_bodies() | seen.next_bodies() | seen.next_bodies() == {"a", "b", "c"}
    assert not meeting.broken


def test_a_schedule_calls_its_function_again_and_again_even_after_a_failure() -> None:
    calls: queue.Queue[dict[str, Any]] = queue.Queue()

    def tick(event: dict[str, Any], _context: Any) -> None:
        calls.put(event)
        raise RuntimeError("each time")

    pump = EventPump([Schedule("tick", tick, 0.01)], sqs=None, region=REGION)
    pump.start()
    events = [calls.get(timeout=10), calls.get(timeout=10)]
    pump.stop()
    assert {event["source"] for event in events} == {"aws.events"}


def test_a_schedule_of_hours_begins_soon_after_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embedded.event_pump._FIRST_SECONDS", 0.01)
    called = threading.Event()
    pump = EventPump([Schedule("tick", lambda _event, _context: called.set(), 3_600)], sqs=None, region=REGION)
    pump.start()
    assert called.wait(10)
    pump.stop()


def test_sources_come_from_what_the_app_registered(running_aws: RunningAws, queue_url: str) -> None:
    app = Chalice("sample", configure_logs=False)

    @app.on_sqs_message(queue="${Jobs.QueueName}", batch_size=25, maximum_concurrency=2, name="job_worker")
    def work(_event: Any) -> str:
        return "worked"

    @app.schedule(Rate(15, unit=Rate.MINUTES), name="tidy")
    def tidy(_event: Any) -> None: ...

    asked: list[str] = []

    def reports(function_id: str) -> bool:
        asked.append(function_id)
        return True

    name = queue_url.rpartition("/")[2]
    sources = sources_of(
        app,
        substitute=lambda text: text.replace("${Jobs.QueueName}", name),
        reports_failures=reports,
        sqs=running_aws.client("sqs"),
    )
    job, schedule = sources
    assert isinstance(job, QueueSource)
    assert (job.queue_url, job.batch_size, job.batches_at_once) == (queue_url, 10, 2)
    assert job.handler({"Records": []}, LambdaContext("job_worker", 60)) == "worked"
    assert asked == ["JobWorker"]
    assert isinstance(schedule, Schedule)
    assert schedule.every_seconds == 900


def test_an_event_source_that_cannot_be_fed_is_named() -> None:
    app = Chalice("sample", configure_logs=False)

    @app.schedule(Cron(0, 18, "?", "*", "MON-FRI", "*"), name="evening_report")
    def report(_event: Any) -> None: ...

    with pytest.raises(UnsupportedEventSource, match=r"evening_report.*cron"):
        sources_of(app, substitute=str, reports_failures=lambda _name: True, sqs=None)


def test_a_topic_as_event_source_is_refused_by_name() -> None:
    app = Chalice("sample", configure_logs=False)

    @app.on_sns_message(topic="news", name="news_reader")
    def read(_event: Any) -> None: ...

    with pytest.raises(UnsupportedEventSource, match=r"news_reader.*SNSEventConfig"):
        sources_of(app, substitute=str, reports_failures=lambda _name: True, sqs=None)
