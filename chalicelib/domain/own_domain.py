"""Own domains: a domain name that an account has added, the records its zone needs, and what was found of them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from chalicelib.domain.address import AddressError, parse_mailbox
from chalicelib.domain.ids import AccountId, InvalidId, decode, random_text

DomainId = NewType("DomainId", str)

_ID_CHARACTERS = 20
_LONGEST_NAME = 253 - len("_dmarc.")  # RFC 1035 section 2.3.4, with the labels we put before it
_LABELS_OF_OURS = 64 + len("._domainkey.")


class SendingStatus(StrEnum):
    """Whether mail can be sent from the domain."""

    PENDING = "pending"  # the ownership record was not found yet
    PENDING_DKIM = "pending_dkim"  # it was; SES has not found its three records yet
    VERIFIED = "verified"
    FAILED = "failed"  # not found for 72 hours, or gone; still looked for once a day


class ReceivingStatus(StrEnum):
    """Whether mail to the domain comes here."""

    PENDING = "pending"
    VERIFIED = "verified"
    FAILED = "failed"


class RecordPurpose(StrEnum):
    """What a record is for."""

    OWNERSHIP = "ownership"
    DKIM = "dkim"
    MAIL_FROM = "mail_from"
    SPF = "spf"
    DMARC = "dmarc"
    RECEIVING = "receiving"


class RecordType(StrEnum):
    TXT = "TXT"
    CNAME = "CNAME"
    MX = "MX"


class RecordStatus(StrEnum):
    """What the last check found of a record."""

    NOT_CHECKED = "not_checked"  # not looked for yet, or the name servers gave no answer
    MISSING = "missing"
    DIFFERENT = "different"  # there is one of that type, and it says something else
    VERIFIED = "verified"


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """A record to be set; `found` is what the zone had at the last check (None: that is not known)."""

    purpose: RecordPurpose
    type: RecordType
    name: str
    value: str
    priority: int | None = None  # of an MX
    found: tuple[str, ...] | None = None
    status: RecordStatus = RecordStatus.NOT_CHECKED


@dataclass(frozen=True, slots=True)
class FirstVerified:
    """That it was verified for the first time, and from which chunk of the account's log on its owner is told."""

    at: datetime
    log_since: int
    is_told: bool = False  # some check has come behind the one that recorded it, and has told it again


@dataclass(frozen=True, slots=True)
class Domain:
    """One account's claim to a domain name. Whether it holds the name, the name's `Holding` says."""

    id: DomainId
    account_id: AccountId
    name: str  # lower-case ASCII (IDNA A-labels)
    records: tuple[DnsRecord, ...]
    created_at: datetime
    hopeful_until: datetime  # until then it is looked at every quarter of an hour, and what is missing is pending
    next_check_at: datetime
    sending: SendingStatus = SendingStatus.PENDING
    receiving: ReceivingStatus = ReceivingStatus.PENDING
    sending_verified_at: datetime | None = None  # since when; None: it is not
    receiving_verified_at: datetime | None = None
    receiving_missing_since: datetime | None = None  # of a verified one: since when its MX is not found any more
    checked_at: datetime | None = None
    first_verified: FirstVerified | None = None
    is_going: bool = False  # it is being deleted
    version: int = 0  # of the stored item; 0: not stored yet

    @property
    def proof(self) -> str:
        """What the ownership record says."""
        return next(record.value for record in self.records if record.purpose is RecordPurpose.OWNERSHIP)


@dataclass(frozen=True, slots=True)
class Holding:
    """Whose a domain name is: the account whose ownership record was found. What may be done under the name, this says."""

    name: str
    account_id: AccountId | None = None  # None: nobody's
    domain_id: DomainId | None = None
    sends: bool = False
    receives: bool = False
    is_followed: bool = True  # SES's receipt rules have followed the last change of `receives`
    missing_since: datetime | None = None  # since when its ownership record is not found any more
    version: int = 0  # of the stored item; 0: not stored

    def is_of(self, domain: Domain) -> bool:
        return self.domain_id == domain.id

    def may_send(self, account_id: AccountId) -> bool:
        return self.sends and self.account_id == account_id

    def may_receive(self, account_id: AccountId) -> bool:
        return self.receives and self.account_id == account_id


class DomainNameError(ValueError):
    """Why a text is no domain name that could be somebody's own, as the end of a sentence about it."""


def domain_name(text: str, *, mail_domain: str, allow_test_domains: bool) -> str:
    """The name in lower-case A-labels. Raises DomainNameError."""
    stripped = text.strip().removesuffix(".")
    if "@" in stripped:
        raise DomainNameError("is an address; send the part after the @ alone")
    try:
        name = parse_mailbox(f"a@{stripped}", allow_test_domains=allow_test_domains).domain
    except AddressError as error:
        raise DomainNameError(f"is not a domain name: {error}") from error
    if len(name) > _LONGEST_NAME - _LABELS_OF_OURS:
        raise DomainNameError("is too long for the names of the records it would need")
    if name == mail_domain or name.endswith("." + mail_domain):
        raise DomainNameError("belongs to this deployment; inboxes on it need no domain of their own")
    if name == "amazonaws.com" or name.endswith((".amazonaws.com", ".amazonses.com")):
        raise DomainNameError("belongs to Amazon")
    return name


def new_domain_id() -> DomainId:
    return DomainId("dom_" + random_text(_ID_CHARACTERS))


def domain_id(text: str) -> DomainId:
    """The id, if the text is one; `InvalidId` otherwise."""
    if not text.startswith("dom_") or len(text) != 4 + _ID_CHARACTERS:
        raise InvalidId(text)
    decode(text[4:])
    return DomainId(text)
