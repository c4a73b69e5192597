"""SES's receipt rules follow the names that may receive.

    begin work ─▶ the name into a rule's list, or out ─▶ what of the list may receive ─▶ SES ─▶ changed meanwhile? again
                                                                                                   └▶ end work

SES's calls carry no condition, so a slow one may undo what a fast one has just done. Whoever has called looks whether the
list has changed since, and calls again. Work that was begun and not ended is done by the clock of the domains.
"""

from dataclasses import dataclass
from datetime import timedelta

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import random_text
from chalicelib.domain.log_lines import log_of
from chalicelib.operations.ports import Clock
from chalicelib.operations.ports.domains import HoldingStore, ReceiptRules, RuleNamesStore, RuleWork

logger = log_of(__name__)

# SES guide, "Quotas related to email receiving": 100 recipients a rule, 200 rules a rule set; one is the deployment's own.
NAMES_A_RULE = 100
MOST_RULES = 199
DEAD_AFTER = timedelta(minutes=5)  # whoever began is not at work any more
_TRIES = 20


@dataclass(frozen=True)
class FollowRules:
    """Bring the rules to what holdings say. Repeating it is harmless."""

    rules: RuleNamesStore
    holdings: HoldingStore
    ses: ReceiptRules
    clock: Clock

    def __call__(self, name: str, *, receives: bool) -> None:
        """After the holding of `name` was changed. Raises Unavailable; then it is to be called again."""
        known = self.rules.all()
        having = [each.rule for each in known if name in each.names]
        if not having and receives:
            having = [self._with_room({each.rule: len(each.names) for each in known})]
        for rule in having:
            work = RuleWork(rule, random_text(), self.clock())
            self.rules.begin(work)
            if receives and not self.rules.add(rule, name, NAMES_A_RULE):
                self.rules.end(work)
                raise Unavailable("A receipt rule has filled up this very moment.")
            self._bring(rule)
            self.rules.end(work)

    def everything(self) -> int:
        """Every rule anew, for when SES's or the table's were changed by hand or restored; how many there are."""
        known = self.rules.all()
        for each in known:
            self._bring(each.rule)
        return len(known)

    def finish_dead_work(self) -> None:
        """What somebody has begun and died over."""
        for work in self.rules.work():
            if self.clock() - work.began_at > DEAD_AFTER:
                self._bring(work.rule)
                self.rules.end(work)

    def _bring(self, rule: int) -> None:
        """The list to what may receive, and SES to the list."""
        for _ in range(_TRIES):
            list_ = self.rules.get(rule)
            holdings = self.holdings.get_many(list_.names)
            gone = {name for name in list_.names if not holdings[name].receives}
            if gone:
                self.rules.drop(rule, gone)
                list_ = self.rules.get(rule)
            self.ses.put(rule, list_.names)
            if self.rules.get(rule).version == list_.version:
                return
        raise Unavailable("Too many change the same receipt rule.")

    def _with_room(self, sizes: dict[int, int]) -> int:
        for rule in range(MOST_RULES):
            if sizes.get(rule, 0) < NAMES_A_RULE:
                return rule
        logger.error("every receipt rule is full; SES takes no mail for further domains")
        raise Unavailable("This deployment takes in mail for no further domain.", retry_after=3600)
