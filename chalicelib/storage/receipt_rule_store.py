"""The domains that each of SES's receipt rules is to take mail for, and who is at work on a rule."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pynamodb.expressions.condition import size

from chalicelib.operations.ports.domains import RuleNames, RuleWork
from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Refused, update_if
from chalicelib.storage.failures import raises_unavailable
from chalicelib.storage.tables import RuleNamesItem, RuleWorkItem

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@raises_unavailable
@dataclass(frozen=True)
class DynamoRuleNames:
    """`operations.ports.domains.RuleNamesStore` over the table."""

    def all(self) -> Sequence[RuleNames]:
        found = RuleNamesItem.query(
            keys.DEPLOYMENT_PARTITION, RuleNamesItem.sk.startswith(keys.RECEIPT_RULES), consistent_read=True
        )
        return [_names(item) for item in found]

    def get(self, rule: int) -> RuleNames:
        try:
            item = RuleNamesItem.get(keys.DEPLOYMENT_PARTITION, keys.receipt_rule(rule), consistent_read=True)
        except RuleNamesItem.DoesNotExist:
            return RuleNames(rule, frozenset(), 0)
        return _names(item)

    def add(self, rule: int, name: str, most: int) -> bool:
        names = RuleNamesItem.names
        has_room = names.does_not_exist() | (size(names) < most)  # type: ignore[no-untyped-call]
        actions = [names.add({name}), RuleNamesItem.version.add(1)]
        outcome = update_if(_bare_item(rule), actions, has_room & ~names.contains(name))
        if isinstance(outcome, Refused):
            return outcome.found is not None and name in (outcome.found.names or ())
        return True

    def drop(self, rule: int, names: Collection[str]) -> None:
        actions = [RuleNamesItem.names.delete(set(names)), RuleNamesItem.version.add(1)]
        update_if(_bare_item(rule), actions, RuleNamesItem.pk.exists())

    def begin(self, work: RuleWork) -> None:
        item = _work_item(work)
        item.began_at = (work.began_at - _EPOCH) // _MILLISECOND
        item.save()

    def end(self, work: RuleWork) -> None:
        _work_item(work).delete()

    def work(self) -> Sequence[RuleWork]:
        found = RuleWorkItem.query(keys.RULE_WORK, consistent_read=True)
        return [
            RuleWork(int(rule), token, _EPOCH + int(item.began_at) * _MILLISECOND)
            for item in found
            for rule, _, token in [item.sk.partition("#")]
        ]


def _names(item: RuleNamesItem) -> RuleNames:
    number = int(item.sk.removeprefix(keys.RECEIPT_RULES))
    return RuleNames(number, frozenset(item.names or ()), int(item.version))


def _bare_item(rule: int) -> RuleNamesItem:
    return RuleNamesItem(keys.DEPLOYMENT_PARTITION, keys.receipt_rule(rule))


def _work_item(work: RuleWork) -> RuleWorkItem:
    return RuleWorkItem(keys.RULE_WORK, f"{work.rule:04}#{work.token}")
