"""The items that count sealed buckets: directories of them, and the head over the directories."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.storage import keys
from chalicelib.storage.cell_pages import Bucket
from chalicelib.storage.tables import table_name
from chalicelib.storage.tallies import CHANGES, DIRECTORY_BUCKETS, Tally, added, packed, tally_of, unpacked


@dataclass(frozen=True, slots=True)
class Head:
    """What lies in the sealed buckets 0 … `sealed`-1, by directory; `version` is the stored item's (0: none yet)."""

    version: int = 0
    sealed: int = 0
    directories: tuple[Tally, ...] = ()
    joints: Mapping[int, int] = field(default_factory=dict)  # open bucket -> the version written together with it


@dataclass(frozen=True, slots=True)
class Directory:
    """What lies in each of its sealed buckets."""

    number: int
    version: int = 0
    buckets: tuple[Tally, ...] = ()


def head_from(item: Mapping[str, Any]) -> Head:
    joints = {int(number): int(version["N"]) for number, version in item["jo"]["M"].items()}
    return Head(int(item["n"]["N"]), int(item["sb"]["N"]), tuple(unpacked(item["t"]["B"])), joints)


def directory_from(item: Mapping[str, Any]) -> Directory:
    return Directory(keys.bucket_number(item["sk"]["S"]), int(item["n"]["N"]), tuple(unpacked(item["t"]["B"])))


def put_head(partition: str, head: Head) -> Any:
    """For a transaction: this in place of the version that was read."""
    joints = {str(number): {"N": str(version)} for number, version in head.joints.items()}
    return _put(
        partition, keys.HEAD, head.version, head.directories, {"sb": {"N": str(head.sealed)}, "jo": {"M": joints}}
    )


def put_directory(partition: str, directory: Directory) -> Any:
    """For a transaction: this in place of the version that was read."""
    return _put(partition, keys.directory(directory.number), directory.version, directory.buckets, {})


def changed(tallies: tuple[Tally, ...], place: int, change: Tally) -> tuple[Tally, ...]:
    """Tallies with a change added to one of them."""
    return (*tallies[:place], added([tallies[place], change]), *tallies[place + 1 :])


def tally_of_bucket(bucket: Bucket) -> Tally:
    return tally_of(bucket.cells, bucket.changes or 0)


def rows_behind(head: Head, directory: Directory) -> tuple[Tally, ...]:
    """A directory's rows without those of buckets that were sealed after the head was read."""
    return directory.buckets[: head.sealed - directory.number * DIRECTORY_BUCKETS]


def is_older_directory(directory: Directory | None, head: Head, number: int) -> bool:
    """Whether a directory was read as it stood before the head."""
    if directory is None:
        return True
    rows = rows_behind(head, directory)
    wanted = min(DIRECTORY_BUCKETS, head.sealed - number * DIRECTORY_BUCKETS)
    return len(rows) < wanted or added(rows)[CHANGES] < head.directories[number][CHANGES]


def is_as_counted(directory: Directory, head: Head) -> bool:
    """Whether a directory stands as it did when the head was written."""
    rows = rows_behind(head, directory)
    counted = min(DIRECTORY_BUCKETS, head.sealed - directory.number * DIRECTORY_BUCKETS)
    return len(rows) == counted and added(rows) == head.directories[directory.number]


def is_older_bucket(bucket: Bucket | None, tally: Tally) -> bool:
    """Whether a sealed bucket was read as it stood before its tally was written."""
    return bucket is None or bucket.changes is None or bucket.changes < tally[CHANGES]


def _put(partition: str, sort_key: str, version: int, tallies: tuple[Tally, ...], more: Mapping[str, Any]) -> Any:
    put: dict[str, Any] = {
        "TableName": table_name(),
        "Item": {
            "pk": {"S": partition},
            "sk": {"S": sort_key},
            "n": {"N": str(version + 1)},
            "t": {"B": packed(tallies)},
            **more,
        },
        "ConditionExpression": "attribute_not_exists(pk)",
    }
    if version:
        put |= {"ConditionExpression": "n = :n", "ExpressionAttributeValues": {":n": {"N": str(version)}}}
    return {"Put": put}
