"""The bucket that SES puts received mail into, on S3."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class MailBucket:
    """`ses_inbound.Bucket` over S3."""

    s3: Any  # boto3's client; botocore makes its class at run time
    name: str

    def put(self, key: str, data: bytes, metadata: Mapping[str, str]) -> None:
        self.s3.put_object(Bucket=self.name, Key=key, Body=data, Metadata=dict(metadata))

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.name, Key=key)
