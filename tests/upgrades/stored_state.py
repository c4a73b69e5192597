"""A deployment's state in a folder of JSON: table, bucket, queues, the time, and what was seen of it."""

import base64
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from chalicelib.storage import tables
from tests.chaos.services import Blob, Record
from tests.privacy.marked_world import MarkedDeployment

FOLDER = Path(__file__).parent / "stored"
Json = dict[str, Any]


@dataclass(frozen=True)
class StoredState:
    """Items in DynamoDB's JSON, objects of the bucket, records of queues; `notes` names what to look at."""

    items: list[Json]
    objects: list[Json]
    records: list[Json]
    jobs: dict[str, str]  # bodies of every kind that a queue may hold, by name
    notes: Json
    seen: Json

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            lines = [json.dumps(each, sort_keys=True, ensure_ascii=False) for each in _parts(value)]
            ends = "[]" if isinstance(value, list) else "{}"
            keys = [""] * len(lines) if isinstance(value, list) else [f"{json.dumps(key)}: " for key in sorted(value)]
            body = ",\n".join(key + line for key, line in zip(keys, lines, strict=True))
            (folder / f"{name}.json").write_text(f"{ends[0]}\n{body}\n{ends[1]}\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "StoredState":
        return cls(**{name: json.loads((folder / f"{name}.json").read_bytes()) for name in cls.__dataclass_fields__})

    @classmethod
    def of(cls, deployment: MarkedDeployment, jobs: dict[str, str], notes: Json, seen: Json) -> "StoredState":
        items = sorted(
            (as_json(item) for item in deployment._items()), key=lambda item: (item["pk"]["S"], item["sk"]["S"])
        )
        objects = [
            {
                "name": name,
                "data": _text(zlib.compress(blob.data)),
                "at": blob.at.isoformat(),
                "metadata": dict(blob.metadata),
            }
            for name, blob in sorted(deployment.bucket.blobs.items())
        ]
        records = [
            {"queue": record.queue, "body": record.body, "dueAt": record.due_at.isoformat()}
            for record in deployment.queues.waiting
        ]
        return cls(items, objects, records, jobs, notes, seen)

    def restore(self, deployment: MarkedDeployment) -> None:
        """Into an empty deployment, at the time it was recorded."""
        with deployment.wire.unseen():
            for item in self.items:
                deployment._engine._client.put_item(TableName=tables.table_name(), Item=from_json(item))
        deployment.restart()
        deployment.clock.now = datetime.fromisoformat(self.notes["now"])
        deployment.bucket.blobs = {
            each["name"]: Blob(
                zlib.decompress(base64.b64decode(each["data"])), datetime.fromisoformat(each["at"]), each["metadata"]
            )
            for each in self.objects
        }
        deployment.queues.waiting = [
            Record(each["queue"], each["body"], datetime.fromisoformat(each["dueAt"])) for each in self.records
        ]


def _parts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value[key] for key in sorted(value)]


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def as_json(item: Any) -> Any:
    """DynamoDB's own JSON: bytes in base64, sets in order."""
    return {name: _value(value) for name, value in item.items()}


def _value(value: Any) -> Any:
    ((kind, inner),) = value.items()
    return {kind: _WRITE.get(kind, lambda same: same)(inner)}


def from_json(item: Any) -> Any:
    return {name: _from_value(value) for name, value in item.items()}


def _from_value(value: Any) -> Any:
    ((kind, inner),) = value.items()
    return {kind: _READ.get(kind, lambda same: same)(inner)}


_WRITE: dict[str, Callable[[Any], Any]] = {
    "B": lambda inner: _text(bytes(inner)),
    "BS": lambda inner: sorted(_text(bytes(each)) for each in inner),
    "NS": lambda inner: sorted(inner, key=float),
    "SS": sorted,
    "M": as_json,
    "L": lambda inner: [_value(each) for each in inner],
}
_READ: dict[str, Callable[[Any], Any]] = {
    "B": base64.b64decode,
    "BS": lambda inner: [base64.b64decode(each) for each in inner],
    "M": from_json,
    "L": lambda inner: [_from_value(each) for each in inner],
}
