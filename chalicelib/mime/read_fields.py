"""Message-IDs and dates in a header (RFC 5322 sections 3.6.4 and 3.3)."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from chalicelib.mime.bounds import MESSAGE_ID_LIMIT, REFERENCE_LIMIT
from chalicelib.mime.charsets import clean_line, without_surrogates
from chalicelib.mime.encoded_words import decode_words

_IN_ANGLES = re.compile(r"<([^<>]*)>?")
_BETWEEN_ANGLES = re.compile(r"(<[^<>]*>)")
_BARE = re.compile(r"[^\s<>,;\"]+@[^\s<>,;\"]+")
_SPACES = re.compile("[\x00-\x20\x7f-\xa0\u2028\u2029]+")
_LONGEST_DATE = 200
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_TOO_LATE = datetime(2100, 1, 1, tzinfo=UTC)


def read_message_ids(text: str) -> tuple[str, ...]:
    """The Message-IDs with angle brackets, in their order; only where there are none, those without brackets."""
    if "=?" in text:
        # Older versions of Python's `email` package write long Message-IDs as encoded words (CPython gh-79986), which is wrong
        # (RFC 2047 section 5); those of Amazon SES are that long. What stands in angle brackets is left as it is.
        pieces = _BETWEEN_ANGLES.split(text)
        text = " ".join(piece if piece.startswith("<") else decode_words(piece) for piece in pieces)
    found = _IN_ANGLES.findall(text) or _BARE.findall(text)
    written = (without_surrogates(_SPACES.sub("", inside)) for inside in found)
    return tuple(f"<{inside}>" for inside in written if 0 < len(inside) <= MESSAGE_ID_LIMIT - 2)


def newest(references: tuple[str, ...]) -> tuple[str, ...]:
    """At most a hundred: the first, which began the thread, and the newest."""
    if len(references) <= REFERENCE_LIMIT:
        return references
    return (references[0], *references[-(REFERENCE_LIMIT - 1) :])


def read_date(text: str) -> datetime | None:
    """The date in UTC; None when it cannot be read or is not of 1970 to 2099. Without a zone it is taken for UTC."""
    try:
        date = parsedate_to_datetime(clean_line(text)[:_LONGEST_DATE])
        date = date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None  # there are as many ways to write a date wrongly; the library has an exception for each
    return date if _EARLIEST <= date < _TOO_LATE else None
