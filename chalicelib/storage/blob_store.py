"""Raw bytes in S3: what is too large for the table."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import ClientError

from chalicelib.storage.failures import raises_unavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

URL_SECONDS = 3_600


class BlobStore(Protocol):
    """Bytes under a name; putting the same again is harmless."""

    def put(self, name: str, data: bytes, content_type: str) -> None: ...

    def get(self, name: str) -> bytes | None: ...

    def delete(self, name: str) -> None: ...

    def url(self, name: str) -> str:
        """A link that reads the blob without a key, for one hour; a browser downloads it and never shows it."""


@raises_unavailable
@dataclass(frozen=True)
class S3BlobStore:
    """Blobs as objects of the deployment's bucket."""

    client: "S3Client"
    bucket: str

    def put(self, name: str, data: bytes, content_type: str) -> None:
        self.client.put_object(Bucket=self.bucket, Key=name, Body=data, ContentType=content_type)

    def get(self, name: str) -> bytes | None:
        try:
            return self.client.get_object(Bucket=self.bucket, Key=name)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise

    def delete(self, name: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=name)

    def url(self, name: str) -> str:
        parameters = {"Bucket": self.bucket, "Key": name, "ResponseContentDisposition": "attachment"}
        return self.client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=URL_SECONDS)
