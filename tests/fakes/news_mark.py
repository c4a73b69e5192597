"""How far SES's news has come, in memory."""

from dataclasses import dataclass
from datetime import datetime


@dataclass
class FakeNewsMark:
    """Behaves as the real one, and counts what is written."""

    mark: datetime | None = None
    writes: int = 0

    def get(self) -> datetime | None:
        return self.mark

    def raise_to(self, accepted_at: datetime) -> None:
        self.writes += 1
        self.mark = accepted_at if self.mark is None else max(self.mark, accepted_at)
