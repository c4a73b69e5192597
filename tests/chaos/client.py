"""A client that never loses heart: what is not answered, or with 5xx, it asks again under the same Idempotency-Key."""

import copy
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain.arrival import Authentication, Verdict
from chalicelib.domain.receipt import Receipt
from chalicelib.providers.ses_receipts import notice_body
from chalicelib.storage.received_mails import receipt_metadata
from tests.chaos.deployment import BUCKET, INBOUND_QUEUE, Deployment, new_key
from tests.factories.api_events import ApiAnswer
from tests.operations.watched import Crash

REPEAT_AFTER = timedelta(seconds=40)  # by then a first request that died counts as dead
DAY = timedelta(hours=24)
ENOUGH = 5_000  # steps; a deployment that is not at rest by then never will be


@dataclass
class Wish:
    """Something a client asks for until it has it; `answer` is the last word."""

    ask: Callable[[], ApiAnswer]
    name: str
    recipients: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    answer: ApiAnswer | None = None
    tries: int = 0

    @property
    def is_answered(self) -> bool:
        return self.answer is not None

    @property
    def made(self) -> str | None:
        """The id of what was made."""
        return self.answer.json["id"] if self.answer is not None and self.answer.status in (201, 202) else None


@dataclass
class Mail:
    """A mail that SES has taken for us."""

    raw: bytes
    inboxes: tuple[str, ...]


@dataclass
class Client:
    """Asks, repeats, and remembers what it was promised."""

    deployment: Deployment
    is_patient: bool = True  # it repeats what was not answered
    redrives: bool = False  # an operator puts dead letters back; else there must be none
    sends: list[Wish] = field(default_factory=list)
    others: list[Wish] = field(default_factory=list)
    deletions: dict[str, Wish] = field(default_factory=dict)  # by message id
    mails: dict[str, Mail] = field(default_factory=dict)  # by SES's id
    again: list[tuple[datetime, Wish]] = field(default_factory=list)
    deleted_mails: dict[str, Wish] = field(default_factory=dict)  # by SES's id

    def copy(self, *, is_patient: bool, redrives: bool) -> "Client":
        """Another who knows the same."""
        twin = replace(self, is_patient=is_patient, redrives=redrives, again=[])
        for name in ("sends", "others", "deletions", "mails", "deleted_mails"):
            setattr(twin, name, copy.copy(getattr(self, name)))
        return twin

    def send(self, url: str, *to: str, files: Sequence[str] = (), after: float = 0, **more: Any) -> Wish:
        """POST a message, some seconds from now; its metadata says which wish it is."""
        name = f"wish {len(self.sends)}"
        body = {"metadata": {"wish": name}, "bodyText": f"This is {name}.", **more}
        if to:
            body["to"] = list(to)
        if url.startswith("/inboxes"):
            body.setdefault("subject", name)
        if files:
            body["attachmentIds"] = list(files)
        key = new_key()
        wish = Wish(lambda: self.deployment.api("POST", url, body, once=key), name, to, tuple(files))
        self.sends.append(wish)
        if after:
            self.again.append((self.deployment.clock() + timedelta(seconds=after), wish))
        else:
            self.want(wish)
        return wish

    def make(self, url: str, body: object) -> Wish:
        key = new_key()
        wish = Wish(lambda: self.deployment.api("POST", url, body, once=key), url)
        self.others.append(wish)
        self.want(wish)
        return wish

    def upload(self, data: bytes) -> Wish:
        key = new_key()
        wish = Wish(lambda: self.deployment.upload("report.pdf", data, once=key), "upload")
        self.others.append(wish)
        self.want(wish)
        return wish

    def delete(self, message_id: str, *, mail: str | None = None) -> Wish:
        """DELETE a message; `mail` is SES's id of the one it came from."""
        wish = Wish(lambda: self.deployment.api("DELETE", f"/messages/{message_id}"), f"delete {message_id}")
        self.deletions[message_id] = wish
        if mail is not None:
            self.deleted_mails[mail] = wish
        self.want(wish)
        return wish

    def arrives(self, ses_message_id: str, raw: bytes, *inboxes: str, sender: str = "ada@example.com") -> None:
        """SES has stored a mail and tells of it."""
        self.mails[ses_message_id] = Mail(raw, inboxes)
        receipt = Receipt(
            ses_message_id,
            sender,
            inboxes,
            self.deployment.clock(),
            f"inbound/{ses_message_id}",
            Authentication(dmarc=Verdict.PASS),
        )
        self.deployment.bucket.put(receipt.blob, raw, receipt_metadata(receipt))
        self.deployment.queues.put(INBOUND_QUEUE, notice_body(receipt, bucket=BUCKET))

    def want(self, wish: Wish) -> None:
        """Ask once, and note that it is to be asked again if there is no answer yet."""
        wish.tries += 1
        try:
            answer = wish.ask()
        except Crash:
            answer = None
        if answer is not None and answer.status < 500 and not _is_in_progress(answer):
            wish.answer = answer
        elif self.is_patient:
            self.again.append((self.deployment.clock() + REPEAT_AFTER, wish))

    def rest(self) -> None:
        """Do what is due, request or record, in the order of time, until nothing is left to do."""
        began = self.deployment.clock()
        for _ in range(ENOUGH):
            if not self._step() and not self._redrive():
                assert self.deployment.clock() - began <= DAY, "it took longer than a day"
                return
        raise AssertionError("it does not come to rest")

    def _redrive(self) -> bool:
        """`make redrive`, where it is part of the story; False when there was nothing to put back."""
        queues = self.deployment.queues
        letters, queues.dead = (queues.dead, []) if self.redrives else ([], queues.dead)
        for letter in letters:
            queues.put(letter.queue, letter.body)
        return bool(letters)

    def _step(self) -> bool:
        waiting = self.deployment.queues.waiting
        next_record = min((record.due_at for record in waiting), default=None)
        next_wish = min((at for at, _ in self.again), default=None)
        if next_wish is not None and (next_record is None or next_wish < next_record):
            place = next(place for place, (at, _) in enumerate(self.again) if at == next_wish)
            at, wish = self.again.pop(place)
            self.deployment.clock.now = max(self.deployment.clock.now, at)
            self.want(wish)
            return True
        return self.deployment.deliver_next()


def _is_in_progress(answer: ApiAnswer) -> bool:
    return answer.status == 409 and answer.error["code"] == "IDEMPOTENCY_IN_PROGRESS"


def noise(size: int, seed: int) -> str:
    """Text that no compression makes smaller than half."""
    return "".join(random.Random(seed).choices("0123456789abcdef", k=size))
