"""Where messages live: contents, deliveries, SES's ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.delivery import MessageDelivery
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message import BodyUrls, MessageContent
from chalicelib.domain.usage import MessageSize


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """What the stores hold of one message; `delivery` is None until a worker touches it."""

    content: MessageContent
    delivery: MessageDelivery | None


class VersionConflict(Exception):
    """Someone else saved the item since it was read; read it again and repeat."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the inbox's reputation counts: a message that bounced, or was complained of, for the first time."""

    bounced: bool
    complained: bool


@dataclass(frozen=True, slots=True)
class CountedOutcome:
    """A delivery as it was stored; whether its outcome may have cost the inbox its good name, so that it is looked at."""

    delivery: MessageDelivery
    is_to_be_judged: bool


class MessageStore(Protocol):
    """Message contents and delivery items."""

    def put(self, content: MessageContent) -> None:
        """Store a content once; storing the same again is harmless."""

    def get(self, key: MessageKey) -> StoredMessage | None:
        """One message whole, with its bodies."""

    def get_together(self, wanted_keys: Sequence[MessageKey]) -> Mapping[MessageKey, StoredMessage]:
        """Several messages of any inboxes in one read; left out are missing ones and those with bodies in the bucket."""

    def get_delivery(self, key: MessageKey) -> MessageDelivery | None:
        """What is known of its deliveries."""

    def save_delivery(self, key: MessageKey, delivery: MessageDelivery) -> MessageDelivery:
        """Store it if its version is still the one that was read; the stored value. Raises `VersionConflict`."""

    def save_outcome(self, key: MessageKey, delivery: MessageDelivery, outcome: Outcome) -> CountedOutcome:
        """The same, with an outcome that is counted on the inbox in one transaction with it, so each exactly once.

        What an inbox sent before it was last set to active counts in its totals, and not against its good name.
        """

    def save_acceptance(self, key: MessageKey, delivery: MessageDelivery) -> MessageDelivery:
        """The same for a delivery that carries SES's id, which is noted as this message's first."""

    def save_resend(self, key: MessageKey, delivery: MessageDelivery) -> MessageDelivery:
        """The same as a lock: it returns to one caller only, whatever becomes of replies and repeats.

        Two callers may want to store the very same value, so what stands there afterwards proves nothing. A reply that is
        lost for good raises `Unavailable`, and then nobody has the lock.
        """

    def page(self, keys: Sequence[MessageKey], *, body_budget: int) -> list[StoredMessage]:
        """The messages under these keys, in the order given, missing ones left out.

        When their bodies together are over `body_budget` bytes, the longest are left out until the rest fits, and
        those messages carry `body_truncated`.
        """

    def sizes(self, keys: Sequence[MessageKey]) -> Mapping[MessageKey, MessageSize]:
        """What these messages, of whichever inboxes, count for; deleted ones left out. At half the price of a `get`."""

    def body_urls(self, content: MessageContent) -> BodyUrls | None:
        """Links to the bodies when they are too long for an answer (above 4 MB), else None."""

    def delete(self, key: MessageKey) -> None:
        """Remove content, bodies and delivery for good; again is harmless."""


class SesMessageIds(Protocol):
    """Which message SES knows by which id: for events without our tag, and for replies that name SES's Message-ID."""

    def put(self, ses_message_id: str, key: MessageKey) -> None: ...

    def get(self, ses_message_id: str) -> MessageKey | None: ...

    def delete(self, ses_message_id: str) -> None:
        """Forget it; again is harmless."""
