"""The body of a forwarded mail: the sender's words, then the original as mail programs quote it.

The original's HTML is put in as it is, last, inside a blockquote. Nothing of ours stands behind it but the ends of our
own elements, so a tag, comment or attribute that it never closes can swallow nothing that was meant to be read, and one
end tag too many ends our quote early and shows the rest below it. Everything else is escaped. As in every mail program,
a style sheet in the original may dress the whole HTML; the text version next to it shows the words as they were written.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import format_datetime

from chalicelib.domain.address import Mailbox
from chalicelib.domain.message import MessageContent
from chalicelib.domain.subject import header_line
from chalicelib.mime.html_text import html_to_text

ADDRESSES_SHOWN = 50  # of a field of the original; a stranger may name hundreds
_LINE = "---------- Forwarded message ---------"
_NOT_ALL = "Not everything in this message could be read, so parts of it may be missing here."
_END_OF_BODY = re.compile(r"</body\b", re.IGNORECASE | re.ASCII)
_PRE = "white-space:pre-wrap"


@dataclass(frozen=True, slots=True)
class Bodies:
    """What a mail says, in one or both versions."""

    text: str | None
    html: str | None


def forwarded(words: Bodies, original: MessageContent) -> Bodies:
    """The bodies of a forward. HTML is there when either side has some, text always. Blind copies are not quoted."""
    fields = list(_fields(original))
    text = _text(_words_as_text(words), fields, _original_as_text(original))
    if words.html is None and original.body_html is None:
        return Bodies(text, None)
    return Bodies(text, _html(words, fields, original))


def _fields(original: MessageContent) -> Sequence[tuple[str, str]]:
    date = original.arrival.date if original.arrival else None
    fields = [
        ("From", _shown([original.sender])),
        ("Date", format_datetime(date or original.created_at)),
        ("Subject", header_line(original.subject)),
        ("To", _shown(original.to)),
        ("Cc", _shown(original.cc)),
        ("Note", _NOT_ALL if original.arrival and original.arrival.degraded else ""),
    ]
    return [(name, value) for name, value in fields if value or name not in {"Cc", "Note"}]


def _shown(mailboxes: Sequence[Mailbox]) -> str:
    texts = [
        header_line(f"{mailbox.name} <{mailbox.address}>" if mailbox.name else mailbox.address)
        for mailbox in mailboxes[:ADDRESSES_SHOWN]
    ]
    if more := len(mailboxes) - len(texts):
        texts.append(f"and {more} more")
    return ", ".join(texts)


# --------------------------------------------------------------------------------------------------------- text


def _text(words: str, fields: Sequence[tuple[str, str]], original: str) -> str:
    head = "\n".join([_LINE, *(f"{name}: {value}".rstrip() for name, value in fields)])
    before = f"{words.rstrip()}\n\n" if words.strip() else ""
    return f"{before}{head}\n\n{original}"


def _words_as_text(words: Bodies) -> str:
    if words.text is not None or words.html is None:
        return words.text or ""
    return html_to_text(words.html).text


def _original_as_text(original: MessageContent) -> str:
    if original.body_text is not None or original.body_html is None:
        return original.body_text or ""
    return html_to_text(original.body_html).text


# --------------------------------------------------------------------------------------------------------- HTML


def _html(words: Bodies, fields: Sequence[tuple[str, str]], original: MessageContent) -> str:
    head = "<br>\n".join([_LINE, *(f"<b>{name}:</b> {html.escape(value)}" for name, value in fields)])
    quoted = original.body_html
    if quoted is None:
        quoted = _preformatted(original.body_text or "")
    block = f'<div>{head}</div>\n<br>\n<blockquote style="margin:0;padding:0" type="cite">\n{quoted}\n</blockquote>\n'
    if words.html is None:
        return (f"{_preformatted(words.text)}\n<br>\n" if words.text else "") + block
    # A whole document goes on until its body ends; some readers leave out what comes after that.
    ends = list(_END_OF_BODY.finditer(words.html))
    place = ends[-1].start() if ends else len(words.html)
    return f"{words.html[:place]}\n<br>\n{block}{words.html[place:]}"


def _preformatted(text: str) -> str:
    return f'<div style="{_PRE}">{html.escape(text)}</div>'
