"""Message sources laid out in the bucket for an hour's reading; a rule of the bucket removes them within two days."""

from dataclasses import dataclass

from chalicelib.domain.ids import MessageKey, encode
from chalicelib.storage.blob_store import BlobStore
from chalicelib.storage.failures import raises_unavailable

MAIL = "message/rfc822"
FILENAME = "message.eml"


@raises_unavailable
@dataclass(frozen=True)
class BucketSourceLinks:
    """`operations.ports.SourceLinks` over the bucket."""

    blobs: BlobStore

    def put(self, message: MessageKey, source: bytes) -> str:
        self.blobs.put(_name(message), source, MAIL)
        return self.blobs.url(_name(message), filename=FILENAME)

    def remove(self, message: MessageKey) -> None:
        self.blobs.delete(_name(message))


def _name(message: MessageKey) -> str:
    return f"links/{encode(message.inbox_number, 12)}/{message.sequence}"
