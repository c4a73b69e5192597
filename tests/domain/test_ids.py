"""Ids: what is enciphered comes back, nothing else does, and nothing can be read off an id."""

import itertools
import random
import re
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.ids import (
    ALPHABET,
    INBOX_NUMBER_BITS,
    SEQUENCE_BITS,
    InvalidId,
    MessageKey,
    PublicIds,
    ThreadKey,
    decode,
    derived_text,
    encode,
    inbox_id,
    inbox_number,
    new_account_id,
    new_inbox_number,
    random_text,
)

IDS = PublicIds(b"\x07" * 32)
OTHER_DEPLOYMENT = PublicIds(b"\x08" * 32)
NUMBERS = st.integers(0, 2**INBOX_NUMBER_BITS - 1)
SEQUENCES = st.integers(0, 2**SEQUENCE_BITS - 1)
BODY = re.compile(f"[{ALPHABET}]{{20}}")
SHOWN = re.compile(r"[A-Za-z0-9_-]{1,256}")  # an SES message tag's value (SES API Reference, MessageTag)


# --------------------------------------------------------------------------------------- base32


@given(st.integers(0, 2**60 - 1))
def test_numbers_survive_base32(number: int) -> None:
    assert decode(encode(number, 12)) == number


@given(st.integers(0, 2**60 - 1), st.integers(0, 2**60 - 1))
def test_base32_keeps_the_order(one: int, two: int) -> None:
    assert (encode(one, 12) < encode(two, 12)) is (one < two)


@given(st.integers(1, 12), st.integers(1, 2**70))
def test_a_number_that_does_not_fit_is_refused(characters: int, excess: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        encode(32**characters - 1 + excess, characters)


@given(st.text(st.characters(exclude_characters=ALPHABET), min_size=1))
def test_any_other_character_is_no_base32(text: str) -> None:
    for spoilt in (text, ALPHABET + text):
        with pytest.raises(InvalidId):
            decode(spoilt)


# --------------------------------------------------------------------------------- message and thread ids


@given(NUMBERS, SEQUENCES)
def test_ids_are_short_safe_and_come_back(number: int, sequence: int) -> None:
    message, thread = MessageKey(number, sequence), ThreadKey(number, sequence)
    message_id, thread_id = IDS.message_id(message), IDS.thread_id(thread)
    cursor = IDS.cursor(number, sequence, of="messages")
    assert IDS.message_key(message_id) == message
    assert IDS.thread_key(thread_id) == thread
    assert IDS.cursor_place(cursor, of="messages") == (number, sequence)
    assert BODY.fullmatch(message_id.removeprefix("msg_"))
    assert BODY.fullmatch(thread_id.removeprefix("thr_"))
    assert SHOWN.fullmatch(message_id)
    assert message_id == IDS.message_id(message)


@given(st.sets(st.tuples(NUMBERS, SEQUENCES), max_size=50))
def test_different_messages_have_different_ids(places: set[tuple[int, int]]) -> None:
    assert len({IDS.message_id(MessageKey(*place)) for place in places}) == len(places)


def test_neighbours_never_share_an_id() -> None:
    ids = {IDS.message_id(MessageKey(7, sequence)) for sequence in range(5_000)}
    assert len(ids) == 5_000


def test_neighbours_look_unrelated() -> None:
    """Each of 100 bits changes in about half of the steps from one sequence number to the next."""
    values = [decode(IDS.message_id(MessageKey(7, sequence)).removeprefix("msg_")) for sequence in range(1_001)]
    changed = [one ^ two for one, two in itertools.pairwise(values)]
    for bit in range(100):
        assert 400 < sum(difference >> bit & 1 for difference in changed) < 600


def test_ids_do_not_tell_which_message_is_older() -> None:
    ids = [IDS.message_id(MessageKey(7, sequence)) for sequence in range(1_001)]
    assert 400 < sum(one < two for one, two in itertools.pairwise(ids)) < 600


def test_a_changed_character_is_noticed_in_all_but_about_one_of_256() -> None:
    luck = random.Random(3)
    deciphered = tried = 0
    for _ in range(200):
        message_id = IDS.message_id(MessageKey(luck.randrange(2**56), luck.randrange(2**36)))
        for place, other in itertools.product(range(4, 24), ALPHABET):
            if message_id[place] == other:
                continue
            tried += 1
            changed = message_id[:place] + other + message_id[place + 1 :]
            try:
                found = IDS.message_key(changed)
            except InvalidId:
                continue
            deciphered += 1
            assert IDS.message_id(found) == changed
    assert tried == 200 * 20 * 31
    assert 0.002 < deciphered / tried < 0.01


@given(NUMBERS, SEQUENCES)
def test_kinds_do_not_mix(number: int, sequence: int) -> None:
    message_id = IDS.message_id(MessageKey(number, sequence))
    thread_id = IDS.thread_id(ThreadKey(number, sequence))
    cursor = IDS.cursor(number, sequence, of="messages")
    assert len({message_id[4:], thread_id[4:], cursor, IDS.cursor(number, sequence, of="threads")}) == 4
    for text in (thread_id, message_id[4:], "MSG_" + message_id[4:], message_id + "0", message_id[:-1]):
        with pytest.raises(InvalidId):
            IDS.message_key(text)
    for text in (message_id, cursor):
        with pytest.raises(InvalidId):
            IDS.thread_key(text)


def test_an_id_of_another_kind_or_deployment_deciphers_as_rarely_as_a_random_one() -> None:
    def deciphers(read: Callable[[str], object], text: str) -> bool:
        try:
            read(text)
        except InvalidId:
            return False
        return True

    taken = 0
    for sequence in range(2_000):
        message_id = IDS.message_id(MessageKey(7, sequence))
        taken += deciphers(IDS.thread_key, "thr_" + message_id[4:])
        taken += deciphers(partial(IDS.cursor_place, of="messages"), message_id[4:])
        taken += deciphers(OTHER_DEPLOYMENT.message_key, message_id)
    assert taken < 0.01 * 6_000


@given(st.text())
def test_any_text_is_an_id_or_refused_as_one(text: str) -> None:
    for prefix in ("", "msg_"):
        try:
            key = IDS.message_key(prefix + text)
        except InvalidId:
            continue
        assert IDS.message_id(key) == prefix + text


@pytest.mark.parametrize(("number", "sequence"), [(-1, 0), (0, -1), (2**56, 0), (0, 2**36), (2**56, 2**36)])
def test_a_place_out_of_range_has_no_id(number: int, sequence: int) -> None:
    makers: list[Callable[[], object]] = [
        lambda: IDS.message_id(MessageKey(number, sequence)),
        lambda: IDS.thread_id(ThreadKey(number, sequence)),
        lambda: IDS.cursor(number, sequence, of="messages"),
    ]
    for make in makers:
        with pytest.raises(ValueError, match="out of range"):
            make()


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        PublicIds(b"too short")


# ------------------------------------------------------------------------------------------- other ids


@given(st.integers(1, 2**INBOX_NUMBER_BITS - 1))
def test_inbox_ids_come_back(number: int) -> None:
    text = inbox_id(number)
    assert inbox_number(text) == number
    assert len(text.removeprefix("inb_")) <= 20


@pytest.mark.parametrize(
    "text",
    [
        "",
        "inb_",
        "inb_000000000000",
        "inb_" + encode(2**56, 12),
        "inb_00000000000",
        "inb_0000000000001",
        "msg_000000000001",
    ],
)
def test_what_is_no_inbox_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidId):
        inbox_number(text)


def test_random_ids_are_of_the_right_form_and_never_the_same() -> None:
    assert all(re.fullmatch(rf"acc_[{ALPHABET}]{{20}}", new_account_id()) for _ in range(100))
    assert len({random_text() for _ in range(1_000)}) == 1_000
    assert all(0 < new_inbox_number() < 2**INBOX_NUMBER_BITS for _ in range(1_000))


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_a_derived_text_depends_on_its_parts_alone(parts: list[str]) -> None:
    text = derived_text(*parts)
    assert BODY.fullmatch(text)
    assert derived_text(*parts) == text
    assert derived_text(*parts, "more") != text


def test_parts_of_a_derived_text_do_not_run_together() -> None:
    assert len({derived_text("ab", "c"), derived_text("a", "bc"), derived_text("abc"), derived_text("", "abc")}) == 4
