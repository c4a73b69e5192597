"""A walk through the whole bucket, some objects at a time."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.domain.ids import MessageKey
from chalicelib.operations.ports import SeenBlob
from chalicelib.storage.blob_store import is_missing, owner_in
from chalicelib.storage.failures import raises_unavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PAGE_OBJECTS = 250


@raises_unavailable
@dataclass(frozen=True)
class S3BucketWalk:
    """`operations.ports.BucketWalk` over the deployment's bucket."""

    client: "S3Client"
    bucket: str
    page_objects: int = PAGE_OBJECTS

    def page(self, after: str | None, prefix: str = "") -> tuple[list[SeenBlob], str | None]:
        start: dict[str, Any] = {} if after is None else {"StartAfter": after}
        answer = self.client.list_objects_v2(Bucket=self.bucket, Prefix=prefix, MaxKeys=self.page_objects, **start)
        blobs = [SeenBlob(found["Key"], found["LastModified"]) for found in answer.get("Contents", [])]
        return blobs, blobs[-1].name if blobs and answer.get("IsTruncated") else None

    def exists(self, name: str) -> bool:
        return self._metadata(name) is not None

    def owner(self, name: str) -> MessageKey | None:
        return owner_in(self._metadata(name) or {})

    def remove(self, name: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=name)

    def _metadata(self, name: str) -> dict[str, str] | None:
        try:
            return dict(self.client.head_object(Bucket=self.bucket, Key=name)["Metadata"])
        except ClientError as error:
            if is_missing(error):
                return None
            raise
