"""Everything is built once, however many ask at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.settings import read_settings, settings
from tests.api.conftest import ENVIRONMENT

THREADS = 8


def test_threads_that_ask_first_at_the_same_moment_get_the_same_thing(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    class Client:
        def __init__(self, service: str) -> None:
            made.append(service)

    monkeypatch.setattr("chalicelib.wiring.stores.boto3.client", lambda service, **_: Client(service))
    operations = wiring.Operations(read_settings(ENVIRONMENT))
    meeting = Barrier(THREADS)

    def ask(_: int) -> Any:
        meeting.wait()
        return operations.send_queue, operations.messages

    with ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(ask, range(THREADS)))

    assert all(answer[0] is answers[0][0] and answer[1] is answers[0][1] for answer in answers)
    assert sorted(made) == ["s3", "sqs"]


def test_the_first_callers_at_the_same_moment_share_one_set_of_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    wiring.forget_operations()
    meeting = Barrier(THREADS)

    def ask(_: int) -> Any:
        meeting.wait()
        return wiring.operations()

    with ThreadPoolExecutor(THREADS) as threads:
        assert len(set(map(id, threads.map(ask, range(THREADS))))) == 1
    wiring.forget_operations()
    settings.cache_clear()
