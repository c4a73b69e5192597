"""Blobs in memory."""

from dataclasses import dataclass, field


@dataclass
class FakeBlobStore:
    """Bytes by name, with their content type."""

    blobs: dict[str, tuple[bytes, str]] = field(default_factory=dict)

    def put(self, name: str, data: bytes, content_type: str) -> None:
        self.blobs[name] = data, content_type

    def get(self, name: str) -> bytes | None:
        return self.blobs[name][0] if name in self.blobs else None

    def delete(self, name: str) -> None:
        self.blobs.pop(name, None)

    def url(self, name: str) -> str:
        return f"https://blobs.example.com/{name}"
