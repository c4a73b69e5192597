"""Mail that comes in: where SES puts it, what is kept of it, and what is remembered so that it is kept once."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.receipt import Receipt
from chalicelib.domain.thread_trust import Trust


@dataclass(frozen=True, slots=True)
class Filing:
    """Which message of an inbox a mail is, and in which thread: decided once, before anything of it is stored.

    Whoever carries on after a crash, or works on the same mail at the same time, follows it. A decision that cannot be
    carried out is replaced by one with another number, never changed.
    """

    message: MessageKey
    thread: ThreadKey
    trust: Trust | None = None  # of the reference that decided the thread; None: there was none
    log_since: int = 0  # the chunk of the account's log from which the event of its arrival is looked for
    is_deleted: bool = False  # its user has deleted the message: it is not to be stored again


class FilingStore(Protocol):
    """One record for each mail in each inbox, kept as long as the message, and for weeks after its deletion."""

    def get(self, ses_message_id: str, inbox_number: int) -> Filing | None: ...

    def put(self, ses_message_id: str, filing: Filing, instead_of: Filing | None = None) -> Filing | None:
        """Store it where nothing stands, or where `instead_of` still stands; what stands there by now."""

    def mark_deleted(self, ses_message_id: str, message: MessageKey, thread: ThreadKey) -> None:
        """Before its message goes: no notice that comes later may store it again. Nothing if it names another."""


class ReceivedMails(Protocol):
    """The mails themselves: as SES stored them, until they are in every inbox; and one copy for each message."""

    def read(self, blob: str) -> bytes | None:
        """The mail as SES stored it; None when it is gone."""

    def keep_copy(self, receipt: Receipt, recipient: str, key: MessageKey) -> bool:
        """Copy the mail for a message of one recipient, with what is needed to make the message again.

        False when the mail is gone; again is harmless.
        """

    def read_copy(self, key: MessageKey) -> bytes | None: ...

    def copy_url(self, key: MessageKey) -> str:
        """A link to the copy, for an hour; a browser downloads it."""

    def delete_copy(self, key: MessageKey) -> None: ...

    def delete(self, blob: str) -> None:
        """Remove the mail as SES stored it: it is in every inbox. Again is harmless."""

    def receipt(self, blob: str) -> Receipt | str | None:
        """The receipt of a waiting mail; its name where its receipt is not with it, None when it is gone."""

    def waiting(self) -> Iterator[Receipt | str]:
        """Every mail that is not in its inboxes yet; only its name where its receipt is not with it."""


class MessageIdHeaders(Protocol):
    """Which message of an inbox has which Message-ID. The first that came with one keeps it."""

    def claim(self, header: str, key: MessageKey) -> None:
        """Note the message under its Message-ID, unless another has it."""

    def release(self, header: str, key: MessageKey) -> None:
        """Forget the Message-ID, if it is this message's."""

    def find(self, inbox_number: int, headers: Collection[str]) -> Mapping[str, MessageKey]:
        """The messages of this inbox that these Message-IDs name, those that SES gave among them; in one read."""


class InboundQueue(Protocol):
    """Notices about received mail; delivered at least once, in any order."""

    def put(self, receipt: Receipt) -> None:
        """Tell of a mail as SES does; returns when it is durable."""
