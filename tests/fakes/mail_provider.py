"""A mail provider that keeps what it is handed, or fails as it is told."""

from dataclasses import dataclass, field

from chalicelib.operations.ports import Envelope, SesAcceptance


@dataclass(frozen=True)
class HandedOver:
    """One mail that was accepted."""

    mail: bytes
    envelope: Envelope
    message_id: str
    acceptance: SesAcceptance


@dataclass
class FakeMailProvider:
    """Each call takes the next of `outcomes`: an error is raised, None accepts; without any left it accepts."""

    outcomes: list[Exception | None] = field(default_factory=list)
    mails: list[HandedOver] = field(default_factory=list)
    calls: int = 0

    def send(self, mail: bytes, envelope: Envelope, message_id: str) -> SesAcceptance:
        self.calls += 1
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if outcome is not None:
            raise outcome
        ses_message_id = f"ses-{len(self.mails) + 1}"
        acceptance = SesAcceptance(ses_message_id, f"<{ses_message_id}@ses.example.com>")
        self.mails.append(HandedOver(mail, envelope, message_id, acceptance))
        return acceptance
