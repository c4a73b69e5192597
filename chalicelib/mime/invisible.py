"""Characters without a glyph: taken out of texts, and counted where they carry words of their own."""

import re

# Nothing is seen of these. Direction marks are among them: they make a text look like another one.
_WITHOUT_GLYPH = (
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# These two shape Persian and Indian letters and join emoji; elsewhere they fill the space after a preheader.
_JOINERS = "\u200c\u200d"
_STRAY_JOINER = re.compile(rf"(?<![^\x00-\x7f\s{_JOINERS}])[{_JOINERS}]+|[{_JOINERS}]+(?![^\x00-\x7f\s{_JOINERS}])")
# Tag characters and variation selectors of the last plane spell out any text between two letters.
_SMUGGLED = re.compile("(?<!\U0001f3f4)[\U000e0000-\U000e0fff]{2,}")
_CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f"  # but for tab and what ends a line
_INVISIBLE = re.compile(f"[{_WITHOUT_GLYPH}{_CONTROLS}]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NO_LETTER = re.compile(rf"[\s{_WITHOUT_GLYPH}{_CONTROLS}{_JOINERS}\u2800]+")

_PIECE = 1 << 16  # characters; a long text is not cut into millions of words at once


def without_invisible(text: str) -> tuple[str, int]:
    """The text without such characters, and how many of them were hidden words."""
    if text.isascii() and text.isprintable():
        return text, 0
    smuggled = sum(len(found) for found in _SMUGGLED.findall(text))
    text = _STRAY_JOINER.sub("", _INVISIBLE.sub("", text))
    return _SURROGATE.sub("\ufffd", text), smuggled


def letters_seen(text: str) -> int:
    """How many characters would be seen of a text if it were shown."""
    return sum(len(_NO_LETTER.sub("", text[at : at + _PIECE])) for at in range(0, len(text), _PIECE))
