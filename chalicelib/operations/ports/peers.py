"""Where is remembered which addresses write automatic mail, and what was sent to them."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from chalicelib.domain.loop import LoopSuspicion, Origin, Peer


class PeerStore(Protocol):
    """One record for each inbox and address that wrote it automatic mail in the last 30 days; addresses without case."""

    def note_mail(self, inbox_number: int, address: str, origin: Origin, at: datetime) -> None:
        """Note when a mail came. Again, late or out of order is harmless: the newest of each origin counts.

        A person's mail is noted only where a record is: ordinary correspondents have none.
        """

    def find(self, inbox_number: int, addresses: Collection[str]) -> Mapping[str, Peer]:
        """Those of the addresses that there is a record of, under the address as given; one read."""

    def note_send(self, inbox_number: int, peers: Mapping[str, Peer], at: datetime) -> LoopSuspicion | None:
        """Note a send to all of these or, where that would be one too many, to none and say so.

        `peers` are as they were just found; those that have changed since are read again. Exact, however many send at
        once.
        """
