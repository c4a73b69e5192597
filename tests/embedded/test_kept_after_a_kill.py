"""What the emulator says it has kept is on disk, or it says that it has not; and its saves come often enough."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded import ses_journal
from embedded.data_folder import DataFolder
from embedded.emulated_aws import EmulatedAws
from tests.embedded.conftest import RunningAws, wait_for


@pytest.fixture
def aws(folder: DataFolder) -> Any:
    emulated = EmulatedAws(folder, {})
    endpoints: dict[str, str] = {}
    emulated.start()
    try:
        emulated.wait_until_ready(endpoints)
        yield RunningAws(endpoints)
    finally:
        emulated.stop()


def stand_in_the_way_of(path: Path) -> Path:
    """A folder where the file is to be written first: as little can be written there as on a full disk."""
    in_the_way = path.with_name(f"{path.name}.tmp")
    in_the_way.mkdir(parents=True)
    return in_the_way


def test_an_object_that_could_not_be_written_is_refused_and_can_be_put_again(
    aws: RunningAws, folder: DataFolder
) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="blobs")
    s3.put_object(Bucket="blobs", Key="one", Body=b"1")
    two = next(folder.aws_objects.rglob("one")).with_name("two")
    in_the_way = stand_in_the_way_of(two)

    with pytest.raises(ClientError, match="InternalError"):
        s3.put_object(Bucket="blobs", Key="two", Body=b"2")
    assert not two.exists()

    in_the_way.rmdir()
    s3.put_object(Bucket="blobs", Key="two", Body=b"2")
    assert two.read_bytes() == b"2"


def test_a_state_that_could_not_be_saved_is_saved_later_though_nothing_changes_any_more(
    aws: RunningAws, folder: DataFolder
) -> None:
    saved, log = folder.aws_state / "sqs.json", folder.logs / "ministack.log"
    in_the_way = stand_in_the_way_of(saved)
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="the-last-job")
    wait_for(lambda: "saving the state failed" in log.read_text(encoding="utf-8"))
    assert not saved.exists()

    in_the_way.rmdir()

    wait_for(saved.exists)
    assert "the-last-job" in json.dumps(json.loads(saved.read_text(encoding="utf-8"))["payload"])


@pytest.mark.parametrize("save_seconds", [0.0, 0.5, 3.0, 10.0])
def test_whatever_a_save_takes_the_next_is_done_before_the_journal_forgets_what_it_published(
    save_seconds: float,
) -> None:
    from embedded.ministack_server import pause_after  # noqa: PLC0415 - it reads its settings when it is imported

    assert 1.0 <= pause_after(save_seconds) + 2 * save_seconds < ses_journal.KEEP_PUBLISHED_SECONDS
