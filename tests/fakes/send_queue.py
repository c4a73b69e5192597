"""The send queue in memory: a list of what was put into it."""

from dataclasses import dataclass, field

from chalicelib.operations.ports import SendJob


@dataclass
class FakeSendQueue:
    """Remembers every job with its delay in seconds, in order."""

    jobs: list[tuple[SendJob, int]] = field(default_factory=list)

    def put(self, job: SendJob, delay: int = 0) -> None:
        if not 0 <= delay <= 900:
            raise ValueError(f"SQS takes delays of 0 to 900 seconds, not {delay}")
        self.jobs.append((job, delay))
