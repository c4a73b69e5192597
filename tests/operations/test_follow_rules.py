"""SES's receipt rules have the domains that may receive and no other, a hundred each, however many change them at once."""

from dataclasses import replace

import pytest

from chalicelib.domain.errors import Unavailable
from chalicelib.operations.follow_rules import DEAD_AFTER, MOST_RULES, NAMES_A_RULE
from chalicelib.operations.ports.domains import RuleNames
from tests.operations.domain_world import DomainWorld
from tests.operations.watched import Crash, Failing, FailingAt, Meanwhile, Recording


def receive(world: DomainWorld, name: str, *, receives: bool = True) -> None:
    """What a check does when a domain may receive, or may no more."""
    world.holdings.save(replace(world.holding(name), receives=receives, is_followed=False))
    world.follow_rules(name, receives=receives)


def test_a_rule_has_a_hundred_names_and_the_next_ones_stand_in_another() -> None:
    world = DomainWorld()
    names = [f"example{number}.com" for number in range(2 * NAMES_A_RULE + 1)]
    for name in names:
        receive(world, name)

    assert [len(world.rules.rules[rule]) for rule in range(3)] == [100, 100, 1]
    assert world.rules.names == set(names)


def test_room_in_an_early_rule_is_used_again() -> None:
    world = DomainWorld()
    for number in range(NAMES_A_RULE + 1):
        receive(world, f"example{number}.com")
    receive(world, "example7.com", receives=False)
    receive(world, "another.com")

    assert "another.com" in world.rules.rules[0]
    assert len(world.rules.rules[1]) == 1


def test_the_last_name_takes_its_rule_with_it() -> None:
    world = DomainWorld()
    receive(world, "example.com")
    receive(world, "example.com", receives=False)

    assert world.rules.rules == {0: frozenset()}  # which SES gets as a deletion: without names a rule takes all mail


def test_again_costs_no_place() -> None:
    world = DomainWorld()
    for _ in range(3):
        receive(world, "example.com")

    assert world.rule_names.get(0).names == {"example.com"}
    assert world.rules.rules == {0: {"example.com"}}


@pytest.mark.parametrize("receives", [True, False])
def test_two_that_change_a_rule_at_once_lose_nothing(receives: bool) -> None:  # noqa: FBT001 - a table's column
    for number in range(30):
        world = DomainWorld()
        receive(world, "there.com")
        receive(world, "other.com", receives=not receives)
        rival = Meanwhile(number, lambda w=world: receive(w, "other.com", receives=receives))  # type: ignore[misc]

        with world.watching(rival):
            receive(world, "one.com")
            receive(world, "there.com", receives=False)

        if not rival.has_happened:
            assert number > 10
            return
        assert world.rules.names == {"one.com"} | ({"other.com"} if receives else set()), number
    raise AssertionError("too many calls")


@pytest.mark.parametrize("after_effect", [True, False])
def test_a_slow_writer_that_dies_over_its_call_is_followed_by_another(after_effect: bool) -> None:  # noqa: FBT001
    calls = Recording()
    world = DomainWorld()
    with world.watching(calls):
        receive(world, "one.com")
    for number in range(1, len(calls.calls)):  # 0 stores what the zone allows
        world = DomainWorld()
        with world.watching(FailingAt(number, after_effect=after_effect)), pytest.raises(Crash):
            receive(world, "one.com")
        # Others come and go meanwhile, also that very name.
        receive(world, "two.com")
        receive(world, "one.com", receives=False)

        world.clock.now += DEAD_AFTER * 2
        world.follow_rules.finish_dead_work()

        assert world.rules.names == {"two.com"}, number
        assert world.rule_names.work() == []


def test_an_old_answer_that_reaches_ses_late_is_put_right() -> None:
    """The call of a writer that sleeps over it undoes what others have done since; on waking it sees so."""
    world = DomainWorld()

    class Sleeper:
        slept = False

        def __call__(self, call, effect):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN204
            if call == "rules.put" and not self.slept:
                self.slept = True
                receive(world, "two.com")
                receive(world, "one.com", receives=False)
            return effect()

    with world.watching(Sleeper()):
        receive(world, "one.com")

    assert world.rules.names == {"two.com"}


def test_work_that_somebody_is_at_is_left_to_him() -> None:
    world = DomainWorld()
    with world.watching(Failing("rules.put", [Crash()])), pytest.raises(Crash):
        receive(world, "one.com")

    world.follow_rules.finish_dead_work()

    assert world.rules.names == set()
    assert len(world.rule_names.work()) == 1


def test_when_every_rule_is_full_it_is_said_and_nothing_is_pushed_out() -> None:
    world = DomainWorld()
    full = frozenset(f"example{number}.com" for number in range(NAMES_A_RULE))
    world.rule_names.rules = {rule: RuleNames(rule, full, 1) for rule in range(MOST_RULES)}

    with pytest.raises(Unavailable):
        receive(world, "one-more.com")

    assert all(names.names == full for names in world.rule_names.all())


def test_rules_that_were_changed_by_hand_or_restored_are_renewed() -> None:
    world = DomainWorld()
    for number in range(NAMES_A_RULE + 1):
        receive(world, f"example{number}.com")
    wanted = dict(world.rules.rules)
    world.rules.rules = {0: frozenset({"stray.com"})}
    world.holdings.holdings.pop("example5.com")

    assert world.follow_rules.everything() == 2

    assert world.rules.rules == {0: wanted[0] - {"example5.com"}, 1: wanted[1]}
