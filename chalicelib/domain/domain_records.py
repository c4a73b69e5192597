"""The records that an own domain needs, and whether what a zone has is one of them.

| purpose   | record                                                              |                                          |
|-----------|---------------------------------------------------------------------|------------------------------------------|
| ownership | TXT `_agentsend.<domain>`                                           | whose it is among this deployment's      |
| dkim      | three CNAME `<token>._domainkey.<domain>`                           | SES, "Easy DKIM in Amazon SES"           |
| mail_from | MX `agentsend.<domain>` 10 `feedback-smtp.<region>.amazonses.com`   | SES, "Using a custom MAIL FROM domain"   |
| spf       | TXT `agentsend.<domain>` `v=spf1 include:amazonses.com ~all`        | the same page                            |
| dmarc     | TXT `_dmarc.<domain>`                                               | RFC 7489; any policy will do             |
| receiving | MX `<domain>` 10 `inbound-smtp.<region>.amazonaws.com`              | SES, "Publishing an MX record"           |
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from chalicelib.domain.own_domain import DnsRecord, RecordPurpose, RecordStatus, RecordType

MAIL_FROM_LABEL = "agentsend"  # of the MAIL FROM domain; nothing else may send or receive there
SPF = "v=spf1 include:amazonses.com ~all"
DMARC = "v=DMARC1; p=none;"
_PRIORITY = 10


class DkimState(StrEnum):
    """How far SES is with the DKIM records (SES API v2, DkimStatus)."""

    NOT_STARTED = "NOT_STARTED"
    PENDING = "PENDING"
    SUCCESS = "SUCCESS"
    TEMPORARY_FAILURE = "TEMPORARY_FAILURE"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Identity:
    """A domain as SES knows it; all accounts of a deployment share it."""

    name: str
    dkim: DkimState
    tokens: tuple[str, ...]
    key_zone: str = "dkim.amazonses.com"  # where SES publishes the keys
    mail_from: str | None = None
    is_ours: bool = True  # this deployment has made it


def mail_from_domain(name: str) -> str:
    return f"{MAIL_FROM_LABEL}.{name}"


def wanted_records(identity: Identity, proof: str, region: str) -> tuple[DnsRecord, ...]:
    """Every record to be set, in the order in which a person sets them."""
    return tuple(_wanted(identity, proof, region))


def _wanted(identity: Identity, proof: str, region: str) -> Iterator[DnsRecord]:
    name, mail_from = identity.name, identity.mail_from or mail_from_domain(identity.name)
    yield DnsRecord(RecordPurpose.OWNERSHIP, RecordType.TXT, f"_agentsend.{name}", proof)
    for token in identity.tokens:
        value = f"{token}.{identity.key_zone}"
        yield DnsRecord(RecordPurpose.DKIM, RecordType.CNAME, f"{token}._domainkey.{name}", value)
    feedback = f"feedback-smtp.{region}.amazonses.com"
    yield DnsRecord(RecordPurpose.MAIL_FROM, RecordType.MX, mail_from, feedback, _PRIORITY)
    yield DnsRecord(RecordPurpose.SPF, RecordType.TXT, mail_from, SPF)
    yield DnsRecord(RecordPurpose.DMARC, RecordType.TXT, f"_dmarc.{name}", DMARC)
    inbound = f"inbound-smtp.{region}.amazonaws.com"
    yield DnsRecord(RecordPurpose.RECEIVING, RecordType.MX, name, inbound, _PRIORITY)


def compared(record: DnsRecord, found: Sequence[str] | None) -> DnsRecord:
    """The record with what was found under its name; None: the name servers gave no answer."""
    if found is None:
        return replace(record, found=None, status=RecordStatus.NOT_CHECKED)
    if not found:
        status = RecordStatus.MISSING
    else:
        status = RecordStatus.VERIFIED if _is_met(record, found) else RecordStatus.DIFFERENT
    return replace(record, found=tuple(found), status=status)


def _is_met(record: DnsRecord, found: Sequence[str]) -> bool:
    match record.purpose:
        case RecordPurpose.OWNERSHIP:
            return record.value in found
        case RecordPurpose.DKIM:
            return record.value in map(_host, found)
        case RecordPurpose.SPF:
            return any(text.lower().startswith("v=spf1") and "include:amazonses.com" in text.lower() for text in found)
        case RecordPurpose.DMARC:
            return any(text.lower().replace(" ", "").startswith("v=dmarc1") for text in found)
        case RecordPurpose.MAIL_FROM:
            return record.value in (host for _, host in map(_exchange, found))
        case RecordPurpose.RECEIVING:
            # Servers deliver to the lowest preference they can reach (RFC 5321 section 5.1): ours has to be among them.
            exchanges = [_exchange(text) for text in found]
            return (min(preference for preference, _ in exchanges), record.value) in exchanges


def _exchange(text: str) -> tuple[int, str]:
    """(preference, host) of an MX record: `10 mail.example.com.`"""
    preference, _, host = text.partition(" ")
    return int(preference), _host(host)


def _host(text: str) -> str:
    return text.strip().removesuffix(".").lower()
