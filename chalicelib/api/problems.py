"""What is wrong with a request: collected by path, said in sentences."""

from collections.abc import Iterable

from chalicelib.domain.errors import ErrorCode, InvalidInput

_SHOWN_CHARACTERS = 60
_MOST_PROBLEMS = 100  # fields; whoever sends more mistakes gets the rest after the first are mended


class Problems:
    """Everything that is wrong with one request, in the order it was found."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}

    @property
    def is_full(self) -> bool:
        """Whether there is no use in looking for more."""
        return len(self._found) >= _MOST_PROBLEMS

    def note(self, path: str, problem: str) -> None:
        """Remember a problem; `path` is the field's place, like `to[1]`."""
        if not self.is_full:
            self._found.setdefault(path, []).append(problem)

    def noted(self, path: str, problem: str | None) -> bool:
        """Remember the problem if there is one; whether there is."""
        if problem is not None:
            self.note(path, problem)
        return problem is not None

    def refuse(self) -> None:
        """Raise InvalidInput if anything was noted."""
        if self._found:
            raise InvalidInput(self._found)


def malformed(why: str) -> InvalidInput:
    """The error for a body that is no JSON."""
    return InvalidInput(
        {"body": [f"is not JSON: {why}"]},
        message=f"The body is not JSON: {why}.",
        fix="Send a JSON object in UTF-8, as RFC 8259 describes it.",
        code=ErrorCode.MALFORMED_JSON,
    )


def quoted(text: str) -> str:
    """A caller's text as it may stand in an answer: short, and without what UTF-8 cannot express."""
    short = text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
    return short.encode("utf-8", "backslashreplace").decode()


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean "bodyHtml"?` when a known name is close to this one, else the known names."""
    # Only a mistaken request pays for this import.
    from difflib import get_close_matches  # noqa: PLC0415

    by_folded = {_folded(candidate): candidate for candidate in known}
    if not by_folded:
        return ""
    close = get_close_matches(_folded(name), by_folded, n=1, cutoff=0.6)
    if close:
        return f'; did you mean "{by_folded[close[0]]}"?'
    return f"; known are {', '.join(by_folded.values())}"


def json_type(value: object) -> str:
    """What a JSON value is, for a sentence."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


def _folded(name: str) -> str:
    return name[:_SHOWN_CHARACTERS].casefold().replace("_", "").replace("-", "")
