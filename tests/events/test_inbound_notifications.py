"""The door for received mail: each notice reaches the operation; one that fails goes back and spares the others."""

from dataclasses import dataclass, field

import pytest

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.receipt import Receipt
from chalicelib.events import inbound_notifications
from chalicelib.events.inbound_notifications import inbound_notifications as handler
from tests.events.sqs_events import failures, sqs_event
from tests.providers.test_ses_receipts import BUCKET, RECEIPT, sample

RECEIVED = sample("received")


@dataclass
class Operations:
    """What this door calls; receipts are noted, and refused when `fails`."""

    bucket_name: str = BUCKET
    receipts: list[Receipt] = field(default_factory=list)
    fails: bool = False

    def receive_message(self, receipt: Receipt) -> None:
        if self.fails:
            raise Unavailable("the table is not there")
        self.receipts.append(receipt)


@pytest.fixture
def operations(monkeypatch: pytest.MonkeyPatch) -> Operations:
    operations = Operations()
    monkeypatch.setattr(inbound_notifications, "operations", lambda: operations)
    return operations


def test_a_mail_is_received(operations: Operations) -> None:
    assert handler(sqs_event(RECEIVED), None) == failures()
    assert operations.receipts == [RECEIPT]


def test_a_notice_that_tells_of_no_mail_is_done(operations: Operations) -> None:
    assert handler(sqs_event(sample("setup_notification")), None) == failures()
    assert operations.receipts == []


def test_what_is_no_notice_goes_back_and_spares_its_neighbours(operations: Operations) -> None:
    assert handler(sqs_event(RECEIVED, sample("sns_action"), "not JSON", RECEIVED), None) == failures(1, 2)
    assert len(operations.receipts) == 2


def test_a_mail_that_could_not_be_received_comes_again(operations: Operations) -> None:
    operations.fails = True
    assert handler(sqs_event(RECEIVED), None) == failures(0)
