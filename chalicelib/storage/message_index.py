"""The message index: one character a message.

Message *n* of an inbox is position *n* mod 480 of bucket *n* div 480. A bucket is one item of under 1 KB:

    F#000000002   d d d D b d t T q - - - - …          480 cells
                  ▲             ▲ ▲
                  │             │ └ message 967: reserved, not committed yet
                  │             └ message 966: queued
                  └ message 960: delivered

That one item is

- the *list*: positions are sequence numbers, so a page is a range of them;
- the *count*: a total is a tally of characters, exact because a status has one home;
- the *state machine*: a change is one write, `SET st[i] = :new IF st[i] IN (allowed)`, of one write unit whatever
  the size of the message, idempotent and atomic;
- the *lock*: "this message is now being handed to SES" is that same write;
- the *commit point*: content is written first and the cell last; a message exists when its cell says so;
- the *thread list*: a capital letter marks the newest visible message of its thread, so threads are listed by their
  newest message, and counted, by looking at capitals alone.

Old buckets are *sealed*: what they hold is tallied in directories of 64 and in the head of the index, so that any page
with its total is head, directory, bucket, messages, at any depth. What still changes in them is noted in the head, one
write each, laid over whatever is read, and folded in now and then:

    F:head        what directories 0 … 2 hold     notes: 4711 is not d but c, 90210 has a newer reply
    D#000000002   what buckets 128, 129 hold
    F#000000129   sealed

(storage/sealed_cells.py for the whole of it, storage/late_notes.py for the notes, storage/index_pages.py for pages.)

The thread list keeps a second list of cells, and its writes, out of the table: committing a reply sets its own capital
and takes the capital of the message before it in the same write, or notes that first where that one is sealed
(docs/decisions/0002-thread-heads-are-capitals.md).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import MessageKey, decode
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.ports import Advance, FrontOutdated, InboxFront, IndexedMessage, Page, PageRequest, Sight
from chalicelib.storage import keys
from chalicelib.storage.cell_list import Step, StepRefused, to_bucket
from chalicelib.storage.cell_pages import EMPTY, Selection, place
from chalicelib.storage.failures import MANY_TRIES, pause, raises_unavailable, tries
from chalicelib.storage.inbox_items import inbox_from_raw
from chalicelib.storage.index_front import Front
from chalicelib.storage.index_pages import IndexPages, Torn
from chalicelib.storage.sealed_cells import Looked, SealedCells
from chalicelib.storage.tables import client, table_name
from chalicelib.storage.tallies import Wanted
from chalicelib.storage.tally_items import head_from
from chalicelib.storage.thread_capitals import cased, cell, change, phase_of, takes, thread_steps

UNFINISHED = frozenset({MessagePhase.QUEUED, MessagePhase.CLAIMED, MessagePhase.SUBMITTING})
STRICT_TRIES = 6
TOGETHER_TRIES = 3  # of a step for several messages; each of them can take it alone
SEAL_EVERY = 48  # messages; every so many somebody looks whether a bucket is due to be sealed


@raises_unavailable
@dataclass(frozen=True, slots=True)
class DynamoMessageIndex:
    """The index of every inbox (`operations.ports.MessageIndex`)."""

    def phase(self, key: MessageKey) -> MessagePhase:
        return self.phases(key.inbox_number, [key.sequence])[key.sequence]

    def phases(self, inbox_number: int, sequences: Collection[int]) -> Mapping[int, MessagePhase]:
        return {sequence: phase_of(found) for sequence, found in _cells(inbox_number).cells(sequences).items()}

    def look(self, inbox_number: int, sequences: Collection[int]) -> Sight:
        cells = _cells(inbox_number).cells(sequences)
        return Sight({sequence: phase_of(found) for sequence, found in cells.items()}, cells)

    def advance(self, key: MessageKey, to: MessagePhase, allowed: Collection[MessagePhase]) -> Advance:
        return self._advance(key, to, allowed)

    def advance_together(
        self, inbox_number: int, sequences: Collection[int], to: MessagePhase, allowed: Collection[MessagePhase]
    ) -> Mapping[int, MessagePhase]:
        by_bucket: dict[int, list[int]] = {}
        for sequence in sequences:
            by_bucket.setdefault(place(sequence).bucket, []).append(sequence)
        phases: dict[int, MessagePhase] = {}
        for group in by_bucket.values():
            if len(group) > 1:
                phases |= _advanced(_cells(inbox_number), group, to, allowed)
        return phases

    def put_back(self, key: MessageKey) -> None:
        self._advance(key, MessagePhase.QUEUED, {MessagePhase.SUBMITTING}, exactly_once=True)

    def _advance(
        self, key: MessageKey, to: MessagePhase, allowed: Collection[MessagePhase], *, exactly_once: bool = False
    ) -> Advance:
        cells = _cells(key.inbox_number)
        newest = to.visible  # a young message is nearly always the newest of its thread: try the capital first
        for number in range(MANY_TRIES):
            step = Step(key.sequence, cell(to, newest=newest), frozenset(cased(allowed, newest=newest)))
            try:
                cells.step([step], exactly_once=exactly_once)
            except StepRefused as refused:
                if not refused.cells:
                    pause(number + 1)
                    continue
                found = refused.cells[key.sequence]
                phase = phase_of(found)
                if phase not in allowed:
                    return Advance(taken=False, phase=phase)
                newest = found.isupper()
            else:
                return Advance(taken=True, phase=to)
        raise Unavailable("Too many writers are at the same bucket of the message index.")

    def heads(self, _inbox_number: int, sight: Sight) -> frozenset[int]:
        return frozenset(sequence for sequence, found in sight.cells.items() if found.isupper())

    def commit(
        self,
        key: MessageKey,
        phase: MessagePhase,
        thread_members: Callable[[], Sequence[int]],
        seen: Sight | None = None,
    ) -> bool:
        before, took = self._rearrange(key, phase, {MessagePhase.RESERVED}, thread_members, seen)
        # Taking the capital from another message is on condition that it has it: of two that come at once one is told. A
        # write that takes none is tied to nobody, also one that gives it to another message, so look who came meanwhile.
        # So is one that was made before: its writer may have died before it looked.
        if not took and before is not MessagePhase.GONE and _has_others(key, thread_members()):
            self.settle_thread(key.inbox_number, thread_members)
        # Anything but a killed reservation means it is committed: a repeat after a lost reply finds its own work.
        return before is not MessagePhase.GONE

    def remove(self, key: MessageKey, thread_members: Callable[[], Sequence[int]]) -> MessagePhase:
        everything = set(MessagePhase) - {MessagePhase.GONE}
        before, _ = self._rearrange(key, MessagePhase.GONE, everything, thread_members)
        # The capital went to the newest message there was; a newer one may have been committed at the same moment. Also
        # when it was removed before: whoever did that may have died before this line.
        if _has_others(key, thread_members()):
            self.settle_thread(key.inbox_number, thread_members)
        return before

    def settle_thread(self, inbox_number: int, thread_members: Callable[[], Sequence[int]]) -> None:
        for _ in tries(MANY_TRIES):
            members = thread_members()
            found = _cells(inbox_number).cells(members)
            steps = thread_steps(found)
            if not steps:
                return
            # Looked at again in any case: a step that takes a capital away is not tied to who keeps one, and that message
            # may be gone by now.
            with suppress(StepRefused):
                _cells(inbox_number).step(steps)
        raise Unavailable("Too many writers are at the same thread.")

    def front(self, inbox_number: int) -> InboxFront:
        front = _cells(inbox_number).front()
        inbox = None if front.inbox is None else inbox_from_raw(inbox_number, front.inbox)
        return InboxFront(inbox, front)

    def page(
        self,
        inbox_number: int,
        phases: Collection[MessagePhase],
        request: PageRequest,
        front: InboxFront | None = None,
    ) -> Page[IndexedMessage]:
        return _page(inbox_number, Wanted.phases(phase.value for phase in phases), request, front)

    def queued_since(self, inbox_number: int, after: int, limit: int) -> tuple[list[MessageKey], bool]:
        cells = _cells(inbox_number)
        pages = IndexPages(cells, cells.front(), strict=False)
        sequences, more = pages.oldest(Wanted.phases([MessagePhase.QUEUED.value]), after, limit)
        return [MessageKey(inbox_number, sequence) for sequence in sequences], more

    def thread_page(
        self, inbox_number: int, request: PageRequest, front: InboxFront | None = None
    ) -> Page[IndexedMessage]:
        return _page(inbox_number, Wanted.threads(), request, front)

    def hidden(self, front: InboxFront, sequences: Collection[int]) -> frozenset[int]:
        seen: Front = front.index
        buckets = {bucket.number: bucket for bucket in seen.open_buckets}
        open_ones = [sequence for sequence in sequences if place(sequence).bucket >= seen.head.sealed]
        cells = {
            sequence: buckets[number].cell(sequence) if (number := place(sequence).bucket) in buckets else EMPTY
            for sequence in open_ones
        }
        return frozenset(sequence for sequence, found in cells.items() if not phase_of(found).visible)

    def seal_due(self, key: MessageKey) -> int:
        return _cells(key.inbox_number).seal_due(key.sequence) if key.sequence % SEAL_EVERY == 0 else 0

    def unfinished(self) -> Iterator[IndexedMessage]:
        wanted = Wanted.phases(phase.value for phase in UNFINISHED).characters
        start: dict[str, Any] = {}
        while True:
            answer = client().scan(
                TableName=table_name(),
                FilterExpression="begins_with(pk, :inbox) AND (begins_with(sk, :bucket) OR sk = :head)",
                ExpressionAttributeValues={
                    ":inbox": {"S": "I#"},
                    ":bucket": {"S": keys.MESSAGE_CELLS},
                    ":head": {"S": keys.HEAD},
                },
                ReturnConsumedCapacity="TOTAL",
                **start,
            )
            for item in answer["Items"]:
                inbox_number = decode(item["pk"]["S"].removeprefix("I#"))
                for sequence, character in _cells_of(item):
                    if character in wanted:
                        yield IndexedMessage(MessageKey(inbox_number, sequence), phase_of(character))
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _rearrange(
        self,
        key: MessageKey,
        to: MessagePhase,
        allowed: Collection[MessagePhase],
        thread_members: Callable[[], Sequence[int]],
        seen: Sight | None = None,
    ) -> tuple[MessagePhase, bool]:
        """Change one message's phase and its thread's capitals at once.

        Returns the phase it had before, and whether the capital was taken from a message, by nobody else. Nothing is
        written when that phase is not allowed.

        A message alone in its thread needs no reading first. With others, the cells are read, the change is worked
        out and written on condition that they still stand so; whoever comes second reads again.
        """
        cells = _cells(key.inbox_number)
        members = thread_members()
        found: Mapping[int, str] | None = None
        heirs: Mapping[int, int] = {}
        # A message to be committed is taken for reserved unread; the condition of the write finds out if it is not.
        known = {**(seen.cells if seen else {}), key.sequence: MessagePhase.RESERVED.value}
        if to.visible and known.keys() >= set(members):
            found = {sequence: known[sequence] for sequence in (*members, key.sequence)}
        for _ in tries(MANY_TRIES):
            if found is None:
                looked = _look(cells, key.sequence, members, is_leaving=not to.visible)
                found, heirs = looked.cells, looked.heirs
            if phase_of(found[key.sequence]) not in allowed:
                return phase_of(found[key.sequence]), False
            steps = change(found, key.sequence, to, heirs)
            try:
                alone = cells.step(steps)
            except StepRefused as refused:
                members = thread_members()
                is_enough = to.visible and refused.cells.keys() == {*members, key.sequence}
                found = refused.cells if is_enough else None
            else:
                return phase_of(found[key.sequence]), alone and takes(steps, found)
        raise Unavailable("Too many writers are at the same thread.")


def _advanced(
    cells: SealedCells, sequences: Collection[int], to: MessagePhase, allowed: Collection[MessagePhase]
) -> dict[int, MessagePhase]:
    """Advance some messages of one bucket in one write; the phases of those that are settled."""
    known: dict[int, str] = {}
    refused: dict[int, MessagePhase] = {}
    for number in range(TOGETHER_TRIES):
        steps = []
        for sequence in sequences:
            newest = known[sequence].isupper() if sequence in known else to.visible
            if sequence not in refused:
                steps.append(Step(sequence, cell(to, newest=newest), frozenset(cased(allowed, newest=newest))))
        try:
            if steps:
                cells.step(steps)
        except StepRefused as refusal:
            known |= refusal.cells
            refused |= {one: phase for one, found in refusal.cells.items() if (phase := phase_of(found)) not in allowed}
            if not refusal.cells:
                pause(number + 1)
        else:
            return {**refused, **{step.sequence: to for step in steps}}
    return refused


def _cells_of(item: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """The cells in a bucket, and in the head those that have changed in sealed ones."""
    if item["sk"]["S"] == keys.HEAD:
        return ((sequence, note.now) for sequence, note in head_from(item).late.items())
    bucket = to_bucket(item)
    return ((bucket.sequence(position), character) for position, character in enumerate(bucket.cells))


def _look(cells: SealedCells, sequence: int, members: Collection[int], *, is_leaving: bool) -> Looked:
    return cells.look_at_leaving(sequence, members) if is_leaving else cells.look({*members, sequence})


def _has_others(key: MessageKey, members: Collection[int]) -> bool:
    return any(sequence != key.sequence for sequence in members)


def _cells(inbox_number: int) -> SealedCells:
    return SealedCells(keys.inbox_partition(inbox_number))


def _page(inbox_number: int, wanted: Wanted, request: PageRequest, seen: InboxFront | None) -> Page[IndexedMessage]:
    chosen = _select(_cells(inbox_number), wanted, request, seen.index if seen else None)
    items = tuple(
        IndexedMessage(MessageKey(inbox_number, sequence), phase_of(character)) for sequence, character in chosen.cells
    )
    return Page(items, chosen.total, items[-1].key.sequence if chosen.more and items else None)


def _select(cells: SealedCells, wanted: Wanted, request: PageRequest, front: Front | None) -> Selection:
    """A message never leaves its bucket; what moves between buckets is to be read in one state of all of them.

    Under late changes without a pause that would keep readers waiting. After some tries each bucket may be of a moment of
    its own: a thread that moves right then may be missed or seen in both places.
    """
    if wanted.moves:
        for _ in tries(STRICT_TRIES):
            try:
                return IndexPages(cells, front or cells.front(), strict=True).page(wanted, request)
            except Torn as torn:
                if front is not None:
                    raise FrontOutdated from torn
    return IndexPages(cells, front or cells.front(), strict=False).page(wanted, request)
