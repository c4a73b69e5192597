"""The new words of an answer, without the quoted history and the signature."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.mime.html_text import quote_marked_text
from chalicelib.mime.reply_marks import (
    attribution_start,
    begins_header,
    is_list_footer,
    is_quoted,
    is_rule,
    is_sent_from,
    is_separator,
    is_signature_delimiter,
    may_be_signature,
)

_LONG_LINE = 60  # characters of a quoted line that a mail program may have wrapped


def extract_reply(body_text: str, body_html: str | None) -> str:
    """What the sender wrote anew: never empty unless the mail is, and the whole text when nothing in it is old.

    Answers between quoted lines stay and the quoted lines go. The HTML is asked only when the text does not show where
    earlier mail begins. A mail without new words, such as a bare forward, gives all its words.
    """
    pieces = _new_pieces(body_text)
    if not pieces.old_found and body_html:
        marked = quote_marked_text(body_html)
        if marked is not None:
            from_html = _new_pieces(marked)
            if from_html.old_found and from_html.text():
                return from_html.text()
    return pieces.text() or body_text.strip()


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Runs of new lines, and whether anything old was found between or after them."""

    runs: Sequence[Sequence[str]]
    old_found: bool

    def text(self) -> str:
        texts = ("\n".join(_without_signature(run)).strip("\n") for run in self.runs)
        return "\n\n".join(text for text in texts if text.strip()).strip()


def _new_pieces(text: str) -> _Pieces:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    quoted = [is_quoted(line) or _is_wrapped_quote(lines, at) for at, line in enumerate(lines)]
    following = _following(lines, quoted)
    attributions = _attributions(lines, quoted, following)
    runs: list[list[str]] = [[]]
    at = 0
    while at < len(lines):
        if quoted[at]:
            runs.append([])
            at += 1
        elif at in attributions:
            end = attributions[at]
            if following[end] == "new":  # the history stands below without any mark
                break
            runs.append([])
            at = end + 1
        elif is_separator(lines[at]) or begins_header(lines, at):
            break
        else:
            runs[-1].append(lines[at])
            at += 1
    old_found = at < len(lines) or len(runs) > 1
    if at < len(lines):
        runs[-1] = _without_rules(runs[-1])
    return _Pieces(runs, old_found)


def _is_wrapped_quote(lines: Sequence[str], at: int) -> bool:
    """The rest of a long quoted line that was broken without a new `>`: it stands between two and begins in mid-sentence."""
    if not 0 < at < len(lines) - 1 or not lines[at][:1].islower():
        return False
    above = lines[at - 1].rstrip()
    return (
        is_quoted(above)
        and is_quoted(lines[at + 1])
        and len(above) >= _LONG_LINE
        and not above.endswith((".", "?", "!", ":", "。", "？"))  # noqa: RUF001 - these are meant
    )


def _following(lines: Sequence[str], quoted: Sequence[bool]) -> Sequence[str]:
    """What comes after each line, blank ones aside: a `quote`, something `new`, or the `end`."""
    following: list[str] = []
    after = "end"
    for line, is_quote in zip(reversed(lines), reversed(quoted), strict=True):
        following.append(after)
        if line.strip():
            after = "quote" if is_quote else "new"
    return following[::-1]


def _attributions(lines: Sequence[str], quoted: Sequence[bool], following: Sequence[str]) -> Mapping[int, int]:
    """First and last line of each "On … wrote:"."""
    found: dict[int, int] = {}
    for end, line in enumerate(lines):
        if line.strip() and not quoted[end]:
            start = attribution_start(lines, end, before_quote=following[end] == "quote")
            if start is not None:
                found[start] = end
    return found


# -------------------------------------------------------------------------------------------------- signatures


def _without_signature(run: Sequence[str]) -> Sequence[str]:
    lines: list[str] = []
    left_out = False
    for at, line in enumerate(run):
        left_out = (_ends_paragraph(run, at) and is_sent_from(line)) or (left_out and not line.strip())
        if not left_out:
            lines.append(line)
    end = len(lines)
    # From below, so that the signature of a signature goes too; each delimiter looks at a few lines only.
    for at in reversed(range(len(lines))):
        if is_list_footer(lines, at) or (
            is_signature_delimiter(lines[at])
            and may_be_signature(lines[at], (lines[after] for after in range(at + 1, end) if lines[after].strip()))
        ):
            end = at
    return lines[:end]


def _ends_paragraph(lines: Sequence[str], at: int) -> bool:
    below = lines[at + 1] if at + 1 < len(lines) else ""
    return not below.strip() or is_rule(below) or is_signature_delimiter(below)


def _without_rules(lines: Sequence[str]) -> list[str]:
    """The lines without the one drawn above earlier mail."""
    end = len(lines)
    while end and (not lines[end - 1].strip() or is_rule(lines[end - 1])):
        end -= 1
    return list(lines[:end])
