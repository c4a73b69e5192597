"""The command line of `python -m embedded`."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from embedded.data_folder import DEFAULT_DATA_FOLDER
from embedded.listening import PortChoice

DEFAULT_HTTP_PORT = 8025
DEFAULT_SMTP_PORT = 2525
_KEY = re.compile(r"[A-Za-z0-9_]{16,100}")


@dataclass(frozen=True, slots=True)
class Options:
    """What to start."""

    http: PortChoice
    smtp: PortChoice
    data_folder: Path
    api_key: str | None  # None: the one the data folder keeps
    demo: bool
    ready_json: bool
    smtp_certificate: Path | None = None  # None: no STARTTLS
    smtp_key: Path | None = None  # None: in the same file


def read_options(arguments: Sequence[str]) -> Options:
    """The options in these arguments; ends the program with a sentence when they cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m embedded", description="AgentSend on this machine alone.")
    parser.add_argument("--http-port", type=_port, metavar="N", help=f"{DEFAULT_HTTP_PORT} if free; 0: any free one")
    parser.add_argument("--smtp-port", type=_port, metavar="M", help=f"{DEFAULT_SMTP_PORT} if free; 0: any free one")
    parser.add_argument("--data-dir", type=Path, default=DEFAULT_DATA_FOLDER, metavar="DIR", help="where data is kept")
    parser.add_argument("--api-key", type=_key, metavar="KEY", help="admin key of the first account")
    parser.add_argument("--no-demo", action="store_true", help="start without an inbox and mails to look at")
    parser.add_argument("--ready-json", action="store_true", help="print one line of JSON when ready, nothing else")
    parser.add_argument(
        "--smtp-cert", type=Path, metavar="FILE", help="a certificate (PEM); with it, STARTTLS is offered"
    )
    parser.add_argument("--smtp-key", type=Path, metavar="FILE", help="its key, unless it is in the same file")
    given = parser.parse_args(arguments)
    if given.smtp_key is not None and given.smtp_cert is None:
        parser.error("--smtp-key needs --smtp-cert, the certificate that the key belongs to")
    return Options(
        http=_choice("HTTP", given.http_port, DEFAULT_HTTP_PORT),
        smtp=_choice("SMTP", given.smtp_port, DEFAULT_SMTP_PORT),
        data_folder=given.data_dir,
        api_key=given.api_key,
        demo=not given.no_demo,
        ready_json=given.ready_json,
        smtp_certificate=given.smtp_cert,
        smtp_key=given.smtp_key,
    )


def _choice(door: str, given: int | None, default: int) -> PortChoice:
    return PortChoice(door, default if given is None else given, is_default=given is None)


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; give a number from 0 to 65535")
    return int(text)


def _key(text: str) -> str:
    if not _KEY.fullmatch(text):
        raise argparse.ArgumentTypeError("the key must be 16 to 100 characters out of A-Z, a-z, 0-9 and _")
    return text
