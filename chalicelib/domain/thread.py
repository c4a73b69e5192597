"""Threads: messages that answer each other (as in JMAP, RFC 8621), and the headers that say so."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from chalicelib.domain.address import Mailbox
from chalicelib.domain.ids import AccountId, ThreadKey

PARTICIPANTS_LIMIT = 100  # addresses kept on a thread
PARTICIPANT_CHARACTERS = 320  # 64 before the @ and 255 after it (RFC 5321 section 4.5.3.1); a stranger may write more
REFERENCES_LIMIT = 20  # the first id and the newest 19; enough for every mail client, short enough for every server


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation in one inbox; `message_count` counts its members, one that is just being accepted among them."""

    key: ThreadKey
    account_id: AccountId
    subject: str
    participants: tuple[str, ...]
    message_count: int
    created_at: datetime


def participants_among(mailboxes: Iterable[Mailbox]) -> tuple[str, ...]:
    """The addresses that a message brings into its thread, in lower case: who writes as `Ada@` and `ada@` is one person."""
    addresses = dict.fromkeys(mailbox.address.lower() for mailbox in mailboxes)
    sound = (address for address in addresses if 0 < len(address) <= PARTICIPANT_CHARACTERS)
    return tuple(islice(sound, PARTICIPANTS_LIMIT))


def reply_references(parent_references: tuple[str, ...], parent_message_id: str | None) -> tuple[str, ...]:
    """The References of a reply (RFC 5322 section 3.6.4): the parent's chain and the parent, cut in the middle.

    A parent without a Message-ID leaves its chain alone: the reply is still shown with the rest of the conversation.
    """
    chain = tuple(known for known in dict.fromkeys(parent_references) if known != parent_message_id)
    if parent_message_id is not None:
        chain = (*chain, parent_message_id)
    if len(chain) <= REFERENCES_LIMIT:
        return chain
    return (chain[0], *chain[-(REFERENCES_LIMIT - 1) :])
