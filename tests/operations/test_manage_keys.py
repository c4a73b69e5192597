"""API keys: a new key can do no more than the one that makes it, and is shown once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.account import DEFAULT_SCOPES, ApiKey, Caller, Scope
from chalicelib.domain.errors import Forbidden, InvalidInput, NotFound, Unauthenticated
from chalicelib.domain.ids import AccountId, KeyId
from chalicelib.operations.authenticate import ISSUED_KEY_PATTERN, Authenticate, RateLimited, key_id_of
from chalicelib.operations.manage_keys import ChangeKey, CheckRights, CreatedKey, CreateKey, DeleteKey, ListKeys, NewKey
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
        create_key = CreateKey(self.keys, self.inboxes, self.check, self.clock)
        return create_key(new or NewKey(NEW), make_caller(**caller))

    @property
    def check(self) -> CheckRights:
        return CheckRights(self.clock, rate_limit_per_minute=100)

    def change(self, wanted: dict[str, Any], key_id: KeyId = NEW, **caller: object) -> ApiKey:
        return ChangeKey(self.keys, self.check)(key_id, lambda known: replace(known, **wanted), make_caller(**caller))

    def authenticate(self) -> Authenticate:
        return Authenticate(self.keys, self.clock, rate_limit_per_minute=100)

    def listed(self, caller: Caller | None = None, **request: int) -> list[KeyId]:
        return [key.id for key in ListKeys(self.keys)(caller or make_caller(), PageRequest(**request)).items]


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


# ------------------------------------------------------------------------------------------ rate limits


@pytest.mark.parametrize(
    ("own", "wanted", "given"),
    [
        ({}, None, None),
        ({}, 100, 100),
        ({}, 101, "refused"),
        ({"rate_limit": 20}, None, 20),
        ({"rate_limit": 20}, 20, 20),
        ({"rate_limit": 20}, 21, "refused"),
        ({"rate_limit": 500}, None, None),
        ({"rate_limit": 500}, 500, "refused"),
        ({"scopes": frozenset({Scope.ADMIN})}, 500, 500),
        ({"scopes": frozenset({Scope.ADMIN}), "rate_limit": 20}, None, 20),
    ],
)
def test_a_key_gives_at_most_its_own_rate_and_the_deployments_unless_it_is_an_admins(
    own: dict[str, Any], wanted: int | None, given: object
) -> None:
    office = Office()
    if given == "refused":
        with pytest.raises(InvalidInput) as refused:
            office.create(NewKey(NEW, rate_limit=wanted), **own)
        assert list(refused.value.details) == ["rateLimitPerMinute"]
        assert office.listed() == []
    else:
        assert office.create(NewKey(NEW, rate_limit=wanted), **own).key.rate_limit == given


def test_a_key_is_held_to_the_rate_it_was_given() -> None:
    office = Office()
    text = office.create(NewKey(NEW, rate_limit=2)).text
    rates = [office.authenticate()(text).rate for _ in range(2)]
    with pytest.raises(RateLimited) as refused:
        office.authenticate()(text)
    assert [rate.remaining for rate in (*rates, refused.value.rate)] == [1, 0, 0]
    assert {rate.limit for rate in (*rates, refused.value.rate)} == {2}


# --------------------------------------------------------------------------------------------- changing


def test_a_key_is_changed_in_force_at_once() -> None:
    office = Office()
    text = office.create().text
    later = NOON + timedelta(days=1)
    changed = office.change({"name": "new", "scopes": frozenset({Scope.READ}), "expires_at": later, "rate_limit": 5})

    used = office.authenticate()(text)

    assert replace(used.caller.key, last_used_at=None) == changed
    assert changed.scopes == {Scope.READ}
    assert (changed.name, changed.expires_at, changed.rate_limit) == ("new", later, 5)
    assert used.rate.limit == 5


@given(was=SCOPES.filter(bool), own=SCOPES.filter(bool), wanted=SCOPES)
def test_a_changed_key_never_gets_a_scope_that_it_had_not(
    was: frozenset[Scope], own: frozenset[Scope], wanted: frozenset[Scope]
) -> None:
    office = Office()
    office.create(NewKey(NEW, scopes=was), scopes=frozenset({Scope.ADMIN}))
    allowed = wanted and wanted <= was and (Scope.ADMIN in own or Scope.ADMIN not in was)

    if allowed:
        assert office.change({"scopes": wanted}, scopes=own).scopes == wanted
    else:
        with pytest.raises((Forbidden, InvalidInput)):
            office.change({"scopes": wanted}, scopes=own)
        (key,) = ListKeys(office.keys)(make_caller(), PageRequest()).items
        assert key.scopes == was


def test_a_key_cannot_make_itself_or_another_live_longer_than_itself() -> None:
    office = Office()
    ends = NOON + timedelta(days=1)
    office.create(NewKey(NEW, expires_at=ends))
    for longer in (None, ends + timedelta(seconds=1)):
        with pytest.raises(InvalidInput) as refused:
            office.change({"expires_at": longer}, expires_at=ends)
        assert list(refused.value.details) == ["expiresAt"]
    with pytest.raises(InvalidInput):
        office.change({"expires_at": NOON})
    assert office.change({"name": "kept"}, expires_at=NOON + timedelta(hours=1)).expires_at == ends
    assert office.change({"expires_at": None}).expires_at is None


@pytest.mark.parametrize(("own", "wanted"), [({"rate_limit": 20}, None), ({"rate_limit": 20}, 21), ({}, 101)])
def test_a_key_cannot_be_given_a_higher_rate_than_the_key_that_asks_may_give(
    own: dict[str, Any], wanted: int | None
) -> None:
    office = Office()
    office.create(NewKey(NEW, rate_limit=10))
    with pytest.raises(InvalidInput) as refused:
        office.change({"rate_limit": wanted}, **own)
    assert list(refused.value.details) == ["rateLimitPerMinute"]


@pytest.mark.parametrize("wanted", [{"expires_at": NOON + timedelta(days=1)}, {"rate_limit": 5}])
def test_when_a_key_ends_and_how_much_it_may_ask_is_changed_by_one_that_has_its_scopes(wanted: dict[str, Any]) -> None:
    office = Office()
    office.create(NewKey(NEW, scopes=frozenset({Scope.SEND})))
    manager = frozenset({Scope.MANAGE})

    assert office.change({"name": "renamed"}, scopes=manager).name == "renamed"
    with pytest.raises(Forbidden):
        office.change(wanted, scopes=manager)
    assert office.change(wanted).expires_at == wanted.get("expires_at")


def test_changes_made_at_once_are_all_kept() -> None:
    office = Office()
    office.create()
    ChangeKey(office.keys, office.check)(
        NEW,
        lambda known: (
            (office.change({"rate_limit": 5}) if known.rate_limit is None else known) and replace(known, name="new")
        ),
        make_caller(),
    )
    (key,) = ListKeys(office.keys)(make_caller(), PageRequest()).items
    assert (key.name, key.rate_limit) == ("new", 5)


# ------------------------------------------------------------------------------------------ out of reach


def test_a_key_bound_to_inboxes_sees_changes_and_deletes_only_keys_within_them() -> None:
    office, reach = (
        Office(),
        {None: KeyId("key_all"), (7,): KeyId("key_7"), (8,): KeyId("key_8"), (7, 8): KeyId("key_78")},
    )
    for numbers, key_id in reach.items():
        office.create(NewKey(key_id, inbox_numbers=frozenset(numbers) if numbers else None))
    bounds: dict[str, Any] = {"inbox_numbers": frozenset({7})}

    assert office.listed(make_caller(**bounds)) == ["key_7"]
    assert office.change({"name": "mine"}, KeyId("key_7"), **bounds).name == "mine"
    for other in ("key_all", "key_8", "key_78", "key_unknown"):
        with pytest.raises(NotFound):
            office.change({"name": "mine"}, KeyId(other), **bounds)
        with pytest.raises(NotFound):
            DeleteKey(office.keys, nothing_held)(KeyId(other), make_caller(**bounds))
    DeleteKey(office.keys, nothing_held)(KeyId("key_7"), make_caller(**bounds))
    assert sorted(office.listed()) == ["key_78", "key_8", "key_all"]


def test_the_keys_within_reach_are_paged_like_all_others() -> None:
    office = Office()
    for number in range(230):
        office.create(NewKey(KeyId(f"key_{number}"), inbox_numbers=frozenset({7 + number % 2})))
    caller = make_caller(inbox_numbers=frozenset({7}))
    wanted = [f"key_{number}" for number in reversed(range(0, 230, 2))]

    seen: list[KeyId] = []
    page = ListKeys(office.keys)(caller, PageRequest(limit=50))
    seen += [key.id for key in page.items]
    while page.next_after is not None:
        assert page.total == len(wanted)
        page = ListKeys(office.keys)(caller, PageRequest(limit=50, after=page.next_after))
        seen += [key.id for key in page.items]

    assert seen == wanted
    assert office.listed(caller, limit=3, offset=2) == wanted[2:5]


def test_only_an_admin_key_changes_or_deletes_an_admin_key() -> None:
    office = Office()
    office.create(NewKey(NEW, scopes=frozenset({Scope.ADMIN})), scopes=frozenset({Scope.ADMIN}))
    with pytest.raises(Forbidden):
        office.change({"name": "mine"})
    with pytest.raises(Forbidden):
        DeleteKey(office.keys, nothing_held)(NEW, make_caller())
    DeleteKey(office.keys, nothing_held)(NEW, make_caller(scopes=frozenset({Scope.ADMIN})))
    assert office.listed() == []


def test_an_admin_key_is_bound_to_no_inboxes() -> None:
    with pytest.raises(InvalidInput) as refused:
        Office().create(
            NewKey(NEW, scopes=frozenset({Scope.ADMIN}), inbox_numbers=frozenset({7})), scopes=frozenset({Scope.ADMIN})
        )
    assert list(refused.value.details) == ["scopes"]


def test_a_key_whose_inboxes_are_deleted_reaches_nothing() -> None:
    office = Office()
    text = office.create(NewKey(NEW, inbox_numbers=frozenset({7}))).text
    office.inboxes.delete(make_inbox(number=7))

    caller = office.authenticate()(text).caller

    assert caller.key.inbox_numbers == frozenset({7})
    assert not caller.may_use_inbox(8)
