"""The mails of tests/corpora, one by one; tests/corpora/SOURCES.md says where they come from."""

from collections.abc import Iterator
from pathlib import Path

CORPORA = Path(__file__).parent / "corpora"
REPLY_TEXTS = CORPORA / "crisp-email-reply-parser"
_NO_MAILS = frozenset({"LICENSE", "LICENSE.txt", "MIT-LICENSE", "SOURCES.md"})


def corpus_names() -> list[str]:
    """Each mail's path below tests/corpora, in one order everywhere."""
    files = (path for path in CORPORA.rglob("*") if path.is_file() and path.name not in _NO_MAILS)
    return sorted(path.relative_to(CORPORA).as_posix() for path in files)


def corpus_mail(name: str) -> bytes:
    return (CORPORA / name).read_bytes()


def corpus_mails() -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of every mail; the texts of replies among them are mails without a header section."""
    return ((name, corpus_mail(name)) for name in corpus_names())


def reply_texts() -> Iterator[tuple[str, str]]:
    """(name, text) of the bodies of replies, for what works on text alone."""
    return (
        (path.name, path.read_text("utf-8")) for path in sorted(REPLY_TEXTS.glob("*.txt")) if path.name != "LICENSE"
    )
