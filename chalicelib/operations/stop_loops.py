"""Notice when an inbox and a program answer each other without end, and stop (domain/loop.py)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.domain.address import Mailbox
from chalicelib.domain.errors import ErrorCode, TooMany
from chalicelib.domain.inbox import Inbox
from chalicelib.domain.loop import (
    LOOP_SENDS,
    LOOP_WINDOW,
    Origin,
    Peer,
    heard_lately,
    may_be_looping,
    peer_name,
)
from chalicelib.operations.ports import InboxStore, PeerStore

REPLY_TO_LIMIT = 3  # addresses of Reply-To that are remembered
_SHORT_SUFFIX = 3  # letters of the label before the last in a suffix of two, such as co.uk and com.au


@dataclass(frozen=True, slots=True)
class PeerMail:
    """A mail that came in, as far as loops go: whom an answer would reach, who wrote it, and when it came."""

    sender: Mailbox
    reply_to: tuple[Mailbox, ...]
    origin: Origin
    at: datetime
    is_answer: bool  # it names a message of the inbox

    @property
    def peers(self) -> Collection[str]:
        """The addresses that answers go to: From and Reply-To.

        A mail that answers nothing of ours is in no loop yet. Of such a one only the addresses of From's own organisation
        count: nothing proves a right to any other, and a mail that names a stranger must not throttle what goes to the
        stranger. What is in a loop names what it answers, which nobody else can.
        """
        named = self.reply_to[:REPLY_TO_LIMIT]
        theirs = [each for each in named if self.is_answer or _organisation(each) == _organisation(self.sender)]
        return dict.fromkeys(peer_name(mailbox.address) for mailbox in (self.sender, *theirs) if mailbox.address)


@dataclass(frozen=True)
class NoteArrival:
    """Remember who writes automatic mail, and that a person has written since."""

    peers: PeerStore

    def __call__(self, mail: PeerMail, inbox: Inbox) -> None:
        """Again, late or out of order is harmless."""
        if mail.origin is Origin.PERSON and not may_be_looping(inbox.automatic_at, mail.at):
            return  # no program has written here lately, so there is nothing that a person's mail would clear
        for address in mail.peers:
            self.peers.note_mail(inbox.number, address, mail.origin, mail.at)


@dataclass(frozen=True)
class StopLoops:
    """Count the sends to addresses that write automatic mail; the 21st in 10 minutes is refused."""

    peers: PeerStore
    inboxes: InboxStore

    def __call__(self, inbox: Inbox, recipients: Collection[Mailbox], now: datetime) -> None:
        """Raises TooMany. An inbox that got no automatic mail lately pays nothing for the question."""
        if not may_be_looping(inbox.automatic_at, now):
            return
        found = self.peers.find(inbox.number, [mailbox.address for mailbox in recipients])
        automatic = {address: peer for address, peer in found.items() if self._is_automatic(address, peer, inbox, now)}
        if not automatic:
            return
        suspicion = self.peers.note_send(inbox.number, automatic, now)
        if suspicion is None:
            return
        seconds = suspicion.seconds_left(now)
        raise TooMany(
            f"{LOOP_SENDS} messages went to {suspicion.address} within {_minutes(LOOP_WINDOW)} minutes, and what came from "
            "there was written by a program, or by another inbox to which no person outside has written lately: this looks "
            "like two programs that answer each other.",
            fix="Stop answering automatic mail (`kind` and the header Auto-Submitted tell it). Sending to this address works "
            f"again in {seconds} s, or as soon as a person writes from it; between two inboxes of this deployment, as soon "
            "as a person outside writes to either.",
            retry_after=seconds,
            code=ErrorCode.LOOP_SUSPECTED,
        )

    def _is_automatic(self, address: str, peer: Peer, inbox: Inbox, now: datetime) -> bool:
        origin = peer.newest_origin(now)
        if origin is Origin.SIBLING:
            return not (heard_lately(inbox.heard_at, now) or heard_lately(self._heard_at(address), now))
        return origin is Origin.PROGRAM

    def _heard_at(self, address: str) -> datetime | None:
        """When a person outside last wrote to another inbox of this deployment."""
        name = peer_name(address)
        number = self.inboxes.owners([name]).get(name)
        sibling = None if number is None else self.inboxes.get(number)
        return sibling.heard_at if sibling else None


def _organisation(mailbox: Mailbox) -> str:
    """The domain under which others of the same organisation lie, as nearly as it can be told without a list of suffixes:
    `mail.acme.com` and `acme.com` are one, and so are `a.acme.co.uk` and `acme.co.uk`.
    """
    labels = mailbox.address.casefold().rpartition("@")[2].split(".")
    length = 3 if len(labels) > 2 and len(labels[-2]) <= _SHORT_SUFFIX else 2
    return ".".join(labels[-length:])


def _minutes(span: timedelta) -> int:
    return span // timedelta(minutes=1)
