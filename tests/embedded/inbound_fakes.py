"""Stand-ins for what the SMTP door and local delivery stand on: a bucket, a topic, and known addresses."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from embedded.ses_inbound import SesInbound
from embedded.ses_notices import ReceiptRule

RULE = ReceiptRule("mail", "arn:inbound", "us-east-1")


class Broken(ConnectionError):
    """What a fake raises when it is told to fail."""


@dataclass
class FakeBucket:
    """Objects with their metadata, and every key that was ever put."""

    objects: dict[str, tuple[bytes, Mapping[str, str]]] = field(default_factory=dict)
    puts: list[str] = field(default_factory=list)
    failures: int = 0
    half_stores: bool = False  # fails only after it has stored
    keeps_everything: bool = False

    def put(self, key: str, data: bytes, metadata: Mapping[str, str]) -> None:
        if self.failures and not self.half_stores:
            self.failures -= 1
            raise Broken("the bucket is not there")
        self.objects[key] = (data, metadata)
        self.puts.append(key)
        if self.failures:
            self.failures -= 1
            raise Broken("the bucket's answer was lost")

    def delete(self, key: str) -> None:
        if self.keeps_everything:
            raise Broken("the bucket is not there any more")
        self.objects.pop(key, None)


@dataclass
class FakeTopic:
    """The notices a topic took."""

    notices: list[dict[str, Any]] = field(default_factory=list)
    failures: int = 0

    def __call__(self, topic_arn: str, message: str) -> None:
        if self.failures:
            self.failures -= 1
            raise Broken("the topic is not there")
        assert topic_arn == RULE.topic_arn
        assert len(message) <= 256 * 1024
        self.notices.append(json.loads(message))


@dataclass
class FakeMailboxes:
    """Addresses that reach an inbox."""

    addresses: set[str]
    failures: int = 0

    def reached_by(self, address: str) -> bool:
        if self.failures:
            self.failures -= 1
            raise Broken("the table is not there")
        return address in self.addresses


def inbound_over(bucket: FakeBucket, topic: FakeTopic) -> SesInbound:
    return SesInbound(bucket, topic, RULE)
