"""What a log may say of an error: of which kind it was and where it came up, and not a word of its text.

The text of an error often quotes what it is about: an address, a subject, a whole item of the table.
"""

import traceback

_PACKAGE = "chalicelib"
_DEEPEST = 12  # frames that are shown of each error


def trace_of(error: BaseException) -> str:
    """The error with those it came from, the newest first, each with the places in this program that it went through."""
    parts: list[str] = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        parts.append(f"{_kind(cause)} at {_places(cause)}")
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "; from ".join(parts)


def _kind(error: BaseException) -> str:
    """Its class, and the code that AWS gave it."""
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return f"{name} ({code})" if code else name


def _places(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _PACKAGE in frame.filename] or frames
    shown = [f"{frame.filename.rpartition(_PACKAGE + '/')[2]}:{frame.lineno}" for frame in ours[-_DEEPEST:]]
    return " > ".join(shown) or "no place"
