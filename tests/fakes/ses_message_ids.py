"""Which message SES knows by which id, in memory."""

from dataclasses import dataclass, field

from chalicelib.domain.ids import MessageKey


@dataclass
class FakeSesMessageIds:
    """Behaves as the real one."""

    known: dict[str, MessageKey] = field(default_factory=dict)

    def put(self, ses_message_id: str, key: MessageKey) -> None:
        self.known[ses_message_id] = key

    def get(self, ses_message_id: str) -> MessageKey | None:
        return self.known.get(ses_message_id)

    def delete(self, ses_message_id: str) -> None:
        self.known.pop(ses_message_id, None)
