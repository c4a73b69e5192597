"""Names and media types of files, made fit to be shown, stored and written into a header."""

import mimetypes
import re
import unicodedata

from chalicelib.domain.header_text import header_text_problem

LONGEST_NAME = 200  # bytes of UTF-8; file systems take 255, and a browser may add " (1)"
NAMELESS = "attachment"
ANY_TYPE = "application/octet-stream"

_LONGEST_ENDING = 20  # characters of an ending that is kept when a name is cut
# What reads as an end of a line, cannot be seen, or turns the direction of what follows: U+202E makes "exe.gpj" of
# "jpg.exe". The joiners U+200C and U+200D stay, words and emoji need them.
_UNFIT = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_TOKEN = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"  # RFC 6838 section 4.2
_MEDIA_TYPE = re.compile(rf"({_TOKEN})/({_TOKEN})\s*(?:;.*)?", re.DOTALL)


def clean_filename(text: str) -> str:
    """The name without paths, control characters and direction marks, at most 200 bytes long; never empty."""
    name = unicodedata.normalize("NFC", _UNFIT.sub("", text)).replace("\\", "/").rpartition("/")[2]
    if header_text_problem(name):  # an encoded word that a reader could decode into something else
        name = name.replace("=?", "=_")
    name = " ".join(name.split())
    return _cut(name).rstrip(". ") or NAMELESS


def media_type(text: str) -> str | None:
    """`type/subtype` in lower case, without parameters; None when the text is no media type (RFC 6838 section 4.2)."""
    found = _MEDIA_TYPE.fullmatch(text.strip())
    return f"{found[1]}/{found[2]}".lower() if found else None


def likely_type(filename: str) -> str:
    """The media type that goes with the name's ending; `application/octet-stream` when none does."""
    known, encoding = mimetypes.guess_type("file." + filename.rpartition(".")[2])
    return known if known and not encoding else ANY_TYPE


def _cut(name: str) -> str:
    if len(name.encode()) <= LONGEST_NAME:
        return name
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending) > _LONGEST_ENDING:
        stem, dot, ending = name, "", ""
    room = LONGEST_NAME - len((dot + ending).encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip() + dot + ending
