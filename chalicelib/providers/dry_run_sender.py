"""What stands in for SES in dry-run: takes every mail and sends none."""

from chalicelib.operations.ports import Envelope, SesAcceptance


class DryRunSender:
    """A mail provider that accepts everything; the last call of the same path that real mail takes."""

    def send(self, mail: bytes, envelope: Envelope, message_id: str) -> SesAcceptance:  # noqa: ARG002 - nothing leaves
        """The id names our message, so the same message handed over twice is seen to be the same.

        `.invalid` never resolves (RFC 6761), so nobody takes the Message-ID for one of a mail that was sent.
        """
        ses_message_id = f"dry-run-{message_id}"
        return SesAcceptance(ses_message_id, f"<{ses_message_id}@dry-run.invalid>")
