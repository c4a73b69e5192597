"""Runs one command and ends it when the parent is gone: `python guard.py COMMAND ARGUMENT…`.

Standard input is a pipe whose other end the parent alone holds and never writes to. However the parent ends, by
closing it on purpose or by SIGKILL, the kernel closes that end, we read the end of file and stop the command.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

GRACE_SECONDS = 5  # after SIGTERM, before SIGKILL
_PR_SET_PDEATHSIG = 1  # prctl(2), Linux


def main(command: list[str]) -> int:
    """Run the command; its exit code as a shell would give it."""
    # One thread so far, so code between fork and exec is safe; the thread below starts after it.
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_die_with_this_process())  # noqa: PLW1509
    threading.Thread(target=_end_with_parent, args=(child,), daemon=True).start()
    code = child.wait()
    return code if code >= 0 else 128 - code


def _end_with_parent(child: subprocess.Popen[bytes]) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    child.terminate()
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()


def _die_with_this_process() -> Callable[[], None] | None:
    """On Linux the kernel ends the command even when this guard itself is killed."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
