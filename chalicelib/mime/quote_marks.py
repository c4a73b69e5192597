"""How mail programs mark earlier mail in the HTML of an answer."""

import re
from collections.abc import Callable
from enum import Enum

from chalicelib.mime.html_tokens import StartTag
from chalicelib.mime.words import words


class Quote(Enum):
    """How far a quote goes that a tag begins."""

    NONE = "none"
    WITHIN = "within"  # to the end of the element
    ONWARD = "onward"  # to the end of the mail


QuoteFinder = Callable[[StartTag], Quote]

_REPEATED_PREFIX = re.compile(r"^(?:x_)+")  # Outlook's, for classes and ids of mail it has taken apart
_QUOTE_CLASSES = words(
    "yahoo_quoted protonmail_quote moz-cite-prefix zmail_extra tutanota_quote wordsection_quote cite-prefix"
)
_ONWARD_IDS = words(
    "divrplyfwdmsg appendonsend olk_src_body_section mail-editor-reference-message-container replywithquote"
)


def any_blockquote(tag: StartTag) -> Quote:
    """What shows as a quote, of a mail or of a book."""
    return Quote.WITHIN if tag.name == "blockquote" else Quote.NONE


def quoted_mail(tag: StartTag) -> Quote:
    """What is marked as earlier mail: by Gmail, Thunderbird, Apple Mail, Outlook, Yahoo, Proton and others."""
    if _ONWARD_IDS & _words(tag, "id"):
        return Quote.ONWARD
    classes = _words(tag, "class")
    if tag.name == "blockquote" and ("gmail_quote" in classes or tag.attributes.get("type", "").lower() == "cite"):
        return Quote.WITHIN
    return Quote.WITHIN if _QUOTE_CLASSES & classes else Quote.NONE


def _words(tag: StartTag, attribute: str) -> set[str]:
    value = tag.attributes.get(attribute)
    return {_REPEATED_PREFIX.sub("", word.lower()) for word in value.split()} if value else set()
