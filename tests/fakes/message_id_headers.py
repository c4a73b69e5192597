"""Which message of an inbox has which Message-ID, in memory."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message_id_header import ses_message_id_in
from tests.fakes.ses_message_ids import FakeSesMessageIds


@dataclass
class FakeMessageIdHeaders:
    """Behaves as the real one."""

    ses_message_ids: FakeSesMessageIds = field(default_factory=FakeSesMessageIds)
    known: dict[tuple[int, str], MessageKey] = field(default_factory=dict)

    def claim(self, header: str, key: MessageKey) -> None:
        self.known.setdefault((key.inbox_number, header), key)

    def release(self, header: str, key: MessageKey) -> None:
        if self.known.get((key.inbox_number, header)) == key:
            del self.known[key.inbox_number, header]

    def find(self, inbox_number: int, headers: Collection[str]) -> Mapping[str, MessageKey]:
        found = {header: self._find(inbox_number, header) for header in headers}
        return {header: key for header, key in found.items() if key is not None}

    def _find(self, inbox_number: int, header: str) -> MessageKey | None:
        of_ses = ses_message_id_in(header)
        sent = self.ses_message_ids.get(of_ses) if of_ses else None
        return sent if sent and sent.inbox_number == inbox_number else self.known.get((inbox_number, header))
