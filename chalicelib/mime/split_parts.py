"""A mail's octets as a tree of parts (RFC 2046 section 5.1), in one pass and without recursion.

Each line that begins with two hyphens is looked up among the boundaries that are open; nothing else in a body is
looked at. So the work grows with the size of the mail alone, whatever its depth.
"""

import re
from dataclasses import dataclass, field

from chalicelib.mime.bounds import DEPTH_LIMIT, FIELD_LIMIT, PART_LIMIT, Problems
from chalicelib.mime.content_type import NO_TYPE, ContentType, read_content_type
from chalicelib.mime.header_block import Header, read_mail_header, read_part_header

_DELIMITER = re.compile(rb"\n--([^\n]{1,%d})" % (FIELD_LIMIT + 4))
# In a multipart that names no boundary, or another than it has: a line of two hyphens and more, with a header below it.
_LIKELY_DELIMITER = re.compile(rb"(?:\A|\n)--([^\s-][^\n]{0,200})\n(?=content-[a-z-]{1,50}:)", re.IGNORECASE)
_LIKELY_WITHIN = 64 * 1024


@dataclass(slots=True)
class Part:
    """One part: its header, and where its body stands in the mail."""

    header: Header
    content_type: ContentType
    end: int
    in_digest: bool = False
    children: list["Part"] = field(default_factory=list)

    @property
    def start(self) -> int:
        return self.header.body_start


@dataclass(slots=True)
class _Level:
    part: Part
    boundary: bytes
    closed: bool = False


def empty_part() -> Part:
    """What stands for a mail of which nothing is known."""
    return Part(Header({}, 0), NO_TYPE, 0)


def split_parts(raw: bytes, problems: Problems) -> Part:
    """The mail as its outermost part; `raw` is within its bounds."""
    # A bare CR ends a line only where no other line end is known. In any other mail it would let a field stand in
    # the header that servers on the way, and their checks of the From field, have not seen.
    lines = raw if b"\n" in raw else raw.replace(b"\r", b"\n")
    return _Splitter(lines, problems).split()


class _Splitter:
    def __init__(self, lines: bytes, problems: Problems) -> None:
        self._lines = lines
        self._problems = problems
        self._levels: list[_Level] = []
        self._open: dict[bytes, int] = {}  # what stands after the hyphens → the level it belongs to
        self._part: Part | None = None  # the one whose body is being passed; None before, between and after parts
        self._count = 0

    def split(self) -> Part:
        header = read_mail_header(self._lines, self._problems)
        root = Part(header, read_content_type(header), len(self._lines))
        self._begin(root)
        at = max(root.start - 1, 0)
        while (found := self._next_delimiter(at)) is not None:
            start, end, after_hyphens = found
            self._end_part(start)
            level = self._close_inner(after_hyphens)
            if level.closed:
                at = end
            elif self._count < PART_LIMIT:
                at = self._read_part(level, end)
            else:
                self._problems.add(f"it has more than {PART_LIMIT:,} parts")
                break
        else:
            self._end_part(len(self._lines), at_end=True)
        return root

    def _next_delimiter(self, at: int) -> tuple[int, int, bytes] | None:
        if not self._open:
            return None
        for found in _DELIMITER.finditer(self._lines, at):
            after_hyphens = found[1].rstrip(b" \t\r")
            if after_hyphens in self._open:
                return found.start(), found.end(), after_hyphens
            # Something after the hyphens that end a multipart, such as `--boundary-->`.
            closing = after_hyphens[: after_hyphens.rfind(b"--") + 2]
            if closing in self._open:
                return found.start(), found.end(), closing
        return None

    def _close_inner(self, after_hyphens: bytes) -> _Level:
        """The level a delimiter belongs to, once those within are over; closed if the delimiter says so."""
        level = self._levels[self._open[after_hyphens]]
        del self._levels[self._open[after_hyphens] + 1 :]
        level.closed = after_hyphens != level.boundary
        if level.closed and any(outer.boundary == level.boundary for outer in self._levels[:-1]):
            self._levels.pop()  # of two with the same boundary the inner one is over
        self._refresh()
        return level

    def _read_part(self, level: _Level, end: int) -> int:
        """Begin the part below a delimiter that ends at `end`; where to look for the next delimiter."""
        newline = self._lines.find(b"\n", end)
        start = len(self._lines) if newline < 0 else newline + 1
        header = read_part_header(self._lines, start, self._open, self._problems)
        in_digest = level.part.content_type.media_type == "multipart/digest"
        part = Part(header, read_content_type(header), len(self._lines), in_digest)
        if len(self._levels) > DEPTH_LIMIT:
            # Deeper ones are read as if they stood less deep: nobody's text is lost, and no reader recurses further.
            self._problems.add(f"it has multiparts more than {DEPTH_LIMIT} deep")
        self._levels[:DEPTH_LIMIT][-1].part.children.append(part)
        self._begin(part)
        return max(part.start - 1, end)

    def _begin(self, part: Part) -> None:
        self._count += 1
        self._part = part
        if part.content_type.is_multipart and (boundary := self._boundary(part)):
            self._levels.append(_Level(part, boundary))
            self._refresh()

    def _boundary(self, part: Part) -> bytes | None:
        declared = part.content_type.boundary()
        # Looked for in the outermost part only, for that costs one more pass over what is in it.
        if declared and (self._count > 1 or self._lines.find(b"--" + declared, part.start) >= 0):
            return declared
        if self._lines[part.start : part.start + _LIKELY_WITHIN].strip():
            self._problems.add("a multipart does not name its boundary")
        likely = _LIKELY_DELIMITER.search(self._lines, part.start, part.start + _LIKELY_WITHIN)
        return likely[1].rstrip(b" \t\r") if likely else declared

    def _end_part(self, end: int, *, at_end: bool = False) -> None:
        if self._part is None:
            return
        if not at_end and self._lines[end - 1 : end] == b"\r":
            end -= 1  # the line end before a delimiter belongs to the delimiter
        self._part.end = max(end, self._part.start)
        self._part = None

    def _refresh(self) -> None:
        self._open.clear()
        for number, level in enumerate(self._levels):  # of equal boundaries the inner one counts
            self._open[level.boundary] = number
            if not level.closed:
                self._open[level.boundary + b"--"] = number
