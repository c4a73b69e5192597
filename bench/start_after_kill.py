"""How long the embedded system takes to start after a kill, with many messages at rest and with many still to be sent.

`make bench-http` runs this and writes the table into bench/README.md.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.filled_inbox import FilledInbox
from bench.filling import Filling
from bench.readme import markdown_table, write_section
from bench.rig import rig
from bench.running_system import UNLIMITED, start_command
from bench.traffic import Traffic
from chalicelib.domain.ids import inbox_number
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.wiring import forget_operations, operations

CASES = ((10_000, 0), (100_000, 0), (10_000, 10_000))
"""Messages at rest, and messages queued beside them."""

KILLS = 3
REBUILD_SECONDS = 15  # between a start and the kill, where messages are queued: the queues then have many jobs in them


def fill(folder: Path, at_rest: int, queued: int) -> None:
    with rig(folder) as made:
        FilledInbox.make(made, at_rest)
        if queued:
            inbox_id = made.api("POST", "/inboxes", {"displayName": "Busy"})["id"]
            inbox = operations().get_inbox.inboxes.get(inbox_number(inbox_id))
            if inbox is None:
                raise RuntimeError(f"{inbox_id} was made and is not there")
            Filling(inbox, Traffic((MessagePhase.QUEUED,) * queued, tuple(range(queued)))).write_index()
        forget_operations()


def start_and_kill(folder: Path, run_seconds: float) -> float:
    """Seconds until it says that it is ready; some time later the main process is killed."""
    began = time.perf_counter()
    with subprocess.Popen(  # noqa: S603 - our own program
        start_command(folder), env={**os.environ, **UNLIMITED}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        line = process.stdout.readline() if process.stdout else b""
        spent = time.perf_counter() - began
        time.sleep(run_seconds)
        process.kill()
    if not line:
        raise RuntimeError("the system did not start")
    return spent


def main() -> None:
    environment = dict(os.environ)
    rows = []
    for at_rest, queued in CASES:
        with tempfile.TemporaryDirectory() as folder:
            fill(Path(folder), at_rest, queued)
            os.environ.clear()
            os.environ.update(environment)
            run_seconds = REBUILD_SECONDS if queued else 0
            start_and_kill(Path(folder), run_seconds)
            times = [start_and_kill(Path(folder), run_seconds) for _ in range(KILLS)]
            time.sleep(2)  # its children end
        rows.append([f"{at_rest:,}", f"{queued:,}", *(f"{spent:.1f}" for spent in times)])
        print(rows[-1])
    heads = ["messages at rest", "queued", *(f"kill {number + 1}: s to ready" for number in range(KILLS))]
    table = markdown_table(heads, rows)
    if "--write" in sys.argv:
        write_section("start after kill", table)
    print(table)


if __name__ == "__main__":
    main()
