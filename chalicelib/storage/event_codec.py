"""How an event is packed into its chunk of the log: 32 bytes for one about a message.

id (13 bytes) | type, and whether it is about a message (1) | time in ms since 1970 (6)
| inbox number (7) and sequence (5), or the public id of what else it is about
"""

from datetime import UTC, datetime, timedelta

from chalicelib.domain.delivery import EventType
from chalicelib.domain.event import Event
from chalicelib.domain.ids import EventId, MessageKey, decode, encode

_ID_BYTES, _ID_CHARACTERS, _PREFIX = 13, 20, "evt_"
_TIME_BYTES, _INBOX_BYTES, _SEQUENCE_BYTES = 6, 7, 5
_OF_A_MESSAGE = 0x80
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# Never to be changed: they are stored.
_CODES = {
    EventType.QUEUED: 1,
    EventType.SENT: 2,
    EventType.DELAYED: 3,
    EventType.DELIVERED: 4,
    EventType.FAILED: 5,
    EventType.BOUNCED: 6,
    EventType.COMPLAINED: 7,
    EventType.RECEIVED: 8,
    EventType.INBOX_SUSPENDED: 9,
    EventType.DOMAIN_VERIFIED: 10,
    EventType.WEBHOOK_DISABLED: 11,
}
_TYPES = {code: type_ for type_, code in _CODES.items()}


def pack_event(event: Event) -> bytes:
    """The same event gives the same bytes."""
    key = event.message
    if key is None:
        about = (event.subject or "").encode()
    else:
        about = key.inbox_number.to_bytes(_INBOX_BYTES, "big") + key.sequence.to_bytes(_SEQUENCE_BYTES, "big")
    return b"".join(
        (
            pack_id(event.id),
            bytes((_CODES[event.type] | (0 if key is None else _OF_A_MESSAGE),)),
            ((event.created_at - _EPOCH) // _MILLISECOND).to_bytes(_TIME_BYTES, "big"),
            about,
        )
    )


def pack_id(event_id: str) -> bytes:
    """What the packed event begins with."""
    return decode(event_id.removeprefix(_PREFIX)).to_bytes(_ID_BYTES, "big")


def event_time(packed: bytes) -> datetime:
    start = _ID_BYTES + 1
    return _EPOCH + int.from_bytes(packed[start : start + _TIME_BYTES], "big") * _MILLISECOND


def unpack_event(packed: bytes) -> Event:
    code, about = packed[_ID_BYTES], packed[_ID_BYTES + 1 + _TIME_BYTES :]
    is_of_message = bool(code & _OF_A_MESSAGE)
    return Event(
        id=EventId(_PREFIX + encode(int.from_bytes(packed[:_ID_BYTES], "big"), _ID_CHARACTERS)),
        type=_TYPES[code & ~_OF_A_MESSAGE],
        created_at=event_time(packed),
        message=_message(about) if is_of_message else None,
        subject=None if is_of_message else about.decode() or None,
    )


def _message(about: bytes) -> MessageKey:
    return MessageKey(int.from_bytes(about[:_INBOX_BYTES], "big"), int.from_bytes(about[_INBOX_BYTES:], "big"))
