"""Received mails in memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from chalicelib.domain.ids import MessageKey
from chalicelib.domain.receipt import TRIAL_MESSAGE_ID, WAITING_MAIL, Receipt


@dataclass
class FakeReceivedMails:
    """Behaves as the real one; `put` is what SES does."""

    stored: dict[str, bytes] = field(default_factory=dict)
    receipts: dict[str, Receipt] = field(default_factory=dict)  # those that lie with their mail
    copies: dict[MessageKey, tuple[bytes, Receipt]] = field(default_factory=dict)

    def put(self, blob: str, mail: bytes, receipt: Receipt | None = None) -> None:
        self.stored[blob] = mail
        if receipt is not None:
            self.receipts[blob] = receipt

    def read(self, blob: str) -> bytes | None:
        return self.stored.get(blob)

    def keep_copy(self, receipt: Receipt, recipient: str, key: MessageKey) -> bool:
        mail = self.stored.get(receipt.blob)
        if mail is not None:
            self.copies[key] = mail, replace(receipt, recipients=(recipient,))
        return mail is not None

    def read_copy(self, key: MessageKey) -> bytes | None:
        return self.copies[key][0] if key in self.copies else None

    def copy_url(self, key: MessageKey) -> str:
        return f"https://blobs.example.com/raw/{key.inbox_number}/{key.sequence}"

    def delete_copy(self, key: MessageKey) -> None:
        self.copies.pop(key, None)

    def delete(self, blob: str) -> None:
        self.stored.pop(blob, None)
        self.receipts.pop(blob, None)

    def receipt(self, blob: str) -> Receipt | str | None:
        return self.receipts.get(blob, blob) if blob in self.stored else None

    def waiting(self) -> Iterator[Receipt | str]:
        mails = sorted(self.stored.keys() - {WAITING_MAIL + TRIAL_MESSAGE_ID})
        return iter([self.receipts.get(blob, blob) for blob in mails])
