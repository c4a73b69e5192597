"""The bucket, the queues and SES in this process, as simple as their documentation allows."""

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from botocore.response import StreamingBody

from embedded.ses_behaviour import Behaviour, behaviour_of
from embedded.ses_events import AcceptedMail, outcome_event, send_event
from tests.chaos.wire import ServiceError

# infra/resources.yaml
VISIBILITY = timedelta(seconds=360)
MAX_RECEIVES = 5
EVENTS_QUEUE = "events"


@dataclass
class Blob:
    data: bytes
    at: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        return f'"{hashlib.md5(self.data, usedforsecurity=False).hexdigest()}"'


@dataclass
class Bucket:
    """S3 is strongly consistent: what was put is read (S3 User Guide, "Amazon S3 data consistency model")."""

    clock: Callable[[], datetime]
    blobs: dict[str, Blob] = field(default_factory=dict)

    def put(self, name: str, data: bytes, metadata: Mapping[str, str] | None = None) -> None:
        self.blobs[name] = Blob(data, self.clock(), metadata or {})

    def answer(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        known: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "PutObject": self._put,
            "GetObject": self._get,
            "HeadObject": self._head,
            "CopyObject": self._copy,
            "DeleteObject": self._delete,
            "ListObjectsV2": self._list,
        }
        return known[operation](parameters)

    def _put(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        body = asked["Body"]
        data = body if isinstance(body, bytes) else body.read()
        self.put(asked["Key"], data, asked.get("Metadata"))
        return {"ETag": self.blobs[asked["Key"]].tag}

    def _get(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        blob = self._found(asked["Key"], "NoSuchKey")
        return {"Body": StreamingBody(io.BytesIO(blob.data), len(blob.data)), "ContentLength": len(blob.data)}

    def _head(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        blob = self._found(asked["Key"], "404")  # HEAD has no body to name the error in
        return {"ContentLength": len(blob.data), "ETag": blob.tag, "Metadata": dict(blob.metadata)}

    def _copy(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        source = asked["CopySource"]
        key = source["Key"] if isinstance(source, dict) else source.partition("/")[2]
        blob = self._found(key, "NoSuchKey")
        if asked.get("CopySourceIfMatch", blob.tag) != blob.tag:
            raise ServiceError("PreconditionFailed", 412)
        self.put(asked["Key"], blob.data, asked.get("Metadata", blob.metadata))
        return {"CopyObjectResult": {"ETag": blob.tag}}

    def _delete(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.blobs.pop(asked["Key"], None)
        return {}

    def _list(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        after = asked.get("StartAfter", asked.get("ContinuationToken", ""))
        names = [name for name in sorted(self.blobs) if name.startswith(asked.get("Prefix", "")) and name > after]
        page = names[: asked.get("MaxKeys", 1_000)]
        more = {"NextContinuationToken": page[-1]} if len(page) < len(names) else {}
        shown = [
            {"Key": name, "LastModified": self.blobs[name].at, "Size": len(self.blobs[name].data)} for name in page
        ]
        return {"Contents": shown, "IsTruncated": bool(more), **more}

    def _found(self, key: str, code: str) -> Blob:
        if key not in self.blobs:
            raise ServiceError(code, 404)
        return self.blobs[key]


@dataclass
class Record:
    """A message in a queue."""

    queue: str
    body: str
    due_at: datetime
    receives: int = 0


@dataclass
class Queues:
    """Standard queues: what was put is handed out at least once, in any order (SQS Developer Guide)."""

    clock: Callable[[], datetime]
    waiting: list[Record] = field(default_factory=list)
    dead: list[Record] = field(default_factory=list)
    done: list[Record] = field(default_factory=list)

    def answer(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if operation == "SendMessageBatch":
            for entry in parameters["Entries"]:
                self.put(parameters["QueueUrl"], entry["MessageBody"], entry.get("DelaySeconds", 0))
            return {"Successful": [{"Id": entry["Id"]} for entry in parameters["Entries"]], "Failed": []}
        if operation != "SendMessage":
            raise NotImplementedError(operation)
        self.put(parameters["QueueUrl"], parameters["MessageBody"], parameters.get("DelaySeconds", 0))
        body = parameters["MessageBody"].encode()
        return {"MessageId": "m", "MD5OfMessageBody": hashlib.md5(body, usedforsecurity=False).hexdigest()}

    def put(self, queue: str, body: str, delay: float = 0) -> None:
        self.waiting.append(Record(queue.rpartition("/")[2], body, self.clock() + timedelta(seconds=delay)))

    def take(self) -> Record | None:
        """The one that is due first, which is now on its way to a worker."""
        if not self.waiting:
            return None
        first = min(self.waiting, key=lambda record: record.due_at)
        self.waiting.remove(first)
        first.receives += 1
        return first

    def deliver_all_again(self) -> None:
        """Every record that was done comes once more, the last first: standard queues promise neither once nor in order."""
        again, self.done = self.done[::-1], []
        for record in again:
            self.waiting.append(Record(record.queue, record.body, self.clock()))

    def back(self, record: Record) -> None:
        """Its worker failed or died."""
        if record.receives >= MAX_RECEIVES:
            self.dead.append(record)
            return
        record.due_at = self.clock() + VISIBILITY
        self.waiting.append(record)


@dataclass
class Ses:
    """Takes every mail it is handed and tells of it through the queue of events; a call may be answered otherwise."""

    clock: Callable[[], datetime]
    queues: Queues
    accepted: list[AcceptedMail] = field(default_factory=list)
    refusals: list[ServiceError] = field(default_factory=list)  # the answers to the next calls
    events_after: Callable[[], float] = lambda: 1.0
    number: int = 0

    def answer(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if operation == "GetAccount":
            return {"SendQuota": {"Max24HourSend": 50_000.0, "MaxSendRate": 1_000.0, "SentLast24Hours": 0.0}}
        if operation != "SendEmail":
            raise NotImplementedError(operation)
        if self.refusals:
            raise self.refusals.pop(0)
        self.number += 1
        mail = AcceptedMail(
            ses_message_id=f"0100019a{self.number:08x}-5b7c1d20-000000",
            raw=parameters["Content"]["Raw"]["Data"],
            source=parameters["FromEmailAddress"],
            recipients=tuple(parameters["Destination"]["ToAddresses"]),
            tags={tag["Name"]: [tag["Value"]] for tag in parameters["EmailTags"]},
            accepted_at=self.clock(),
        )
        self.accepted.append(mail)
        self._tell(mail)
        return {"MessageId": mail.ses_message_id}

    def _tell(self, mail: AcceptedMail) -> None:
        events = [send_event(mail)]
        for recipient in mail.recipients:
            behaviour: Behaviour = behaviour_of(recipient)
            events += [
                outcome_event(mail, recipient, step.outcome, mail.accepted_at + timedelta(seconds=step.after))
                for step in behaviour.steps
            ]
        for number, event in enumerate(events):
            self.queues.put(EVENTS_QUEUE, json.dumps(event), self.events_after() + number)
