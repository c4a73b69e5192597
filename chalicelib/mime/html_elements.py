"""Which elements are open at a place in HTML, as browsers see it (HTML standard, section 13.2.6), broken HTML included."""

from collections import Counter
from dataclasses import dataclass, field

from chalicelib.mime.html_look import Look
from chalicelib.mime.html_tokens import NO_ATTRIBUTES, StartTag
from chalicelib.mime.words import words

VOID = words("area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr")
# Left open, these go on after the element they stand in has ended (section 13.2.4.3).
FORMATTING = words("a b big code em font i nobr s small strike strong tt u")
_CELLS = frozenset({"td", "th", "caption"})
_TABLE_PARTS = frozenset({"tr", "tbody", "thead", "tfoot", "colgroup"})
# What stands in one of these cannot be ended from within.
_SCOPES = _CELLS | {"table", "object", "marquee", "template", "applet", "button"}
_CLOSING_PARAGRAPHS = words(
    "address article aside blockquote center details dialog dir div dl fieldset figcaption figure footer form h1 h2 h3"
    " h4 h5 h6 header hgroup hr li dd dt listing main menu nav ol p plaintext pre search section summary table ul xmp"
)
# What a start tag ends, if it is found before one of the second set.
_ENDS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "li": (frozenset({"li"}), frozenset({"ul", "ol", "menu", "dir"})),
    "dd": (frozenset({"dd", "dt"}), frozenset({"dl"})),
    "dt": (frozenset({"dd", "dt"}), frozenset({"dl"})),
    "option": (frozenset({"option"}), frozenset({"select"})),
}
_ROW_ENDS = frozenset({"tr"})
# How far up an element is looked for that has to be ended: enough for every mail, and never a long walk.
_LOOK_UP = 60
_MOST_ALIKE = 3  # of elements with the same attributes that go on (section 13.2.4.3, the Noah's Ark clause)
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})


@dataclass(frozen=True, slots=True)
class Element:
    """An open element and how text looks in it."""

    tag: StartTag
    look: Look
    block: bool = False  # by its style, whatever its name
    quote: bool = False  # earlier mail stands in it


@dataclass(slots=True)
class _Scope:
    kind: str
    open: Counter[str] = field(default_factory=Counter)  # elements within by name; the scope's own among them


class OpenElements:
    """The stack of open elements. Whoever ends some is handed them, the innermost first."""

    def __init__(self, root: Look) -> None:
        self._stack = [Element(StartTag("", NO_ATTRIBUTES), root)]
        self._scopes = [_Scope("")]

    @property
    def look(self) -> Look:
        return self._stack[-1].look

    def push(self, element: Element) -> None:
        if element.tag.name in _SCOPES:
            self._scopes.append(_Scope(element.tag.name))
        self._scopes[-1].open[element.tag.name] += 1
        self._stack.append(element)

    def only(self, names: frozenset[str]) -> bool:
        """Whether nothing is open but elements of these names."""
        return len(self._stack) <= _LOOK_UP and all(element.tag.name in names for element in self._stack[1:])

    def may_open(self, name: str) -> bool:
        """Whether browsers heed such a start tag here; the parts of a table mean nothing outside of one."""
        return name not in _CELLS | _TABLE_PARTS or self._scopes[-1].kind == "table"

    def ended_by_start(self, name: str) -> list[Element]:
        """Take off what cannot stay open before a start tag of this name."""
        if name in _CELLS:
            return self._end_cell()
        if name in _TABLE_PARTS:
            return self._end_cell() + self._end_in_table(_ROW_ENDS if name == "tr" else _TABLE_PARTS)
        ended: list[Element] = []
        if name in _CLOSING_PARAGRAPHS and self._scopes[-1].open["p"]:
            ended = self._pop_to(frozenset({"p"}))
        if name in _ENDS:
            ended += self._end_found(*_ENDS[name])
        return ended

    def ended_by_end(self, name: str) -> list[Element]:
        """Take off what an end tag of this name ends: nothing, when no such element is open here."""
        if name in _TABLE_PARTS or name == "table":
            around = self._scopes[-2:-1] if self._scopes[-1].kind in _CELLS else self._scopes[-1:]
            if not around or around[0].kind != "table" or not around[0].open[name]:
                return []
            return self._end_cell() + self._pop_to(frozenset({name}))
        kinds = _HEADINGS if name in _HEADINGS else frozenset({name})
        return self._pop_to(kinds) if any(self._scopes[-1].open[kind] for kind in kinds) else []

    def take_out(self, name: str) -> tuple[Element, list[Element]] | None:
        """Take off a formatting element alone; what stands in it stays open and is handed back, the outermost first,
        to be pushed again. None when there is none near.
        """
        if not self._scopes[-1].open[name]:
            return None
        for up in range(1, min(_LOOK_UP, len(self._stack)) + 1):
            found = self._stack[-up].tag.name
            if found == name:
                within = [self._pop() for _ in range(up - 1)]
                return self._pop(), within[::-1]
            if found in _SCOPES:
                break
        return None

    def _end_cell(self) -> list[Element]:
        return self._pop_to(_CELLS) if self._scopes[-1].kind in _CELLS else []

    def _end_in_table(self, kinds: frozenset[str]) -> list[Element]:
        ended: list[Element] = []
        if self._scopes[-1].kind == "table":
            while any(self._scopes[-1].open[kind] for kind in kinds):
                ended += self._pop_to(kinds)
        return ended

    def _end_found(self, kinds: frozenset[str], within: frozenset[str]) -> list[Element]:
        for up in range(1, min(_LOOK_UP, len(self._stack)) + 1):
            found = self._stack[-up].tag.name
            if found in kinds:
                return [self._pop() for _ in range(up)]
            if found in within or found in _SCOPES:
                break
        return []

    def _pop_to(self, kinds: frozenset[str]) -> list[Element]:
        """Pop up to and with the innermost of these; one of them has to be open."""
        popped = [self._pop()]
        while popped[-1].tag.name not in kinds:
            popped.append(self._pop())
        return popped

    def _pop(self) -> Element:
        element = self._stack.pop()
        self._scopes[-1].open[element.tag.name] -= 1
        if element.tag.name in _SCOPES:
            self._scopes.pop()
        return element


def reopened(ended: list[Element]) -> list[StartTag]:
    """The formatting that goes on after elements have ended, the outermost first."""
    if len(ended) < 2 or ended[-1].tag.name in _SCOPES:
        return []
    alike: Counter[tuple[str, frozenset[tuple[str, str]]]] = Counter()
    tags: list[StartTag] = []
    for element in ended[:-1]:
        if element.tag.name in FORMATTING:
            kind = (element.tag.name, frozenset(element.tag.attributes.items()))
            alike[kind] += 1
            if alike[kind] <= _MOST_ALIKE:
                tags.append(element.tag)
    return tags[::-1]
