"""Directories that this process has read: read again only when the head counts otherwise.

A directory's rows add up to its row in the head, which every list reads, exactly when both are of one state: changes are
counted too, and only ever grow. So what is kept is right, or seen not to be; no time limit, and no word from who writes.
"""

from collections.abc import Collection, Iterable

from chalicelib.storage.tables import table_name
from chalicelib.storage.tally_items import Directory, Head, is_as_counted

KEPT = 200  # about 12 KB each; of six million messages

_kept: dict[tuple[str, str, int], Directory] = {}


def recalled(partition: str, head: Head, numbers: Collection[int]) -> dict[int, Directory]:
    """Those of the directories that stand as they were read before."""
    known = {number: _kept.get((table_name(), partition, number)) for number in numbers}
    return {
        number: directory
        for number, directory in known.items()
        if directory is not None and is_as_counted(directory, head)
    }


def keep(partition: str, directories: Iterable[Directory]) -> None:
    """Remember directories; full, the memory begins anew."""
    for directory in directories:
        if len(_kept) >= KEPT:
            forget()
        _kept[table_name(), partition, directory.number] = directory


def forget() -> None:
    """Know no more than a process that has just begun."""
    _kept.clear()
