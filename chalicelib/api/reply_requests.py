"""The bodies of replies and forwards."""

from typing import Annotated

from msgspec import Meta

from chalicelib.api.json_requests import AddressedJson, SubjectText, WrittenJson, first_places
from chalicelib.operations.reply_to_message import Words


class ReplyJson(WrittenJson, frozen=True):
    """An answer to a message; its recipients follow from the message."""

    subject: Annotated[SubjectText, Meta(description="Absent: the message's own, with one `Re:`.")] | None = None
    reply_all: Annotated[bool, Meta(description="Also to the other recipients in To and Cc.")] = False

    def to_words(self) -> Words:
        return _words(self, self.subject)


class ForwardJson(AddressedJson, frozen=True, kw_only=True):
    """A message to send on; what it said and its files follow what is said here."""

    subject: Annotated[SubjectText, Meta(description="Absent: the message's own, with one `Fwd:`.")] | None = None

    def to_words(self) -> Words:
        return _words(self, self.subject)


def _words(written: WrittenJson, subject: str | None) -> Words:
    return Words(
        subject=subject,
        body_text=written.body_text,
        body_html=written.body_html,
        reply_to=first_places(written.reply_to or (), set()),
        headers=written.headers or {},
        metadata=written.metadata or {},
    )
