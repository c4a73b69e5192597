"""Threads: messages that answer each other (as in JMAP, RFC 8621), and the headers that say so."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.ids import AccountId, ThreadKey

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


def reply_references(parent_references: tuple[str, ...], parent_message_id: str) -> tuple[str, ...]:
    """The References of a reply (RFC 5322 section 3.6.4): the parent's chain and the parent, cut in the middle."""
    chain = (*(known for known in parent_references if known != parent_message_id), parent_message_id)
    if len(chain) <= REFERENCES_LIMIT:
        return chain
    return (chain[0], *chain[-(REFERENCES_LIMIT - 1) :])
