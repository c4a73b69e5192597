"""Raw bytes in S3: what is too large for the table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import ClientError

from chalicelib.domain.ids import MessageKey, decode, encode
from chalicelib.storage.download_headers import disposition, safe_type
from chalicelib.storage.failures import raises_unavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CopyObjectRequestTypeDef

URL_SECONDS = 3_600

_OWNER = "message"  # x-amz-meta-message
_MISSING = frozenset({"NoSuchKey", "404"})
_CHANGED = frozenset({"PreconditionFailed", "412"})


@dataclass(frozen=True, slots=True)
class BlobHead:
    """What is known of a blob without reading it; the tag changes with the bytes."""

    size: int
    tag: str


class BlobStore(Protocol):
    """Bytes under a name; putting the same again is harmless."""

    def put(self, name: str, data: bytes, content_type: str, owner: MessageKey | None = None) -> None:
        """Store it; with the message it is for, where its name does not tell."""

    def get(self, name: str) -> bytes | None: ...

    def head(self, name: str) -> BlobHead | None: ...

    def copy(self, source: str, target: str, *, tag: str | None = None) -> bool:
        """Copy within the store; False when there is no source, or its tag is not this one (None: any)."""

    def delete(self, name: str) -> None: ...

    def url(self, name: str, *, filename: str | None = None, content_type: str | None = None) -> str:
        """A link that reads the blob without a key, for one hour; a browser downloads it and never shows it.

        It says the file's name and type if they are given; the type of something that a browser would run is left out.
        """

    def put_url(self, name: str, *, size: int, content_type: str) -> str:
        """A link that takes a PUT of exactly so many bytes with this Content-Type, for one hour."""


@raises_unavailable
@dataclass(frozen=True)
class S3BlobStore:
    """Blobs as objects of the deployment's bucket."""

    client: "S3Client"
    bucket: str

    def put(self, name: str, data: bytes, content_type: str, owner: MessageKey | None = None) -> None:
        metadata = {} if owner is None else {_OWNER: f"{encode(owner.inbox_number, 12)}/{owner.sequence}"}
        self.client.put_object(Bucket=self.bucket, Key=name, Body=data, ContentType=content_type, Metadata=metadata)

    def get(self, name: str) -> bytes | None:
        try:
            return self.client.get_object(Bucket=self.bucket, Key=name)["Body"].read()
        except ClientError as error:
            if is_missing(error):
                return None
            raise

    def head(self, name: str) -> BlobHead | None:
        try:
            found = self.client.head_object(Bucket=self.bucket, Key=name)
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        return BlobHead(found["ContentLength"], found["ETag"])

    def copy(self, source: str, target: str, *, tag: str | None = None) -> bool:
        wanted: CopyObjectRequestTypeDef = {
            "Bucket": self.bucket,
            "Key": target,
            "CopySource": {"Bucket": self.bucket, "Key": source},
        }
        if tag is not None:
            wanted["CopySourceIfMatch"] = tag
        try:
            self.client.copy_object(**wanted)
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING | _CHANGED:
                return False
            raise
        return True

    def delete(self, name: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=name)

    def url(self, name: str, *, filename: str | None = None, content_type: str | None = None) -> str:
        parameters = {"Bucket": self.bucket, "Key": name, "ResponseContentDisposition": "attachment"}
        if filename is not None:
            parameters["ResponseContentDisposition"] = disposition(filename)
        if content_type is not None:
            parameters["ResponseContentType"] = safe_type(content_type)
        return self.client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=URL_SECONDS)

    def put_url(self, name: str, *, size: int, content_type: str) -> str:
        # Both go into the signature: S3 refuses a body of another length, or under another type.
        parameters = {"Bucket": self.bucket, "Key": name, "ContentLength": size, "ContentType": content_type}
        return self.client.generate_presigned_url("put_object", Params=parameters, ExpiresIn=URL_SECONDS)


def owner_in(metadata: Mapping[str, str]) -> MessageKey | None:
    """The message that an object with this metadata is for; None where it does not say."""
    if _OWNER not in metadata:
        return None
    inbox, _, sequence = metadata[_OWNER].partition("/")
    return MessageKey(decode(inbox), int(sequence))


def is_missing(error: ClientError) -> bool:
    """Whether S3 says that there is no such object."""
    return error.response["Error"]["Code"] in _MISSING
