"""A receiver of webhooks on this machine, as a customer would write one: it checks the signature and takes note."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook as Verifier


@dataclass
class Received:
    """One event, and how long after the change it came."""

    event: dict[str, Any]
    after_seconds: float


@dataclass
class Receiver:
    """`answers` are the status codes of the next calls; then it answers 200.

    `refuses_once`: they are for first calls of an event alone, for a second failure costs five minutes.
    """

    url: str = ""
    secret: str = ""
    received: list[Received] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    refuses_once: bool = False
    refused: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, headers: Any, body: bytes) -> int:
        now = time.time()
        with self.lock:
            event = json.loads(body)
            is_again = self.refuses_once and event["id"] in self.refused
            if self.answers and not is_again and (status := self.answers.pop(0)) != 200:
                self.refused.add(event["id"])
                return status
            if self.secret:
                self._check(dict(headers), body, event)
            happened = datetime.fromisoformat(event["createdAt"]).timestamp()
            self.received.append(Received(event, now - happened))
        return 200

    def _check(self, headers: dict[str, str], body: bytes, event: dict[str, Any]) -> None:
        try:
            Verifier(self.secret).verify(body, {name.lower(): value for name, value in headers.items()})
        except Exception as error:  # noqa: BLE001 - a thread of the server; the test reads it
            self.problems.append(repr(error))
        plain = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        if headers.get("X-AgentSend-Signature") != plain or headers.get("webhook-id") != event["id"]:
            self.problems.append(f"wrong headers: {headers}")

    def types(self, message_id: str) -> list[str]:
        """What came of a message, without its repeats."""
        with self.lock:
            mine = {
                each.event["id"]: each.event["event"]
                for each in self.received
                if each.event["data"].get("messageId") == message_id
            }
        return sorted(mine.values())


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            status = receiver.take(self.headers, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hooks"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield receiver
        server.shutdown()
    thread.join(5)
