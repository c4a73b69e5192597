"""Who is calling: known keys, everything else, and how often a key may call."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import ErrorCode, Unauthenticated
from chalicelib.domain.ids import ALPHABET, KeyId
from chalicelib.operations.authenticate import Authenticate, RateLimited, key_hash, key_id_of
from chalicelib.operations.manage_keys import new_key_text
from tests.factories.accounts import ACCOUNT_ID, NOON, make_key
from tests.fakes.clock import FakeClock
from tests.fakes.key_store import FakeKeyStore

KEY_ID = KeyId("key_0123456789abcdefghjk")
KEY_TEXT = "ask_0123456789abcdefghjk" + "7" * 32  # fixed: it names test cases
LIMIT = 3


class Door:
    """A deployment that knows one key and allows it three requests a minute."""

    def __init__(self) -> None:
        self.keys = FakeKeyStore()
        self.clock = FakeClock(NOON)
        self.keys.create(make_key(id=KEY_ID), key_hash(KEY_TEXT))
        self.authenticate = Authenticate(self.keys, self.clock, rate_limit_per_minute=LIMIT)

    def refusal(self, key_text: str) -> tuple[object, ...]:
        with pytest.raises(Unauthenticated) as refused:
            self.authenticate(key_text)
        return refused.value.code, refused.value.message, refused.value.fix


def test_a_known_key_is_its_accounts() -> None:
    authenticated = Door().authenticate(KEY_TEXT)

    assert authenticated.caller.account_id == ACCOUNT_ID
    assert authenticated.caller.key.id == KEY_ID


def test_an_unknown_key_a_wrong_secret_and_a_malformed_key_are_answered_alike() -> None:
    door = Door()
    unknown = new_key_text(KeyId("key_99999999999999999999"))
    wrong_secret = KEY_TEXT[:-1] + ("0" if KEY_TEXT[-1] != "0" else "1")

    answers = {
        door.refusal(text) for text in (unknown, wrong_secret, "", "short", "x" * 101, "with space" * 3, "ключ" * 9)
    }

    assert len(answers) == 1
    assert next(iter(answers))[0] is ErrorCode.UNAUTHORIZED


@given(st.text(max_size=120))
def test_no_other_text_is_the_key(text: str) -> None:
    if text != KEY_TEXT:
        Door().refusal(text)


@given(st.text(alphabet=ALPHABET, min_size=32, max_size=32))
def test_the_secret_must_be_whole(secret: str) -> None:
    forged = KEY_TEXT[:-32] + secret
    if forged != KEY_TEXT:
        Door().refusal(forged)


@pytest.mark.parametrize("text", [KEY_TEXT + "\n", " " + KEY_TEXT, KEY_TEXT.upper(), KEY_TEXT[:-1]])
def test_a_key_is_compared_letter_by_letter(text: str) -> None:
    assert Door().refusal(text)[0] is ErrorCode.UNAUTHORIZED


def test_a_key_set_from_outside_is_found_by_an_id_derived_from_it() -> None:
    door = Door()
    outside = "set_from_outside_1"
    door.keys.create(make_key(id=key_id_of(outside)), key_hash(outside))

    assert door.authenticate(outside).caller.key.id == key_id_of(outside)
    assert key_id_of(outside) != key_id_of("set_from_outside_2")


def test_an_issued_key_names_the_id_it_is_stored_under() -> None:
    assert key_id_of(KEY_TEXT) == KEY_ID


# ---------------------------------------------------------------------------------------------- the limit


def test_each_request_leaves_one_less() -> None:
    door = Door()

    assert [door.authenticate(KEY_TEXT).rate.remaining for _ in range(LIMIT)] == [2, 1, 0]
    assert door.authenticate.rate_limit_per_minute == LIMIT


def test_a_used_up_window_says_when_to_come_back() -> None:
    door = Door()
    for _ in range(LIMIT):
        door.authenticate(KEY_TEXT)
    door.clock.advance(18)

    with pytest.raises(RateLimited) as refused:
        door.authenticate(KEY_TEXT)

    assert refused.value.code is ErrorCode.RATE_LIMIT_EXCEEDED
    assert refused.value.rate.limit == LIMIT
    assert refused.value.rate.remaining == 0
    assert refused.value.retry_after == refused.value.rate.reset_after == 42


def test_after_the_time_it_says_the_key_works_again() -> None:
    door = Door()
    for _ in range(LIMIT):
        door.authenticate(KEY_TEXT)
    with pytest.raises(RateLimited) as refused:
        door.authenticate(KEY_TEXT)

    door.clock.advance(refused.value.retry_after)

    assert door.authenticate(KEY_TEXT).rate.remaining == LIMIT - 1


def test_a_wrong_secret_does_not_use_the_key_up() -> None:
    door = Door()
    for _ in range(LIMIT + 1):
        door.refusal(KEY_TEXT[:-32] + "0" * 32)

    assert door.authenticate(KEY_TEXT).rate.remaining == LIMIT - 1


def test_keys_have_windows_of_their_own() -> None:
    door = Door()
    other = new_key_text(KeyId("key_00000000000000000002"))
    door.keys.create(make_key(id=key_id_of(other)), key_hash(other))
    for _ in range(LIMIT):
        door.authenticate(KEY_TEXT)

    assert door.authenticate(other).rate.remaining == LIMIT - 1


def test_the_use_of_a_key_is_noted() -> None:
    door = Door()
    door.clock.advance(5)

    assert door.authenticate(KEY_TEXT).caller.key.last_used_at == door.clock()
