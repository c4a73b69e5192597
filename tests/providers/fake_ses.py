"""A SES API on loopback that gives scripted answers: real bytes, real time-outs, real broken connections."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What SES answers. `code` is the error type, as the REST-JSON protocol puts it into a header."""

    http_status: int = 200
    body: bytes = b'{"MessageId": "010f-5b7c-000000"}'
    code: str | None = None


def refusal(http_status: int, code: str, message: str = "no") -> Answer:
    return Answer(http_status, json.dumps({"message": message}).encode(), code)


HANG_UP = Answer(http_status=0)  # closes the connection after reading the request
NEVER = Answer(http_status=-1)  # reads the request and says nothing


@dataclass
class FakeSes:
    """Gives every call the same answer and keeps what was asked."""

    url: str = ""
    answer: Answer = Answer()
    requests: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)


@contextmanager
def fake_ses() -> Iterator[FakeSes]:
    """A running server; `released` lets calls end that were never answered."""
    ses = FakeSes()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, asked: dict[str, Any]) -> None:
            ses.requests.append((self.command, self.path, asked))
            if ses.answer is NEVER:
                ses.released.wait(timeout=30)
            if ses.answer in (NEVER, HANG_UP):
                self.close_connection = True
                return
            self.send_response(ses.answer.http_status)
            if ses.answer.code is not None:
                self.send_header("x-amzn-ErrorType", ses.answer.code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(ses.answer.body)))
            self.end_headers()
            self.wfile.write(ses.answer.body)

        def log_message(self, *_: object) -> None:
            """Tests stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ses.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield ses
    finally:
        ses.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
