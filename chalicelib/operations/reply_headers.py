"""In-Reply-To and References as a reply is composed: SES's Message-IDs in place of ours wherever they are known."""

from dataclasses import dataclass

from chalicelib.domain.ids import InvalidId, MessageKey, PublicIds
from chalicelib.domain.message import MessageContent, own_message_id
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import MessageIndex, MessageStore

UNDER_WAY = frozenset({MessagePhase.QUEUED, MessagePhase.CLAIMED, MessagePhase.SUBMITTING})


@dataclass(frozen=True, slots=True)
class ReplyHeaders:
    """The header fields of one reply; `parent_under_way`: its parent may get its final Message-ID any moment."""

    in_reply_to: str | None
    references: tuple[str, ...]
    parent_under_way: bool


@dataclass(frozen=True)
class SettleReplyHeaders:
    """Replace the Message-IDs that we gave by those that recipients saw.

    SES gives each mail a Message-ID of its own when it takes it. A reply accepted before that carries ours, and so
    does every later one that took its chain over, for good: no mail client knows that id. Ours names our message, so
    what it became is looked up.
    """

    messages: MessageStore
    index: MessageIndex
    public_ids: PublicIds

    def __call__(self, content: MessageContent) -> ReplyHeaders:
        inbox_number = content.key.inbox_number
        answered = (content.in_reply_to,) if content.in_reply_to is not None else ()
        given = dict.fromkeys((*content.references, *answered))
        final = {header: self._final(header, inbox_number) for header in given}
        in_reply_to = final[content.in_reply_to] if content.in_reply_to is not None else None
        parent = self._ours(in_reply_to, inbox_number) if in_reply_to is not None else None
        return ReplyHeaders(
            in_reply_to,
            tuple(dict.fromkeys(final[header] for header in content.references)),
            parent_under_way=parent is not None and self.index.phase(parent) in UNDER_WAY,
        )

    def _final(self, header: str, inbox_number: int) -> str:
        ours = self._ours(header, inbox_number)
        delivery = self.messages.get_delivery(ours) if ours else None
        return (delivery.message_id_header if delivery else None) or header

    def _ours(self, header: str, inbox_number: int) -> MessageKey | None:
        """The message of this inbox that a Message-ID given by us names."""
        try:
            key = self.public_ids.message_key(own_message_id(header))
        except InvalidId:
            return None
        return key if key.inbox_number == inbox_number else None
