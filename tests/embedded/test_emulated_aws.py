"""The emulated AWS keeps its state, whether it is stopped or killed, and leaves alone what the user points elsewhere."""

import os
import queue
import signal
import uuid
from pathlib import Path
from typing import Any

import pytest

from embedded import dynoxide, emulated_aws
from embedded.data_folder import DataFolder, DataFolderError
from embedded.emulated_aws import EmulatedAws
from tests.embedded.conftest import RunningAws, wait_for


def start(folder: DataFolder) -> tuple[EmulatedAws, RunningAws]:
    aws = EmulatedAws(folder, {})
    endpoints: dict[str, str] = {}
    aws.start()
    aws.wait_until_ready(endpoints)
    return aws, RunningAws(endpoints)


def kill_children(aws: EmulatedAws) -> None:
    for child in aws._children:
        os.kill(child.guard_pid, signal.SIGKILL)


def put_something_everywhere(running: RunningAws) -> None:
    clients = running.clients()
    url = clients.sqs.create_queue(QueueName="jobs")["QueueUrl"]
    clients.sqs.send_message(QueueUrl=url, MessageBody="job")
    clients.s3.create_bucket(Bucket="blobs")
    clients.s3.put_object(Bucket="blobs", Key="k", Body=b"blob")
    clients.sns.create_topic(Name="news")
    clients.dynamodb.create_table(
        TableName="table",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    clients.dynamodb.put_item(TableName="table", Item={"pk": {"S": "item"}})


def what_is_there(running: RunningAws) -> list[Any]:
    clients = running.clients()
    url = clients.sqs.get_queue_url(QueueName="jobs")["QueueUrl"]
    return [
        [message["Body"] for message in clients.sqs.receive_message(QueueUrl=url).get("Messages", [])],
        clients.s3.get_object(Bucket="blobs", Key="k")["Body"].read(),
        [topic["TopicArn"].rpartition(":")[2] for topic in clients.sns.list_topics()["Topics"]],
        clients.dynamodb.scan(TableName="table")["Items"],
    ]


EVERYTHING = [["job"], b"blob", ["news"], [{"pk": {"S": "item"}}]]


def test_a_stopped_emulator_finds_everything_again_on_other_ports(folder: DataFolder) -> None:
    aws, running = start(folder)
    put_something_everywhere(running)
    aws.stop()
    aws, restarted = start(folder)
    try:
        assert what_is_there(restarted) == EVERYTHING
    finally:
        aws.stop()


def test_a_killed_emulator_finds_everything_again(folder: DataFolder) -> None:
    aws, running = start(folder)
    put_something_everywhere(running)
    state = {name: folder.aws_state / f"{name}.json" for name in ("sqs", "sns", "s3")}
    wait_for(lambda: all(path.exists() for path in state.values()))
    wait_for(lambda: "job" in state["sqs"].read_text(encoding="utf-8"))
    kill_children(aws)
    aws.stop()
    aws, restarted = start(folder)
    try:
        assert what_is_there(restarted) == EVERYTHING
    finally:
        aws.stop()


def test_a_child_that_dies_is_told_of(folder: DataFolder) -> None:
    aws, _running = start(folder)
    failures: queue.Queue[Exception] = queue.Queue()
    aws.watch(failures.put)
    kill_children(aws)
    assert "ended unexpectedly" in str(failures.get(timeout=20))
    aws.stop()


def test_services_that_live_elsewhere_are_not_started(folder: DataFolder) -> None:
    elsewhere = {f"AWS_ENDPOINT_URL_{name}": f"http://x/{name}" for name in ("DYNAMODB", "SQS", "SNS", "S3")}
    aws = EmulatedAws(folder, elsewhere)
    environ = dict(elsewhere)
    aws.start()
    aws.wait_until_ready(environ)
    aws.stop()
    assert environ == elsewhere
    assert "DYNAMODB is at http://x/DYNAMODB, as AWS_ENDPOINT_URL_DYNAMODB says." in aws.notes
    assert not (folder.path / "table").exists()


def test_one_service_elsewhere_leaves_the_others_here(running_aws: RunningAws, folder: DataFolder) -> None:
    environ = {"AWS_ENDPOINT_URL_DYNAMODB": running_aws.endpoints["AWS_ENDPOINT_URL_DYNAMODB"]}
    aws = EmulatedAws(folder, environ)
    aws.start()
    try:
        aws.wait_until_ready(environ)
        assert environ["AWS_ENDPOINT_URL_DYNAMODB"] == running_aws.endpoints["AWS_ENDPOINT_URL_DYNAMODB"]
        assert environ["AWS_ENDPOINT_URL_SQS"] != running_aws.endpoints["AWS_ENDPOINT_URL_SQS"]
        sqs = RunningAws(environ).client("sqs")
        assert "QueueUrl" in sqs.create_queue(QueueName=f"q-{uuid.uuid4()}")
    finally:
        aws.stop()


@pytest.fixture
def no_dynoxide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynoxide, "find", lambda: None)


@pytest.mark.usefixtures("no_dynoxide")
def test_without_dynoxide_the_table_is_on_ministack_and_it_is_said(folder: DataFolder) -> None:
    aws, running = start(folder)
    try:
        endpoints = running.endpoints
        assert endpoints["AWS_ENDPOINT_URL_DYNAMODB"] == endpoints["AWS_ENDPOINT_URL_SQS"]
        assert running.client("dynamodb").list_tables()["TableNames"] == []
        assert any("ministack" in note for note in aws.notes)
    finally:
        aws.stop()


@pytest.mark.usefixtures("no_dynoxide")
def test_a_table_written_by_dynoxide_is_not_silently_left_behind(folder: DataFolder) -> None:
    folder.table_engine_note.write_text("dynoxide", encoding="utf-8")
    aws = EmulatedAws(folder, {})
    with pytest.raises(DataFolderError, match="make reset"):
        aws.start()
    aws.stop()


def test_a_table_begun_on_ministack_stays_there(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.table_engine_note.write_text("ministack", encoding="utf-8")
    monkeypatch.setattr(dynoxide, "find", lambda: Path("/usr/bin/dynoxide"))
    aws, running = start(folder)
    aws.stop()
    assert running.endpoints["AWS_ENDPOINT_URL_DYNAMODB"] == running.endpoints["AWS_ENDPOINT_URL_SQS"]
    assert any("stays on ministack" in note for note in aws.notes)


def test_a_port_that_was_lost_to_somebody_else_is_tried_again(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = iter([1, 2, 3])

    def command(_program: Path, _file: Path, port: int) -> list[str]:
        taken = "echo taken; exit 1"
        return ["sh", "-c", taken if port < 3 else f"echo listening on http://127.0.0.1:{port}; sleep 600"]

    monkeypatch.setattr(emulated_aws, "free_port", lambda: next(ports))
    monkeypatch.setattr(dynoxide, "find", lambda: Path("/bin/sh"))
    monkeypatch.setattr(dynoxide, "command", command)
    aws = EmulatedAws(folder, {f"AWS_ENDPOINT_URL_{name}": "http://x" for name in ("SQS", "SNS", "S3")})
    environ: dict[str, str] = {}
    aws.start()
    aws.wait_until_ready(environ)
    aws.stop()
    assert environ["AWS_ENDPOINT_URL_DYNAMODB"] == "http://127.0.0.1:3"
