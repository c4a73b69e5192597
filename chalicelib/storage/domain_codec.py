"""The bytes of own domains and of whose a name is: MessagePack of the domain's own values, compressed."""

import zlib

import msgspec

from chalicelib.domain.own_domain import Domain, Holding

_domain = msgspec.msgpack.Decoder(Domain)
_holding = msgspec.msgpack.Decoder(Holding)


def pack(value: Domain | Holding) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(value))


def unpack_domain(packed: bytes) -> Domain:
    return _domain.decode(zlib.decompress(packed))


def unpack_holding(packed: bytes) -> Holding:
    return _holding.decode(zlib.decompress(packed))
