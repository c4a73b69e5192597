"""Whether SES takes mail in for us: the active receipt rule set, and our rules in it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from chalicelib.domain.receipt import WAITING_MAIL
from infra.checkup.deployed import Deployed
from infra.checkup.findings import as_json, fault, well_or
from infra.preflight import Finding, RuleSets, rule_sets

RULE = "mail-domain"  # what the deployment's rule is called where it has to be made anew and the stack knows no name
Rule = Mapping[str, Any]


def rule_set(deployed: Deployed) -> Iterator[Finding]:
    """Which one is active: a region has one at a time."""
    wanted, active = wanted_rule_set(deployed), _sets(deployed).active
    faults = [] if active == wanted else [_of_another_set(deployed, wanted, active)]
    yield from well_or(faults, f"receipt rule set {wanted} is active")


def _of_another_set(deployed: Deployed, wanted: str, active: str | None) -> Finding:
    if active is None:
        return fault(
            "no receipt rule set is active: SES takes no mail in",
            f"aws ses set-active-receipt-rule-set --rule-set-name {wanted}",
        )
    return fault(
        f"the receipt rule set {active} is active, and not {wanted}, which has our rules: no mail comes in",
        f'If {active} is to stay, put our rules into it: {deployed.deploy} ARGS="--rule-set {active}", then\n'
        f"make requeue STACK={deployed.name} for the domains of accounts. If not:\n"
        f"aws ses set-active-receipt-rule-set --rule-set-name {wanted}",
    )


def own_rule(deployed: Deployed) -> Iterator[Finding]:
    """The rule for the deployment's own domain says what it is to say."""
    in_set = wanted_rule_set(deployed)
    name = deployed.called("ReceiptRule") if "ReceiptRule" in deployed.resources else ""
    rules = _rules(deployed, in_set)
    known = next((rule for rule in rules if name and rule["Name"] == name), None)
    if known is None:
        known = next((rule for rule in _of_ours(rules, deployed) if not rule["Name"].startswith("domains-")), None)
    wanted = _wanted(deployed, known["Name"] if known else name or RULE)
    verb = "create" if known is None else "update"
    fix = f"aws ses {verb}-receipt-rule --rule-set-name {in_set} --rule {as_json(wanted)}"
    faults = [fault(f"{what}: mail to {deployed.domain} does not come in", fix) for what in _amiss(known, wanted)]
    faults += _never_reached(rules, list(_of_ours(rules, deployed)), in_set)
    yield from well_or(faults, f"a receipt rule takes mail for {deployed.domain}")


def rules_of_accounts(deployed: Deployed, wanted: Mapping[int, Iterable[str]]) -> Iterator[Finding]:
    """The rules for domains of accounts name exactly those that receive. `wanted` has the names by the number of a rule."""
    known = {rule["Name"]: rule for rule in _rules(deployed, wanted_rule_set(deployed))}
    faults = []
    expected = {f"domains-{number:04}": sorted(names) for number, names in wanted.items() if names}
    ours = {rule["Name"] for rule in _of_ours(known.values(), deployed) if rule["Name"].startswith("domains-")}
    for name in sorted(expected.keys() | ours):
        rule = known.get(name)
        names, taken = set(expected.get(name, ())), set(rule["Recipients"] if rule and rule.get("Enabled") else ())
        lacking, more = sorted(names - taken), sorted(taken - names)
        if lacking:
            faults.append(f"SES takes no mail in for {_some(lacking)}, whose accounts wait for it (rule {name})")
        if more:
            faults.append(f"SES takes mail in for {_some(more)}, which no account receives for any more (rule {name})")
    fix = f"make requeue STACK={deployed.name} brings every rule to what it should be."
    count = sum(len(names) for names in expected.values())
    yield from well_or((fault(what, fix) for what in faults), f"receipt rules for {count} domains of accounts")


def _never_reached(rules: Sequence[Rule], ours: Sequence[Rule], in_set: str) -> Iterator[Finding]:
    """Rules of ours behind one of somebody else that ends the rule set for the same mail (SES guide, "Stop rule set action")."""
    stops: list[Rule] = []
    for rule in rules:
        if rule not in ours:
            stops += (
                [rule] if rule.get("Enabled") and any("StopAction" in one for one in rule.get("Actions", [])) else []
            )
            continue
        before = next((stop for stop in stops if _same_mail(stop, rule)), None)
        if before is not None and rule.get("Enabled"):
            yield fault(
                f"{before['Name']} stands before our receipt rule {rule['Name']} and ends with a stop: "
                f"mail that it takes for {_some(rule['Recipients'])} does not come in",
                "This puts ours first; theirs goes on taking what it takes, after ours:\n"
                f"aws ses set-receipt-rule-position --rule-set-name {in_set} --rule-name {rule['Name']}",
            )


def _same_mail(theirs: Rule, ours: Rule) -> bool:
    """Whether some mail is for both: theirs may name domains, `.subdomains`, addresses, or nothing for all there is."""
    named = [name.lower() for name in theirs.get("Recipients", [])]
    return not named or any(
        name == domain or name.endswith("@" + domain) or (name.startswith(".") and domain.endswith(name))
        for name in named
        for domain in ours["Recipients"]
    )


def _amiss(known: Rule | None, wanted: Rule) -> Iterator[str]:
    if known is None:
        yield "our receipt rule is not there"
        return
    (action,) = wanted["Actions"]
    if not known.get("Enabled"):
        yield "our receipt rule is switched off"
    if sorted(known.get("Recipients", [])) != wanted["Recipients"]:
        yield f"our receipt rule is for {_some(sorted(known.get('Recipients', []))) or 'every domain SES knows'}"
    if not any(_has(each, action) for each in known.get("Actions", [])):
        yield "our receipt rule puts mail elsewhere, or tells nobody of it"


def _has(action: Rule, wanted: Rule) -> bool:
    return bool(wanted["S3Action"].items() <= action.get("S3Action", {}).items())


def _wanted(deployed: Deployed, name: str) -> Rule:
    """As infra/resources.yaml has it."""
    action = {
        "BucketName": deployed.called("MailBucket"),
        "ObjectKeyPrefix": WAITING_MAIL,
        "TopicArn": deployed.called("InboundNotificationTopic"),
    }
    head = {"Name": name, "Enabled": True, "ScanEnabled": True, "TlsPolicy": "Optional"}
    return {**head, "Recipients": [deployed.domain], "Actions": [{"S3Action": action}]}


def wanted_rule_set(deployed: Deployed) -> str:
    """Where our rules stand: in a set of somebody else, or in one of our own."""
    return deployed.parameters.get("ExistingReceiptRuleSet") or deployed.called("ReceiptRuleSet")


def _sets(deployed: Deployed) -> RuleSets:
    return rule_sets(deployed.connect, deployed.name)


def _rules(deployed: Deployed, in_set: str) -> Sequence[Rule]:
    found: Sequence[Rule] = deployed.connect("ses").describe_receipt_rule_set(RuleSetName=in_set).get("Rules", [])
    return found


def _of_ours(rules: Iterable[Rule], deployed: Deployed) -> Iterator[Rule]:
    """Those that bring mail into our bucket."""
    bucket = deployed.called("MailBucket")
    for rule in rules:
        if any(action.get("S3Action", {}).get("BucketName") == bucket for action in rule.get("Actions", [])):
            yield rule


def _some(names: Sequence[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
