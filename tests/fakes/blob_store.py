"""Blobs in memory."""

import hashlib
from dataclasses import dataclass, field

from chalicelib.domain.ids import MessageKey
from chalicelib.storage.blob_store import BlobHead


@dataclass
class FakeBlobStore:
    """Bytes by name, with their content type."""

    blobs: dict[str, tuple[bytes, str]] = field(default_factory=dict)

    def put(self, name: str, data: bytes, content_type: str, owner: MessageKey | None = None) -> None:
        self.blobs[name] = data, content_type

    def get(self, name: str) -> bytes | None:
        return self.blobs[name][0] if name in self.blobs else None

    def head(self, name: str) -> BlobHead | None:
        data = self.get(name)
        return None if data is None else BlobHead(len(data), hashlib.sha256(data).hexdigest())

    def copy(self, source: str, target: str, *, tag: str | None = None) -> bool:
        head = self.head(source)
        if head is None or (tag is not None and head.tag != tag):
            return False
        self.blobs[target] = self.blobs[source]
        return True

    def delete(self, name: str) -> None:
        self.blobs.pop(name, None)

    def url(self, name: str, *, filename: str | None = None, content_type: str | None = None) -> str:
        return f"https://blobs.example.com/{name}"

    def put_url(self, name: str, *, size: int, content_type: str) -> str:
        return f"https://blobs.example.com/{name}?size={size}"
