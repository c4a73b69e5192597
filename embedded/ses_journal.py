"""What the simulated SES remembers: mails it took, and what it owes to topics and inboxes here.

All of it is on disk before SES's caller gets its answer.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# An event is kept so long after it was published. Should everything be killed before the topic's side has saved what
# it got, the event is published once more at the next start: twice does no harm, never would.
KEEP_PUBLISHED_SECONDS = 60.0
MAILS_KEPT = 2_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS mails (number INTEGER PRIMARY KEY, file_name TEXT NOT NULL, raw BLOB);
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY, due_at REAL NOT NULL, published_at REAL, topic_arn TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_due ON events (published_at, due_at);
CREATE TABLE IF NOT EXISTS deliveries (
    number INTEGER PRIMARY KEY, due_at REAL NOT NULL, body TEXT NOT NULL, raw BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS tries (mail TEXT PRIMARY KEY, refused INTEGER NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class OwedEvent:
    """An event for a topic, to be published at `due_at` (seconds since the epoch)."""

    due_at: float
    topic_arn: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DueEvent:
    """An owed event whose time has come."""

    number: int
    topic_arn: str
    message: str


@dataclass(frozen=True, slots=True)
class OwedDelivery:
    """A mail for inboxes of this deployment, to be brought to them at `due_at`; `body` says to whom, and what follows."""

    due_at: float
    body: dict[str, Any]
    raw: bytes


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """An owed delivery whose time has come."""

    number: int
    body: dict[str, Any]
    raw: bytes


class SesJournal:
    """A SQLite file and, for people, the mails as files in the outbox folder; thread-safe."""

    def __init__(self, file: Path, outbox: Path, *, mails_kept: int = MAILS_KEPT) -> None:
        self._outbox = outbox
        self._mails_kept = mails_kept
        self._lock = threading.Lock()
        self._database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        # Survives the end of the process at any moment; a power cut may cost the last moments.
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_SCHEMA)
        self._database.execute("UPDATE events SET published_at = NULL")
        self._write_files()

    def accept(
        self, file_name: str, raw: bytes, events: Iterable[OwedEvent], deliveries: Iterable[OwedDelivery] = ()
    ) -> None:
        """Take a mail, owe its events and deliveries, all or nothing; then write its file."""
        owed = [(delivery.due_at, json.dumps(delivery.body), delivery.raw) for delivery in deliveries]
        with self._lock:
            with self._all_or_nothing():
                self._database.execute("INSERT INTO mails (file_name, raw) VALUES (?, ?)", (file_name, raw))
                self._owe(events)
                self._database.executemany("INSERT INTO deliveries (due_at, body, raw) VALUES (?, ?, ?)", owed)
            self._write_files()

    def refuse_once_more(self, mail: str, times: int) -> bool:
        """Whether this mail has been refused fewer than `times` times; counts one more when so."""
        with self._lock:
            row = self._database.execute("SELECT refused FROM tries WHERE mail = ?", (mail,)).fetchone()
            refused = row[0] if row else 0
            if refused >= times:
                return False
            self._database.execute("INSERT OR REPLACE INTO tries (mail, refused) VALUES (?, ?)", (mail, refused + 1))
            return True

    def due(self, now: float, limit: int = 50) -> list[DueEvent]:
        """Events to publish now, in the order they are due."""
        with self._lock:
            rows = self._database.execute(
                "SELECT number, topic_arn, body FROM events WHERE published_at IS NULL AND due_at <= ?"
                " ORDER BY due_at, number LIMIT ?",
                (now, limit),
            ).fetchall()
        return [DueEvent(*row) for row in rows]

    def next_due_at(self) -> float | None:
        """When the next event is due, in seconds since the epoch."""
        with self._lock:
            row = self._database.execute("SELECT MIN(due_at) FROM events WHERE published_at IS NULL").fetchone()
        return None if row[0] is None else float(row[0])

    def published(self, event: DueEvent, now: float) -> None:
        """Note that the topic has it; forget those it has had for long."""
        with self._lock:
            self._database.execute("UPDATE events SET published_at = ? WHERE number = ?", (now, event.number))
            self._database.execute("DELETE FROM events WHERE published_at < ?", (now - KEEP_PUBLISHED_SECONDS,))

    def due_delivery(self, now: float) -> DueDelivery | None:
        """The delivery that has been due for longest."""
        with self._lock:
            row = self._database.execute(
                "SELECT number, body, raw FROM deliveries WHERE due_at <= ? ORDER BY due_at, number LIMIT 1", (now,)
            ).fetchone()
        return None if row is None else DueDelivery(row[0], json.loads(row[1]), row[2])

    def next_delivery_at(self) -> float | None:
        """When the next delivery is due, in seconds since the epoch."""
        with self._lock:
            row = self._database.execute("SELECT MIN(due_at) FROM deliveries").fetchone()
        return None if row[0] is None else float(row[0])

    def delivered(self, delivery: DueDelivery, events: Iterable[OwedEvent]) -> None:
        """Note that it is done, and owe the events that tell so, all or nothing."""
        with self._lock, self._all_or_nothing():
            self._database.execute("DELETE FROM deliveries WHERE number = ?", (delivery.number,))
            self._owe(events)

    def put_off(self, delivery: DueDelivery, due_at: float) -> None:
        """It failed; the others go first."""
        with self._lock:
            self._database.execute("UPDATE deliveries SET due_at = ? WHERE number = ?", (due_at, delivery.number))

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def _owe(self, events: Iterable[OwedEvent]) -> None:
        rows = [(event.due_at, event.topic_arn, json.dumps(event.body)) for event in events]
        self._database.executemany("INSERT INTO events (due_at, topic_arn, body) VALUES (?, ?, ?)", rows)

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        self._database.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def _write_files(self) -> None:
        """Write the files of mails that have none yet, also those a crash came between; drop the oldest."""
        unwritten = self._database.execute("SELECT number, file_name, raw FROM mails WHERE raw IS NOT NULL").fetchall()
        for number, file_name, raw in unwritten:
            unfinished = self._outbox / f".{file_name}.part"
            unfinished.write_bytes(raw)
            unfinished.replace(self._outbox / file_name)
            self._database.execute("UPDATE mails SET raw = NULL WHERE number = ?", (number,))
        old = self._database.execute(
            "SELECT number, file_name FROM mails WHERE number <= (SELECT MAX(number) FROM mails) - ?",
            (self._mails_kept,),
        ).fetchall()
        for number, file_name in old:
            (self._outbox / file_name).unlink(missing_ok=True)
            self._database.execute("DELETE FROM mails WHERE number = ?", (number,))
