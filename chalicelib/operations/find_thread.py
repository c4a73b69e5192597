"""Which thread a received mail belongs to: by the Message-IDs it names, never by its subject."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.domain.arrival import Authentication
from chalicelib.domain.ids import InvalidId, MessageKey, PublicIds, ThreadKey
from chalicelib.domain.message import MessageContent, own_message_id
from chalicelib.domain.message_id_header import HEADER_LIMIT
from chalicelib.domain.thread_trust import Trust, trust
from chalicelib.operations.ports import MessageIdHeaders, MessageIndex, MessageStore, Sight, ThreadStore
from chalicelib.operations.thread_pages import newest_sequences

ANSWERED_LIMIT = 5  # ids of In-Reply-To that are looked at; there should be one
REFERENCES_LIMIT = 20  # ids of References that are looked at, from the right
MESSAGES_LIMIT = 5  # messages of ours among them that are read; the first nearly always decides


@dataclass(frozen=True, slots=True)
class Reference:
    """What a mail says about what it answers, and who says so."""

    in_reply_to: Sequence[str]
    references: Sequence[str]  # oldest first
    sender: str
    authentication: Authentication
    own: Collection[str] = ()  # the addresses of the inbox it came to


@dataclass(frozen=True, slots=True)
class FoundThread:
    """The thread a mail joins (None: it begins one), why, and what the index showed of the thread's newest messages."""

    thread: ThreadKey | None = None
    trust: Trust | None = None
    seen: Sight | None = None


@dataclass(frozen=True)
class FindThread:
    """Look up what a mail names, In-Reply-To before References; the first that may be joined is joined.

    Only messages of the inbox itself are looked at: an id of another inbox, or of another account, is answered like one
    that never was.
    """

    messages: MessageStore
    threads: ThreadStore
    index: MessageIndex
    message_id_headers: MessageIdHeaders
    public_ids: PublicIds

    def __call__(self, reference: Reference, inbox_number: int) -> FoundThread:
        refused = FoundThread()
        for content in self._named(reference, inbox_number):
            members = self.threads.get(content.thread)
            if members is None:
                continue
            key = content.key
            seen = self.index.look(inbox_number, {key.sequence, *newest_sequences(self.threads, members)})
            if not seen.phases[key.sequence].visible:
                continue
            known = (*members.thread.participants, content.sender.address, *_went_to(content))
            verdict = trust(reference.sender, reference.authentication, known, reference.own)
            if verdict.joins:
                return FoundThread(content.thread, verdict, seen)
            refused = FoundThread(trust=verdict)
        return refused

    def _named(self, reference: Reference, inbox_number: int) -> Iterator[MessageContent]:
        """The messages of this inbox that the mail names, in the order in which they count."""
        headers = _in_order(reference)
        if not headers:
            return
        ours = {header: key for header in headers if (key := self._ours(header, inbox_number))}
        others = [header for header in headers if header not in ours]
        found: Mapping[str, MessageKey] = self.message_id_headers.find(inbox_number, others) if others else {}
        named = dict.fromkeys(key for header in headers if (key := ours.get(header) or found.get(header)))
        for key in list(named)[:MESSAGES_LIMIT]:
            for stored in self.messages.page([key], body_budget=0):  # what it says does not matter here
                yield stored.content

    def _ours(self, header: str, inbox_number: int) -> MessageKey | None:
        """The message of this inbox that a Message-ID given by us names."""
        try:
            key = self.public_ids.message_key(own_message_id(header))
        except InvalidId:
            return None
        return key if key.inbox_number == inbox_number else None


def _in_order(reference: Reference) -> list[str]:
    answered = reference.in_reply_to[:ANSWERED_LIMIT]
    newest_first = reversed(reference.references[-REFERENCES_LIMIT:])
    return [header for header in dict.fromkeys((*answered, *newest_first)) if len(header) <= HEADER_LIMIT]


def _went_to(content: MessageContent) -> Iterator[str]:
    return (mailbox.address for _, mailbox in content.recipients)
