"""Answering and sending on what a stranger wrote: whatever stands in it, our mail says only what was asked.

The originals are put into the store as they are, as if the reading of mails had let everything through.
"""

import email
from collections.abc import Callable
from dataclasses import replace
from email.message import Message as Mail

import pytest

from chalicelib.domain.address import Mailbox
from chalicelib.domain.errors import InvalidInput
from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message import Direction, MessageContent
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from chalicelib.domain.thread import Thread
from chalicelib.operations.forward_message import Recipients
from chalicelib.operations.reply_to_message import Words
from tests.factories.messages import make_arrival, make_content
from tests.hostile.test_text_fields import ADDRESSES, INJECTIONS, NAUGHTY_STRINGS
from tests.operations.world import ADA, BOB, INBOX, World

TEXTS = [text for text in dict.fromkeys((*INJECTIONS, *NAUGHTY_STRINGS)) if len(text) < 10_000]
Place = Callable[[MessageContent, str], MessageContent]
PLACES: dict[str, Place] = {
    "subject": lambda content, text: replace(content, subject=text),
    "name": lambda content, text: replace(content, sender=Mailbox(ADA, text)),
    "message id": lambda content, text: replace(content, arrival=make_arrival(message_id_header=f"<{text}>")),
    "references": lambda content, text: replace(content, references=(f"<{text}>", text), in_reply_to=text),
    "to": lambda content, text: replace(content, to=(Mailbox(text, text),), cc=(Mailbox(BOB, text),)),
    "text": lambda content, text: replace(content, body_text=text),
    "html": lambda content, text: replace(content, body_html=text),
}
FIELDS = {
    "from", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references",
    "mime-version", "content-type", "content-transfer-encoding",
}  # fmt: skip


def holding(content: MessageContent) -> World:
    """A world whose inbox has this message."""
    world = World()
    world.messages.put(content)
    world.threads.begin(Thread(content.thread, content.account_id, "x", (ADA,), 1, content.created_at))
    world.index.commit(content.key, MessagePhase.RECEIVED, lambda: (content.key.sequence,))
    world.inboxes.inboxes[INBOX] = replace(world.inbox(), next_sequence=1)
    return world


def make_original() -> MessageContent:
    key = MessageKey(INBOX, 0)
    return make_content(
        key=key,
        thread=ThreadKey(INBOX, 0),
        direction=Direction.INBOUND,
        arrival=make_arrival(),
        sender=Mailbox(ADA),
        to=(Mailbox("agent@mail.example.com"),),
    )


def handed_over(world: World, recipients: set[str]) -> Mail:
    """The one mail that went out, after looking at who got it and which fields it has."""
    world.work()
    (sent,) = world.provider.mails
    (key,) = set(world.listed()) - {MessageKey(INBOX, 0)}
    assert world.status(key) is MessageStatus.SENT
    assert set(sent.envelope.rcpt_tos) == recipients
    mail = email.message_from_bytes(sent.mail)
    assert {name.lower() for name in mail.keys()} <= FIELDS  # noqa: SIM118 - fields may repeat
    return mail


@pytest.mark.parametrize("place", PLACES)
def test_whatever_a_stranger_writes_an_answer_goes_only_to_whom_it_should(place: str) -> None:
    for text in TEXTS:
        world = holding(PLACES[place](make_original(), text))
        world.reply_to_message(
            Words(body_text="Yes."),
            MessageKey(INBOX, 0),
            reply_all=False,
            caller=world.caller,
            name_resource=world.named.append,
        )
        handed_over(world, {ADA})


@pytest.mark.parametrize("place", PLACES)
def test_whatever_a_stranger_writes_a_forward_goes_only_to_whom_it_should(place: str) -> None:
    for text in TEXTS:
        world = holding(PLACES[place](make_original(), text))
        world.forward_message(
            Words(body_text="Look."),
            MessageKey(INBOX, 0),
            Recipients((Mailbox(BOB),)),
            caller=world.caller,
            name_resource=world.named.append,
        )
        assert handed_over(world, {BOB})["In-Reply-To"] is None


def test_whatever_stands_where_an_address_should_is_answered_as_one_address_or_refused() -> None:
    answered = 0
    for text in (*TEXTS, *ADDRESSES):
        world = holding(replace(make_original(), sender=Mailbox(text)))
        try:
            accepted = world.reply_to_message(
                Words(body_text="Yes."),
                MessageKey(INBOX, 0),
                reply_all=False,
                caller=world.caller,
                name_resource=world.named.append,
            )
        except InvalidInput:
            assert world.listed() == [MessageKey(INBOX, 0)]
            continue
        (recipient,) = accepted.content.to
        handed_over(world, {recipient.address})
        answered += 1
    assert answered > 0
