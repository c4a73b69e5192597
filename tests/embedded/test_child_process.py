"""Children end with their parent, however it ends, and nothing of them stays."""

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from embedded.child_process import PROJECT, ChildFailed, ChildProcess

SERVER = (
    "import socket, time; s = socket.create_server(('127.0.0.1', 0)); print('port', s.getsockname()[1], flush=True)"
)
FOREVER = "\nwhile True: time.sleep(60)"
DEAF = "\nimport signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"

# A parent that starts one child, tells its guard's id and its port, and waits to be killed.
PARENT = """
import json, pathlib, sys, time
from embedded.child_process import ChildProcess
child = ChildProcess("server", [sys.executable, "-c", sys.argv[1]], ready_line=r"port (\\d+)",
                     log_path=pathlib.Path(sys.argv[2]), environment={})
print(json.dumps([child.guard_pid, int(child.wait_until_ready().group(1))]), flush=True)
time.sleep(600)
"""


def start_child(tmp_path: Path, code: str, ready_line: str = r"port (\d+)") -> ChildProcess:
    command = [sys.executable, "-c", code]
    return ChildProcess("server", command, ready_line=ready_line, log_path=tmp_path / "log", environment={})


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").split()[2] != "Z" if Path("/proc").exists() else True


def wait_until_gone(pid: int, port: int) -> None:
    deadline = time.monotonic() + 20
    while (is_alive(pid) or answers(port)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(pid)
    assert not answers(port)


@pytest.mark.parametrize(
    ("code", "end"),
    [
        (SERVER + FOREVER, signal.SIGKILL),
        (SERVER + FOREVER, signal.SIGTERM),
        (SERVER + DEAF + FOREVER, signal.SIGKILL),
    ],
    ids=["killed", "ended", "killed, and the child deaf to SIGTERM"],
)
def test_a_child_ends_with_its_killed_parent_and_frees_its_port(tmp_path: Path, code: str, end: signal.Signals) -> None:
    command = [sys.executable, "-c", PARENT, code, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=PROJECT) as parent:
        assert parent.stdout is not None
        guard_pid, port = json.loads(parent.stdout.readline())
        assert answers(port)
        parent.send_signal(end)
        parent.wait()
    wait_until_gone(guard_pid, port)


if sys.platform.startswith("linux"):  # prctl is Linux's; elsewhere the pipe alone must do

    def test_a_child_ends_even_when_its_guard_is_killed(tmp_path: Path) -> None:
        child = start_child(tmp_path, SERVER + FOREVER)
        port = int(child.wait_until_ready().group(1))
        os.kill(child.guard_pid, signal.SIGKILL)
        child.stop()
        wait_until_gone(child.guard_pid, port)


def test_stopping_waits_for_the_end_and_is_no_failure(tmp_path: Path) -> None:
    child = start_child(tmp_path, SERVER + FOREVER)
    port = int(child.wait_until_ready().group(1))
    failures: queue.Queue[ChildFailed] = queue.Queue()
    child.watch(failures.put)
    child.stop()
    assert not answers(port)
    assert failures.empty()


@pytest.mark.parametrize("watched_in_time", [True, False])
def test_a_child_that_ends_by_itself_is_noticed(tmp_path: Path, *, watched_in_time: bool) -> None:
    child = start_child(tmp_path, SERVER + "\ntime.sleep(0.2)\nraise SystemExit(7)")
    child.wait_until_ready()
    failures: queue.Queue[ChildFailed] = queue.Queue()
    if not watched_in_time:
        wait_until_gone(child.guard_pid, 1)
    child.watch(failures.put)
    assert "exit code 7" in str(failures.get(timeout=20))
    child.stop()


def test_a_child_that_never_gets_ready_is_an_error_that_names_its_log(tmp_path: Path) -> None:
    child = start_child(tmp_path, "print('no module named x')\nraise SystemExit(3)")
    with pytest.raises(ChildFailed, match=r"server ended unexpectedly \(exit code 3\).*log"):
        child.wait_until_ready()
    child.stop()
    assert "no module named x" in (tmp_path / "log").read_text(encoding="utf-8")


def test_a_child_that_is_slow_to_get_ready_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    child = start_child(tmp_path, SERVER + FOREVER, ready_line="never said")
    with pytest.raises(ChildFailed, match="did not get ready"):
        child.wait_until_ready(timeout=0.01)
    child.stop()
