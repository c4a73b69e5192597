"""How much memory reading a large mail takes, as a multiple of its size."""

import base64
import random
from collections.abc import Callable, Mapping

from bench.inbound_parsing import with_email_package
from bench.prose import prose
from bench.readme import markdown_table, short
from chalicelib.mime.bounds import RAW_LIMIT
from chalicelib.mime.parse import parse_mail
from tests.work import peak

MIB = 1024 * 1024
SIZES = (MIB, 10 * MIB, RAW_LIMIT)
_FILE = b'Content-Type: application/pdf\r\nContent-Disposition: attachment; filename="a.pdf"\r\n'


def _text(size: int) -> bytes:
    lines = (prose(72_000, random.Random(20261122)) + "\n").encode()
    wrapped = b"\r\n".join(lines[at : at + 72] for at in range(0, len(lines), 72))
    return b"Subject: text\r\n\r\n" + (wrapped * (size // len(wrapped) + 1))[: size - 100]


def _file(size: int) -> bytes:
    data = base64.encodebytes(random.Random(20261122).randbytes(size * 70 // 100)).replace(b"\n", b"\r\n")
    return _FILE + b"Content-Transfer-Encoding: base64\r\n\r\n" + data


KINDS: Mapping[str, Callable[[int], bytes]] = {
    "text": _text,
    "HTML": lambda size: b"Content-Type: text/html\r\n\r\n<p>" + _text(size - 100),
    "a file in base64": _file,
    "text with one emoji": lambda size: (
        b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + "😀".encode() + _text(size - 100)
    ),
}


def report() -> str:
    """Python's own count (tracemalloc) of what is held at the most besides the mail itself, in sizes of the mail."""
    heads = ["A mail of", *(f"{size // MIB} MB" for size in SIZES), *(f"{size // MIB} MB, `email`" for size in SIZES)]
    rows = []
    for kind, build in KINDS.items():
        mails = [build(size) for size in SIZES]
        ours = [_multiple(lambda raw=raw: parse_mail(raw), raw) for raw in mails]  # type: ignore[misc]
        theirs = [_multiple(lambda raw=raw: with_email_package(raw), raw) for raw in mails]  # type: ignore[misc]
        rows.append([kind, *ours, *theirs])
    return markdown_table(heads, rows)


def _multiple(work: Callable[[], object], raw: bytes) -> str:
    return short(peak(work) / len(raw))
