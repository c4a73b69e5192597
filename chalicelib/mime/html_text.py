"""HTML as the text a person reads in it."""

import re
from dataclasses import dataclass

from chalicelib.mime.html_tokens import RawText, StartTag, html_tokens

_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_BREAKS = frozenset({"p", "div", "br", "li", "tr", "table", "h1", "h2", "h3", "blockquote", "pre", "ul", "ol"})


@dataclass(frozen=True, slots=True)
class HtmlText:
    """What a person sees, and how many characters of text a person does not."""

    text: str
    hidden_characters: int


def html_to_text(html: str) -> HtmlText:
    """The text of `html` as a person reads it."""
    pieces: list[str] = []
    hidden = 0
    skip = 0
    for token in html_tokens(html):
        if isinstance(token, str):
            if skip:
                hidden += len("".join(token.split()))
            else:
                pieces.append(re.sub(r"\s+", " ", token))
        elif not isinstance(token, RawText) and token.name in _BREAKS:
            if isinstance(token, StartTag) and (skip or _HIDDEN.search(token.attributes.get("style", ""))):
                skip += 1
            elif not isinstance(token, StartTag) and skip:
                skip -= 1
            pieces.append("\n")
    lines = (line.strip() for line in "".join(pieces).split("\n"))
    return HtmlText("\n".join(line for line in lines if line), hidden)
