"""The bytes of deliveries, of endpoints' states and of waiting jobs: MessagePack of the domain's own values, compressed."""

import zlib

import msgspec

from chalicelib.domain.endpoint_health import EndpointHealth
from chalicelib.domain.webhook_delivery import WebhookDelivery
from chalicelib.operations.ports.webhooks import DeliveryJob

_delivery = msgspec.msgpack.Decoder(WebhookDelivery)
_health = msgspec.msgpack.Decoder(EndpointHealth)
_job = msgspec.msgpack.Decoder(DeliveryJob)


def pack(value: WebhookDelivery | EndpointHealth | DeliveryJob) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(value))


def unpack_delivery(packed: bytes) -> WebhookDelivery:
    return _delivery.decode(zlib.decompress(packed))


def unpack_health(packed: bytes) -> EndpointHealth:
    return _health.decode(zlib.decompress(packed))


def unpack_job(packed: bytes) -> DeliveryJob:
    return _job.decode(zlib.decompress(packed))
