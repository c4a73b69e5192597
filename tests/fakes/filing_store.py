"""Which message of an inbox a received mail is, in memory."""

from dataclasses import dataclass, field
from threading import Lock

from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.operations.ports import Filing


@dataclass
class FakeFilingStore:
    """Behaves as the real one."""

    filings: dict[tuple[str, int], Filing] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def get(self, ses_message_id: str, inbox_number: int) -> Filing | None:
        return self.filings.get((ses_message_id, inbox_number))

    def put(self, ses_message_id: str, filing: Filing, instead_of: Filing | None = None) -> Filing | None:
        with self._lock:
            place = ses_message_id, filing.message.inbox_number
            standing = self.filings.get(place)
            replaced = None if standing is None or standing.is_deleted else standing.message
            if standing is None if instead_of is None else replaced == instead_of.message:
                self.filings[place] = filing
            return self.filings.get(place)

    def mark_deleted(self, ses_message_id: str, message: MessageKey, thread: ThreadKey) -> None:
        with self._lock:
            place = ses_message_id, message.inbox_number
            deleted = Filing(message, thread, is_deleted=True)
            if self.filings.setdefault(place, deleted).message == message:
                self.filings[place] = deleted
