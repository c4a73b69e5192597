"""What log lines carry besides their words."""

import logging
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain.log_lines import about, also, log_of

logger = log_of("chalicelib.test")
SOURCES = Path(__file__).parents[2] / "chalicelib"


@pytest.fixture(autouse=True)
def _all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "chalicelib")  # other tests of this process keep it quiet


def fields(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name in ("messageId", "requestId", "why")}


def test_a_line_carries_what_it_is_about(caplog: pytest.LogCaptureFixture) -> None:
    with about(requestId="r-1"):
        also(messageId="msg_1")
        logger.info("said", extra={"why": "throttled"})

    (record,) = caplog.records
    assert fields(record) == {"requestId": "r-1", "messageId": "msg_1", "why": "throttled"}


def test_what_a_line_says_itself_goes_first(caplog: pytest.LogCaptureFixture) -> None:
    with about(messageId="msg_1"):
        logger.warning("said", extra={"messageId": "msg_2"})

    assert fields(caplog.records[0]) == {"messageId": "msg_2"}


def test_what_was_said_within_ends_with_it(caplog: pytest.LogCaptureFixture) -> None:
    with about(requestId="r-1"):
        with about(why="inner"):
            also(messageId="msg_1")
        logger.info("said")
    logger.info("said")

    assert [fields(record) for record in caplog.records] == [{"requestId": "r-1"}, {}]


def test_outside_of_everything_nothing_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    also(messageId="msg_1")
    logger.info("said")

    assert fields(caplog.records[0]) == {}


def test_threads_that_work_for_us_say_the_same_and_others_do_not(caplog: pytest.LogCaptureFixture) -> None:
    with about(requestId="r-1"), ThreadPoolExecutor(1) as workers:
        workers.submit(copy_context().run, logger.info, "ours").result()
        workers.submit(logger.info, "another's").result()

    assert [fields(record) for record in caplog.records] == [{"requestId": "r-1"}, {}]


def test_every_module_that_is_shipped_logs_in_this_way() -> None:
    others = [path.name for path in SOURCES.rglob("*.py") if "getLogger(" in path.read_text(encoding="utf-8")]

    assert others == ["log_lines.py"]
