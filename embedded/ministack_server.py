"""The child process that serves SQS, SNS and S3: ministack, with its state saved while it runs, not only at its end.

ministack (pinned in requirements-embedded.txt) saves its state at a clean stop. A killed machine would lose the queues,
so the event loop that changes the state also saves it, every second or so. This leans on names that are private to
that version; tests/embedded/test_emulated_aws.py kills it to see that the state survives. Its settings come from the
environment, which must be complete before this module is imported (embedded/emulated_aws.py).
"""

import asyncio
import hashlib
import json
import logging
import socket
import time
from pathlib import Path

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config
from ministack import app as ministack
from ministack.core import persistence

from embedded.truthful_writes import truthful

SAVE_EVERY_SECONDS = 1.0
_LOAD_SHARE = 20  # a save that takes long is repeated less often: a twentieth of the time is spent on it
# But never less often than this: ses_journal.py publishes again, at a start, what it published in the last minute.
SAVE_AT_LEAST_EVERY_SECONDS = 30.0

log = logging.getLogger(__name__)


class Autosave:
    """Saves each service's state when it differs from what was saved last."""

    def __init__(self) -> None:
        self._saved: dict[str, bytes] = {}

    async def run(self) -> None:
        """Save until cancelled. An error is logged and the next round tries again."""
        while True:
            started = time.monotonic()
            try:
                self.save()
            except Exception:
                log.exception("saving the state failed; trying again")
            await asyncio.sleep(pause_after(time.monotonic() - started))

    def save(self) -> None:
        for name, get_state in ministack._build_persistence_save_dict().items():  # noqa: SLF001 - see the module's head
            state = get_state()
            if state is None:
                continue
            encoded = json.dumps(state, default=persistence._json_default).encode()  # noqa: SLF001
            digest = hashlib.sha256(encoded).digest()
            if self._saved.get(name) != digest:
                _write_state(name, encoded)
                self._saved[name] = digest


def pause_after(save_seconds: float) -> float:
    """How long to wait after a save that took so long."""
    return min(max(SAVE_EVERY_SECONDS, _LOAD_SHARE * save_seconds), SAVE_AT_LEAST_EVERY_SECONDS)


def _write_state(name: str, encoded: bytes) -> None:
    """The file that `persistence.save_state` writes; that one does not tell when it failed. Raises OSError."""
    head = {"__ministack_format__": persistence._state_format_version(name)}  # noqa: SLF001
    path = Path(persistence.STATE_DIR, f"{name}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".json.tmp")
    unfinished.write_bytes(json.dumps(head)[:-1].encode() + b', "payload": ' + encoded + b"}")
    unfinished.replace(path)


async def serve(listener: socket.socket) -> None:
    """Serve until SIGTERM; ministack saves its state once more at its end."""
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.2  # long polls do not hold up the end
    config.loglevel = "WARNING"
    autosave = asyncio.create_task(Autosave().run())
    print(f"ready on port {listener.getsockname()[1]}", flush=True)
    try:
        await hypercorn_serve(truthful(ministack.app), config)
    finally:
        autosave.cancel()


if __name__ == "__main__":
    asyncio.run(serve(socket.create_server(("127.0.0.1", 0), backlog=256)))
