"""Keeps answers small enough for Lambda by leaving out the longest bodies, and saying so."""

import json
from collections.abc import Sequence
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from chalicelib.shapes.json_shapes import Shape
from chalicelib.shapes.message_shapes import MessageJson

ShapeT = TypeVar("ShapeT", bound=Shape)

ANSWER_LIMIT = 5_000_000
"""Bytes of a page. Lambda's own limit is 6 MB for the answer as a JSON string (Lambda quotas)."""

LARGEST_GROWTH = 3  # bytes in Lambda's answer for one byte of ours: é, two bytes in UTF-8, becomes \\u00e9


def fitted(messages: Sequence[MessageJson], limit: int = ANSWER_LIMIT) -> list[MessageJson]:
    """The messages, with as many of the longest bodies left out as it takes to stay within `limit` bytes."""
    kept = list(messages)
    if sum(len(msgspec.json.encode(message)) for message in kept) * LARGEST_GROWTH <= limit:
        return kept
    sizes = [_size(message) for message in kept]
    while sum(sizes) > limit and any(map(_longest_body, kept)):
        longest = max(range(len(kept)), key=lambda place: _longest_body(kept[place]))
        kept[longest] = _without_longest_body(kept[longest])
        sizes[longest] = _size(kept[longest])
    return kept


def fitted_one(message: MessageJson, limit: int = ANSWER_LIMIT) -> MessageJson:
    """The message, without its longer body or both where they do not fit."""
    return fitted([message], limit)[0]


def as_many_as_fit(shapes: Sequence[ShapeT], limit: int = ANSWER_LIMIT) -> list[ShapeT]:
    """The first of them, one at least, that together stay within `limit` bytes."""
    fit: list[ShapeT] = []
    for shape in shapes:
        limit -= _size(shape)
        if fit and limit < 0:
            break
        fit.append(shape)
    return fit


def _size(shape: Shape) -> int:
    """Bytes in Lambda's answer, which holds ours as a string that Lambda's own serialiser escapes to ASCII."""
    return len(json.dumps(msgspec.json.encode(shape).decode()))


def _longest_body(message: MessageJson) -> int:
    return max(len(message.body_text or ""), len(message.body_html or ""), len(message.extracted_text or ""))


def _without_longest_body(message: MessageJson) -> MessageJson:
    longest = _longest_body(message)
    if len(message.body_html or "") == longest:
        return replace(message, body_html=None, body_truncated=True)
    if len(message.body_text or "") == longest:
        return replace(message, body_text=None, body_truncated=True)
    return replace(message, extracted_text=None, body_truncated=True)
