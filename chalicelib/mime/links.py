"""What a text says of where a link leads."""

import re

_LONGEST_SHOWN = 1_000  # characters; a longer one is in the HTML
_WRITTEN = re.compile(r"(?:https?|ftp)://", re.IGNORECASE)
_NOT_IN_ADDRESSES = re.compile("[\x00-\x20\x7f-\xa0\u2028\u2029]+")
_BEYOND_DIGITS = re.compile(r"[^0-9+]+")


def link_note(href: str, words: str) -> str:
    """What is worth saying after the words of a link; empty when they say it already, or it leads nowhere."""
    target = _NOT_IN_ADDRESSES.sub("", href)
    scheme, _, rest = target.partition(":")
    scheme = scheme.lower()
    if len(target) > _LONGEST_SHOWN:
        return ""
    if scheme == "mailto":
        address = rest.partition("?")[0]
        return "" if address.casefold() in words.casefold() else address
    if scheme in ("tel", "sms"):
        return "" if _BEYOND_DIGITS.sub("", rest)[-6:] in _BEYOND_DIGITS.sub("", words) else rest
    if not _WRITTEN.match(target):
        return ""
    return "" if _bare(target) == _bare(words) else target


def _bare(address: str) -> str:
    """An address of the web as people write it."""
    bare = _WRITTEN.sub("", _NOT_IN_ADDRESSES.sub("", address), count=1).casefold()
    return bare.removeprefix("www.").rstrip("/")
