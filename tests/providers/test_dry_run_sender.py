"""The stand-in for SES in dry-run."""

from chalicelib.operations.ports import Envelope
from chalicelib.providers.dry_run_sender import DryRunSender
from tests.factories.deliveries import ADA

ENVELOPE = Envelope("agent@mail.example.com", (ADA,))


def test_every_mail_is_accepted_under_an_id_that_names_our_message() -> None:
    acceptance = DryRunSender().send(b"Subject: Hello\r\n\r\n", ENVELOPE, "msg_1")

    assert acceptance.ses_message_id == "dry-run-msg_1"
    assert acceptance.message_id_header == "<dry-run-msg_1@dry-run.invalid>"


def test_the_same_message_again_gets_the_same_id_and_another_message_another() -> None:
    sender = DryRunSender()

    first, again, other = (sender.send(b"", ENVELOPE, message_id) for message_id in ("msg_1", "msg_1", "msg_2"))

    assert first == again
    assert first.ses_message_id != other.ses_message_id
