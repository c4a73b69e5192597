"""`python -m embedded`: starts AgentSend with its AWS on this machine, and stops it on Ctrl-C or SIGTERM."""

import logging
import os
import signal
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import TextIO

from embedded.announcement import Ready, as_json, as_text
from embedded.aws_environment import isolate, require_answers
from embedded.child_process import ChildFailed
from embedded.data_folder import DataFolder
from embedded.emulated_aws import EmulatedAws
from embedded.errors import CannotRun
from embedded.json_lines import JsonLines
from embedded.listening import address_of, listen
from embedded.options import Options, read_options
from embedded.smtp_tls import read_tls

_LONG_LOG_BYTES = 5_000_000


class EmbeddedRun:
    """One run, from the lock on the data folder to its release."""

    def __init__(self, options: Options, output: TextIO) -> None:
        self._options = options
        self._output = output
        self._over = threading.Event()
        self._failure: ChildFailed | None = None

    def __call__(self) -> int:
        """Run until told to stop; the exit code. Raises what is said to the user in a sentence."""
        with ExitStack() as stack:
            folder = DataFolder(self._options.data_folder)
            folder.lock()
            stack.callback(folder.unlock)
            _log_to(_open_log(folder.logs / "app.log"))
            tls = read_tls(self._options.smtp_certificate, self._options.smtp_key)
            http, http_moved = listen(self._options.http)
            smtp, smtp_moved = listen(self._options.smtp)
            isolate(os.environ)
            aws = EmulatedAws(folder, os.environ)
            require_answers(aws.chosen)
            stack.callback(aws.stop)
            aws.start()
            for note in (http_moved, smtp_moved, *aws.notes):
                if note is not None:
                    self._say(note)

            from embedded.system import System  # noqa: PLC0415 - half a second of imports while the children start

            system = System(folder, aws, http, smtp, tls)
            stack.callback(system.stop)
            key = self._options.api_key or folder.api_key()
            system.start(key)
            aws.watch(self._end_with)
            ready = Ready(f"http://{address_of(http)}", address_of(smtp), key, system.mail_domain, folder.path)
            self._announce(ready, folder)
            self._over.wait()
        if self._failure is not None:
            raise self._failure
        return 0

    def _announce(self, ready: Ready, folder: DataFolder) -> None:
        from embedded.demo import ApiClient, DemoError, demo_inbox  # noqa: PLC0415 - only now needed

        inbox = None
        try:
            inbox = demo_inbox(ApiClient(ready.api, ready.api_key), folder, create=self._options.demo)
        except DemoError as error:
            self._say(str(error))
        text = as_json(ready) if self._options.ready_json else as_text(ready, inbox)
        print(text, file=self._output, flush=True)

    def _say(self, note: str) -> None:
        """Aloud, but never between a program and its line of JSON."""
        print(note, file=sys.stderr if self._options.ready_json else self._output, flush=True)

    def _end_with(self, failure: ChildFailed) -> None:
        self._failure = failure
        self._over.set()


def main() -> int:
    options = read_options(sys.argv[1:])
    _stop_on_signals()
    output, errors = sys.stdout, sys.stderr
    try:
        return EmbeddedRun(options, output)()
    except KeyboardInterrupt:
        return 0
    except CannotRun as error:
        print(error, file=errors)
        return 1
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] in {"app", "chalicelib", "embedded"}:
            raise
        print(f"{error.name} is not installed for {sys.executable}.", file=errors)
        print("Run `make setup`, then `.venv/bin/python -m embedded`.", file=errors)
        return 1


def _stop_on_signals() -> None:
    """The first signal ends the run in order; another one a second later or more ends it at once.

    Even then nothing stays behind: the children's guards notice that we are gone.
    """
    first: list[float] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        if not first:
            first.append(time.monotonic())
            raise KeyboardInterrupt
        if time.monotonic() - first[0] > 1:
            os._exit(128 + number)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)


def _open_log(path: Path) -> TextIO:
    """The log goes on where it ended, unless it has become long; then the old one is kept beside it.

    Nobody closes it: threads may have something to say until the very end.
    """
    if path.exists() and path.stat().st_size > _LONG_LOG_BYTES:
        path.replace(path.with_suffix(".old.log"))
    return path.open("a", encoding="utf-8", buffering=1)


def _log_to(log_file: TextIO) -> None:
    """What Lambda would send to CloudWatch goes to a file; only what went wrong comes to the terminal as well."""
    sys.stdout = log_file
    to_terminal = logging.StreamHandler(sys.stderr)
    to_terminal.setLevel(logging.ERROR)
    to_terminal.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
    to_file = logging.StreamHandler(log_file)
    to_file.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[to_terminal, to_file])
    for talkative in ("botocore", "mail.log"):  # the latter is aiosmtpd's
        logging.getLogger(talkative).setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
