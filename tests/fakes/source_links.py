"""Sources laid out for reading, in memory."""

from dataclasses import dataclass, field

from chalicelib.domain.ids import MessageKey


@dataclass
class FakeSourceLinks:
    """The sources by message."""

    sources: dict[MessageKey, bytes] = field(default_factory=dict)

    def put(self, message: MessageKey, source: bytes) -> str:
        self.sources[message] = source
        return f"https://blobs.example.com/links/{message.inbox_number}/{message.sequence}"

    def remove(self, message: MessageKey) -> None:
        self.sources.pop(message, None)
