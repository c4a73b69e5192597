"""What CloudFormation cannot do: activate the rule set, tell the DNS records, make the first key."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.domain.ids import KeyId, random_text
from chalicelib.operations.manage_accounts import FIRST_ACCOUNT
from chalicelib.operations.manage_keys import new_key_text
from chalicelib.operations.ports import PageRequest
from chalicelib.wiring import Operations, operations
from infra.preflight import RuleSets
from infra.stack import CommandFailed, Stack


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """A record that a person must set. `purpose` says what does not work without it."""

    type: str
    name: str
    value: str
    purpose: str


def activate(ses: Any, sets: RuleSets) -> str:
    """Make our rule set the active one, unless somebody else's is; what was done, in words."""
    if sets.ours is None:
        raise CommandFailed("The stack has no receipt rule set of its own to activate.")
    if sets.is_foreign:
        raise CommandFailed(f"Meanwhile {sets.active} was activated; it is left as it is, and no mail comes in here.")
    if sets.active == sets.ours:
        return f"receipt rule set {sets.ours} is active"
    ses.set_active_receipt_rule_set(RuleSetName=sets.ours)
    return f"receipt rule set {sets.ours} is active now"


def dns_records(sesv2: Any, domain: str, region: str) -> list[DnsRecord]:
    """What the deployment's own domain needs; the DKIM tokens are SES's."""
    try:
        identity = sesv2.get_email_identity(EmailIdentity=domain)
    except ClientError as error:
        raise CommandFailed(f"SES does not know the domain {domain}: {error}") from error
    tokens = identity.get("DkimAttributes", {}).get("Tokens", [])
    mail_from = identity.get("MailFromAttributes", {}).get("MailFromDomain")
    records = [
        DnsRecord("CNAME", f"{token}._domainkey.{domain}", f"{token}.dkim.amazonses.com", "sending") for token in tokens
    ]
    records.append(DnsRecord("MX", domain, f"10 inbound-smtp.{region}.amazonaws.com", "receiving"))
    if mail_from:
        records += [
            DnsRecord("MX", mail_from, f"10 feedback-smtp.{region}.amazonses.com", "SPF that matches the domain"),
            DnsRecord("TXT", mail_from, "v=spf1 include:amazonses.com ~all", "SPF that matches the domain"),
        ]
    records.append(DnsRecord("TXT", f"_dmarc.{domain}", "v=DMARC1; p=quarantine", "receivers trust the domain"))
    return records


def table_of(records: Iterable[DnsRecord]) -> str:
    """The records as lines in columns."""
    rows = [(record.type, record.name, record.value, record.purpose) for record in records]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join((*(text.ljust(width) for text, width in zip(row[:3], widths, strict=True)), row[3])) for row in rows
    )


def first_key(stack: Stack, show: Callable[[str], None]) -> bool:
    """Show an admin key of the first account, which nobody can see again, and make it valid; False: it has a key already.

    It is shown before it is stored: whoever dies in between has shown a key that opens nothing, and the next run shows
    another. The other way round there might be a key that nobody has seen.
    """
    os.environ.update(stack.settings())
    return show_first_key(operations(), show)


def show_first_key(deployment: Operations, show: Callable[[str], None]) -> bool:
    """`first_key` of a deployment's operations."""
    if deployment.keys.page(FIRST_ACCOUNT, PageRequest(limit=1)).total:
        return False
    text = new_key_text(KeyId("key_" + random_text()))
    show(text)
    deployment.bootstrap(text)
    return True
