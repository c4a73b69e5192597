"""The header of a mail or part: its fields as octets (RFC 5322 section 2.2), however broken the lines are."""

import re
from collections.abc import Container
from dataclasses import dataclass

from chalicelib.mime.bounds import (
    FIELD_LIMIT,
    HEADER_FIELDS_LIMIT,
    HEADER_LIMIT,
    PART_FIELDS_LIMIT,
    PART_HEADER_LIMIT,
    Problems,
)
from chalicelib.mime.charsets import decode

_FIELD = re.compile(rb"([!-9;-~]{1,256})[ \t]*:")
_FIELD_END = re.compile(rb"\n(?![ \t])")
_EMPTY_LINE = re.compile(rb"\r*(?:\n|\Z)")
_BARE_CR = re.compile(rb"\r(?!\r*\n)")
_INDENT = re.compile(rb"[ \t]{1,80}")
_HEADER_END = re.compile(rb"\n\r*\n")
_LONGEST_DELIMITER = FIELD_LIMIT + 10
_MBOX_LINE = re.compile(rb">?From (?![ \t]*:)[^\n]*\n")
# A line that is no field stands inside a header only if one of these follows it; otherwise the body begins there.
_USUAL = re.compile(
    rb"(?:from|to|cc|bcc|sender|reply-to|subject|date|message-id|in-reply-to|references|mime-version|received"
    rb"|return-path|delivered-to|dkim-[a-z]+|arc-[a-z-]+|authentication-results|(?:x|content|list|resent)-[!-9;-~]+)"
    rb"[ \t]*:",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Field:
    """What stands after a field's colon, unfolded; `cut` when it was longer than is read."""

    octets: bytes
    cut: bool = False

    def text(self, charset: str | None = None) -> str:
        """UTF-8 if it can be that (RFC 6532), else the charset, else Windows-1252."""
        try:
            return self.octets.decode("utf-8")
        except UnicodeDecodeError:
            return decode(self.octets, charset)


@dataclass(frozen=True, slots=True)
class Header:
    """Fields by their names in lower case, repeated ones in their order."""

    fields: dict[str, list[Field]]
    body_start: int  # where in the mail the header has ended
    has_bare_cr: bool = False  # which some programs read as the end of a line, so they may find other fields in it

    def all(self, name: str) -> list[Field]:
        return self.fields.get(name, [])

    def first(self, name: str) -> Field | None:
        """The first of that name that says anything."""
        return next((field for field in self.all(name) if field.octets.strip()), None)

    def text(self, name: str) -> str:
        """The first of that name as text; empty when there is none."""
        field = self.first(name)
        return field.text().strip() if field else ""


def read_mail_header(lines: bytes, problems: Problems) -> Header:
    """The header of the mail itself; `lines` has LF or CRLF at the end of each."""
    start = 0
    if mbox := _MBOX_LINE.match(lines):
        start = mbox.end()
    elif _EMPTY_LINE.match(lines):
        # Empty lines before it are forgiven, unless what follows is no header.
        start = len(lines) - len(lines.lstrip(b"\r\n"))
        start = start if _FIELD.match(lines, start) else 0
    return _Reader(lines, start, (), problems, is_mail=True).read()


def read_part_header(lines: bytes, start: int, delimiters: Container[bytes], problems: Problems) -> Header:
    """The header of a part that begins at `start`; one of the `delimiters` ends it too."""
    return _Reader(lines, start, delimiters, problems, is_mail=False).read()


class _Reader:
    def __init__(
        self, lines: bytes, start: int, delimiters: Container[bytes], problems: Problems, *, is_mail: bool
    ) -> None:
        self._lines = lines
        self._start = self._at = start
        self._delimiters = delimiters
        self._bytes_left = HEADER_LIMIT if is_mail else PART_HEADER_LIMIT
        self._fields_left = HEADER_FIELDS_LIMIT if is_mail else PART_FIELDS_LIMIT
        self._problems = problems
        self._is_mail = is_mail
        self._fields: dict[str, list[Field]] = {}
        self._last = ""  # the name of the field above

    def read(self) -> Header:
        while not self._at_end():
            if self._bytes_left <= 0 or self._fields_left <= 0:
                self._give_up()
                break
            if found := _FIELD.match(self._lines, self._field_start()):
                self._take(found)
            elif self._last and self._fields[self._last][-1].octets.endswith(b";"):
                self._take_unfolded_line(self._fields[self._last])
            elif self._goes_on_after_this_line():
                # A mail that came out of an mbox file begins with such a line; servers on its way put fields above it.
                if not _MBOX_LINE.match(self._lines, self._at):
                    self._problems.add("a line of the header is no field")
                self._fields_left -= 1
                self._at = self._next_line()
            else:
                break
        return Header(self._fields, self._at, bool(_BARE_CR.search(self._lines, self._start, self._at)))

    def _field_start(self) -> int:
        """Here, or past the spaces before the very first field of a mail."""
        indent = _INDENT.match(self._lines, self._at) if self._is_mail and not self._fields else None
        return indent.end() if indent and _USUAL.match(self._lines, indent.end()) else self._at

    def _at_end(self) -> bool:
        """Whether the header ends here: at an empty line, which is passed, or a delimiter, which is not."""
        if empty := _EMPTY_LINE.match(self._lines, self._at):
            self._at = empty.end()
            return True
        if not self._lines.startswith(b"--", self._at):
            return False
        end = min(self._next_line(), self._at + _LONGEST_DELIMITER)
        return self._lines[self._at + 2 : end].rstrip() in self._delimiters

    def _take(self, found: re.Match[bytes]) -> None:
        end_line = _FIELD_END.search(self._lines, found.end())
        end = end_line.start() if end_line else len(self._lines)
        cut = end - found.end() > FIELD_LIMIT
        octets = self._lines[found.end() : found.end() + FIELD_LIMIT if cut else end]
        name = found[1].decode("ascii").lower()
        if cut:
            self._problems.add(f"the header field {found[1][:60].decode('ascii')} is longer than 16 KB")
        self._bytes_left -= len(name) + len(octets)
        self._fields_left -= 1
        unfolded = octets.replace(b"\r\n", b"").replace(b"\n", b"").strip(b" \t\r")
        self._fields.setdefault(name, []).append(Field(unfolded, cut))
        self._last = name
        self._at = min(end + 1, len(self._lines))

    def _take_unfolded_line(self, fields: list[Field]) -> None:
        """After a semicolon the next line goes on, even where its space has got lost."""
        end = self._next_line()
        line = self._lines[self._at : min(end, self._at + FIELD_LIMIT)].strip()
        fields[-1] = Field((fields[-1].octets + b" " + line)[:FIELD_LIMIT], fields[-1].cut)
        self._bytes_left -= len(line)
        self._fields_left -= 1
        self._at = end

    def _goes_on_after_this_line(self) -> bool:
        return bool((self._fields or self._is_mail) and _USUAL.match(self._lines, self._next_line()))

    def _next_line(self) -> int:
        end = self._lines.find(b"\n", self._at)
        return len(self._lines) if end < 0 else end + 1

    def _give_up(self) -> None:
        if not self._is_mail:
            self._problems.add("the header of a part is longer than 32 KB or 200 fields")
            return
        self._problems.add("the header is longer than 256 KB or 5,000 fields")
        end = _HEADER_END.search(self._lines, max(self._at - 1, 0))
        self._at = end.end() if end else len(self._lines)
