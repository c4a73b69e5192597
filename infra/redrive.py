"""Move what lies in a dead-letter queue back to its queue: `make redrive STACK=… QUEUE=…`.

One way for every emulator and for AWS: receive, send, delete. SQS's own StartMessageMoveTask takes only letters that came
from a queue (SQS API Reference), and two of our dead-letter queues also get what SNS could not deliver. A letter is deleted
when its copy is in the queue; one that is in both after a crash is handled twice, which every handler here stands.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.stack import QUEUES, CommandFailed, Stack, connect

VISIBILITY_SECONDS = 60  # in which ten letters are moved
EMPTY_LOOKS = 2  # after so many without a letter there is none; SQS may show nothing although there is something

Progress = Callable[[int], None]


@dataclass(frozen=True)
class DeadLetters:
    """A queue and its dead-letter queue, by their URLs."""

    sqs: Any
    queue: str
    letters: str

    @classmethod
    def of(cls, sqs: Any, queue_url: str) -> "DeadLetters":
        """Raises CommandFailed for a queue that has none."""
        policy = _attributes(sqs, queue_url).get("RedrivePolicy")
        if policy is None:
            raise CommandFailed(f"{queue_url} has no dead-letter queue.")
        name = json.loads(policy)["deadLetterTargetArn"].rpartition(":")[2]
        return cls(sqs, queue_url, sqs.get_queue_url(QueueName=name)["QueueUrl"])

    def count(self) -> int:
        """About how many letters there are."""
        return int(_attributes(self.sqs, self.letters)["ApproximateNumberOfMessages"])

    def move(self, progress: Progress = lambda _: None, clock: Callable[[], float] = time.time) -> int:
        """Move all letters; how many. One that this very run has moved and that is dead again stays."""
        started_at, moved, empty = clock(), 0, 0
        while empty < EMPTY_LOOKS:
            found = self._receive()
            empty = 0 if found else empty + 1
            for letter in found:
                if int(letter["Attributes"]["SentTimestamp"]) / 1000 >= started_at:
                    return moved
                self._move(letter)
                moved += 1
                progress(moved)
        return moved

    def _receive(self) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(
            QueueUrl=self.letters,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=1,
            VisibilityTimeout=VISIBILITY_SECONDS,
            MessageSystemAttributeNames=["SentTimestamp"],
            MessageAttributeNames=["All"],
        )
        letters: list[dict[str, Any]] = answer.get("Messages", [])
        return letters

    def _move(self, letter: dict[str, Any]) -> None:
        attributes = {
            name: {key: value[key] for key in ("DataType", "StringValue", "BinaryValue") if key in value}
            for name, value in letter.get("MessageAttributes", {}).items()
        }
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=letter["Body"], MessageAttributes=attributes)
        self.sqs.delete_message(QueueUrl=self.letters, ReceiptHandle=letter["ReceiptHandle"])


def _attributes(sqs: Any, queue_url: str) -> dict[str, str]:
    try:
        answer = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])
    except ClientError as error:
        raise CommandFailed(f"{queue_url} cannot be read: {error.response['Error']['Message']}") from error
    attributes: dict[str, str] = answer["Attributes"]
    return attributes


def redrive(sqs: Any, queue_url: str, *, dry_run: bool, say: Callable[[str], None]) -> int:
    """The command, once its queue is known; how many letters were moved."""
    letters = DeadLetters.of(sqs, queue_url)
    count = letters.count()
    if dry_run or not count:
        say(f"{count} dead letter{'' if count == 1 else 's'}" + (", none moved\n" if count else "\n"))
        return 0
    moved = letters.move(lambda number: say(f"\rmoved {number} of about {max(count, number)}"))
    say(f"\rmoved {moved} dead letters back to their queue\n")
    return moved


def main(arguments: Sequence[str] | None = None, connect: Callable[[str], Any] = connect) -> int:
    """The exit code. `connect` makes the client of a service."""
    parser = argparse.ArgumentParser(prog="make redrive", description="Give dead letters another chance.")
    parser.add_argument("--stack", required=True, help="the name of the CloudFormation stack")
    parser.add_argument("--queue", required=True, choices=QUEUES)
    parser.add_argument("--dry-run", action="store_true", help="count, move nothing")
    given = parser.parse_args(arguments)
    stack = Stack(given.stack, connect("cloudformation"), connect("lambda"))
    try:
        redrive(connect("sqs"), stack.queue_url(given.queue), dry_run=given.dry_run, say=_say)
    except (CommandFailed, BotoCoreError, ClientError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


def _say(text: str) -> None:
    print(text, end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())
