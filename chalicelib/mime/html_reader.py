"""Reading HTML tag by tag onto a page of text."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from chalicelib.mime.css_sheet import StyleSheet
from chalicelib.mime.html_elements import FORMATTING, VOID, Element, OpenElements, reopened
from chalicelib.mime.html_look import Look, look_within
from chalicelib.mime.html_tokens import EndTag, RawText, StartTag, html_tokens
from chalicelib.mime.invisible import letters_seen, without_invisible
from chalicelib.mime.links import link_note
from chalicelib.mime.quote_marks import Quote, QuoteFinder, quoted_mail
from chalicelib.mime.text_page import BLANK_LINE, LINE, TextPage
from chalicelib.mime.words import words

# A few seconds of reading; what has more was made to keep us busy, and is not read to its end. Text between the tags
# may have any length.
_MOST_TAGS = 100_000
_MOST_REOPENED = 20_000
_CUT_OFF = "[…]"  # what follows was not read

_BLOCKS = words(
    "address article aside caption center dd details dialog div dt fieldset figcaption figure footer form header hgroup"
    " legend main nav option search section select summary tbody tfoot thead"
)
_SPACED_BLOCKS = words("blockquote dl h1 h2 h3 h4 h5 h6 listing p pre table xmp")
_LISTS = frozenset({"ul", "ol", "menu", "dir"})
_PREFORMATTED = frozenset({"pre", "listing", "xmp", "plaintext", "textarea"})
_NOT_SHOWN = frozenset({"title", "template", "datalist"})
_TRANSPARENT = frozenset({"html", "head", "body"})  # end tags of these end nothing, as in browsers
_BLOCK_DISPLAYS = ("block", "flex", "grid", "table", "list-item")
_NUMBER = re.compile(r"\s*([0-9]{1,6})\s*")
_RULE = "-" * 10


@dataclass(slots=True)
class _Link:
    href: str
    words: list[str]


class HtmlReader:
    """Writes what is seen of HTML onto `page` and counts the characters of text that are not."""

    def __init__(self, find_quote: QuoteFinder) -> None:
        self.page = TextPage()
        self.hidden_characters = 0
        self.marks_quotes = False  # by any of the marks for earlier mail, whatever `find_quote` looks for
        self._find_quote = find_quote
        self._sheet = StyleSheet()
        self._elements = OpenElements(Look())
        self._link: _Link | None = None
        self._last_note = ""
        self._reopened = 0

    def read(self, html: str) -> None:
        tags = 0
        for token in html_tokens(html):
            if isinstance(token, str):
                self._text(token)
            elif isinstance(token, RawText):
                if token.element == "style":
                    self._sheet.add(token.text)
                elif token.element == "xmp":
                    self._text(token.text)
            else:
                tags += 1
                if tags > _MOST_TAGS or self._reopened > _MOST_REOPENED or self._sheet.exhausted:
                    self.page.gap(BLANK_LINE)
                    self.page.write(_CUT_OFF)
                    break
                (self._end if isinstance(token, EndTag) else self._start)(token)  # type: ignore[arg-type]
        if self._link is not None:
            self._end_link()

    # --------------------------------------------------------------------------------------------------- texts

    def _text(self, text: str) -> None:
        look = self._elements.look
        if look.absent:
            return
        if look.hidden:
            self.hidden_characters += letters_seen(text)
            return
        text, smuggled = without_invisible(text)
        self.hidden_characters += smuggled
        (self.page.write_lines if look.preformatted else self.page.write)(text)
        if self._link is not None:
            self._link.words.append(text)

    def _image(self, tag: StartTag) -> None:
        description = " ".join(tag.attributes.get("alt", "").split())
        look = self._look_of(tag)
        if not description or look.absent:
            return
        if look.hidden:
            self.hidden_characters += letters_seen(description)
        else:
            description, smuggled = without_invisible(description)
            self.hidden_characters += smuggled
            self.page.write(f"[{description}]")
            if self._link is not None:
                self._link.words.append(f"[{description}]")

    # ---------------------------------------------------------------------------------------------------- tags

    def _start(self, tag: StartTag) -> None:
        name = tag.name
        if name in _TRANSPARENT:
            if name != "head" and self._elements.only(_TRANSPARENT):
                self._enter(tag)
            return
        if name == "a" and self._link is not None:
            self._end_formatting("a")
        ended = self._elements.ended_by_start(name)
        self._leave(ended)
        self._reopen(ended)
        if name in VOID:
            self._void(tag)
        elif self._elements.may_open(name):
            self._enter(tag)

    def _end(self, tag: EndTag) -> None:
        name = tag.name
        if name in FORMATTING:
            self._end_formatting(name)
        elif name == "br":
            self.page.line_break()
        elif name not in _TRANSPARENT and name not in VOID:
            ended = self._elements.ended_by_end(name)
            self._leave(ended)
            self._reopen(ended)

    def _void(self, tag: StartTag) -> None:
        if tag.name == "img":
            self._image(tag)
        elif not self._elements.look.hidden:
            if tag.name == "br":
                self.page.line_break()
            elif tag.name == "hr":
                self.page.gap(BLANK_LINE)
                self.page.write(_RULE)
                self.page.gap(BLANK_LINE)

    def _look_of(self, tag: StartTag) -> Look:
        style = self._sheet.style(tag.name, tag.attributes)
        return look_within(self._elements.look, tag.name, tag.attributes, style)

    def _enter(self, tag: StartTag) -> None:
        name = tag.name
        style = self._sheet.style(name, tag.attributes)
        look = look_within(self._elements.look, name, tag.attributes, style)
        if name in _PREFORMATTED and "white-space" not in style:
            look = replace(look, preformatted=True)
        if name in _NOT_SHOWN:
            look = replace(look, absent=True)
        quote = self._find_quote(tag)
        self.marks_quotes = self.marks_quotes or quoted_mail(tag) is not Quote.NONE
        block = style.get("display", "").startswith(_BLOCK_DISPLAYS)
        self._sheet.opened(name, tag.attributes)
        self._elements.push(Element(tag, look, block=block, quote=quote is Quote.WITHIN))
        if quote is not Quote.NONE:
            self.page.gap(BLANK_LINE)
            self.page.quotes += 1
        self._begin(tag, block=block)

    def _end_formatting(self, name: str) -> None:
        """As browsers do, end it alone and leave open what stands in it (HTML standard, the adoption agency)."""
        taken = self._elements.take_out(name)
        if taken is None:
            return
        element, within = taken
        self._leave([element])
        for inner in within:
            look = self._look_of(inner.tag)
            self._elements.push(replace(inner, look=replace(look, preformatted=inner.look.preformatted)))

    def _reopen(self, ended: list[Element]) -> None:
        for tag in reopened(ended):
            self._reopened += 1
            self._enter(tag)

    def _leave(self, ended: Iterable[Element]) -> None:
        for element in ended:
            self._sheet.closed(element.tag.name, element.tag.attributes)
            self._finish(element)
            if element.quote:
                self.page.gap(BLANK_LINE)
                self.page.quotes -= 1

    # -------------------------------------------------------------------------------------------------- blocks

    def _begin(self, tag: StartTag, *, block: bool) -> None:
        name = tag.name
        if name == "a" and "href" in tag.attributes:
            self._link = _Link(tag.attributes["href"], [])
        elif name in _LISTS:
            self.page.gap(LINE if self.page.in_list else BLANK_LINE)
            self.page.begin_list(_number(tag.attributes.get("start"), 1) if name == "ol" else None)
        elif name == "li":
            self.page.item(_number(tag.attributes.get("value"), None))
        elif name == "tr":
            self.page.begin_row()
        elif name in ("td", "th"):
            self.page.cell()
        elif name in _SPACED_BLOCKS:
            self.page.gap(BLANK_LINE)
        elif block or name in _BLOCKS:
            self.page.gap(LINE)

    def _finish(self, element: Element) -> None:
        name = element.tag.name
        if name == "a" and self._link is not None:
            self._end_link()
        if name in _LISTS:
            self.page.end_list()
            self.page.gap(LINE if self.page.in_list else BLANK_LINE)
        elif name == "tr":
            self.page.end_row()
        elif name in _SPACED_BLOCKS:
            self.page.gap(BLANK_LINE)
        elif element.block or name in _BLOCKS or name == "li":
            self.page.gap(LINE)

    def _end_link(self) -> None:
        link, self._link = self._link, None
        said = "".join(link.words) if link is not None else ""
        if link is None or not said.strip():
            return
        note = link_note(link.href, said)
        if note and note != self._last_note:
            self.page.annotate(f" ({note})")
        self._last_note = note


def _number(text: str | None, otherwise: int | None) -> int | None:
    found = _NUMBER.fullmatch(text) if text else None
    return int(found[1]) if found else otherwise
