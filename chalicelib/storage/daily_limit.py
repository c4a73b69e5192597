"""Counting sends against a limit of the day, in one write: of an inbox and of an account alike."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.domain.errors import Unavailable
from chalicelib.storage.conditional_writes import Refused, Written, update, update_if, write_together
from chalicelib.storage.tables import AccountItem, InboxItem

MIDNIGHT_TRIES = 3  # of a send that meets others at the change of the day; the first two settle it

CountedT = TypeVar("CountedT", InboxItem, AccountItem)


def count_send(
    item: CountedT,
    day: str,
    allowed: Condition,
    is_allowed: Callable[[CountedT], bool],
    actions: Sequence[Action] = (),
) -> Written[CountedT] | Refused[CountedT]:
    """Count a send on UTC `day`, if it is `allowed` and the day has room for it; `actions` go with it.

    A request from before midnight counts on the day that others have begun. `is_allowed` says of an item that was found
    whether `allowed` holds for it: then a refusal may mean no more than that a new day is to be begun.
    """
    kind: Any = type(item)
    for _ in range(MIDNIGHT_TRIES):
        is_room = (kind.sends_day >= day) & (kind.sends_today < kind.daily_send_limit)
        outcome = update_if(item, [*actions, kind.sends_today.add(1)], allowed & is_room)
        if isinstance(outcome, Written):
            return outcome
        found = outcome.found
        if found is None or not is_allowed(found) or (found.sends_day or "") >= day or found.daily_send_limit < 1:
            return outcome
        is_new = kind.sends_day.does_not_exist() | (kind.sends_day < day)
        begun = [*actions, kind.sends_today.set(1), kind.sends_day.set(day)]
        outcome = update_if(item, begun, allowed & is_new & (kind.daily_send_limit >= 1))
        if isinstance(outcome, Written):
            return outcome
    raise Unavailable("Too many writers are at the same item.")


def uncount_send(item: InboxItem | AccountItem, day: str, actions: Sequence[Action] = ()) -> None:
    """Take a send of this day back; on a later day only `actions` are left to do."""
    kind: Any = type(item)
    # Transactions, because they carry a token: a repeat after a lost reply does not count twice.
    same_day = (kind.sends_day == day) & (kind.sends_today > 0)
    if write_together([update(item, [*actions, kind.sends_today.add(-1)], same_day)]) and actions:
        write_together([update(item, list(actions), kind.pk.exists())])
