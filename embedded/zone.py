"""The DNS of a run on one machine: a file of records that a person writes, in the very form in which the API shows them."""

import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_DEFAULT_PRIORITY = 10


class ZoneError(ValueError):
    """The file cannot be understood; the text says where."""


@dataclass
class Zone:
    """Reads the file again whenever it has changed."""

    path: Path
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _read: tuple[tuple[int, int], dict[tuple[str, str], list[str]]] | None = None

    def create(self) -> None:
        """An empty one, unless there is one."""
        if not self.path.exists():
            self.path.write_text("[]\n", encoding="utf-8")

    def find(self, name: str, type_: str) -> list[str]:
        """The values under a name; an MX as `10 mail.example.com`. Raises ZoneError."""
        return self._records().get((_plain(name), type_.upper()), [])

    def has(self, name: str) -> bool:
        """Whether the name has any record."""
        return any(known == _plain(name) for known, _ in self._records())

    def _records(self) -> dict[tuple[str, str], list[str]]:
        with self._lock:
            try:
                stat = self.path.stat()
            except FileNotFoundError:
                return {}
            version = (stat.st_mtime_ns, stat.st_size)
            if self._read is None or self._read[0] != version:
                self._read = (version, _parsed(self.path.read_text(encoding="utf-8")))
            return self._read[1]


def _parsed(text: str) -> dict[tuple[str, str], list[str]]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise ZoneError(f"it is not JSON: {error}") from error
    if not isinstance(content, list):
        raise ZoneError("it is not a list of records")
    records: dict[tuple[str, str], list[str]] = {}
    for number, record in enumerate(content):
        # What GET /domains shows of several domains may be put in as it is, one list after the other.
        for one in record if isinstance(record, list) else [record]:
            name, type_, value = _record(number, one)
            records.setdefault((name, type_), []).append(value)
    return records


def _record(number: int, record: Any) -> tuple[str, str, str]:
    if not isinstance(record, dict) or not all(isinstance(record.get(key), str) for key in ("name", "type", "value")):
        raise ZoneError(f"record {number} has no `type`, `name` and `value`")
    type_, value = record["type"].upper(), record["value"]
    if type_ not in {"TXT", "CNAME", "MX"}:
        raise ZoneError(f"record {number} is of type {type_}; TXT, CNAME and MX are known")
    if type_ == "MX":
        priority = record.get("priority")
        value = f"{_DEFAULT_PRIORITY if priority is None else int(priority)} {value}"
    return _plain(record["name"]), type_, value


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")
