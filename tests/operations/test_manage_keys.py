"""API keys: a new key can do no more than the one that makes it, and is shown once."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.account import DEFAULT_SCOPES, Scope
from chalicelib.domain.errors import Forbidden, InvalidInput, NotFound, Unauthenticated
from chalicelib.domain.ids import AccountId, KeyId
from chalicelib.operations.authenticate import ISSUED_KEY_PATTERN, Authenticate, key_id_of
from chalicelib.operations.manage_keys import CreatedKey, CreateKey, DeleteKey, ListKeys, NewKey
from chalicelib.operations.ports import PageRequest
from tests.factories.accounts import ACCOUNT_ID, NOON, make_caller, make_inbox
from tests.fakes.clock import FakeClock
from tests.fakes.inbox_store import FakeInboxStore
from tests.fakes.key_store import FakeKeyStore
from tests.fakes.switch_store import nothing_held

NEW = KeyId("key_00000000000000000001")
STRANGER = AccountId("acc_another")
SCOPES = st.frozensets(st.sampled_from(Scope))


class Office:
    """The key operations over one store, with the inboxes 7 and 8 of our account and 9 of another."""

    def __init__(self) -> None:
        self.keys = FakeKeyStore()
        self.clock = FakeClock(NOON)
        self.inboxes = FakeInboxStore()
        self.inboxes.create(make_inbox(number=7))
        self.inboxes.create(make_inbox(number=8, address="second@mail.example.com"))
        self.inboxes.create(make_inbox(number=9, address="other@mail.example.com", account_id=STRANGER))

    def create(self, new: NewKey | None = None, **caller: object) -> CreatedKey:
        return CreateKey(self.keys, self.inboxes, self.clock)(new or NewKey(NEW), make_caller(**caller))

    def authenticate(self) -> Authenticate:
        return Authenticate(self.keys, self.clock, rate_limit_per_minute=100)

    def listed(self, **request: int) -> list[KeyId]:
        return [key.id for key in ListKeys(self.keys)(make_caller(), PageRequest(**request)).items]


def test_a_new_key_works_for_its_account() -> None:
    office = Office()

    created = office.create(NewKey(NEW, name="ci"))

    caller = office.authenticate()(created.text).caller
    assert caller.account_id == ACCOUNT_ID
    assert (caller.key.id, caller.key.name, caller.key.scopes) == (NEW, "ci", DEFAULT_SCOPES)
    assert caller.key.inbox_numbers is None


def test_a_key_names_its_id_and_has_160_random_bits() -> None:
    office = Office()
    text = office.create().text

    assert ISSUED_KEY_PATTERN.fullmatch(text)
    assert key_id_of(text) == NEW
    assert len(text.removeprefix("ask_" + NEW.removeprefix("key_"))) * 5 == 160
    assert office.create(NewKey(KeyId("key_00000000000000000002"))).text[-32:] != text[-32:]


def test_the_kept_prefix_tells_keys_apart_without_showing_the_secret() -> None:
    created = Office().create()

    assert created.text.startswith(created.key.prefix)
    assert len(created.key.prefix) == 12
    assert created.text[-32:] not in repr(created.key)


def test_a_repeated_request_makes_the_key_it_shows_the_one_that_works() -> None:
    office = Office()
    lost = office.create().text

    shown = office.create().text

    assert office.authenticate()(shown).caller.key.id == NEW
    with pytest.raises(Unauthenticated):
        office.authenticate()(lost)
    assert office.listed() == [NEW]


# ---------------------------------------------------------------------------------------------- rights


@given(own=SCOPES.filter(bool), wanted=SCOPES.filter(bool))
def test_a_key_cannot_make_one_with_more_scopes_than_its_own(own: frozenset[Scope], wanted: frozenset[Scope]) -> None:
    office = Office()

    if Scope.ADMIN in own or wanted <= own:
        assert office.create(NewKey(NEW, scopes=wanted), scopes=own).key.scopes == wanted
    else:
        with pytest.raises(Forbidden) as refused:
            office.create(NewKey(NEW, scopes=wanted), scopes=own)
        assert all(scope in refused.value.message for scope in wanted - own)
        assert office.listed() == []


def test_a_key_without_scopes_is_refused() -> None:
    office = Office()

    with pytest.raises(InvalidInput) as refused:
        office.create(NewKey(NEW, scopes=frozenset()))

    assert list(refused.value.details) == ["scopes"]
    assert office.listed() == []


@pytest.mark.parametrize("seconds", [-86_400, -1, 0])
def test_a_key_that_would_have_expired_is_refused(seconds: int) -> None:
    office = Office()

    with pytest.raises(InvalidInput) as refused:
        office.create(NewKey(NEW, expires_at=NOON + timedelta(seconds=seconds)))

    assert list(refused.value.details) == ["expiresAt"]
    assert office.listed() == []


def test_a_key_works_until_it_expires_and_stays_in_the_list() -> None:
    office = Office()
    created = office.create(NewKey(NEW, expires_at=NOON + timedelta(hours=1)))

    office.clock.advance(3_599)
    assert office.authenticate()(created.text).caller.key.id == NEW
    office.clock.advance(1)
    with pytest.raises(Unauthenticated):
        office.authenticate()(created.text)
    assert office.listed() == [NEW]


def test_a_key_may_be_bound_to_inboxes_of_the_account() -> None:
    created = Office().create(NewKey(NEW, inbox_numbers=frozenset({7, 8})))

    assert created.key.inbox_numbers == frozenset({7, 8})


@pytest.mark.parametrize("number", [9, 99])
def test_a_key_bound_to_an_unknown_or_a_foreign_inbox_is_refused_alike(number: int) -> None:
    office = Office()

    with pytest.raises(NotFound):
        office.create(NewKey(NEW, inbox_numbers=frozenset({7, number})))

    assert office.listed() == []


def test_a_key_cannot_be_bound_to_a_deleted_inbox() -> None:
    office = Office()
    office.inboxes.delete(make_inbox(number=7))

    with pytest.raises(NotFound):
        office.create(NewKey(NEW, inbox_numbers=frozenset({7})))


def test_a_bound_key_hands_its_bounds_on() -> None:
    assert Office().create(inbox_numbers=frozenset({7})).key.inbox_numbers == frozenset({7})


def test_a_bound_key_may_make_a_narrower_one_but_not_another() -> None:
    office, bounds = Office(), frozenset({7, 8})

    assert office.create(
        NewKey(NEW, inbox_numbers=frozenset({8})), inbox_numbers=bounds
    ).key.inbox_numbers == frozenset({8})
    with pytest.raises(NotFound):
        office.create(NewKey(KeyId("key_2"), inbox_numbers=frozenset({7, 8})), inbox_numbers=frozenset({7}))


# ------------------------------------------------------------------------------------- list and delete


def test_keys_are_listed_newest_first_by_pages() -> None:
    office = Office()
    ids = [KeyId(f"key_{number:020}") for number in range(5)]
    for key_id in ids:
        office.create(NewKey(key_id))
        office.clock.advance(1)

    page = ListKeys(office.keys)(make_caller(), PageRequest(limit=2, offset=1))

    assert [key.id for key in page.items] == [ids[3], ids[2]]
    assert page.total == 5


def test_another_accounts_keys_are_neither_listed_nor_deleted() -> None:
    office = Office()
    office.create(account_id=STRANGER)

    assert office.listed() == []
    with pytest.raises(NotFound):
        DeleteKey(office.keys, nothing_held)(NEW, make_caller())
    assert DeleteKey(office.keys, nothing_held)(NEW, make_caller(account_id=STRANGER)) is None


def test_a_deleted_key_stops_at_once_and_leaves_the_list() -> None:
    office = Office()
    text = office.create().text
    DeleteKey(office.keys, nothing_held)(NEW, make_caller())

    with pytest.raises(Unauthenticated):
        office.authenticate()(text)
    assert office.listed() == []


def test_deleting_an_unknown_key_or_the_same_twice_is_not_found() -> None:
    office = Office()
    office.create()
    DeleteKey(office.keys, nothing_held)(NEW, make_caller())

    with pytest.raises(NotFound):
        DeleteKey(office.keys, nothing_held)(NEW, make_caller())
    with pytest.raises(NotFound):
        DeleteKey(office.keys, nothing_held)(KeyId("key_99999999999999999999"), make_caller())
