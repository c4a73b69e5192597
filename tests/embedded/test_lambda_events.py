from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.lambda_events import failed_message_ids, sqs_event

MESSAGE = {
    "MessageId": "m-1",
    "ReceiptHandle": "handle",
    "Body": "{}",
    "MD5OfBody": "99914b932bd37a50b983c5e7c90ae93b",
    "Attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183"},
    "MessageAttributes": {
        "text": {"StringValue": "100", "DataType": "Number"},
        "bytes": {"BinaryValue": b"\x00\xff", "DataType": "Binary"},
    },
}
IDS = frozenset({"a", "b", "c"})


def test_a_message_becomes_a_record_as_lambda_writes_it() -> None:
    (record,) = sqs_event([MESSAGE], "arn:aws:sqs:us-east-1:1:q", "us-east-1")["Records"]
    assert record == {
        "messageId": "m-1",
        "receiptHandle": "handle",
        "body": "{}",
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183"},
        "messageAttributes": {
            "text": {"stringValue": "100", "stringListValues": [], "binaryListValues": [], "dataType": "Number"},
            "bytes": {"binaryValue": "AP8=", "stringListValues": [], "binaryListValues": [], "dataType": "Binary"},
        },
        "md5OfBody": "99914b932bd37a50b983c5e7c90ae93b",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:1:q",
        "awsRegion": "us-east-1",
    }


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}])
def test_no_failures_named_means_the_whole_batch_succeeded(answer: Any) -> None:
    assert failed_message_ids(answer, IDS) == frozenset()


@pytest.mark.parametrize(
    "answer",
    [
        "done",
        {"somethingElse": []},
        {"batchItemFailures": [{}]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "not of this batch"}]},
    ],
)
def test_an_answer_that_makes_no_sense_fails_the_whole_batch(answer: Any) -> None:
    assert failed_message_ids(answer, IDS) == IDS


@given(st.sets(st.sampled_from(sorted(IDS))))
def test_exactly_the_named_messages_failed(failed: set[str]) -> None:
    answer = {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
    assert failed_message_ids(answer, IDS) == failed
