"""The emulated AWS: the table engine and ministack as child processes, and the endpoints of their services."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from embedded import dynoxide
from embedded.aws_environment import CREDENTIALS, SERVICES, chosen_endpoints, point, point_everything_else
from embedded.child_process import ChildFailed, ChildProcess
from embedded.data_folder import DataFolder, DataFolderError
from embedded.listening import free_port

_MINISTACK_SERVICES = ("SQS", "SNS", "S3")
_START_TRIES = 3  # Dynoxide takes a port number, not a socket, and another process may be faster


WITHOUT_DYNOXIDE = "The table is on ministack (Dynoxide is not here): slower, and a kill may cost seconds."


class EmulatedAws:
    """Starts what the user did not point elsewhere (`chosen`). `notes` are lines worth saying aloud."""

    def __init__(self, folder: DataFolder, environ: Mapping[str, str]) -> None:
        self.notes: list[str] = []
        self._folder = folder
        self.chosen = {name: url for name, url in chosen_endpoints(environ).items() if name in SERVICES}
        self._children: list[ChildProcess] = []
        self._children_lock: IO[bytes] | None = None
        self._ministack: ChildProcess | None = None
        self._dynoxide: ChildProcess | None = None
        self._dynoxide_program: Path | None = None

    def start(self) -> None:
        """Start the children and return at once, so that the caller can work while they get ready."""
        self._children_lock = self._folder.children_lock()
        if "DYNAMODB" not in self.chosen:
            self._dynoxide_program = self._choose_table_engine()
            if self._dynoxide_program is not None:
                self._dynoxide = self._start_dynoxide(self._dynoxide_program)
        if self._services_of_ministack():
            self._ministack = self._start_ministack()
        self.notes += [f"{name} is at {url}, as AWS_ENDPOINT_URL_{name} says." for name, url in self.chosen.items()]

    def wait_until_ready(self, environ: dict[str, str] | os._Environ[str]) -> None:
        """Wait for the children and point the AWS clients to them. Raises `ChildFailed`."""
        if self._dynoxide is not None:
            point(environ, "DYNAMODB", self._dynoxide_url())
        if self._ministack is not None:
            url = f"http://127.0.0.1:{self._ministack.wait_until_ready().group(1)}"
            for service in self._services_of_ministack():
                point(environ, service, url)
            point_everything_else(environ, url)

    def watch(self, on_failure: Callable[[ChildFailed], None]) -> None:
        for child in self._children:
            child.watch(on_failure)

    def stop(self) -> None:
        for child in self._children:
            child.stop()
        if self._children_lock is not None:
            self._children_lock.close()

    def _services_of_ministack(self) -> list[str]:
        wanted = [name for name in _MINISTACK_SERVICES if name not in self.chosen]
        if "DYNAMODB" not in self.chosen and self._dynoxide_program is None:
            wanted.append("DYNAMODB")
        return wanted

    def _choose_table_engine(self) -> Path | None:
        """Dynoxide, or None for ministack's: the one this data folder began with, for each has files of its own."""
        program = dynoxide.find()
        note = self._folder.table_engine_note
        began_with = note.read_text(encoding="utf-8").strip() if note.exists() else None
        if began_with == "dynoxide" and program is None:
            raise DataFolderError(
                f"The table in {self._folder.path} was written by Dynoxide, which is not here. "
                "Run `make setup` where npm is, put `dynoxide` on the PATH, or begin anew with `make reset`."
            )
        if began_with == "ministack" and program is not None:
            self.notes.append("The table stays on ministack, where this data folder began; `make reset` moves it.")
            return None
        if program is None:
            self.notes.append(WITHOUT_DYNOXIDE)
        note.write_text("ministack" if program is None else "dynoxide", encoding="utf-8")
        return program

    def _start_dynoxide(self, program: Path) -> ChildProcess:
        return self._start_child(
            "dynoxide", dynoxide.command(program, self._folder.table_file, free_port()), dynoxide.READY_LINE, {}
        )

    def _dynoxide_url(self) -> str:
        for tries_left in reversed(range(_START_TRIES)):
            if self._dynoxide is None or self._dynoxide_program is None:
                break
            try:
                return self._dynoxide.wait_until_ready().group(1)
            except ChildFailed:
                self._children.remove(self._dynoxide)
                self._dynoxide.stop()
                if not tries_left:
                    raise
                self._dynoxide = self._start_dynoxide(self._dynoxide_program)
        raise RuntimeError("the table engine was not started")

    def _start_ministack(self) -> ChildProcess:
        variables = {
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self._folder.aws_state),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self._folder.aws_objects),
            "SERVICES": ",".join(name.lower() for name in self._services_of_ministack()),
            # Queues are stored under a URL with this port, so it stays the same whatever port really listens; what a
            # caller sees is made from the Host header of its request.
            "GATEWAY_PORT": "4566",
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            **CREDENTIALS,  # it checks the signatures of links into the bucket
            # It clears away containers it takes for its own; ours has none, and the user's are none of its business.
            "DOCKER_HOST": f"unix://{self._folder.temporary / 'no-docker.sock'}",
        }
        command = [sys.executable, "-m", "embedded.ministack_server"]
        return self._start_child("ministack", command, r"ready on port (\d+)", variables)

    def _start_child(
        self, name: str, command: list[str], ready_line: str, variables: Mapping[str, str]
    ) -> ChildProcess:
        inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "LC_ALL", "TZ") if key in os.environ}
        child = ChildProcess(
            name,
            command,
            ready_line=ready_line,
            log_path=self._folder.logs / f"{name}.log",
            environment={**inherited, "TMPDIR": str(self._folder.temporary), **variables},
            inherited_files=() if self._children_lock is None else (self._children_lock.fileno(),),
        )
        self._children.append(child)
        return child
