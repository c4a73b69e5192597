"""A fault of our own costs one step of reading a mail, is logged, and is told."""

import logging

import pytest

from chalicelib.mime.bounds import Problems
from chalicelib.mime.guarded import guarded


def faulty() -> str:
    raise RecursionError("too deep")


def test_a_step_that_fails_is_replaced_logged_and_told(caplog: pytest.LogCaptureFixture) -> None:
    problems = Problems()

    with caplog.at_level(logging.ERROR):
        read = guarded("the Subject field", faulty, "", problems)

    assert read == ""
    assert problems.sentence() == (
        "Not everything could be read: a fault of this program while reading the Subject field."
    )
    (record,) = caplog.records
    assert "the Subject field: RecursionError at " in record.getMessage()


def test_a_step_that_succeeds_tells_nothing() -> None:
    problems = Problems()

    assert guarded("the Subject field", lambda: "hello", "", problems) == "hello"
    assert problems.sentence() is None


def test_many_reasons_are_one_short_sentence() -> None:
    problems = Problems()
    for number in (*range(8), 0, 1):
        problems.add(f"reason {number}")

    sentence = "Not everything could be read: reason 0; reason 1; reason 2; reason 3; reason 4; 3 more."
    assert problems.sentence() == sentence
