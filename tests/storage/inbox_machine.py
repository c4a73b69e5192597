"""An inbox as a state machine: what its people and SES may do next, each also dying half-way, and what must then be shown.

Everything below the operations is real but SES and the queues. The oracle is a dictionary. What a request did whose process
died, nobody was told; the index says whether the message is there, and from then on it must stay so.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.errors import NotFound
from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.ports import PageRequest
from chalicelib.storage.thread_store import DynamoThreadStore
from tests.operations.incoming import make_mail, make_receipt
from tests.operations.watched import Crash, FailingAt
from tests.operations.world import INBOX, make_draft, make_event
from tests.storage.engines import Engine
from tests.storage.inbox_looks import LUCK, UPPER, InboxLooks, Shown
from tests.storage.kept_world import KeptWorld

NEWS = (DeliveryStatus.DELIVERED, DeliveryStatus.FAILED, DeliveryStatus.BOUNCED, DeliveryStatus.COMPLAINED)
LADDER = (  # what news may only raise
    MessageStatus.SENT,
    MessageStatus.DELIVERED,
    MessageStatus.FAILED,
    MessageStatus.BOUNCED,
    MessageStatus.COMPLAINED,
)


@dataclass(frozen=True)
class Death:
    """At which call the process dies, before the call has its effect or after it."""

    call: int
    after_effect: bool


class MachineWorld(KeptWorld):
    """Its threads fill chunks after a few messages."""

    def _make_stores(self) -> None:
        super()._make_stores()
        self.threads = DynamoThreadStore(members_limit=6, moved_at_once=3, chunk_limit=5, enough=2)


DEATHS = st.none() | st.none() | st.builds(Death, st.integers(0, 16), st.booleans())


class InboxMachine(InboxLooks):
    """The acts."""

    engine: ClassVar[Engine]

    def __init__(self) -> None:
        self._patch = pytest.MonkeyPatch()
        self.engine.another_table()
        super().__init__(MachineWorld(self._patch))
        self.gone: set[int] = set()  # deleted, and said to be
        self.half_gone: set[int] = set()  # never there, or deleted by one who died
        self.mails = 0

    def teardown(self) -> None:
        try:
            self._come_to_rest()
        finally:
            self._patch.undo()

    # ---------------------------------------------------------------------------------------------- acts

    @initialize(first=st.integers(1, 12))
    def begin(self, first: int) -> None:
        self.accept(first, None)

    @rule(count=st.integers(1, 6), death=DEATHS)
    def accept(self, count: int, death: Death | None) -> None:
        for _ in range(count):
            sequence = self._next_sequence()
            if self._lives(death, self.world.submitted):
                self.shown[sequence] = Shown(sequence, MessageStatus.QUEUED)
            else:
                self._look({sequence: Shown(sequence, MessageStatus.QUEUED)})

    @precondition(lambda self: self.shown)
    @rule(luck=LUCK, count=st.integers(1, 5), death=DEATHS)
    def reply(self, luck: int, count: int, death: Death | None) -> None:
        thread = self._any(luck).thread
        for _ in range(count):
            sequence = self._next_sequence()
            draft = make_draft(thread=ThreadKey(INBOX, thread))
            if self._lives(death, lambda draft=draft: self.world.submitted(draft)):  # type: ignore[misc]
                self.shown[sequence] = Shown(thread, MessageStatus.QUEUED)
            else:
                self._look({sequence: Shown(thread, MessageStatus.QUEUED)})

    @rule(luck=LUCK, answers=st.booleans(), death=DEATHS)
    def receive(self, luck: int, answers: bool, death: Death | None) -> None:  # noqa: FBT001  drawn by name
        self.mails += 1
        receipt = make_receipt(ses_message_id=f"mail{self.mails}")
        raw = make_mail(message_id=f"<{self.mails}@example.com>", in_reply_to=self._header(luck) if answers else None)
        self.world.mail(raw, receipt)
        first = self._next_sequence()
        if not self._lives(death, lambda: self.world.receive_message(receipt)):
            self.world.receive_message(receipt)  # SQS tells of it again
        self.world.receive_message(receipt)  # and SES may, too
        tried = range(first, self._next_sequence())
        (sequence,) = [number for number in tried if self.world.phase(MessageKey(INBOX, number)).visible]
        content = self.world.get_message(MessageKey(INBOX, sequence), self.world.caller).content
        self.shown[sequence] = Shown(content.thread.first_sequence, MessageStatus.RECEIVED)

    @rule(death=DEATHS)
    def send(self, death: Death | None) -> None:
        """The queue is worked empty; a worker that dies gets its job again."""
        self._lives(death, self.world.work)
        for sequence, known in self.shown.items():
            if known.status is MessageStatus.QUEUED:
                found = self.world.status(MessageKey(INBOX, sequence))
                # Died between SES's answer and the record of it: no news has proved that it was sent.
                assert found is MessageStatus.SENT or (death and found is MessageStatus.FAILED)
                self.shown[sequence] = replace(known, status=found)
        self.is_settled = True

    @precondition(lambda self: self._sent())
    @rule(luck=LUCK, status=st.sampled_from(NEWS), death=DEATHS)
    def hear(self, luck: int, status: DeliveryStatus, death: Death | None) -> None:
        sequence = self._sent()[luck % len(self._sent())]
        key, known = MessageKey(INBOX, sequence), self.shown[sequence]
        ses_message_id = self.world.delivery(key).ses_message_id
        if ses_message_id is None:
            return
        event = make_event(key, status, at=self.world.clock(), ses_message_id=ses_message_id)
        after = max(known.status, status.shown, key=LADDER.index)
        if not self._lives(death, lambda: self.world.record_delivery_report(event)):
            assert self.world.status(key) in (known.status, after)
            self.world.record_delivery_report(event)  # SQS tells of it again
        self.shown[sequence] = replace(known, status=after)

    @precondition(lambda self: self.shown)
    @rule(luck=LUCK, count=st.integers(1, 4), death=DEATHS)
    def delete(self, luck: int, count: int, death: Death | None) -> None:
        for number in range(min(count, len(self.shown))):
            sequence = sorted(self.shown)[(luck + number) % len(self.shown)]
            known = self.shown.pop(sequence)
            key = MessageKey(INBOX, sequence)
            if self._lives(death, lambda key=key: self.world.delete_message(key, self.world.caller)):  # type: ignore[misc]
                self.gone.add(sequence)
            else:
                self._look({sequence: known})

    @precondition(lambda self: self.gone)
    @rule(luck=LUCK)
    def delete_again(self, luck: int) -> None:
        sequence = sorted(self.gone)[luck % len(self.gone)]
        with pytest.raises(NotFound):
            self.world.delete_message(MessageKey(INBOX, sequence), self.world.caller)

    @precondition(lambda self: self.half_gone)
    @rule(luck=LUCK)
    def delete_what_is_half_gone(self, luck: int) -> None:
        """Whoever finds something left of it finishes the work."""
        sequence = sorted(self.half_gone)[luck % len(self.half_gone)]
        with suppress(NotFound):
            self.world.delete_message(MessageKey(INBOX, sequence), self.world.caller)

    @rule(death=DEATHS)
    def seal(self, death: Death | None) -> None:
        newest = MessageKey(INBOX, self._next_sequence() - 1)
        self._lives(death, lambda: self.world.index.seal_due(newest))

    # ---------------------------------------------------------------------------------------------- looks

    # ---------------------------------------------------------------------------------------------- helpers

    def _lives(self, death: Death | None, act: Callable[[], object]) -> bool:
        """Do it; False when the process died at it."""
        if death is None:
            act()
            return True
        failing = FailingAt(death.call, death.after_effect, Crash())
        with self.world.watching(failing):
            try:
                act()
            except Crash:
                self.is_settled = False
                self.figures["deaths"] += 1
                return False
        return True

    def _look(self, expected: dict[int, Shown]) -> None:
        """Which of these messages are there, after a death."""
        for sequence, known in expected.items():
            if self.world.phase(MessageKey(INBOX, sequence)).visible:
                self.shown[sequence] = known
            elif sequence < self._next_sequence():  # else it died before it had a number
                self.half_gone.add(sequence)

    def _sent(self) -> list[int]:
        return sorted(sequence for sequence, known in self.shown.items() if known.status in LADDER)

    def _header(self, luck: int) -> str | None:
        """The Message-ID of one that was sent."""
        sent = self._sent()
        return self.world.delivery(MessageKey(INBOX, sent[luck % len(sent)])).message_id_header if sent else None

    def _next_sequence(self) -> int:
        return int(self.world.inbox().next_sequence)

    def _come_to_rest(self) -> None:
        self.send(None)
        self.walk(5)
        for thread in sorted(self._threads()):
            self.list_thread_messages(sorted(self.shown).index(min(self._threads()[thread])), PageRequest(limit=UPPER))
        self.figures["sealed"] += self.world.index.front(INBOX).index.head.sealed
        self.figures["deletions"] += len(self.gone)
