"""The folder where a running system keeps its data: what lies where, and the lock that one process holds on it."""

import fcntl
import os
import secrets
import shutil
import string
import time
from pathlib import Path
from typing import IO

from embedded.errors import CannotRun

PROJECT = Path(__file__).resolve().parent.parent
DEFAULT_DATA_FOLDER = PROJECT / ".embedded" / "data"

_CHILDREN_SECONDS = 10.0


class DataFolderError(CannotRun):
    """The folder cannot be used; the message says why and what to do."""


class DataFolder:
    """Paths inside the folder, and its lock. The kernel frees the lock when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock: IO[bytes] | None = None

    @property
    def table_file(self) -> Path:
        return self._folder("table") / "table.sqlite"

    @property
    def aws_state(self) -> Path:
        return self._folder("aws", "state")

    @property
    def aws_objects(self) -> Path:
        return self._folder("aws", "s3")

    @property
    def simulator_journal(self) -> Path:
        return self._folder("ses") / "journal.sqlite"

    @property
    def simulator_domains(self) -> Path:
        return self._folder("ses") / "domains.json"

    @property
    def zone_file(self) -> Path:
        """The DNS records of own domains, which a person writes."""
        return self.path / "zone.json"

    @property
    def outbox(self) -> Path:
        return self._folder("outbox")

    @property
    def logs(self) -> Path:
        return self._folder("logs")

    @property
    def temporary(self) -> Path:
        return self._folder("tmp")

    @property
    def table_engine_note(self) -> Path:
        return self.path / "table-engine"

    @property
    def demo_note(self) -> Path:
        return self.path / "demo.json"

    def lock(self) -> None:
        """Make the folder ours until this process ends. Raises `DataFolderError`."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = (self.path / "lock").open("ab")
        except OSError as error:
            raise DataFolderError(
                f"The data folder {self.path} cannot be written ({error.strerror}). "
                "Make it yours with `chown`, or choose another one with --data-dir."
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise DataFolderError(
                f"Another AgentSend runs on the data folder {self.path}. "
                "Stop it, or give this one a folder of its own with --data-dir."
            ) from None
        self._lock = lock

    def children_lock(self) -> IO[bytes]:
        """A second lock, to be inherited by every child: it stays until the last of them is gone.

        After a kill the children save their state and end, which takes a moment; nobody may read it before.
        Raises `DataFolderError`.
        """
        lock = (self.path / "children.lock").open("ab")
        deadline = time.monotonic() + _CHILDREN_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    lock.close()
                    raise DataFolderError(
                        f"Processes of an earlier run still use {self.path} and do not end; end them, then start again."
                    ) from None
                time.sleep(0.05)
            else:
                return lock

    def unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def api_key(self) -> str:
        """The key made when the folder was first used; readable by its owner only."""
        path = self.path / "api-key"
        if not path.exists():
            alphabet = string.ascii_lowercase + string.digits
            text = "ask_" + "".join(secrets.choice(alphabet) for _ in range(36))
            unfinished = self.path / "api-key.new"
            unfinished.unlink(missing_ok=True)
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text)
            unfinished.replace(path)
        return path.read_text(encoding="ascii").strip()

    def clear(self) -> None:
        """Delete everything in it. Raises `DataFolderError` while another process runs on it."""
        if not self.path.exists():
            return
        self.lock()
        try:
            self.children_lock().close()
            for entry in self.path.iterdir():
                if entry.name in {"lock", "children.lock"}:  # whoever waits for one must find the same file
                    continue
                if entry.is_dir():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()
        finally:
            self.unlock()

    def _folder(self, *names: str) -> Path:
        folder = self.path.joinpath(*names)
        folder.mkdir(parents=True, exist_ok=True)
        return folder
