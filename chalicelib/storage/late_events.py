"""Events that are told long after they happened: from which chunk of the log on each is looked for now."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pynamodb.expressions.update import Action

from chalicelib.domain.ids import AccountId, EventId
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Written, update_if
from chalicelib.storage.log_chunks import EXPIRES_AFTER
from chalicelib.storage.tables import LateEventItem

_SINCE = LateEventItem.since


@dataclass(frozen=True)
class LateEvents:
    """One small item for each of them."""

    clock: Callable[[], datetime]

    def since(self, account_id: AccountId, event_id: EventId | str) -> int | None:
        """Where it is looked for; None: where its id says."""
        try:
            item = LateEventItem.get(keys.log_partition(account_id), keys.late_event(event_id), consistent_read=True)
        except LateEventItem.DoesNotExist:
            return None
        return int(item.since)

    def move(self, account_id: AccountId, event_id: EventId, passed: int, to: int) -> int:
        """Have it looked for from chunk `to` on, unless somebody has moved it behind `passed` already; where it is now."""
        item = LateEventItem(keys.log_partition(account_id), keys.late_event(event_id))
        actions: list[Action] = [_SINCE.set(to), LateEventItem.ttl.set(self.clock() + EXPIRES_AFTER)]
        outcome = update_if(item, actions, _SINCE.does_not_exist() | _SINCE.between(0, passed))
        found = outcome.item if isinstance(outcome, Written) else outcome.found
        return to if found is None else int(found.since)
