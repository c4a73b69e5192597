"""A page of plain text as it is written: words, lines, blank lines, quotes, lists and the cells of tables."""

import re
from dataclasses import dataclass, field

LINE, BLANK_LINE = 1, 2  # sizes of a gap between blocks

_SPACES = re.compile(r"[\s\u200b]+")
_LINE_ENDS = re.compile(r"\r\n?|[\n\x85\u2028\u2029]")
# Deeper quotes and lists look like these, so that no line grows by more than a few characters.
_DEEPEST_QUOTE = 5
_WIDEST_INDENT = 8
# A word or a line by itself takes many times its length; of a large mail not all are held at once.
_PIECE = 1 << 16  # characters
_LINES_HELD = 1 << 12


@dataclass(slots=True)
class _List:
    number: int | None  # of the next item; None for bullets
    marker: str = ""  # of an item whose first word is still to come
    indent: int = 2


@dataclass(slots=True)
class _Row:
    line: int | None = None  # how many lines were finished when its first word came


@dataclass(slots=True)
class TextPage:
    """What is written so far. Gaps stay open until the next word comes, so none stands at the beginning or the end."""

    quotes: int = 0
    _pages: list[str] = field(default_factory=list)  # lines that are finished, many together
    _lines: list[str] = field(default_factory=list)  # those after them, one by one
    _finished: int = 0  # how many lines both hold
    _line: list[str] = field(default_factory=list)
    _line_quotes: int = 0
    _gap: int = 0
    _spaced: bool = True  # a space here would be the second, or the first in its line
    _lead: str = ""  # spaces that begin a preformatted line
    _lists: list[_List] = field(default_factory=list)
    _indent: int = 0  # of all lists around the innermost
    _rows: list[_Row] = field(default_factory=list)
    _tabs: int = 0
    _fresh_cell: int = 0  # the depth of the row in whose cell no word came yet; 0 for none

    def write(self, text: str) -> None:
        """Running words: spaces and line ends collapse as in browsers."""
        for at in range(0, len(text), _PIECE):
            self._write_words(text[at : at + _PIECE])

    def _write_words(self, text: str) -> None:
        collapsed = _SPACES.sub(" ", text)
        if self._spaced or self._gap or self._tabs:
            collapsed = collapsed.removeprefix(" ")
        if collapsed:
            self._begin()
            self._line.append(collapsed)
            self._spaced = collapsed.endswith(" ")

    def write_lines(self, text: str) -> None:
        """Preformatted text: its lines and spaces stay, but for more than one blank line in a row."""
        at = 0
        for line_end in _LINE_ENDS.finditer(text):
            self._write_as_is(text[at : line_end.start()])
            self.line_break()
            at = line_end.end()
        self._write_as_is(text[at:])

    def annotate(self, text: str) -> None:
        """Add to the words just written, whatever block has ended since."""
        if self._line:
            self._line[-1] = self._line[-1].rstrip()
            self._line.append(text)
            self._spaced = False

    def gap(self, size: int) -> None:
        """A block begins or ends: the next word stands on another line, or after a blank one."""
        if not self._fresh_cell:
            self._gap = max(self._gap, size)
            self._lead = ""

    def line_break(self) -> None:
        if not self._fresh_cell:
            self._gap = min(self._gap + LINE, BLANK_LINE)
            self._lead = ""

    @property
    def in_list(self) -> bool:
        return bool(self._lists)

    def begin_list(self, first: int | None) -> None:
        if self._lists:
            self._indent += self._lists[-1].indent
        self._lists.append(_List(first))

    def end_list(self) -> None:
        self._lists.pop()
        if self._lists:
            self._indent -= self._lists[-1].indent

    def item(self, number: int | None) -> None:
        """The next word begins an item of the innermost list; `number` is one that was given to it."""
        self.gap(LINE)
        if not self._lists:  # an item outside of any list
            self.write("- ")
            return
        inner = self._lists[-1]
        if inner.number is None:
            inner.marker = "- "
        else:
            number = inner.number if number is None else number
            inner.marker, inner.number = f"{number}. ", number + 1
        inner.indent = len(inner.marker)

    def begin_row(self) -> None:
        self.gap(LINE)
        self._rows.append(_Row())

    def cell(self) -> None:
        """A cell begins: on the line of the row, as long as the row has only one."""
        if not self._rows or self._rows[-1].line is None:
            return
        if self._rows[-1].line == self._finished:
            self._gap = 0
            self._tabs += 1
            self._fresh_cell = len(self._rows)
        else:
            self.gap(LINE)

    def end_row(self) -> None:
        if self._fresh_cell == len(self._rows):
            self._fresh_cell = self._tabs = 0
        self._rows.pop()
        self.gap(LINE)

    def text(self) -> str:
        return "\n".join([*self._pages, *self._lines, "".join(self._line).rstrip()]).rstrip("\n")

    def _finish(self, line: str) -> None:
        self._lines.append(line)
        self._finished += 1
        if len(self._lines) == _LINES_HELD:
            self._pages.append("\n".join(self._lines))
            self._lines.clear()

    def _write_as_is(self, text: str) -> None:
        if text.isspace() and (self._gap or not self._line):
            self._lead += text
        elif text:
            self._begin()
            self._line.append(text)
            self._spaced = text.endswith((" ", "\t"))

    def _begin(self) -> None:
        """Open the gap and the line that the next word needs."""
        if self._gap and self._line:
            self._finish("".join(self._line).rstrip())
            self._line.clear()
            if self._gap == BLANK_LINE:
                self._finish(_quoted(min(self._line_quotes, self.quotes)).rstrip())
        if not self._line:
            self._line_quotes = self.quotes
            self._line.append(_quoted(self.quotes) + self._margin() + self._lead)
        elif self._tabs:
            self._line[-1] = self._line[-1].rstrip(" ")
            self._line.append("\t" * self._tabs)
        self._gap = self._tabs = self._fresh_cell = 0
        self._lead = ""
        for row in reversed(self._rows):
            if row.line is not None:
                break
            row.line = self._finished

    def _margin(self) -> str:
        if not self._lists:
            return ""
        inner = self._lists[-1]
        marker = inner.marker or " " * inner.indent
        inner.marker = ""
        return " " * min(self._indent, _WIDEST_INDENT) + marker


def _quoted(depth: int) -> str:
    return "> " * min(depth, _DEEPEST_QUOTE)
