"""Mailboxes and message contents for tests: a plain mail unless a test says what matters to it."""

from dataclasses import replace
from datetime import UTC, datetime

from chalicelib.domain.address import Mailbox
from chalicelib.domain.arrival import Arrival, Authentication, MessageKind
from chalicelib.domain.ids import AccountId, MessageKey, ThreadKey
from chalicelib.domain.message import DeliveryMode, Direction, MessageContent

INBOX_NUMBER = 7
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def make_mailbox(address: str = "ada@example.com", name: str = "") -> Mailbox:
    return Mailbox(address=address, name=name)


def make_content(**changes: object) -> MessageContent:
    """An outbound text mail from our inbox to Ada, the first of its thread; `changes` replaces any of its fields."""
    content = MessageContent(
        key=MessageKey(INBOX_NUMBER, 0),
        thread=ThreadKey(INBOX_NUMBER, 0),
        account_id=AccountId("acc_0123456789abcdefghjk"),
        direction=Direction.OUTBOUND,
        mode=DeliveryMode.EMAIL,
        sender=make_mailbox("agent@mail.example.com", "Agent"),
        to=(make_mailbox(),),
        cc=(),
        bcc=(),
        reply_to=(),
        subject="Hello",
        body_text="Good morning, Ada.\n",
        body_html=None,
        headers={},
        metadata={},
        in_reply_to=None,
        references=(),
        created_at=NOON,
    )
    # dataclasses.replace checks the names; the values' types are the caller's promise.
    return replace(content, **changes)  # type: ignore[arg-type]


def make_arrival(**changes: object) -> Arrival:
    """How a person's plain mail came in; `changes` replaces any of its fields."""
    arrival = Arrival(
        ses_message_id="o3vrnil0e2ic28trm7dfhrc2v0clambda4nbp0g1",
        mail_from="ada@example.com",
        message_id_header="<1@example.com>",
        date=NOON,
        kind=MessageKind.NORMAL,
        automatic=False,
        authentication=Authentication(),
        extracted_text="Good morning.",
        warnings=(),
        degraded=None,
        raw_size=321,
    )
    return replace(arrival, **changes)  # type: ignore[arg-type]
