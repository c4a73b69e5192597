"""The embedded system as a process of its own, for what is measured through HTTP."""

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.rig import API_KEY

PROJECT = Path(__file__).parent.parent
UNLIMITED = {
    "RATE_LIMIT_PER_MINUTE": "10000000",
    "INBOX_DAILY_SEND_LIMIT": "10000000",
    "ACCOUNT_DAILY_SEND_LIMIT": "10000000",
}
_STOP_SECONDS = 30


def start_command(folder: Path) -> list[str]:
    command = [sys.executable, "-m", "embedded", "--http-port", "0", "--smtp-port", "0", "--no-demo", "--ready-json"]
    return [*command, "--data-dir", str(folder), "--api-key", API_KEY]


@contextmanager
def running_system(folder: Path, environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """`python -m embedded` on this data folder; the host and port of its API."""
    process = subprocess.Popen(  # noqa: S603 - our own program
        start_command(folder),
        cwd=PROJECT,
        env={**environment, **UNLIMITED},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise RuntimeError("the system did not start")
            yield urlsplit(json.loads(line)["api"]).netloc
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_STOP_SECONDS)


class Client:
    """One connection that is kept; not to be shared by threads."""

    def __init__(self, netloc: str) -> None:
        self._connection = http.client.HTTPConnection(netloc, timeout=60)

    def call(self, method: str, target: str, body: bytes | None = None) -> tuple[int, bytes]:
        """The status and the body of the answer."""
        headers = {"x-api-key": API_KEY, "content-type": "application/json"}
        self._connection.request(method, target, body, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def json(self, method: str, target: str, body: Mapping[str, Any] | None = None) -> Any:
        """The decoded answer. Raises when it is an error."""
        status, data = self.call(method, target, None if body is None else json.dumps(body).encode())
        if status >= 400:
            raise RuntimeError(f"{method} {target}: {status} {data.decode()}")
        return json.loads(data)
