"""Looks for words in everything that a deployment keeps, through every way in which it packs or encodes."""

import base64
import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from tests.chaos.deployment import Deployment


def places_of(word: str, deployment: Deployment) -> list[str]:
    """Where in table, bucket and queues a word stands, in any letter case."""
    forms = encoded_forms(word)
    return sorted({place for place, data in _everything(deployment) if any(form in data.lower() for form in forms)})


def encoded_forms(word: str) -> frozenset[bytes]:
    """The word's bytes in lower case: as they are, in hexadecimal, in UTF-16, and in base64 at any place of a text."""
    forms = {word.encode(), word.encode("utf-16-le")}
    for text in (word, word.upper(), word.capitalize()):
        forms.add(text.encode().hex().encode())
        for skipped in range(3):
            coded = base64.b64encode(b"\0" * skipped + text.encode())
            # Of the first and last letters of the code some bits belong to what stands beside.
            forms.add(coded[(0, 2, 3)[skipped] : len(coded) // 4 * 4 - 4])
    return frozenset(form.lower() for form in forms)


def unpacked(data: bytes) -> Iterator[bytes]:
    """The bytes, and what is compressed in them, whatever stands before."""
    yield data
    for start in range(3):
        try:
            inner = zlib.decompressobj().decompress(data[start:])
        except zlib.error:
            continue
        if inner:
            yield from unpacked(inner)


def _everything(deployment: Deployment) -> Iterator[tuple[str, bytes]]:
    for item in deployment._items():
        name = f"{item['pk']['S']} {item['sk']['S']}"
        for data in _values(item):
            for each in unpacked(data):
                yield name, each
    for name, blob in deployment.bucket.blobs.items():
        for data in (blob.data, name.encode(), json.dumps(dict(blob.metadata)).encode()):
            for each in unpacked(data):
                yield name, each
    for record in (*deployment.queues.waiting, *deployment.queues.dead):
        yield f"queue {record.queue}", record.body.encode()


def _values(value: Any) -> Iterator[bytes]:
    """All texts and bytes in an item, names of attributes among them."""
    match value:
        case Mapping():
            for name, inner in value.items():
                yield str(name).encode()
                yield from _values(inner)
        case list() | tuple() | set():
            for inner in value:
                yield from _values(inner)
        case str():
            yield value.encode()
        case bytes() | bytearray():
            yield bytes(value)
