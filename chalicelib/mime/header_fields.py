"""Header fields as they are written: folded (RFC 5322 section 2.2.3), any language in ASCII (RFC 2047, RFC 2231).

Our own writer and not the `email` package's: some of its versions decode what looks like an encoded word before they
write it, and so turn a subject into further header fields. This one never decodes, and what looks like an encoded
word is encoded itself, so that every reader shows exactly the text that was given.
"""

import binascii
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

from chalicelib.domain.address import Mailbox

_Piece = TypeVar("_Piece", str, bytes)

_LINE = 78  # RFC 5322 section 2.1.1
_ENCODED_LINE = 76  # RFC 2047 section 2: the limit of a line that holds an encoded word
_ENCODED_WORD = 75  # … and of the word itself
_ENCODED_WORD_FRAME = len("=?utf-8?q??=")
_LONGEST_CHARACTER = 12  # four octets, each as =XX


@dataclass(frozen=True, slots=True)
class HeaderField:
    """A field's name and the text after its colon, folded with CRLF."""

    name: str
    body: str

    def __str__(self) -> str:
        return f"{self.name}:{self.body}"


class _Folder:
    """Gathers a field's tokens and breaks the line before one that does not fit."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lines: list[str] = []
        self._line = ""

    def add(self, token: str, space: str = " ") -> None:
        # The first token stays beside the name: several readers take a line without any text for an empty field.
        if self._line and self._used + len(space) + len(token) > _LINE:
            self._lines.append(self._line)
            self._line = ""
        self._line += space + token

    def add_encoded(self, text: str, space: str = " ") -> None:
        words = list(_encoded_words(text, first_room=_ENCODED_LINE - self._used - len(space)))
        if len(words) > 1 and self._line:
            # On a line of its own it may need fewer, and some readers show a space between two in a name (CPython gh-128110).
            words = min(words, list(_encoded_words(text, first_room=_ENCODED_WORD)), key=len)
        for word in words:
            self.add(word, space)
            space = " "  # between two encoded words it is not shown

    def field(self) -> HeaderField:
        return HeaderField(self._name, "\r\n".join((*self._lines, self._line)))

    @property
    def _used(self) -> int:
        return len(self._line) if self._lines else len(self._name) + 1 + len(self._line)


# --------------------------------------------------------------------------------------------------- kinds of field

_WORD = re.compile(r"( *)([^ ]+)")
_PLAIN_WORD = re.compile(r"[!-~]+")


def unstructured(name: str, text: str, *, longest_word: int = 60) -> HeaderField:
    """A field of free text. Words that are not plain ASCII, or longer than `longest_word`, become encoded words."""
    folder = _Folder(name)
    if text != text.strip(" "):  # readers drop spaces at the ends unless they are encoded
        folder.add_encoded(text)
        return folder.field()

    def is_plain(token: re.Match[str]) -> bool:
        word = token[2]
        return len(word) <= longest_word and "=?" not in word and _PLAIN_WORD.fullmatch(word) is not None

    for plain, run in groupby(_WORD.finditer(text), key=is_plain):
        tokens = list(run)
        if plain:
            for token in tokens:
                folder.add(token[2], token[1] or " ")
        else:
            folder.add_encoded(text[tokens[0].start(2) : tokens[-1].end()], tokens[0][1] or " ")
    return folder.field()


def mailboxes(name: str, members: Sequence[Mailbox]) -> HeaderField:
    """A field of addresses with their names, such as To."""
    folder = _Folder(name)
    for place, mailbox in enumerate(members, start=1):
        comma = "," if place < len(members) else ""
        if mailbox.name:
            _add_phrase(folder, mailbox.name)
            folder.add(f"<{mailbox.address}>{comma}")
        else:
            folder.add(mailbox.address + comma)
    return folder.field()


def tokens(name: str, members: Iterable[str]) -> HeaderField:
    """A field of words that must stay as they are, such as References."""
    folder = _Folder(name)
    for member in members:
        folder.add(member)
    return folder.field()


def with_filename(name: str, value: str, filename: str) -> HeaderField:
    """A field with a `filename` parameter, such as Content-Disposition."""
    folder = _Folder(name)
    parameters = _parameters("filename", filename)
    folder.add(value + ";")
    for parameter in parameters[:-1]:
        folder.add(parameter + ";")
    folder.add(parameters[-1])
    return folder.field()


# -------------------------------------------------------------------------------------------------- names (RFC 5322)

_ATOMS = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?: [\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
_QUOTABLE = re.compile(r"[!-~]+(?: [!-~]+)*")
_LONGEST_QUOTED = 60  # longer ones are encoded, for a quoted string cannot be folded without doubt about its spaces


def _add_phrase(folder: _Folder, name: str) -> None:
    if "=?" in name or len(name) > _LONGEST_QUOTED or not _QUOTABLE.fullmatch(name):
        folder.add_encoded(name)
    elif _ATOMS.fullmatch(name):
        for atom in name.split(" "):
            folder.add(atom)
    else:
        folder.add('"' + re.sub(r'(["\\])', r"\\\1", name) + '"')


# ------------------------------------------------------------------------------------------- encoded words (RFC 2047)

# What may stand for itself in every place an encoded word can stand in, a phrase being the narrowest (section 5).
_SAFE_IN_Q = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")


def _encoded_words(text: str, *, first_room: int) -> Iterator[str]:
    """The text as encoded words, in whichever of the two encodings is shorter; no character is divided (section 5)."""
    room = first_room - _ENCODED_WORD_FRAME
    full_room = _ENCODED_WORD - _ENCODED_WORD_FRAME
    if room < _LONGEST_CHARACTER:
        room = full_room  # nothing fits here; it begins on a line of its own
    in_q = [_q(character) for character in text]
    if sum(map(len, in_q)) <= 4 * len(text.encode()) / 3:
        for part in _chunks(in_q, room, full_room):
            yield f"=?utf-8?q?{''.join(part)}?="
    else:
        octets = [character.encode() for character in text]
        for octet_part in _chunks(octets, room // 4 * 3, full_room // 4 * 3):
            encoded = binascii.b2a_base64(b"".join(octet_part), newline=False)
            yield f"=?utf-8?b?{encoded.decode('ascii')}?="


def _q(character: str) -> str:
    if character == " ":
        return "_"
    if character in _SAFE_IN_Q:
        return character
    return "".join(f"={octet:02X}" for octet in character.encode())


def _chunks(items: Iterable[_Piece], first_room: int, room: int) -> Iterator[list[_Piece]]:
    """Neighbours together as long as they fit: into `first_room`, then each time into `room`."""
    chunk: list[_Piece] = []
    left = first_room
    for item in items:
        if chunk and len(item) > left:
            yield chunk
            chunk, left = [], room
        chunk.append(item)
        left -= len(item)
    yield chunk


# ----------------------------------------------------------------------------------------------- parameters (RFC 2231)

# A semicolon may stand in quotes, and there are readers that end the value there.
_PLAIN_VALUE = re.compile(r"[ !#-:<-\[\]-~]*")
_ATTRIBUTE_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`{|}~")
_SECTION = 50  # characters of an encoded value in one line


def _parameters(attribute: str, value: str) -> list[str]:
    """`attribute="value"`, or as many encoded sections as it takes (RFC 2231 sections 3 and 4)."""
    if len(value) <= _SECTION and "=?" not in value and _PLAIN_VALUE.fullmatch(value):
        return [f'{attribute}="{value}"']
    # Whole characters a section: some readers decode each by itself.
    sections = ["".join(part) for part in _chunks([_percent(c) for c in value], _SECTION, _SECTION)]
    sections[0] = f"utf-8''{sections[0]}"
    if len(sections) == 1:
        return [f"{attribute}*={sections[0]}"]
    return [f"{attribute}*{number}*={section}" for number, section in enumerate(sections)]


def _percent(character: str) -> str:
    if character in _ATTRIBUTE_CHARACTERS:
        return character
    return "".join(f"%{octet:02X}" for octet in character.encode())
