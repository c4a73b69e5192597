"""The deployment's own domain and those of accounts: what SES thinks of them, and what stands in DNS."""

from collections.abc import Iterator, Sequence
from typing import Any

from chalicelib.domain.domain_records import compared
from chalicelib.domain.own_domain import DnsRecord, Domain, ReceivingStatus, RecordPurpose, RecordStatus, SendingStatus
from chalicelib.operations.ports.domains import Question
from infra.after_deploy import dns_records
from infra.checkup.deployed import Deployed
from infra.checkup.findings import fault, note, well_or
from infra.dns_check import Dns, missing_of
from infra.preflight import Finding

# What a domain of an account loses without a record; the others are the account's own affair.
_LOSSES = {
    RecordPurpose.OWNERSHIP: "its account will lose it after 72 hours",
    RecordPurpose.DKIM: "no mail can be sent from it soon",
    RecordPurpose.RECEIVING: "no mail comes in",
}


def identity(deployed: Deployed) -> Iterator[Finding]:
    """What SES thinks of the deployment's own domain."""
    found = deployed.connect("sesv2").get_email_identity(EmailIdentity=deployed.domain)
    yield from well_or(
        _faults_of(found, deployed.domain),
        f"SES sends for {deployed.domain}, signed (DKIM), under a MAIL FROM of its own",
    )


def _faults_of(found: dict[str, Any], domain: str) -> Iterator[Finding]:
    dkim, mail_from = found["DkimAttributes"], found.get("MailFromAttributes", {})
    wait = f"Set the records, then make dns-check DOMAIN={domain}; SES looks by itself, for 72 hours."
    if dkim.get("Status") == "FAILED":
        yield fault(
            f"SES has given up looking for the DKIM records of {domain}: it sends nothing from there",
            "Set the records, then\n"
            f"aws sesv2 put-email-identity-dkim-signing-attributes --email-identity {domain} "
            "--signing-attributes-origin AWS_SES",
        )
    elif dkim.get("Status") != "SUCCESS":
        yield fault(f"SES has not found the DKIM records of {domain} yet ({dkim.get('Status')})", wait)
    elif not found.get("VerifiedForSendingStatus"):
        yield fault(f"SES has not verified {domain} for sending", wait)
    elif not dkim.get("SigningEnabled"):
        yield fault(
            f"SES does not sign mail from {domain}",
            f"aws sesv2 put-email-identity-dkim-attributes --email-identity {domain} --signing-enabled",
        )
    state = mail_from.get("MailFromDomainStatus", "SUCCESS")
    if state != "SUCCESS":
        yield fault(f"SES has not found the records of {mail_from['MailFromDomain']} ({state}): SPF is SES's own", wait)


def zone(deployed: Deployed, dns: Dns) -> Iterator[Finding]:
    """The records of the deployment's own domain."""
    records = dns_records(deployed.connect("sesv2"), deployed.domain, deployed.region)
    faults = [
        fault(
            f"{each.record.type} {each.record.name}: found {each.found} ({each.record.purpose})",
            f"Set it to {each.record.value}, then make dns-check DOMAIN={deployed.domain}",
        )
        for each in missing_of(records, dns)
    ]
    yield from well_or(faults, f"all {len(records)} DNS records of {deployed.domain} are there")


def domains_of_accounts(domains: Sequence[Domain], dns: Dns) -> Iterator[Finding]:
    """Of those that were verified: whether what they need still stands in DNS. The others are on their way."""
    wanted = [(domain, record) for domain in domains for record in domain.records if _is_needed(domain, record)]
    found = dns.find({Question(record.name, record.type) for _, record in wanted})
    faults = []
    for domain, record in wanted:
        status = compared(record, found[Question(record.name, record.type)]).status
        if status in (RecordStatus.MISSING, RecordStatus.DIFFERENT):
            faults.append(
                fault(
                    f"{domain.name} ({domain.account_id}): {record.type} {record.name} is {status}: "
                    f"{_LOSSES[record.purpose]}",
                    f"Tell the account: it is to be {record.value}. GET /domains shows it to them, too.",
                )
            )
    verified = len({domain.id for domain, _ in wanted})
    if verified < len(domains):
        yield note(
            f"{len(domains) - verified} domains of accounts are not verified yet; they are looked at by themselves"
        )
    yield from well_or(faults, f"{verified} verified domains of accounts have their records")


def _is_needed(domain: Domain, record: DnsRecord) -> bool:
    """Whether something that works now would end without the record."""
    sends, receives = (
        domain.sending is SendingStatus.VERIFIED,
        domain.receiving is ReceivingStatus.VERIFIED,
    )
    match record.purpose:
        case RecordPurpose.OWNERSHIP:
            return sends or receives
        case RecordPurpose.DKIM:
            return sends
        case RecordPurpose.RECEIVING:
            return receives
        case _:
            return False
