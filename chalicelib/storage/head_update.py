"""One conditional write of the head's late notes: those that were read, and no others, are replaced."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.storage import keys
from chalicelib.storage.late_notes import Note, note_text
from chalicelib.storage.tables import table_name
from chalicelib.storage.tallies import Tally, packed
from chalicelib.storage.tally_items import LATE, SEEN_TIES, Head

ONE: Any = {"N": "1"}


@dataclass
class HeadUpdate:
    """Collects what is to change in a head that was read; others may write other notes meanwhile."""

    partition: str
    head: Head
    _sets: list[str] = field(default_factory=lambda: ["n = n + :one"])
    _removals: list[str] = field(default_factory=list)
    _conditions: list[str] = field(default_factory=lambda: ["g = :g"])
    _names: dict[str, str] = field(default_factory=dict)
    _values: dict[str, Any] = field(default_factory=dict)

    def note(self, sequence: int, note: Note | None) -> None:
        """Put this note in place of the one that was read; None: it is written where it belongs."""
        path = f"{LATE}.{self._name(sequence)}"
        old = self.head.late.get(sequence)
        self._conditions.append(f"attribute_not_exists({path})" if old is None else f"{path} = {self._text(old)}")
        if note is None:
            self._removals.append(path)
        else:
            self._sets.append(f"{path} = {self._text(note)}")

    def go_by(self, ties: Mapping[int, int]) -> None:
        """From now on these open buckets are to be read with at least so many ties."""
        for bucket, count in ties.items():
            if self.head.ties.get(bucket, 0) < count:
                path, value = f"{SEEN_TIES}.{self._name(bucket)}", self._value({"N": str(count)})
                self._sets.append(f"{path} = {value}")
                self._conditions.append(f"(attribute_not_exists({path}) OR {path} <= {value})")

    def count(self, directories: tuple[Tally, ...]) -> None:
        """Change the tallies: whoever has read the head before must read it again before he writes."""
        self._sets += ["g = g + :one", f"t = {self._value({'B': packed(directories)})}"]

    def request(self) -> dict[str, Any]:
        removals = " REMOVE " + ", ".join(self._removals) if self._removals else ""
        return {
            "TableName": table_name(),
            "Key": {"pk": {"S": self.partition}, "sk": {"S": keys.HEAD}},
            "UpdateExpression": "SET " + ", ".join(self._sets) + removals,
            "ConditionExpression": " AND ".join(self._conditions),
            "ExpressionAttributeNames": {name: text for text, name in self._names.items()},
            "ExpressionAttributeValues": {":one": ONE, ":g": {"N": str(self.head.counted)}, **self._values},
        }

    def _name(self, number: int) -> str:
        return self._names.setdefault(str(number), f"#n{len(self._names)}")

    def _text(self, note: Note) -> str:
        return self._value({"S": note_text(note)})

    def _value(self, value: Any) -> str:
        name = f":v{len(self._values)}"
        self._values[name] = value
        return name
