"""What the doctor reads in the table: which domains accounts have added, which of them SES is to take mail for, and keys."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.domain.own_domain import Domain
from chalicelib.operations.manage_accounts import FIRST_ACCOUNT
from chalicelib.operations.ports import PageRequest
from chalicelib.wiring import Operations, operations
from infra.checkup.deployed import Deployed
from infra.stack import Stack

PAGE = 100
MOST_DOMAINS = 1_000  # that are looked up; the scheduled checks look at all


@dataclass(frozen=True, slots=True)
class Kept:
    """`rules`: the names that each receipt rule is to have, by its number."""

    rules: Mapping[int, frozenset[str]]
    domains: Sequence[Domain]
    has_key: bool


Reads = Callable[[Deployed], Kept]


def kept(deployed: Deployed) -> Kept:
    """Read it with the settings of the deployment's functions."""
    stack = Stack(deployed.name, deployed.connect("cloudformation"), deployed.connect("lambda"))
    os.environ.update(stack.settings())
    return kept_of(operations())


def kept_of(deployment: Operations) -> Kept:
    """`kept` of a deployment's operations."""
    rules = {each.rule: each.names for each in deployment.rule_names.all()}
    has_key = deployment.keys.page(FIRST_ACCOUNT, PageRequest(limit=1)).total > 0
    domains: list[Domain] = []
    for domain in _domains(deployment):
        domains.append(domain)
        if len(domains) == MOST_DOMAINS:
            break
    return Kept(rules, domains, has_key)


def _domains(deployment: Operations) -> Iterator[Domain]:
    accounts = PageRequest(PAGE)
    while True:
        page = deployment.accounts.page(accounts)
        for account in page.items:
            yield from deployment.domains.page(account.id, PageRequest(PAGE)).items
        if page.next_after is None:
            return
        accounts = PageRequest(PAGE, after=page.next_after)
