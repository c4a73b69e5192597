"""One child process: started under a guard, its output kept in a log file, its end noticed."""

import re
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from embedded.errors import CannotRun

_GUARD = Path(__file__).with_name("guard.py")
PROJECT = Path(__file__).resolve().parent.parent


class ChildFailed(CannotRun):
    """A child ended, or did not get ready in time; the message says which one and where its log is."""


class ChildProcess:
    """A running child; it counts as ready when a line of its output matches `ready_line`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        ready_line: str,
        log_path: Path,
        environment: Mapping[str, str],
        inherited_files: Sequence[int] = (),
    ) -> None:
        self.name = name
        self._log_path = log_path
        self._ready_line = re.compile(ready_line)
        self._ready = threading.Event()
        self._match: re.Match[str] | None = None
        self._stopping = False
        self._on_failure: Callable[[ChildFailed], None] | None = None
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(_GUARD), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            pass_fds=inherited_files,
            cwd=PROJECT,
            # A session of its own: Ctrl-C in the terminal reaches us alone, and we stop the children in order.
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read_output, name=f"{name}-output", daemon=True)
        self._reader.start()

    @property
    def guard_pid(self) -> int:
        return self._process.pid

    def wait_until_ready(self, timeout: float = 30) -> re.Match[str]:
        """What the ready line matched. Raises `ChildFailed`."""
        if not self._ready.wait(timeout):
            raise ChildFailed(f"{self.name} did not get ready within {timeout:.0f} s; see {self._log_path}")
        if self._match is None:
            raise self._failure()
        return self._match

    def watch(self, on_failure: Callable[[ChildFailed], None]) -> None:
        """Call this, from another thread, should the child end before it is told to."""
        self._on_failure = on_failure
        if not self._reader.is_alive() and not self._stopping:
            on_failure(self._failure())

    def stop(self, timeout: float = 8) -> None:
        """End it and wait; the guard kills what does not end by itself."""
        self._stopping = True
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(timeout=1)

    def _read_output(self) -> None:
        output: IO[bytes] | None = self._process.stdout
        if output is None:
            raise RuntimeError("the child was started without a pipe for its output")
        with output, self._log_path.open("wb", buffering=0) as log:
            for line in output:
                log.write(line)
                if self._match is None:
                    self._match = self._ready_line.search(line.decode("utf-8", "replace"))
                    if self._match is not None:
                        self._ready.set()
        self._process.wait()
        self._ready.set()
        if not self._stopping and self._on_failure is not None:
            self._on_failure(self._failure())

    def _failure(self) -> ChildFailed:
        return ChildFailed(f"{self.name} ended unexpectedly (exit code {self._process.wait()}); see {self._log_path}")
