"""The embedded system as a process, driven over HTTP alone."""

import json
import os
import select
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from embedded.emulated_aws import WITHOUT_DYNOXIDE

PROJECT = Path(__file__).parents[2]
API_KEY = "journey_key_0123456789"
START_SECONDS = 60
STOP_SECONDS = 30
REST_SECONDS = 60  # until a message has come to rest, on a machine that is busy with other tests

T = TypeVar("T")


@dataclass
class RunningSystem:
    """A started system: its process, where it listens, and its data folder."""

    process: "subprocess.Popen[str]"
    api: str
    smtp: str
    mail_domain: str
    data_dir: Path

    @classmethod
    def start(cls, data_dir: Path, *more: str) -> "RunningSystem":
        command = [
            sys.executable,
            "-m",
            "embedded",
            "--http-port",
            "0",
            "--smtp-port",
            "0",
            "--no-demo",
            "--ready-json",
        ]
        command += ["--data-dir", str(data_dir), "--api-key", API_KEY, *more]
        with said_in(data_dir).open("ab") as errors:
            process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=errors, text=True)
        assert process.stdout is not None
        readable, _, _ = select.select([process.stdout], [], [], START_SECONDS)
        line = process.stdout.readline() if readable else ""
        if not line:
            process.kill()
            said = said_in(data_dir).read_text("utf-8", "replace")
            raise AssertionError(f"not ready within {START_SECONDS} s; exit code {process.wait()}; it said: {said}")
        ready = json.loads(line)
        assert ready["apiKey"] == API_KEY
        return cls(process, ready["api"], ready["smtp"], ready["mailDomain"], data_dir)

    def client(self, key: str = API_KEY) -> httpx.Client:
        return httpx.Client(base_url=self.api, headers={"x-api-key": key}, timeout=30)

    def stop(self) -> int:
        """Ask it to stop; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_SECONDS)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def mail_in(self, raw: bytes, *to: str, mail_from: str = "carl@example.com") -> dict[str, tuple[int, bytes]]:
        """Bring a mail to the SMTP door; the recipients that were refused."""
        host, _, port = self.smtp.rpartition(":")
        with smtplib.SMTP(host, int(port), timeout=30) as client:
            return client.sendmail(mail_from, to, raw)

    def kill(self, *, alone: bool = False) -> None:
        """As the machine would, with everything below it, and no time to say good-bye.

        Or the main process alone: then its children's guards notice and end them.
        """
        listed = subprocess.run(["ps", "-eo", "pid=,ppid="], check=True, capture_output=True, text=True).stdout
        parents = {int(pid): int(parent) for pid, parent in (line.split() for line in listed.splitlines())}
        doomed = [self.process.pid]
        for above in [] if alone else doomed:  # grows while it is read
            doomed += [pid for pid, parent in parents.items() if parent == above]
        for pid in doomed:
            os.kill(pid, signal.SIGKILL)
        self.process.wait(STOP_SECONDS)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def errors(self) -> str:
        """Everything it has said aloud so far: each error that any part of it logged."""
        return said_in(self.data_dir).read_text("utf-8", "replace").replace(f"{WITHOUT_DYNOXIDE}\n", "")

    def outbox(self) -> list[bytes]:
        """Every mail the simulated SES has taken."""
        return [path.read_bytes() for path in sorted(self.data_dir.rglob("*.eml"))]


def said_in(data_dir: Path) -> Path:
    return data_dir / "said.txt"


class Journey:
    """An agent's developer at work: one inbox, and the calls one makes with it."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.inbox: dict[str, Any] = self.call("POST", "/inboxes", 201, json={})

    def call(self, method: str, path: str, status: int = 200, **request: Any) -> Any:
        answer = self.client.request(method, path, **request)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def send(self, *to: str, **more: Any) -> dict[str, Any]:
        draft = {"to": list(to), "subject": "A journey", "bodyText": "Hello there"} | more
        message: dict[str, Any] = self.call("POST", f"/inboxes/{self.inbox['id']}/messages", 202, json=draft)
        return message

    def message(self, message: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", f"/messages/{message['id']}")
        return found

    def until_status(self, message: dict[str, Any], *statuses: str) -> dict[str, Any]:
        return until(lambda: self.message(message), lambda found: found["status"] in statuses)

    def events(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        data: list[dict[str, Any]] = self.call("GET", f"/messages/{message['id']}/events")["data"]
        return data

    def listed(self, **query: Any) -> dict[str, Any]:
        page: dict[str, Any] = self.call("GET", f"/inboxes/{self.inbox['id']}/messages", params=query)
        return page


def until(look: Callable[[], T], satisfied: Callable[[T], bool]) -> T:
    """Look again and again until what is seen satisfies; the last sight is in the failure."""
    deadline = time.monotonic() + REST_SECONDS
    while True:
        seen = look()
        if satisfied(seen):
            return seen
        assert time.monotonic() < deadline, f"still not so after {REST_SECONDS} s: {seen}"
        time.sleep(0.1)


def types(events: Sequence[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("message.") for event in events]
