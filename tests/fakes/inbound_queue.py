"""The queue of notices about received mail, in memory."""

from dataclasses import dataclass, field

from chalicelib.domain.receipt import Receipt


@dataclass
class FakeInboundQueue:
    """Remembers every notice, in order."""

    notices: list[Receipt] = field(default_factory=list)

    def put(self, receipt: Receipt) -> None:
        self.notices.append(receipt)
