"""A death, an error or a lost reply at each call of adding, checking and deleting a domain; repeated, all is well."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from chalicelib.domain.errors import NotFound, Unavailable
from chalicelib.domain.own_domain import DomainId, RecordPurpose, SendingStatus, new_domain_id
from chalicelib.operations.ports import VersionConflict
from tests.factories.accounts import NOON
from tests.operations.domain_world import ANNA, BERT, NAME, DomainWorld
from tests.operations.watched import Crash, FailingAt, Recording

OWNERSHIP = RecordPurpose.OWNERSHIP
ID, OTHER = new_domain_id(), new_domain_id()


@dataclass(frozen=True)
class Act:
    """Something an account does, in a world where it can be done."""

    prepare: Callable[[DomainWorld], None]
    do: Callable[[DomainWorld], object]


def _add(world: DomainWorld) -> None:
    world.add(domain_id=ID)


def _add_and_set(world: DomainWorld) -> None:
    _add(world)
    world.set(world.now_of(ID))


def _verified(world: DomainWorld) -> None:
    _add_and_set(world)
    world.verify(world.now_of(ID))


def _moves(world: DomainWorld) -> None:
    """Anna has the name; Bert's record has taken the place of hers, and he is the one who asks."""
    annas = world.create(OTHER, NAME, ANNA)
    world.set(annas)
    world.verify(annas)
    berts = world.create(ID, NAME, BERT)
    world.unset(annas, OWNERSHIP)
    world.set(berts, OWNERSHIP)


def _lost(world: DomainWorld) -> None:
    _verified(world)
    world.unset(world.now_of(ID), OWNERSHIP)
    world.verify(world.now_of(ID))
    world.pass_by(hours=80)


def _verify(world: DomainWorld) -> object:
    return world.verify(world.now_of(ID))


def _delete(world: DomainWorld) -> None:
    world.delete(ID, ANNA)


ACTS = {
    "add": Act(lambda _: None, _add),
    "verify the first time": Act(_add_and_set, _verify),
    "verify again": Act(_verified, _verify),
    "take over": Act(_moves, _verify),
    "lose": Act(_lost, lambda world: world.check(ANNA.account_id, ID)),
    "delete": Act(_verified, _delete),
}


def _world(act: Act) -> DomainWorld:
    world = DomainWorld()
    act.prepare(world)
    return world


def _state(world: DomainWorld) -> object:
    """What is left of it all when nothing is under way."""
    still = {"version": 0, "first_verified": None, "checked_at": None, "sending_verified_at": None}
    times = dict.fromkeys(("next_check_at", "hopeful_until"), NOON) | {"receiving_verified_at": None}
    domains = [replace(domain, **still, **times) for domain in world.domains.domains.values()]  # type: ignore[arg-type]
    return (
        domains,
        {(each.account_id, each.domain_id, each.sends, each.receives) for each in world.holdings.holdings.values()},
        world.rules.names,
        sorted(world.ses.identities),
        [event.subject for event in (*world.log.events[ANNA.account_id], *world.log.events[BERT.account_id])],
        {due.domain_id for due in world.due.dues},
        world.rule_names.work(),
    )


def _calls(act: Act) -> int:
    calls = Recording()
    world = _world(act)
    with world.watching(calls):
        act.do(world)
    return len(calls.calls)


@pytest.mark.parametrize("how", [Crash(), Unavailable("no answer"), VersionConflict()], ids=["death", "error", "rival"])
@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", ACTS)
def test_a_repeat_heals_whatever_a_death_or_an_error_has_left(
    name: str,
    after_effect: bool,  # noqa: FBT001 - a table's column
    how: BaseException,
) -> None:
    act = ACTS[name]
    expected = _world(act)
    act.do(expected)
    expected.live(minutes=40)
    for number in range(_calls(act)):
        world = _world(act)
        failing = FailingAt(number, after_effect=after_effect, error=how)
        with world.watching(failing), contextlib.suppress(Crash, Unavailable, VersionConflict):
            act.do(world)
        try:
            act.do(world)
        except NotFound:
            assert name == "delete"  # it had come to its end
        world.live(minutes=40)

        assert _state(world) == _state(expected), number


@pytest.mark.parametrize("name", [name for name in ACTS if name != "add"])
def test_nobody_needs_to_repeat_what_was_begun(name: str) -> None:
    """Whoever died over a check or a deletion is followed by the clock of the domains."""
    act = ACTS[name]
    expected = _world(act)
    act.do(expected)
    expected.live(minutes=40)
    for number in range(_calls(act)):
        world = _world(act)
        with world.watching(FailingAt(number, after_effect=True)), contextlib.suppress(Crash):
            act.do(world)
        if name == "delete" and not any(domain.is_going for domain in world.domains.domains.values()):
            continue  # it died before anything was said, or behind the end
        world.live(minutes=40)

        assert _state(world) == _state(expected), number


def test_the_event_is_told_by_the_next_check_when_its_own_has_died_over_it() -> None:
    world = _world(ACTS["verify the first time"])
    with pytest.raises(Crash), world.watching(FailingAt(_calls(ACTS["verify the first time"]) - 1, after_effect=False)):
        _verify(world)
    assert world.now_of(ID).sending is SendingStatus.VERIFIED
    assert world.told() == []

    world.live(minutes=20)

    assert [event.subject for event in world.told()] == [ID]
    world.live(hours=1)
    assert world.now_of(ID).first_verified is not None
    assert len(world.told()) == 1


def test_a_domain_that_died_while_it_was_added_is_added_under_another_id() -> None:
    for number in range(_calls(ACTS["add"])):
        world = DomainWorld()
        with world.watching(FailingAt(number, after_effect=True)), pytest.raises(Crash):
            _add(world)
        if DomainId(ID) not in world.domains.domains:
            world.add()
        world.live(minutes=20)

        assert len(world.domains.domains) == 1
        assert {due.domain_id for due in world.due.dues} == set(world.domains.domains)


def test_an_addition_that_died_leaves_no_identity_at_ses_that_nobody_has() -> None:
    for number in range(_calls(ACTS["add"])):
        for after_effect in (False, True):
            world = DomainWorld()
            with world.watching(FailingAt(number, after_effect=after_effect)), pytest.raises(Crash):
                _add(world)
            world.live(minutes=40)

            assert set(world.ses.identities) == {each.name for each in world.domains.domains.values()}, number
            assert {due.domain_id for due in world.due.dues} == set(world.domains.domains), number


def test_what_an_addition_that_died_left_stays_for_another_account_that_has_added_the_name() -> None:
    for number in range(_calls(ACTS["add"])):
        world = DomainWorld()
        with world.watching(FailingAt(number, after_effect=True)), pytest.raises(Crash):
            _add(world)
        berts = world.add(BERT)
        before = world.ses.identities[NAME]
        world.live(minutes=40)

        assert world.ses.identities[NAME] == before
        assert [record.value for record in world.now(berts).records] == [record.value for record in berts.records]


def test_a_claim_that_meets_a_deletion_is_verified_all_the_same() -> None:
    for number in range(_calls(ACTS["delete"])):
        world = _world(ACTS["delete"])
        berts = world.add(BERT)
        with world.watching(FailingAt(number, after_effect=True)):
            try:
                _delete(world)
            except Crash:
                world.delete(ID, ANNA) if world.domains.get(ANNA.account_id, ID) else None
        world.live(minutes=20)
        world.set(world.verify(berts))

        assert world.verify(berts).sending is SendingStatus.VERIFIED
