"""Reads a body of JSON lines: one object a line, each judged for itself, so that one mistake costs one line."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.api.json_reading import RequestShape, parse_json, read_body
from chalicelib.api.problems import Problems, quoted
from chalicelib.domain.errors import InvalidInput, TooLarge, UnsupportedMediaType

JSON_LINES = "application/x-ndjson"
MEDIA_TYPES = (JSON_LINES, "application/jsonl", "text/plain")
LINES_LIMIT = 2_000
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # what some spreadsheets begin a file with


@dataclass(frozen=True, slots=True)
class LineProblem:
    """What is wrong with a line; the first is number 1."""

    line: int
    message: str


@dataclass(frozen=True)
class Lines:
    """A body line by line: those that can be read, in their order, and those that cannot."""

    read: tuple[RequestShape, ...]
    problems: tuple[LineProblem, ...]
    digest: bytes


def read_lines(raw: bytes, content_type: str, shape: type[RequestShape]) -> Lines:
    """Every line as its shape. Raises for a body of another type, one without lines, and one of too many."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise UnsupportedMediaType(
            f"This path reads {JSON_LINES}, not {quoted(media_type) or 'a body without a Content-Type'}.",
            fix=f"Send one JSON object a line, with the header Content-Type: {JSON_LINES}, as "
            f'`curl --data-binary @list.jsonl -H "Content-Type: {JSON_LINES}"` does.',
        )
    lines = [
        (number, line) for number, line in enumerate(raw.removeprefix(_BYTE_ORDER_MARK).split(b"\n"), 1) if line.strip()
    ]
    if not lines:
        raise InvalidInput({"body": [f"is empty; send one JSON object a line, at most {LINES_LIMIT:,} of them"]})
    if len(lines) > LINES_LIMIT:
        raise TooLarge(
            f"The body has {len(lines):,} lines; at most {LINES_LIMIT:,} are taken at once, and none was.",
            fix="Send it in parts.",
        )
    judged = list(_judged(lines, shape))
    return Lines(
        tuple(each for each in judged if isinstance(each, RequestShape)),
        tuple(each for each in judged if isinstance(each, LineProblem)),
        hashlib.sha256(raw).digest(),
    )


def _judged(lines: list[tuple[int, bytes]], shape: type[RequestShape]) -> Iterator[RequestShape | LineProblem]:
    for number, line in lines:
        problems = Problems()
        try:
            read = read_body(parse_json(line), shape, problems)
            problems.refuse()
        except InvalidInput as error:
            yield LineProblem(number, "; ".join(_said(error)))
        else:
            yield read


def _said(error: InvalidInput) -> Iterator[str]:
    for path, problems in error.details.items():
        for problem in problems:
            yield problem if path == "body" else f"{path}: {problem}"
