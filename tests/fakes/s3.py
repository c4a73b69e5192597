"""A boto3 client of S3 in memory, as far as the stores use one, whose objects are as old as a test's clock says."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any

from botocore.exceptions import ClientError


@dataclass(frozen=True, slots=True)
class Stored:
    data: bytes
    metadata: dict[str, str]
    modified_at: datetime

    @property
    def tag(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass
class FakeS3:
    """One bucket, whatever it is called."""

    clock: Callable[[], datetime]
    objects: dict[str, Stored] = field(default_factory=dict)

    def call(self, operation: str, wanted: dict[str, Any]) -> Any:
        """Every call comes through here, so that a test can stand in between."""
        return getattr(self, f"_{operation}")(**wanted)

    def put_object(self, **wanted: Any) -> Any:
        return self.call("put", wanted)

    def get_object(self, **wanted: Any) -> Any:
        return self.call("get", wanted)

    def head_object(self, **wanted: Any) -> Any:
        return self.call("head", wanted)

    def copy_object(self, **wanted: Any) -> Any:
        return self.call("copy", wanted)

    def delete_object(self, **wanted: Any) -> Any:
        return self.call("delete", wanted)

    def list_objects_v2(self, **wanted: Any) -> Any:
        return self.call("list", wanted)

    def generate_presigned_url(self, _operation: str, *, Params: dict[str, Any], **_: Any) -> str:  # noqa: N803
        return f"https://blobs.example.com/{Params['Key']}"

    def get_paginator(self, _operation: str) -> "FakeS3":
        return self

    def paginate(self, **wanted: Any) -> Iterator[Any]:
        yield self.call("list", {"MaxKeys": len(self.objects), **wanted})

    def _put(self, *, Key: str, Body: bytes, Metadata: dict[str, str] | None = None, **_: Any) -> Any:  # noqa: N803
        self.objects[Key] = Stored(Body, Metadata or {}, self.clock())

    def _get(self, *, Key: str, **_: Any) -> Any:  # noqa: N803
        return {"Body": BytesIO(self._found(Key).data)}

    def _head(self, *, Key: str, **_: Any) -> Any:  # noqa: N803
        found = self._found(Key)
        return {"ContentLength": len(found.data), "ETag": found.tag, "Metadata": found.metadata}

    def _copy(self, *, Key: str, CopySource: dict[str, str], **more: Any) -> Any:  # noqa: N803
        source = self._found(CopySource["Key"])
        if more.get("CopySourceIfMatch", source.tag) != source.tag:
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "CopyObject")
        self.objects[Key] = Stored(source.data, more.get("Metadata", source.metadata), self.clock())

    def _delete(self, *, Key: str, **_: Any) -> Any:  # noqa: N803
        self.objects.pop(Key, None)

    def _list(self, *, Prefix: str, MaxKeys: int, StartAfter: str = "", **_: Any) -> Any:  # noqa: N803
        names = sorted(name for name in self.objects if name.startswith(Prefix) and name > StartAfter)
        contents = [{"Key": name, "LastModified": self.objects[name].modified_at} for name in names[:MaxKeys]]
        return {"Contents": contents, "IsTruncated": len(names) > MaxKeys}

    def _found(self, name: str) -> Stored:
        if name not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return self.objects[name]
