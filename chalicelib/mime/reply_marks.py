"""Recognising in plain text where earlier mail begins and what is a signature; each rule looks at a few lines only."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from chalicelib.mime.reply_words import (
    FORWARD_BEGINS,
    LABELS,
    SENT_FROM,
    SENT_FROM_ENDS,
    SEPARATORS,
    WROTE,
    WROTE_BEGINS,
    WROTE_LAST,
    Label,
)

_MOST_WRAPPED = 4  # lines that "On … wrote:" is wrapped over
_LONGEST_ATTRIBUTION = 500
_LONGEST_LABEL = 30
_LONGEST_BLOCK = 12  # lines of a header that is written out
_DASHES = "-_–—=*~ \t\xa0"  # noqa: RUF001 - these are meant


def is_quoted(line: str) -> bool:
    """Whether a line is marked as a quote; a `>:` alone is the end of a wrapped `… <ada@example.com>:`."""
    bare = line[:4].lstrip(" ")
    return bare.startswith(">") and line.strip() != ">:"


# ------------------------------------------------------------------------------------------ who wrote, and when

_WROTE = re.compile(
    rf"(?<!\w)(?:{'|'.join(re.escape(verb) for verb in sorted(WROTE, key=len, reverse=True))})(?!\w)"
    r"|写道|寫道|写到|寫到|作成|書きました|のメッセージ|작성|썼습니다"
)
_WROTE_AT_END = re.compile(rf"(?:{_WROTE.pattern})$")
_DATE = re.compile(
    r"(?<!\d)(?:(?:19|20)\d\d(?!\d)|\d{1,2}[:.h]\d\d(?!\d)|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{1,4} ?[年月日년월일])"
)
_YEAR = re.compile(r"(?<!\d)(?:(?:19|20)\d\d|\d{1,2}[./-]\d{1,2}[./-]\d{2,4})(?!\d)")
_TIME = re.compile(r"(?<!\d)\d{1,2}[:.h]\d\d(?!\d)")
_ADDRESS_IN_BRACKETS_LAST = re.compile(r"@[^<>@\s]{1,255}>+\)?$")
_DIGIT = re.compile(r"\d")
_FIRST_WORD = re.compile(r"[^\W\d_]+")


def attribution_start(lines: Sequence[str], end: int, *, before_quote: bool) -> int | None:
    """Where the "On … wrote:" begins that ends in this line; None when none does. Before a quote, less is asked of it."""
    last = lines[end].rstrip(_DASHES)
    if not (last.endswith((":", "：", ">")) or _WROTE_AT_END.search(last[-40:].casefold())):  # noqa: RUF001 - meant
        return None
    texts: list[str] = []
    text = ""
    for start in range(end, max(end - _MOST_WRAPPED, -1), -1):
        line = lines[start].strip()
        if not line or is_quoted(lines[start]) or len(line) + len(text) > _LONGEST_ATTRIBUTION:
            break
        text = f"{line} {text}".strip()
        texts.append(text.strip(_DASHES))
    for sure in (True, False) if before_quote else (True,):
        for above, text in enumerate(texts):
            if _is_attribution(text, sure=sure):
                return _with_first_line(lines, end - above)
    return None


def _is_attribution(text: str, *, sure: bool) -> bool:
    with_colon = text.endswith((":", "："))  # noqa: RUF001 - the full-width one is meant
    said = text.rstrip(":： ").casefold()  # noqa: RUF001 - the same
    address, dated = "@" in said, _DATE.search(said) is not None
    wrote = _WROTE_AT_END.search(said) is not None
    if not wrote and with_colon:
        found = _WROTE.search(said)
        wrote = found is not None and found[0] not in WROTE_LAST
    if wrote and (with_colon or address):
        begins = _begins_attribution(said)
        if (dated and (address or begins)) or (begins and address and _DIGIT.search(said) is not None):
            return True
    if with_colon and _ADDRESS_IN_BRACKETS_LAST.search(said) and _TIME.search(said) and _YEAR.search(said):
        return True  # several programs leave the verb out, in any language
    return not sure and with_colon and _DIGIT.search(said) is not None and (wrote or address)


def _begins_attribution(text: str) -> bool:
    word = _FIRST_WORD.match(text)
    return word[0] in WROTE_BEGINS if word else text[:1].isdigit()


def _with_first_line(lines: Sequence[str], start: int) -> int:
    """`On Nov 21, 2014,` may stand alone on a line above what would be enough without it."""
    above = lines[start - 1].strip() if start else ""
    if 0 < len(above) <= 100 and above.endswith(",") and _DIGIT.search(above) and _begins_attribution(above.casefold()):
        return start - 1
    return start


# ------------------------------------------------------------------------------------- what a forward begins with


def is_separator(line: str) -> bool:
    """`-----Original Message-----` and what it is called elsewhere."""
    if len(line) > 120:
        return False
    said = line.strip(_DASHES + ":").casefold()
    return (said in SEPARATORS and line.count("-") + line.count("_") >= 4) or said in FORWARD_BEGINS


def begins_header(lines: Sequence[str], start: int) -> bool:
    """Whether an old mail's header is written out from this line on: From, Sent, To, Subject in any language."""
    first = _label(lines[start])
    if first not in (Label.FROM, Label.DATE, Label.SUBJECT):
        return False
    kinds: set[Label] = set()
    address = False
    current: Label | None = first
    for line in lines[start : start + _LONGEST_BLOCK]:
        if not line.strip():
            break
        current = _label(line) or current
        kinds.add(current or first)
        address = address or (current in (Label.FROM, Label.TO) and "@" in line)
    return (
        Label.FROM in kinds
        and len(kinds) >= 3
        and (Label.SUBJECT in kinds or address)
        and (Label.DATE in kinds or address)
    )


def _label(line: str) -> Label | None:
    name, colon, _ = line.strip(" \t\xa0*_")[:_LONGEST_LABEL].replace("：", ":").partition(":")  # noqa: RUF001 - meant
    return LABELS.get(name.strip(" \t\xa0*_").casefold()) if colon else None


# -------------------------------------------------------------------------------------------------- signatures

_DELIMITER = re.compile(r"(?:--|__|—{1,80}|–{2,80}|―{1,80}|─{2,80})[ \t\xa0]*")  # noqa: RUF001 - these are meant
_UNDERLINE = re.compile(r"_{2,200}")
_LINK = re.compile(r"<[^<>]{1,2000}>|\(https?://[^()\s]{1,2000}\)")
_LONGEST_SENT_FROM = 60
_MOST_SIGNATURE_LINES = 30  # after the delimiter of RFC 3676 section 4.3
_MOST_LOOSE_SIGNATURE_LINES = 10  # after another one
_LONGEST_LOOSE_SIGNATURE_LINE = 100


def is_signature_delimiter(line: str) -> bool:
    return _DELIMITER.fullmatch(line[:100]) is not None and len(line) <= 100


def may_be_signature(delimiter: str, after: Iterator[str]) -> bool:
    """Whether the lines after it (no blank ones among them) are few and short enough; no more are looked at."""
    if delimiter.rstrip() == "--":
        return len(list(islice(after, _MOST_SIGNATURE_LINES + 1))) <= _MOST_SIGNATURE_LINES
    few = list(islice(after, _MOST_LOOSE_SIGNATURE_LINES + 1))
    return len(few) <= _MOST_LOOSE_SIGNATURE_LINES and max(map(len, few), default=0) <= _LONGEST_LOOSE_SIGNATURE_LINE


def is_sent_from(line: str) -> bool:
    """`Sent from my iPhone`; not a sentence that begins or ends like it."""
    said = _LINK.sub("", line).strip(" \t\xa0*_.").casefold() if len(line) <= 2_100 else ""
    if not said or len(said) > _LONGEST_SENT_FROM or len(said.split()) > 9 or any(mark in said for mark in ",;:!?"):
        return False
    return said.startswith(SENT_FROM) or said.endswith(SENT_FROM_ENDS)


def is_list_footer(lines: Sequence[str], at: int) -> bool:
    """A line of underscores with the name of a mailing list under it."""
    if not lines[at].lstrip().startswith("__") or not _UNDERLINE.fullmatch(lines[at].strip()[:201]):
        return False
    below = " ".join(lines[at + 1 : at + 3])[:300].casefold()
    return "mailing list" in below or "/listinfo/" in below


def is_rule(line: str) -> bool:
    """A line drawn across."""
    return len(line) >= 3 and not line.strip(_DASHES + "─")
