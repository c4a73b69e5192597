"""The log of the embedded system is that of Lambda."""

import json
import logging
import sys
import time
from typing import Any

import pytest

from embedded.json_lines import JsonLines


def record(message: str = "message %s", *args: object, **extra: Any) -> logging.LogRecord:
    made = logging.getLogger("chalicelib.x").makeRecord(
        "chalicelib.x", logging.WARNING, __file__, 1, message, args, None, extra=extra
    )
    made.created = 1_790_000_000.5
    return made


def test_a_line_is_json_with_its_fields_beside_the_message() -> None:
    line = JsonLines().format(record("message %s", "sent", messageId="msg_1", attempt=2, requestId="r-1", why=None))

    assert json.loads(line) == {
        "timestamp": "2026-09-21T14:13:20Z",
        "level": "WARNING",
        "message": "message sent",
        "logger": "chalicelib.x",
        "messageId": "msg_1",
        "attempt": 2,
        "requestId": "r-1",
    }
    assert "\n" not in line


def test_an_error_is_one_line_too() -> None:
    made = record("failed")
    made.exc_info = (ValueError, ValueError("two\nlines"), None)

    line = JsonLines().format(made)

    assert "\n" not in line
    assert {"errorType": "ValueError", "errorMessage": "two\nlines"}.items() <= json.loads(line).items()


@pytest.mark.skipif(sys.platform != "linux", reason="AWS publishes its runtime for Linux alone")
def test_lambdas_own_runtime_writes_the_same() -> None:
    from awslambdaric.lambda_runtime_log_utils import JsonFormatter  # noqa: PLC0415 - there on Linux alone

    ours = JsonLines().format(record("message %s", "sent", messageId="msg_1", attempt=2))
    made = record("message %s", "sent", messageId="msg_1", attempt=2)
    made.aws_request_id = "r-1"  # as the runtime's own filter sets it
    logging.Formatter.converter, before = time.gmtime, logging.Formatter.converter
    try:
        theirs = json.loads(JsonFormatter().format(made))
    finally:
        logging.Formatter.converter = before

    assert theirs == {**json.loads(ours), "requestId": "r-1"}
