"""Received mails in the bucket: as SES put them there, and the copy of each message."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.domain.arrival import Authentication, Verdict
from chalicelib.domain.ids import MessageKey, encode
from chalicelib.domain.receipt import WAITING_MAIL, Receipt, is_trial
from chalicelib.storage.blob_store import S3BlobStore, is_missing
from chalicelib.storage.failures import raises_unavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAIL = "message/rfc822"
METADATA_BYTES = 2_000  # S3 takes 2 KB of user metadata with an object
_RECEIPT = "receipt"  # x-amz-meta-receipt


@raises_unavailable
@dataclass(frozen=True)
class S3ReceivedMails:
    """`operations.ports.ReceivedMails` over the deployment's bucket."""

    client: "S3Client"
    bucket: str

    def read(self, blob: str) -> bytes | None:
        try:
            return self.client.get_object(Bucket=self.bucket, Key=blob)["Body"].read()
        except ClientError as error:
            if is_missing(error):
                return None
            raise

    def keep_copy(self, receipt: Receipt, recipient: str, key: MessageKey) -> bool:
        # Of the envelope's recipients the copy names only its own: the others are other people's business.
        metadata = receipt_metadata(replace(receipt, recipients=(recipient,)))
        try:
            self.client.copy_object(
                Bucket=self.bucket,
                Key=copy_name(key),
                CopySource={"Bucket": self.bucket, "Key": receipt.blob},
                ContentType=MAIL,
                Metadata=metadata,
                MetadataDirective="REPLACE",
            )
        except ClientError as error:
            if is_missing(error):
                return False
            raise
        return True

    def read_copy(self, key: MessageKey) -> bytes | None:
        return self.read(copy_name(key))

    def copy_url(self, key: MessageKey) -> str:
        return S3BlobStore(self.client, self.bucket).url(copy_name(key), filename="message.eml")

    def delete_copy(self, key: MessageKey) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=copy_name(key))

    def delete(self, blob: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=blob)

    def receipt(self, blob: str) -> Receipt | str | None:
        try:
            metadata = self.client.head_object(Bucket=self.bucket, Key=blob)["Metadata"]
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        return receipt_in(metadata, blob) or blob

    def waiting(self) -> Iterator[Receipt | str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=WAITING_MAIL)
        for page in pages:
            for found in page.get("Contents", []):
                blob = found["Key"]
                if is_trial(blob):
                    continue
                receipt = self.receipt(blob)
                if receipt is not None:
                    yield receipt


def copy_name(key: MessageKey) -> str:
    """The name of a message's own copy."""
    return f"raw/{encode(key.inbox_number, 12)}/{key.sequence}"


def receipt_metadata(receipt: Receipt) -> Mapping[str, str]:
    """A receipt as the metadata of an object; nothing when it is too long for that, or no such text can be."""
    verdicts = receipt.authentication
    text = json.dumps(
        {
            "id": receipt.ses_message_id,
            "from": receipt.mail_from,
            "to": receipt.recipients,
            "at": receipt.received_at.isoformat(),
            "verdicts": [verdicts.spf, verdicts.dkim, verdicts.dmarc, verdicts.spam, verdicts.virus],
        },
        separators=(",", ":"),
    )
    return {_RECEIPT: text} if len(text) <= METADATA_BYTES else {}


def receipt_in(metadata: Mapping[str, str], blob: str) -> Receipt | None:
    """The receipt in an object's metadata; None when there is none."""
    if _RECEIPT not in metadata:
        return None
    stored: dict[str, Any] = json.loads(metadata[_RECEIPT])
    return Receipt(
        ses_message_id=stored["id"],
        mail_from=stored["from"],
        recipients=tuple(stored["to"]),
        received_at=datetime.fromisoformat(stored["at"]),
        blob=blob,
        authentication=Authentication(*map(Verdict, stored["verdicts"])),
    )
