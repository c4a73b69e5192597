"""Loops: two programs that answer each other without end, and the point at which we stop.

An address is *automatic* while the newest mail from it was written by a program. More than 20 sends to it in
10 minutes, with no mail of a person from it in between, are taken for a loop.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

LOOP_SENDS = 20
LOOP_WINDOW = timedelta(minutes=10)
PEER_LIFETIME = timedelta(days=30)
"""After which it does not matter any more that an address was automatic."""


class Origin(StrEnum):
    """Who wrote a mail, as far as its header tells."""

    PROGRAM = "program"  # RFC 3834, or a null return path
    SIBLING = "sibling"  # another inbox of this deployment: a program or a person, nobody can tell
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Peer:
    """An address that an inbox got automatic mail from: when the newest of each origin came, and what was sent to it.

    Times of arrival only rise, each by itself, so mails may be noted twice, late and in any order.
    """

    program_at: datetime | None = None
    sibling_at: datetime | None = None
    person_at: datetime | None = None
    sends: tuple[datetime, ...] = ()  # the newest 20 at most, oldest first, since it was automatic
    version: int = 0

    def newest_origin(self, now: datetime) -> Origin:
        """Who wrote the newest mail; after 30 days without mail it counts as a person's."""
        times = ((self.person_at, Origin.PERSON), (self.program_at, Origin.PROGRAM), (self.sibling_at, Origin.SIBLING))
        known = [(at, origin) for at, origin in times if at is not None and at > now - PEER_LIFETIME]
        # Of the same moment the person's counts, then the program's, whichever was noted first.
        return max(known, key=lambda mail: mail[0], default=(now, Origin.PERSON))[1]

    def counted(self, now: datetime) -> tuple[datetime, ...]:
        """The sends that count: within the window, and since a person last wrote."""
        begins = max(now - LOOP_WINDOW, self.person_at or now - LOOP_WINDOW)
        return tuple(at for at in self.sends if at > begins)

    def with_send(self, at: datetime) -> "Peer":
        return replace(self, sends=tuple(sorted((*self.sends, at))[-LOOP_SENDS:]))


@dataclass(frozen=True, slots=True)
class LoopSuspicion:
    """The address with which there seems to be a loop, and when it may be written to again."""

    address: str
    until: datetime

    def seconds_left(self, now: datetime) -> int:
        """Whole seconds, at least one."""
        return max(1, math.ceil((self.until - now).total_seconds()))


def suspicion(peers: Mapping[str, Peer], now: datetime) -> LoopSuspicion | None:
    """What keeps one more send from going to all of these automatic addresses; of several the one that lasts longest."""
    found = [
        LoopSuspicion(address, counted[-LOOP_SENDS] + LOOP_WINDOW)
        for address, peer in peers.items()
        if len(counted := peer.counted(now)) >= LOOP_SENDS
    ]
    return max(found, key=lambda each: each.until, default=None)


def may_be_looping(automatic_at: datetime | None, now: datetime) -> bool:
    """Whether an inbox got any automatic mail lately; only then anyone looks at whom it writes to."""
    return automatic_at is not None and automatic_at > now - PEER_LIFETIME


def heard_lately(heard_at: datetime | None, now: datetime) -> bool:
    """Whether a person outside has written within the window."""
    return heard_at is not None and heard_at > now - LOOP_WINDOW


def peer_name(address: str) -> str:
    """Under what an address is remembered: letters in any case are one, and so are all tags behind a + (RFC 5233)."""
    local, at, domain = address.casefold().rpartition("@")
    return f"{local.partition('+')[0] or local}{at}{domain}"
