"""Style sheets and style attributes, as far as they say what is seen: tolerant of anything, and read in one walk."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.mime.css_colors import ink

_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|(.?))", re.DOTALL)
_IN_WORDS = re.compile(r"[A-Za-z0-9#._%-]")
# Each alternative takes what it begins, to the end if need be: nothing is looked at twice.
_DECLARATION = re.compile(r"""((?:[^;"'(]+|"[^"]*(?:"|\Z)|'[^']*(?:'|\Z)|\([^)]*(?:\)|\Z))+)""")
_CALC_OF_ONE = re.compile(r"calc\(\s*([0-9.a-z%-]{1,20})\s*\)")
_LENGTH = re.compile(r"[+-]?(?:[0-9]{1,9}\.?[0-9]{0,9}|\.[0-9]{1,9})(?:[a-z]{1,5}|%)?")
_DISPLAYS = re.compile(
    r"none|block|inline|flow|flow-root|run-in|contents|list-item|ruby|initial|inherit|unset|revert|math"
    r"|(?:inline-|-webkit-|-webkit-inline-)?(?:block|flex|grid|table|box)|table-[a-z-]{1,20}"
)


def _is_length(value: str) -> bool:
    return _LENGTH.fullmatch(value) is not None


def _one_of(words: str) -> Callable[[str], bool]:
    return re.compile(words).fullmatch  # type: ignore[return-value]


def _anything(_: str) -> bool:
    return True


def _is_color(value: str) -> bool:
    return value in ("inherit", "currentcolor", "initial", "unset") or ink(value) is not None


# The properties that can hide text, and which of their values browsers obey: another one changes nothing.
_OBEYED: Mapping[str, Callable[[str], bool]] = {
    "display": _one_of(_DISPLAYS.pattern),
    "visibility": _one_of("visible|hidden|collapse|inherit|initial|unset"),
    "opacity": _is_length,
    "color": _is_color,
    "-webkit-text-fill-color": _is_color,
    "filter": _anything,
    "background": _anything,
    "background-color": _anything,
    "background-image": _anything,
    "background-clip": _anything,
    "-webkit-background-clip": _anything,
    "font": _anything,
    "font-size": _anything,
    "width": _is_length,
    "height": _is_length,
    "max-width": _is_length,
    "max-height": _is_length,
    "overflow": _anything,
    "position": _anything,
    "left": _is_length,
    "right": _is_length,
    "top": _is_length,
    "bottom": _is_length,
    "margin": _anything,
    "margin-left": _is_length,
    "margin-top": _is_length,
    "text-indent": _is_length,
    "clip": _anything,
    "clip-path": _anything,
    "transform": _anything,
    "content-visibility": _anything,
    "mso-hide": _anything,
    "white-space": _anything,
}

_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Declarations:
    """Property and value, in lower case, of what was declared; `important` beats the others wherever it stands."""

    normal: Mapping[str, str] = field(default_factory=dict)
    important: Mapping[str, str] = field(default_factory=dict)


def declarations(text: str) -> Declarations:
    """What a style attribute or the body of a rule declares of the properties that matter here."""
    normal: dict[str, str] = {}
    important: dict[str, str] = {}
    for declaration in _DECLARATION.findall(cleaned(text)):
        name, _, value = declaration.lower().partition(":")
        name, value = name.strip(), value.strip()
        chosen = normal
        if (mark := value.rfind("!")) >= 0 and value[mark + 1 :].strip() == "important":
            chosen, value = important, value[:mark].rstrip()
        if "calc(" in value:
            value = _CALC_OF_ONE.sub(r"\1", value)
        if name in _OBEYED and _OBEYED[name](value):
            chosen.pop(name, None)  # the last of shorthand and longhand wins, so their order counts
            chosen[name] = value
    return Declarations(normal, important)


def cascaded(layers: Sequence[Declarations]) -> Mapping[str, str]:
    """The values that hold, of declarations in rising rank."""
    if not layers:
        return _NOTHING
    values: dict[str, str] = {}
    for part in (*(layer.normal for layer in layers), *(layer.important for layer in layers)):
        for name, value in part.items():
            values.pop(name, None)
            values[name] = value
    return values


def cleaned(css: str) -> str:
    """CSS without comments, and with the letters its escapes stand for; an escape of anything else says nothing."""
    if "/*" in css:
        css = _COMMENT.sub("", css)
    return _ESCAPE.sub(_unescaped, css) if "\\" in css else css


def _unescaped(escape: re.Match[str]) -> str:
    number = int(escape[1], 16) if escape[1] else 0
    character = chr(number) if 0 < number < 0x110000 else escape[2] or ""
    return character if _IN_WORDS.fullmatch(character) else "_"


# -------------------------------------------------------------------------------------------------- style sheets

_LONGEST_SELECTOR = 2_000  # characters
_PIECE_END = re.compile(r"[{};]")
_CLOSER = re.compile(r"[{}]")
_UNCONDITIONAL_MEDIA = re.compile(r"@media\s+(?:only\s+)?(?:all|screen)\s*", re.IGNORECASE)
_COMBINATORS = re.compile(r"[\s>]+")
_COMPOUND = re.compile(r"(?:\*|[a-zA-Z][\w-]*)?(?:[.#][\w-]+)*")
_PART = re.compile(r"[.#]?[\w-]+|\*")


@dataclass(frozen=True, slots=True)
class Rule:
    """One selector with what it declares. Its parts are written `tag`, `.class`, `#id` or `*`."""

    own: frozenset[str]  # what the element itself must be
    ancestors: frozenset[str]  # what must be found around it
    rank: tuple[int, int, int]  # ids, classes, tags: the specificity of Selectors Level 4, section 17
    declared: Declarations


def rules(sheet: str) -> Iterator[Rule]:
    """The rules of a style sheet whose selectors are made of tags, classes and ids, under no condition."""
    for selectors, body in _blocks(cleaned(sheet).replace("<!--", " ").replace("-->", " ")):
        declared = declarations(body)
        if not declared.normal and not declared.important:
            continue
        for selector in selectors.split(","):
            if (rule := _rule(selector, declared)) is not None:
                yield rule


def _blocks(css: str) -> Iterator[tuple[str, str]]:
    """(selectors, declarations) of each rule that holds on any screen."""
    at = 0
    while end := _PIECE_END.search(css, at):
        prelude = css[at : end.start()].strip()
        at = end.end()
        if end[0] != "{" or _UNCONDITIONAL_MEDIA.fullmatch(prelude):
            continue  # the rules within such a block follow as if they stood outside
        if prelude.startswith("@"):
            at = _after_block(css, at)
            continue
        close = css.find("}", at)
        close = len(css) if close < 0 else close
        yield prelude, css[at:close]
        at = close + 1


def _after_block(css: str, at: int) -> int:
    depth = 1
    while depth and (brace := _CLOSER.search(css, at)):
        depth += 1 if brace[0] == "{" else -1
        at = brace.end()
    return len(css) if depth else at


def _rule(selector: str, declared: Declarations) -> Rule | None:
    # Of one that is absurdly long the end counts, which says what the element itself is.
    compounds = [compound for compound in _COMBINATORS.split(selector[-_LONGEST_SELECTOR:]) if compound]
    if not compounds or not all(_COMPOUND.fullmatch(compound) for compound in compounds):
        return None
    parts = [[_spelled(part) for part in _PART.findall(compound)] for compound in compounds]
    every = [part for compound in parts for part in compound if part != "*"]
    ids = sum(part.startswith("#") for part in every)
    classes = sum(part.startswith(".") for part in every)
    ancestors = frozenset(part for compound in parts[:-1] for part in compound if part != "*")
    return Rule(frozenset(parts[-1]), ancestors, (ids, classes, len(every) - ids - classes), declared)


def _spelled(part: str) -> str:
    return part if part[0] in ".#" else part.lower()
