"""The clock of own domains: check those whose time has come."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from chalicelib.domain.errors import NotFound
from chalicelib.domain.fault_trace import trace_of
from chalicelib.domain.log_lines import log_of
from chalicelib.operations.check_domain import CheckDomain
from chalicelib.operations.end_domain import EndDomain
from chalicelib.operations.follow_rules import FollowRules
from chalicelib.operations.ports import Clock, Together
from chalicelib.operations.ports.domains import DueDomain, DueDomains

logger = log_of(__name__)

AT_ONCE = 10  # checks side by side; each waits for name servers most of its time
ENOUGH = timedelta(seconds=60)  # a run takes no more upon itself after this
LATER = timedelta(minutes=15)  # a check that fails is tried again then, so that it keeps nobody waiting


@dataclass(frozen=True)
class CheckDueDomains:
    """One run. Whatever it does not get to is still due at the next."""

    due: DueDomains
    check: CheckDomain
    end: EndDomain
    follow_rules: FollowRules
    clock: Clock
    together: Together

    def __call__(self) -> int:
        """How many domains were checked. Reads nothing of those that are not due."""
        began_at = self.clock()
        self.follow_rules.finish_dead_work()
        count = 0
        while self.clock() - began_at < ENOUGH:
            found = self.due.due(began_at, AT_ONCE)
            if not found:
                break
            self.together([self._one(each) for each in found])
            count += len(found)
        return count

    def _one(self, due: DueDomain) -> Callable[[], None]:
        def check() -> None:
            try:
                self._check(due)
            except Exception as error:  # noqa: BLE001 - it is logged, without its text
                logger.error(
                    "a domain could not be checked; it is tried again: %s",
                    trace_of(error),
                    extra={"domainId": due.domain_id},
                )
                self.due.add(replace(due, due_at=self.clock() + LATER))
            self.due.remove(due)

        return check

    def _check(self, due: DueDomain) -> None:
        try:
            self.check(due.account_id, due.domain_id)
        except NotFound:
            # Deleted since, or never stored: whoever added it may have died behind SES's answer.
            if due.name is not None:
                self.end.forget_unclaimed(due.name, besides=due.domain_id)
