"""Ids: short opaque strings in Crockford base32, and the keyed permutation behind message and thread ids.

A message's id is its place (inbox number and sequence number) enciphered, so that

- finding a message needs no index: the id, deciphered, is the key of its item;
- ids cannot be counted up: without the key, neighbours look unrelated;
- an altered id is noticed: 8 bits of the plain value must be zero.

    plain   inbox number (56 bits) | sequence (36 bits) | zero (8 bits)   = 100 bits
    cipher  balanced Feistel network, two halves of 50 bits, 8 rounds of keyed BLAKE2b; the kind of id is the tweak
    text    100 bits = exactly 20 base32 characters

An event's id is enciphered the same way and says where in its account's log to look for it, and what it tells:

    plain   chunk of the log (36 bits) | hash of message and change (64 bits)

Eight rounds of a keyed pseudorandom function on halves are twice what Luby and Rackoff ask for a strong
pseudorandom permutation (SIAM J. Comput. 17(2), 1988).
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import NewType

AccountId = NewType("AccountId", str)
KeyId = NewType("KeyId", str)
InboxId = NewType("InboxId", str)
MessageId = NewType("MessageId", str)
ThreadId = NewType("ThreadId", str)
EventId = NewType("EventId", str)
AttachmentId = NewType("AttachmentId", str)

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {character: value for value, character in enumerate(ALPHABET)}

INBOX_NUMBER_BITS = 56
SEQUENCE_BITS = 36
CHANGE_BITS = 64
_CHECK_BITS = 8
_HALF_BITS = 50
_HALF_MASK = (1 << _HALF_BITS) - 1
_ROUNDS = 8
_ID_CHARACTERS = 20
_INBOX_CHARACTERS = 12  # 60 bits for a 56-bit number


class InvalidId(ValueError):
    """The text is not an id of the wanted kind; callers answer as for an id that never existed."""


@dataclass(frozen=True, slots=True, order=True)
class MessageKey:
    """Where a message lives: the inbox's number (1 … 2^56-1) and the place in its sequence (0 …)."""

    inbox_number: int
    sequence: int


@dataclass(frozen=True, slots=True, order=True)
class ThreadKey:
    """Where a thread lives: its inbox and the sequence number of the message that began it."""

    inbox_number: int
    first_sequence: int


def encode(value: int, characters: int) -> str:
    """A non-negative integer as `characters` base32 characters, most significant first."""
    if value >> (5 * characters):
        raise ValueError(f"{value} does not fit into {characters} characters")
    return "".join(ALPHABET[(value >> shift) & 31] for shift in range(5 * (characters - 1), -1, -5))


def decode(text: str) -> int:
    """The integer behind base32 `text`; `InvalidId` for any other character, upper case included."""
    value = 0
    for character in text:
        digit = _VALUES.get(character)
        if digit is None:
            raise InvalidId(text)
        value = value << 5 | digit
    return value


def random_text(characters: int = _ID_CHARACTERS) -> str:
    """Random base32 text, 5 bits a character, from the system's secure source."""
    return encode(secrets.randbits(5 * characters), characters)


def derived_text(*parts: str) -> str:
    """20 base32 characters that depend on `parts` alone: the same change gets the same id each time."""
    digest = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=13).digest()
    return encode(int.from_bytes(digest, "big") >> 4, _ID_CHARACTERS)


def change_number(*parts: str) -> int:
    """64 bits that depend on `parts` alone: what an event tells, the same each time it is told."""
    digest = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=CHANGE_BITS // 8).digest()
    return int.from_bytes(digest, "big")


def new_account_id() -> AccountId:
    return AccountId("acc_" + random_text())


def new_inbox_number() -> int:
    """A random inbox number; a collision is caught by the conditional write that creates the inbox."""
    return secrets.randbelow((1 << INBOX_NUMBER_BITS) - 1) + 1


def new_attachment_id() -> AttachmentId:
    return AttachmentId("att_" + random_text())


def attachment_id(text: str) -> AttachmentId:
    """The id, if the text is one; `InvalidId` otherwise."""
    decode(_body(text, "att_", _ID_CHARACTERS))
    return AttachmentId(text)


def inbox_id(inbox_number: int) -> InboxId:
    return InboxId("inb_" + encode(inbox_number, _INBOX_CHARACTERS))


def inbox_number(text: str) -> int:
    """The number behind an inbox id; `InvalidId` when the text is none."""
    number = decode(_body(text, "inb_", _INBOX_CHARACTERS))
    if not 0 < number < 1 << INBOX_NUMBER_BITS:
        raise InvalidId(text)
    return number


class PublicIds:
    """Turns message and thread keys into public ids and back, under the deployment's secret key."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 16:
            raise ValueError("the id key needs at least 16 bytes")
        self._secret = secret[:64]

    def message_id(self, key: MessageKey) -> MessageId:
        return MessageId("msg_" + self._seal(b"msg", key.inbox_number, key.sequence))

    def thread_id(self, key: ThreadKey) -> ThreadId:
        return ThreadId("thr_" + self._seal(b"thr", key.inbox_number, key.first_sequence))

    def cursor(self, inbox_number: int, sequence: int, *, of: str) -> str:
        """A paging cursor that names a place in one list (`of`) of one inbox."""
        return self._seal(b"cur" + of.encode(), inbox_number, sequence)

    def event_id(self, since: int, change: int) -> EventId:
        """The id of an event that stands in chunk `since` of its account's log or in a later one."""
        if not (0 <= since < 1 << SEQUENCE_BITS and 0 <= change < 1 << CHANGE_BITS):
            raise ValueError(f"out of range: chunk {since}, change {change}")
        return EventId("evt_" + self._encipher(b"evt", since << CHANGE_BITS | change))

    def event_place(self, text: str) -> tuple[int, int]:
        """(since, change) behind an event id. Any text of the right form has some; whether it stands there, the log says."""
        plain = self._decipher(b"evt", _body(text, "evt_", _ID_CHARACTERS))
        return plain >> CHANGE_BITS, plain & ((1 << CHANGE_BITS) - 1)

    def message_key(self, text: str) -> MessageKey:
        """The key behind a message id; `InvalidId` when the text is none of ours."""
        return MessageKey(*self._open(b"msg", _body(text, "msg_", _ID_CHARACTERS)))

    def thread_key(self, text: str) -> ThreadKey:
        """The key behind a thread id; `InvalidId` when the text is none of ours."""
        return ThreadKey(*self._open(b"thr", _body(text, "thr_", _ID_CHARACTERS)))

    def cursor_place(self, text: str, *, of: str) -> tuple[int, int]:
        """(inbox number, sequence) behind a cursor; `InvalidId` when it was not made for this list."""
        return self._open(b"cur" + of.encode(), _body(text, "", _ID_CHARACTERS))

    def proof(self, *parts: str) -> str:
        """26 characters that depend on `parts` and that nobody else can make: 130 bits of a keyed hash."""
        digest = hashlib.blake2b("\x1f".join(("proof", *parts)).encode(), key=self._secret, digest_size=17).digest()
        return encode(int.from_bytes(digest, "big") >> 6, 26)

    def _seal(self, kind: bytes, number: int, sequence: int) -> str:
        if not (0 <= number < 1 << INBOX_NUMBER_BITS and 0 <= sequence < 1 << SEQUENCE_BITS):
            raise ValueError(f"out of range: inbox number {number}, sequence {sequence}")
        return self._encipher(kind, (number << SEQUENCE_BITS | sequence) << _CHECK_BITS)

    def _open(self, kind: bytes, text: str) -> tuple[int, int]:
        plain = self._decipher(kind, text)
        if plain & ((1 << _CHECK_BITS) - 1):
            raise InvalidId(text)
        place = plain >> _CHECK_BITS
        return place >> SEQUENCE_BITS, place & ((1 << SEQUENCE_BITS) - 1)

    def _encipher(self, kind: bytes, plain: int) -> str:
        left, right = plain >> _HALF_BITS, plain & _HALF_MASK
        for turn in range(_ROUNDS):
            left, right = right, left ^ self._round(kind, turn, right)
        return encode(left << _HALF_BITS | right, _ID_CHARACTERS)

    def _decipher(self, kind: bytes, text: str) -> int:
        cipher = decode(text)
        left, right = cipher >> _HALF_BITS, cipher & _HALF_MASK
        for turn in reversed(range(_ROUNDS)):
            left, right = right ^ self._round(kind, turn, left), left
        return left << _HALF_BITS | right

    def _round(self, kind: bytes, turn: int, half: int) -> int:
        data = bytes((turn,)) + half.to_bytes(7, "big") + kind
        digest = hashlib.blake2b(data, key=self._secret, digest_size=7).digest()
        return int.from_bytes(digest, "big") & _HALF_MASK


def _body(text: str, prefix: str, characters: int) -> str:
    if not text.startswith(prefix) or len(text) != len(prefix) + characters:
        raise InvalidId(text)
    return text[len(prefix) :]
