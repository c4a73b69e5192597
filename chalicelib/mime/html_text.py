"""HTML as the text a person reads in it; what a person does not see is left out and counted."""

from dataclasses import dataclass

from chalicelib.mime.html_reader import HtmlReader
from chalicelib.mime.quote_marks import any_blockquote, quoted_mail


@dataclass(frozen=True, slots=True)
class HtmlText:
    """What a person sees, and how many characters of text a person does not."""

    text: str
    hidden_characters: int
    marks_quotes: bool = False  # earlier mail is marked as such, so `quote_marked_text` would give a text


def html_to_text(html: str) -> HtmlText:
    """The text of `html` in lines; takes any text, never raises, and takes time in proportion to its length.

    Quotes begin with `> `, items of lists with `- ` or their number, cells of a row are apart by tabs, links are
    followed by where they lead, and pictures stand as their description in brackets.
    """
    reader = HtmlReader(any_blockquote)
    reader.read(html)
    return HtmlText(reader.page.text(), reader.hidden_characters, reader.marks_quotes)


def quote_marked_text(html: str) -> str | None:
    """The text of an answer with `> ` before earlier mail, where the HTML marks it as such; None when it marks none."""
    reader = HtmlReader(quoted_mail)
    reader.read(html)
    return reader.page.text() if reader.marks_quotes else None
