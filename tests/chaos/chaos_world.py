"""A day in bad weather on a virtual clock: clients, a sender, SES's news and received mail, all over port fakes."""

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain.delivery import DeliveryReport
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.errors import Conflict, Forbidden, NotFound, Unavailable
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.inbox import InboxStatus
from chalicelib.domain.reputation import Reputation
from chalicelib.operations.answer_once import AnswerOnce, Fresh, NameResource
from chalicelib.operations.ports import SendJob
from tests.chaos.weather import Weather
from tests.fakes.idempotency_store import FakeIdempotencyStore
from tests.fakes.suppression_store import NobodySuppressed
from tests.operations.incoming import make_mail, make_receipt
from tests.operations.watched import Crash
from tests.operations.world import ADA, BOB, IDS, INBOX, VISIBILITY_TIMEOUT, World, make_draft, make_event

MAX_RECEIVES = 5
REDRIVE_AFTER = timedelta(hours=1)  # an operator looks at the dead letters
REPEAT_AFTER = timedelta(seconds=40)
TO = (ADA, BOB)
NEWS = (DeliveryStatus.DELIVERED, DeliveryStatus.DELIVERED, DeliveryStatus.BOUNCED, DeliveryStatus.COMPLAINED)


@dataclass
class Record:
    """Something to be done, again and again until it is."""

    work: Callable[[], object]
    receives: int = 0
    dies_at_most: int = 1_000  # after so many failures it meets calm weather


@dataclass
class Wish:
    """A message somebody wants sent; `made` once it is accepted."""

    name: str
    made: MessageKey | None = None
    is_deleted: bool = False
    replies_to: "Wish | None" = None


WELL_KNOWN = Reputation(sends=10**9)  # however many bounce, the inbox is not suspended


class Untroubled(World):
    """Nobody is suppressed, so that whoever bounced is written to again: here the weather alone stands in the way."""

    def _make_suppressions(self) -> Any:
        return NobodySuppressed()


@dataclass
class Day:
    """Everything that happens; `live` ends when nothing is left to do."""

    luck: random.Random
    late_news: timedelta = timedelta()  # by which some of SES's news is late on top
    world: World = field(default_factory=lambda: Untroubled(daily_send_limit=1_000_000, reputation=WELL_KNOWN))
    wishes: list[Wish] = field(default_factory=list)
    mails: int = 0
    told: dict[MessageKey, set[tuple[str, DeliveryStatus]]] = field(default_factory=dict)
    heard_at: dict[str, datetime] = field(default_factory=dict)  # SES id → when news of it was first recorded
    accepted_at: dict[str, datetime] = field(default_factory=dict)
    figures: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.weather = Weather(self.luck)
        self.began = self.world.clock()
        self._due: list[tuple[datetime, int, Record]] = []
        self._numbers = itertools.count()
        store = self.world._watched("idempotency", FakeIdempotencyStore())
        self._answer_once = AnswerOnce(store, self.world.clock)
        self._seen = 0

    # ----------------------------------------------------------------------------------------- what is wanted

    def plan(self, messages: int) -> None:
        """So many messages over an hour, most of them sent, some received, a few deleted again."""
        for number in range(messages):
            at = timedelta(seconds=self.luck.uniform(0, 3_600))
            if self.luck.random() < 0.15:
                self.mails += 1
                self._arrive(self.mails, at)
            else:
                wish = Wish(f"wish {number}")
                if self.wishes and self.luck.random() < 0.2:
                    wish.replies_to = self.luck.choice(self.wishes[-20:])
                self.wishes.append(wish)
                self._at(at, Record(lambda wish=wish: self._submit(wish)))  # type: ignore[misc]

    def _submit(self, wish: Wish) -> None:
        """As the API's door does; whoever gets no answer asks again under the same key."""
        thread = None
        if wish.replies_to is not None and wish.replies_to.made is not None and not wish.replies_to.is_deleted:
            known = self.world.messages.contents.get(wish.replies_to.made)
            thread = known.thread if known else None
        wish.replies_to = None  # a repeated request has the same body
        draft = make_draft(*TO, subject=wish.name, thread=thread)

        def create(name_resource: NameResource) -> Fresh:
            message = self.world.submit_message(
                draft,
                inbox_number=INBOX,
                caller=self.world.caller,
                name_resource=lambda key: name_resource(IDS.message_id(key)),
            )
            return Fresh(IDS.message_id(message.content.key).encode())

        def recover(resource: str) -> Fresh | None:
            message = self.world.recover_message(IDS.message_key(resource), self.world.caller)
            return None if message is None else Fresh(resource.encode(), by_earlier_request=True)

        try:
            answer = self._answer_once(wish.name, b"body", create, recover)
        except (Crash, Unavailable, Conflict):
            self._at(REPEAT_AFTER, Record(lambda: self._submit(wish)))
            return
        except NotFound:  # the thread went with its last message
            self._at(REPEAT_AFTER, Record(lambda: self._submit(wish)))
            return
        except Forbidden:  # too much of its mail came back
            self._at(REPEAT_AFTER, Record(self._activate))
            self._at(REPEAT_AFTER, Record(lambda: self._submit(wish)))
            return
        wish.made = IDS.message_key(answer.answer.decode())
        if self.luck.random() < 0.03:
            self._at(timedelta(seconds=self.luck.uniform(0, 600)), Record(lambda: self._delete(wish)))

    def _activate(self) -> None:
        """As whoever looks after the inbox does, each time that it was suspended."""
        inbox = self.world.inbox()
        if inbox.status is InboxStatus.SUSPENDED:
            assert inbox.suspension is not None
            self.figures["suspended"] += (
                self.world.inboxes.save_settings(inbox, replace(inbox, status=InboxStatus.ACTIVE)) is not None
            )

    def _delete(self, wish: Wish) -> None:
        assert wish.made is not None
        try:
            self.world.delete_message(wish.made, self.world.caller)
        except NotFound:
            pass  # it had been done, and only the answer was lost
        except (Crash, Unavailable):
            self._at(REPEAT_AFTER, Record(lambda: self._delete(wish)))
            return
        wish.is_deleted = True

    def _arrive(self, number: int, at: timedelta) -> None:
        receipt = make_receipt(ses_message_id=f"mail-{number}")
        self.world.mails.put(receipt.blob, make_mail(message_id=f"<{number}@example.com>", body=f"Mail {number}."))
        self._at(at, Record(lambda: self.world.receive_message(receipt)))
        if self.weather.is_doubled():
            self._at(at + self.weather.delay(), Record(lambda: self.world.receive_message(receipt)))

    # --------------------------------------------------------------------------------------------- the clock

    def live(self) -> None:
        """Do what is due, in the order of time, until nothing is left."""
        with self.world.watching(self.weather):
            while self._due:
                at, _, record = heapq.heappop(self._due)
                self.world.clock.now = max(self.world.clock.now, at)
                self._do(record)
                self._collect()

    def _at(self, after: timedelta, record: Record) -> None:
        heapq.heappush(self._due, (self.world.clock() + after, next(self._numbers), record))

    def _do(self, record: Record) -> None:
        self.weather.is_calm = record.receives >= record.dies_at_most
        record.receives += 1
        if self.weather.is_doubled():
            self._at(self.weather.delay(), Record(record.work, dies_at_most=record.dies_at_most))
        try:
            if self.weather.is_lost():
                self._back(record)
            else:
                record.work()
        except (Crash, Unavailable):
            self._back(record)
        finally:
            self.weather.is_calm = False

    def _back(self, record: Record) -> None:
        if record.receives >= MAX_RECEIVES:
            self.figures["dead letters, redriven"] += 1
            self._at(REDRIVE_AFTER, Record(record.work, dies_at_most=record.dies_at_most))
        else:
            self._at(timedelta(seconds=VISIBILITY_TIMEOUT), record)

    def _collect(self) -> None:
        """What the step before put into queues, and what SES has to tell."""
        for job, delay in self.world.send_queue.jobs:
            self._at(timedelta(seconds=delay) + self.weather.delay(), Record(self._job(job)))
        self.world.send_queue.jobs.clear()
        for mail in self.world.provider.mails[self._seen :]:
            self._tell(IDS.message_key(mail.message_id), mail.acceptance.ses_message_id)
        self._seen = len(self.world.provider.mails)

    def _job(self, job: SendJob) -> Callable[[], None]:
        return lambda: self.world.send_message(job)

    def _tell(self, key: MessageKey, ses_id: str) -> None:
        """SES's news of a mail: of all of it, and of each recipient."""
        now = self.accepted_at[ses_id] = self.world.clock()
        late = self.late_news if self.luck.random() < 0.1 else timedelta()
        news: list[tuple[str | None, DeliveryStatus]] = [(None, DeliveryStatus.SENT)]
        news += [(address, self.luck.choice(NEWS)) for address in TO]
        self.told.setdefault(key, set()).update((address, status) for address, status in news if address)
        for address, status in news:
            event = replace(make_event(key, status, address, at=now, ses_message_id=ses_id), accepted_at=now)

            def hear(event: DeliveryReport = event) -> None:
                self.world.record_delivery_report(event)
                self.heard_at.setdefault(ses_id, self.world.clock())

            # One failure and its way: below the evidence window, unless the news is late by design.
            self._at(late + self.weather.delay(), Record(hear, dies_at_most=1))
