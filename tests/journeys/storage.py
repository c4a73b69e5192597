"""A look behind the doors of a running system: its queues and its bucket."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3

from embedded.aws_environment import CREDENTIALS, DEFAULT_REGION
from tests.journeys.system import Journey

_COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@dataclass(frozen=True)
class Storage:
    """The emulated AWS of a system."""

    sqs: Any
    s3: Any

    @classmethod
    def of(cls, journey: Journey) -> "Storage":
        """It is where the links to files point."""
        link = journey.call("POST", "/attachments/uploads", 201, json={"filename": "a", "size": 1})["uploadUrl"]
        session = boto3.session.Session(
            CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"], region_name=DEFAULT_REGION
        )
        endpoint = f"http://{urlsplit(link).netloc}"
        return cls(*(session.client(name, endpoint_url=endpoint) for name in ("sqs", "s3")))

    def in_queues(self) -> dict[str, int]:
        """How much is in each queue, dead-letter queues among them: waiting, or being worked on."""
        return {url.rpartition("/")[2]: self._in_queue(url) for url in self.sqs.list_queues()["QueueUrls"]}

    def objects(self, prefix: str) -> list[str]:
        """What lies under a prefix, in all buckets."""
        buckets = [bucket["Name"] for bucket in self.s3.list_buckets()["Buckets"]]
        pages = (self.s3.list_objects_v2(Bucket=bucket, Prefix=prefix) for bucket in buckets)
        return [found["Key"] for page in pages for found in page.get("Contents", ())]

    def _in_queue(self, url: str) -> int:
        attributes = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(_COUNTS))["Attributes"]
        return sum(int(attributes[name]) for name in _COUNTS)
