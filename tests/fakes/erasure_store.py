"""The register of large deletions in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from chalicelib.domain.erasure import Erasure, ErasureKind


@dataclass
class FakeErasureStore:
    """Behaves as the real one."""

    erasures: dict[tuple[ErasureKind, str], Erasure] = field(default_factory=dict)

    def add(self, erasure: Erasure) -> Erasure:
        return self.erasures.setdefault(_key(erasure), replace(erasure, version=1))

    def due(self, now: datetime) -> Sequence[Erasure]:
        return sorted((each for each in self.erasures.values() if each.due_at <= now), key=lambda each: each.due_at)

    def save(self, erasure: Erasure) -> Erasure | None:
        known = self.erasures.get(_key(erasure))
        if known is None or known.version != erasure.version:
            return None
        self.erasures[_key(erasure)] = replace(erasure, version=erasure.version + 1)
        return self.erasures[_key(erasure)]

    def finish(self, erasure: Erasure) -> None:
        known = self.erasures.get(_key(erasure))
        if known is not None and known.version == erasure.version:
            del self.erasures[_key(erasure)]

    def wake(self, erasure: Erasure) -> None:
        known = self.erasures.get(_key(erasure), erasure)
        self.erasures[_key(erasure)] = replace(
            known, began_at=erasure.began_at, due_at=erasure.due_at, version=known.version + 1
        )

    def drop(self, kind: ErasureKind, subject: str) -> None:
        self.erasures.pop((kind, subject), None)


def _key(erasure: Erasure) -> tuple[ErasureKind, str]:
    return erasure.kind, erasure.subject
