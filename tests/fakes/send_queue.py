"""The send queue in memory: a list of what was put into it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.operations.ports import SendJob, WakeJob


@dataclass
class FakeSendQueue:
    """Remembers every job with its delay in seconds, in order."""

    jobs: list[tuple[Any, int]] = field(default_factory=list)

    def put(self, job: SendJob | WakeJob, delay: int = 0) -> None:
        if not 0 <= delay <= 900:
            raise ValueError(f"SQS takes delays of 0 to 900 seconds, not {delay}")
        self.jobs.append((job, delay))

    def put_all(self, jobs: Sequence[SendJob]) -> None:
        self.jobs += [(job, 0) for job in jobs]
