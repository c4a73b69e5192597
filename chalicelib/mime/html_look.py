"""What a person sees of an element: from its styles and those around it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from chalicelib.mime.css_colors import BLACK, WHITE, Color, alike, ink

_LINK: Color = (0, 0, 238)
_USUAL_SIZE = 16.0  # pixels
_SMALLEST_READ = 2.0  # pixels
_OUT_OF_SIGHT = -500.0  # pixels beyond an edge
_BARELY_SEEN = 0.05  # of full opacity
_NO_ROOM = 1.0  # pixels of a box that cuts off what does not fit

_LENGTH = re.compile(r"([+-]?(?:[0-9]{1,9}\.?[0-9]{0,9}|\.[0-9]{1,9}))([a-z]{1,5}|%)?")
_SIZE_WORDS: Mapping[str, float] = {
    "xx-small": 9, "x-small": 10, "small": 13, "medium": 16, "large": 18, "x-large": 24, "xx-large": 32,
    "xxx-large": 48, "smaller": 13, "larger": 19, "initial": 16,
}  # fmt: skip
_PIXELS: Mapping[str, float] = {
    "": 1, "px": 1, "pt": 4 / 3, "pc": 16, "in": 96, "cm": 37.8, "mm": 3.78, "q": 0.945, "rem": _USUAL_SIZE,
    "vw": 8, "vh": 6, "vmin": 6, "vmax": 8,
}  # fmt: skip
_FONT_SIZE_IN_SHORTHAND = re.compile(r"(?:^|\s)(0|[0-9.]{1,9}(?:[a-z]{1,5}|%)|(?:x{1,3}-)?(?:small|large))(?=\s|/|$)")
_IMAGE = re.compile(r"url\(|gradient\(|image\(|image-set\(|element\(|var\(")
_COLOR_IN_SHORTHAND = re.compile(r"#[0-9a-z]+|(?:rgb|hsl)a?\([^)]*\)|[a-z]+")
_CLIPPED_RECT = re.compile(r"rect\(\s*[01](?:px)?[\s,]+[01](?:px)?[\s,]+[01](?:px)?[\s,]+[01](?:px)?\s*\)")
_CLIPPED_PATH = re.compile(r"(?:inset\(\s*(?:50|[5-9][0-9]|1[0-9]{2})(?:\.[0-9]+)?%|circle\(\s*0|polygon\(\s*\))")
_SCALED_AWAY = re.compile(r"scale[xy3d]{0,2}\(\s*0(?:\.0+)?\s*[,)]")
_FILTERED_AWAY = re.compile(r"opacity\(\s*0?\.?0*%?\s*\)")
_MOVED_AWAY = re.compile(r"translate[xy3d]{0,2}\(([^()]{1,60})\)")


@dataclass(frozen=True, slots=True)
class Look:
    """How text looks at one place of a page."""

    absent: bool = False  # no part of the page, such as its title: neither seen nor hidden
    gone: bool = False  # the element or one around it is not shown, whatever stands in it
    invisible: bool = False  # keeps its room, but an element within may be visible again
    indented_away: bool = False
    color: Color | None = BLACK  # None: not known
    background: Color | None = WHITE  # None: a picture, or not known
    transparent: bool = False
    font_size: float = _USUAL_SIZE  # pixels
    preformatted: bool = False

    @property
    def hidden(self) -> bool:
        """Whether a person does not see text here."""
        if self.gone or self.invisible or self.indented_away or self.font_size < _SMALLEST_READ:
            return True
        if self.color is None or self.background is None:
            return False
        return self.transparent or alike(self.color, self.background)


def look_within(around: Look, name: str, attributes: Mapping[str, str], style: Mapping[str, str]) -> Look:
    """The look of an element in a place that looks like `around`."""
    if not style and not attributes:
        return around
    background = _background(around.background, attributes, style)
    color, transparent = _color(around, name, attributes, style)
    font_size = _font_size(around.font_size, style)
    return replace(
        around,
        gone=around.gone or "hidden" in attributes or any(_ways_to_be_gone(name, attributes, style, font_size)),
        invisible=_invisible(around.invisible, style.get("visibility", "")),
        indented_away=_indented_away(around.indented_away, style.get("text-indent"), font_size),
        color=color,
        background=background,
        transparent=transparent,
        font_size=font_size,
        preformatted=_preformatted(around.preformatted, style.get("white-space", "")),
    )


def pixels(value: str | None, font_size: float, *, whole: float = 600.0) -> float | None:
    """A CSS length in pixels; `whole` is what a percentage is of."""
    found = _LENGTH.fullmatch(value) if value else None
    if found is None:
        return None
    number, unit = float(found[1]), found[2] or ""
    if unit == "%":
        return number * whole / 100
    if unit in ("em", "ex", "ch", "lh"):
        return number * font_size * (1 if unit == "em" else 0.5)
    return number * _PIXELS[unit] if unit in _PIXELS else None


# ------------------------------------------------------------------------------------------------- one by one


def _ways_to_be_gone(
    name: str, attributes: Mapping[str, str], style: Mapping[str, str], font_size: float
) -> Iterator[bool]:
    yield style.get("display") == "none"
    yield style.get("content-visibility") == "hidden"
    # Outlook alone obeys it. Buttons are made of a link with it and a drawing for Outlook that no one else reads.
    yield style.get("mso-hide") == "all" and name != "a"
    yield _is_at_most(style.get("opacity"), _BARELY_SEEN, whole=1)
    yield _is_at_most(style.get("max-height"), _NO_ROOM) or _is_at_most(style.get("max-width"), _NO_ROOM)
    if style.get("overflow", "").startswith(("hidden", "clip", "scroll", "auto")):
        yield _is_at_most(style.get("height"), _NO_ROOM) or _is_at_most(style.get("width"), _NO_ROOM)
    yield from _ways_to_be_elsewhere(style, font_size)
    if name == "img":
        yield any(
            _is_at_most(value.strip(), _NO_ROOM)
            for side in ("width", "height")
            for value in (attributes.get(side), style.get(side))
            if value
        )


def _ways_to_be_elsewhere(style: Mapping[str, str], font_size: float) -> Iterator[bool]:
    moved = [style.get("margin-left"), style.get("margin-top"), *style.get("margin", "").split()]
    position = style.get("position", "")
    if position in ("absolute", "fixed", "relative"):
        moved += [style.get(side) for side in ("left", "right", "top", "bottom")]
    if found := _MOVED_AWAY.search(style.get("transform", "")):
        moved += found[1].replace(",", " ").split()
    yield any((away := pixels(value, font_size)) is not None and away <= _OUT_OF_SIGHT for value in moved)
    yield position in ("absolute", "fixed") and _CLIPPED_RECT.search(style.get("clip", "")) is not None
    yield _CLIPPED_PATH.search(style.get("clip-path", "")) is not None
    yield _FILTERED_AWAY.search(style.get("filter", "")) is not None
    yield _SCALED_AWAY.search(style.get("transform", "")) is not None


def _is_at_most(value: str | None, most: float, *, whole: float = 600.0) -> bool:
    size = pixels(value, _USUAL_SIZE, whole=whole)
    return size is not None and size <= most


def _invisible(around: bool, value: str) -> bool:  # noqa: FBT001 - what it was, and what it may become
    if value in ("hidden", "collapse"):
        return True
    return around and value not in ("visible", "initial")


def _indented_away(around: bool, value: str | None, font_size: float) -> bool:  # noqa: FBT001 - the same
    indent = pixels(value, font_size)
    return around if indent is None else indent <= _OUT_OF_SIGHT


def _preformatted(around: bool, value: str) -> bool:  # noqa: FBT001 - the same
    return value.startswith(("pre", "break-spaces")) if value else around


def _font_size(around: float, style: Mapping[str, str]) -> float:
    # The last of the two was written last.
    size = around
    for name, value in style.items():
        if name == "font" and (found := _FONT_SIZE_IN_SHORTHAND.search(value)):
            size = _one_font_size(found[1], around)
        elif name == "font-size":
            size = _one_font_size(value, around)
    return size


def _one_font_size(value: str, around: float) -> float:
    if value in _SIZE_WORDS:
        return _SIZE_WORDS[value]
    size = pixels(value, around, whole=around)
    return around if size is None or size < 0 else size


def _background(around: Color | None, attributes: Mapping[str, str], style: Mapping[str, str]) -> Color | None:
    background = around
    if found := ink(attributes.get("bgcolor", "").lower()):
        background = found.color
    if attributes.get("background"):
        background = None
    for name, value in style.items():
        if name == "background-image" and value != "none":
            background = None if _IMAGE.search(value) else background
        elif name in ("background", "background-color"):
            background = _one_background(value, around, background)
    return background


def _one_background(value: str, around: Color | None, before: Color | None) -> Color | None:
    if _IMAGE.search(value):
        return None
    inks = [found for word in _COLOR_IN_SHORTHAND.findall(value) if (found := ink(word)) is not None]
    if inks:
        return around if inks[0].transparent else inks[0].color
    return around if value in ("none", "inherit", "initial", "unset", "0") else before


def _color(
    around: Look, name: str, attributes: Mapping[str, str], style: Mapping[str, str]
) -> tuple[Color | None, bool]:
    color, transparent = around.color, around.transparent
    if name == "a" and "href" in attributes:
        color, transparent = _LINK, False
    said = (attributes.get("text") if name == "body" else attributes.get("color") if name == "font" else None) or ""
    if found := ink(said.lower()):
        color, transparent = found.color, found.transparent
    value = style.get("-webkit-text-fill-color") or style.get("color", "")
    if found := ink(value):
        color, transparent = found.color, found.transparent
    elif value in ("inherit", "currentcolor", "unset"):
        color, transparent = around.color, around.transparent
    elif value == "initial":
        color, transparent = BLACK, False
    if "text" in (style.get("background-clip"), style.get("-webkit-background-clip")):
        return None, False  # the letters show the picture behind them
    return color, transparent
