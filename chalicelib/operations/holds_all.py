"""Whether all that an inbox has queued is held by a stop switch, so that looking at it again is no use."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.domain.switch import Switch
from chalicelib.operations.ports import InboxStore, SwitchStore

DISCARD_ENDS = timedelta(days=1)  # by then all that was given up is failed, or has been found by housekeeping


@dataclass(frozen=True)
class HoldsAll:
    """By the inbox's switch or its account's; what a key holds is not told from the rest without reading it."""

    switches: SwitchStore
    inboxes: InboxStore

    def __call__(self, inbox_number: int, now: datetime) -> bool:
        inbox = self.inboxes.get(inbox_number)
        if inbox is None:
            return False
        states = self.switches.read([Switch.of_inbox(inbox_number), Switch.of_account(inbox.account_id)]).values()
        gives_up = any(state.discarded_until and now < state.discarded_until + DISCARD_ENDS for state in states)
        return any(state.is_stopped for state in states) and not gives_up
