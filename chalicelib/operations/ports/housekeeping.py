"""What housekeeping asks of the stores: to be led through them piece by piece, and how old a sequence number is.

What it is shown may be old by the time it is judged. Whoever judges asks the message index, and every removal is on
condition that what was seen still stands.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any, Protocol

from chalicelib.domain.ids import AttachmentId, MessageKey, ThreadKey


@dataclass(frozen=True, slots=True)
class Walk:
    """How far one walk has come: `after` is the last thing seen (None: a new round is due at `round_began` and a while)."""

    name: str
    after: str | None = None
    round_began: datetime | None = None
    version: int = 0


class WalkStore(Protocol):
    """Where walks go on. Two that go on at once do the same work twice, which is harmless, and one of them is told."""

    def get(self, name: str) -> Walk: ...

    def save(self, walk: Walk) -> bool:
        """Store how far it has come, unless somebody else has since this was read."""


class SequenceMarks(Protocol):
    """How old sequence numbers are: which had been given out when an inbox was looked at before.

    Nothing else tells. A reservation has no time of its own, and a received message bears that of its mail.
    """

    def note(self, inbox_number: int, next_sequence: int, now: datetime) -> None:
        """The inbox has come this far."""

    def settled_before(self, inbox_numbers: Collection[int], now: datetime) -> Mapping[int, int]:
        """For each inbox, the first sequence number that may be younger than an hour; 0 when that is not known."""


class PartKind(Enum):
    """What of a message an item of the table is."""

    STORED = auto()  # its content or its deliveries, which go with the message
    MESSAGE_ID_HEADER = auto()
    SES_MESSAGE_ID = auto()
    FILE_USE = auto()
    FILING = auto()


@dataclass(frozen=True, slots=True)
class SeenInbox:
    number: int
    next_sequence: int


@dataclass(frozen=True, slots=True)
class SeenUnfinished:
    """Messages that were queued or sending, in one part of an inbox's index."""

    keys: tuple[MessageKey, ...]


@dataclass(frozen=True, slots=True)
class SeenPart:
    """A part of a message. `name` is the file it uses, or SES's id of the mail it is filed under."""

    kind: PartKind
    key: MessageKey
    name: str = ""
    thread: ThreadKey | None = None  # of a filing


@dataclass(frozen=True, slots=True)
class SeenThread:
    """A thread and the members in its own item; `has_older`: there are more."""

    key: ThreadKey
    members: tuple[int, ...]
    has_older: bool


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file that nothing stands in the way of removing: half removed, or unused past its time."""

    id: AttachmentId


@dataclass(frozen=True, slots=True)
class SeenExpired:
    """Something whose time to live is long over."""


Seen = SeenInbox | SeenUnfinished | SeenPart | SeenThread | SeenFile | SeenExpired


@dataclass(frozen=True, slots=True)
class Sighting:
    """Something in the table; `item` is the store's own."""

    place: str  # where a walk that ends here goes on after
    seen: Seen
    item: Any


@dataclass(frozen=True, slots=True)
class SeenBlob:
    """An object of the bucket."""

    name: str
    modified_at: datetime


class TableWalk(Protocol):
    """Leads through the table, whatever its size, some items at a time."""

    def page(self, after: str | None, now: datetime) -> tuple[list[Sighting], str | None]:
        """What follows in the table that may concern housekeeping, and where to go on (None: the end)."""

    def drop(self, sighting: Sighting) -> bool:
        """Remove an item if it still stands as it was seen."""


class BucketWalk(Protocol):
    """Leads through the bucket, some objects at a time."""

    def page(self, after: str | None, prefix: str = "") -> tuple[list[SeenBlob], str | None]:
        """The objects that follow, and where to go on (None: the end)."""

    def exists(self, name: str) -> bool: ...

    def owner(self, name: str) -> MessageKey | None:
        """The received message that a file was stored for; None: it was uploaded."""

    def remove(self, name: str) -> None:
        """Remove an object; again is harmless."""
