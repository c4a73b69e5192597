"""Housekeeping's walk through the table: items of messages that never came to be or are gone, and lost jobs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from chalicelib.domain.ids import AttachmentId, MessageKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.receipt import WAITING_MAIL
from chalicelib.operations.dead_messages import Coroner, Inquest
from chalicelib.operations.holds_all import HoldsAll
from chalicelib.operations.housekeeping import Repair, Step, judged, repair_each
from chalicelib.operations.ports import (
    AttachmentStore,
    BucketWalk,
    MessageIndex,
    PartKind,
    SeenExpired,
    SeenFile,
    SeenInbox,
    SeenPart,
    SeenThread,
    SeenUnfinished,
    SendJob,
    SendQueue,
    SequenceMarks,
    Sighting,
    TableWalk,
    ThreadStore,
)

EVERY = timedelta(hours=6)
REPAIRS_A_PAGE = 250  # after which the rest of a page waits for the next run; a part of the index may add 480 jobs
UNFINISHED = frozenset({MessagePhase.QUEUED, MessagePhase.CLAIMED, MessagePhase.SUBMITTING})


@dataclass(frozen=True)
class TidyTable:
    """One round through the table (`housekeeping.Round`)."""

    table: TableWalk
    bucket: BucketWalk
    marks: SequenceMarks
    index: MessageIndex
    threads: ThreadStore
    attachments: AttachmentStore
    send_queue: SendQueue
    coroner: Coroner
    holds_all: HoldsAll
    name: str = "table"
    every: timedelta = EVERY
    repairs_a_page: int = REPAIRS_A_PAGE

    def step(self, after: str | None, now: datetime) -> Step:
        sightings, following = self.table.page(after, now)
        inquest = judged(lambda: self.coroner.look((key for sighting in sightings for key in _messages(sighting)), now))
        if inquest is None:
            return Step(following, 0)
        repaired = 0
        for number, sighting in enumerate(sightings):
            repaired += self._repair(sighting, inquest, now)
            if repaired >= self.repairs_a_page and number + 1 < len(sightings):
                return Step(sighting.place, repaired)
        return Step(following, repaired)

    def _repair(self, sighting: Sighting, inquest: Inquest, now: datetime) -> int:
        seen = sighting.seen
        repairs: Sequence[Repair] = ()
        match seen:
            case SeenInbox():
                self.marks.note(seen.number, seen.next_sequence, now)
            case SeenUnfinished():
                waiting = [key for key in seen.keys if inquest.phase(key) in UNFINISHED and inquest.is_settled(key)]
                # A held message has no job, and gets one when its switch is turned back.
                if waiting and self.holds_all(waiting[0].inbox_number, now):
                    waiting = [key for key in waiting if inquest.phase(key) is not MessagePhase.QUEUED]
                repairs = [partial(self._requeue, key, now) for key in waiting]
            case SeenPart():
                repairs = [partial(self._remove_part, sighting, seen, inquest)]
            case SeenThread():
                repairs = [
                    *(partial(self._leave, seen, member, inquest) for member in seen.members or (_first(seen),)),
                    partial(self._settle, seen, inquest),
                ]
            case SeenFile():
                repairs = [partial(self.attachments.delete_unused, seen.id)]
            case SeenExpired():
                repairs = [partial(self.table.drop, sighting)]
        return repair_each([(type(seen).__name__, repair) for repair in repairs])

    def _requeue(self, key: MessageKey, now: datetime) -> bool:
        """Another job for a message that waits for an hour: its own may lie among the dead letters, or be lost."""
        self.send_queue.put(SendJob(key, queued_at=now))
        return True

    def _remove_part(self, sighting: Sighting, part: SeenPart, inquest: Inquest) -> bool:
        if not inquest.seems_dead(part.key):
            return False
        if part.kind is PartKind.FILING:
            if self.bucket.exists(WAITING_MAIL + part.name):
                return False  # whoever takes the mail up again finds here what was decided, and replaces it if need be
            if part.thread is not None and inquest.bury(part.key, part.thread):
                self.threads.leave(part.thread, part.key.sequence)
                return self.table.drop(sighting)
            return False
        if not inquest.bury(part.key):
            return False
        if part.kind is PartKind.FILE_USE:
            self.attachments.release([AttachmentId(part.name)], part.key)
        elif part.kind is not PartKind.STORED:
            self.table.drop(sighting)
        return True

    def _leave(self, seen: SeenThread, member: int, inquest: Inquest) -> bool:
        """Take a dead member out; a thread that nobody is in goes with it."""
        key = MessageKey(seen.key.inbox_number, member)
        if not inquest.bury(key, seen.key):
            return False
        self.threads.leave(seen.key, member)
        return True

    def _settle(self, seen: SeenThread, inquest: Inquest) -> bool:
        """Let exactly the newest message stand for its thread, where a crash kept its writer from seeing to that."""
        if not seen.members:
            return False
        number, sight = seen.key.inbox_number, inquest.sights[seen.key.inbox_number]
        members = set(seen.members)
        visible = {member for member in members if sight.phases[member].visible}
        heads = self.index.heads(number, sight) & members
        if heads == ({max(visible)} if visible else set()) or (not heads and seen.has_older):
            return False
        self.index.settle_thread(number, lambda: self.threads.newest_members(seen.key))
        return True


def _messages(sighting: Sighting) -> Iterator[MessageKey]:
    """The messages on whose cells a judgement rests."""
    match sighting.seen:
        case SeenUnfinished(keys):
            yield from keys
        case SeenPart(_, key):
            yield key
        case SeenThread(key, members):
            yield from (MessageKey(key.inbox_number, member) for member in members or (key.first_sequence,))


def _first(seen: SeenThread) -> int:
    return seen.key.first_sequence
