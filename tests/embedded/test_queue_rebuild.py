"""The queues are rebuilt once, whatever fails at first, and nobody waits for it."""

import threading

import pytest

from embedded.queue_rebuild import QueueRebuild


def test_starting_does_not_wait_for_it() -> None:
    let_it = threading.Event()
    done: list[str] = []

    def slow() -> None:
        let_it.wait(30)
        done.append("slow")

    rebuild = QueueRebuild([slow])
    rebuild.start()
    assert done == []
    let_it.set()
    assert rebuild.wait(30)
    assert done == ["slow"]


def test_a_step_that_fails_is_said_and_tried_again_and_each_succeeds_once(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []
    failures = iter([True, True, False])

    def unsent() -> None:
        if next(failures):
            raise OSError("not now")
        done.append("unsent")

    rebuild = QueueRebuild([unsent, lambda: done.append("received")], retry_seconds=0)
    rebuild.start()
    assert rebuild.wait(30)
    assert done == ["unsent", "received"]
    assert [record.message for record in caplog.records] == ["rebuilding the queues failed; trying again"] * 2


def test_a_stop_ends_it_though_a_step_never_succeeds() -> None:
    tried = threading.Event()

    def never() -> None:
        tried.set()
        raise OSError("not now")

    rebuild = QueueRebuild([never], retry_seconds=60)
    rebuild.start()
    assert tried.wait(30)
    rebuild.stop()
    assert rebuild.wait(30)
