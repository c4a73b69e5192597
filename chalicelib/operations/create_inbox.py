"""Create an inbox: pick or check its address, claim it for good."""

import re
from dataclasses import dataclass

from chalicelib.domain.account import Caller
from chalicelib.domain.errors import Conflict, ErrorCode, Forbidden, InvalidInput, NotFound, Unavailable
from chalicelib.domain.ids import random_text
from chalicelib.domain.inbox import Inbox, InboxStatus
from chalicelib.domain.own_domain import Domain, domain_id
from chalicelib.operations.own_domains import OwnDomains, not_verified
from chalicelib.operations.ports import Clock, InboxStore
from chalicelib.operations.ports.domains import DomainStore

LOCAL_PART = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
PREFIX = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,50}[a-z0-9])?")
DISPLAY_NAME_LIMIT = 200
RANDOM_TAIL = 8  # base32 characters, 40 bits
# Other mail servers and mail programs write to these to reach whoever runs the domain (RFC 5321 section 4.5.1, RFC 2142
# sections 4 and 5), and certificate authorities prove with five of them that somebody owns it (CA/Browser Forum
# Baseline Requirements, 3.2.2.4.4). Business names such as sales and support are an agent's to have.
RESERVED = frozenset(
    [
        "abuse",
        "admin",
        "administrator",
        "bounce",
        "bounces",
        "hostmaster",
        "mailer-daemon",
        "no-reply",
        "noc",
        "noreply",
        "postmaster",
        "root",
        "security",
        "webmaster",
    ]
)


@dataclass(frozen=True, slots=True)
class NewInbox:
    """What the caller wants; `number` is chosen before, so that a retry names the same inbox."""

    number: int
    address: str | None = None
    display_name: str | None = None
    domain_id: str | None = None
    prefix: str | None = None


@dataclass(frozen=True)
class CreateInbox:
    """Create an inbox on the deployment's mail domain, or on a verified domain of the account's own."""

    inboxes: InboxStore
    clock: Clock
    mail_domain: str
    daily_send_limit: int
    domains: DomainStore
    own_domains: OwnDomains

    def __call__(self, new: NewInbox, caller: Caller) -> Inbox:
        """Raises InvalidInput, or Conflict when the address was ever given out. Repeating a success returns it."""
        if caller.key.inbox_numbers is not None:
            raise Forbidden(
                "This key is bound to certain inboxes and cannot create another.",
                fix="Use a key that is not bound to inboxes.",
            )
        own = self._own_domain(new, caller)
        address = self._address(new, own.name if own else self.mail_domain)
        now = self.clock()
        inbox = Inbox(
            number=new.number,
            account_id=caller.account_id,
            address=address,
            display_name=new.display_name,
            status=InboxStatus.ACTIVE,
            daily_send_limit=self.daily_send_limit,
            sends_day=f"{now:%Y-%m-%d}",
            sends_today=0,
            total_sent=0,
            bounce_count=0,
            complaint_count=0,
            next_sequence=0,
            created_at=now.replace(microsecond=now.microsecond // 1000 * 1000),
            domain_id=own.id if own else None,
        )
        if own is not None:
            self._take_over(inbox)
        try:
            if self.inboxes.create(inbox):
                return inbox
        except Unavailable:
            # The inbox may have been created and only the answer be lost. A client that repeats its request after an
            # error would find its own address taken, or get a second inbox.
            existing = self.inboxes.get(new.number)
            if existing is None:
                raise
            return existing
        existing = self.inboxes.get(new.number)
        # Under the wanted number lies a repeated request's own work; a random address differs each time.
        repeated = existing is not None and existing.account_id == caller.account_id
        if existing is not None and repeated and (new.address is None or existing.address == address):
            return existing
        raise Conflict(
            f"The address {address} is taken; an address is never given out twice.",
            fix="Choose another local part, or send `prefix` to get one with a random tail.",
            code=ErrorCode.INBOX_ADDRESS_TAKEN,
        )

    def _own_domain(self, new: NewInbox, caller: Caller) -> Domain | None:
        """The account's domain that the inbox is to live on; None: the deployment's. Raises NotFound, InvalidInput."""
        wanted = _lowered(new.address or "").partition("@")[2]
        if new.domain_id is not None:
            own, path = self.domains.get(caller.account_id, domain_id(new.domain_id)), "domainId"
            if own is None:
                raise NotFound
        elif wanted in {"", self.mail_domain} or "@" in wanted:
            return None
        else:
            own, path = self.domains.find(caller.account_id, wanted), "address"
            if own is None:
                return None  # _wanted refuses it
        if own.is_going or not self.own_domains.may_send(caller.account_id, own.name):
            raise not_verified(own.name, path)
        return own

    def _take_over(self, inbox: Inbox) -> None:
        """An address that an account had which held the domain before goes to the one that holds it now."""
        before = self.inboxes.owners([inbox.address]).get(inbox.address)
        known = None if before in (None, inbox.number) else self.inboxes.get(before)
        if before is not None and before != inbox.number and (known is None or known.account_id != inbox.account_id):
            self.inboxes.hand_over_address(inbox.address, before=before, to=inbox.number)

    def _address(self, new: NewInbox, mail_domain: str) -> str:
        if new.address is not None and new.prefix is not None:
            raise InvalidInput({"prefix": ["cannot be combined with `address`; send one of the two"]})
        if new.address is not None:
            return self._wanted(_lowered(new.address), mail_domain)
        if new.prefix is None:
            return f"{random_text(RANDOM_TAIL + 4)}@{mail_domain}"
        prefix = _lowered(new.prefix)
        if not PREFIX.fullmatch(prefix) or ".." in prefix:
            raise InvalidInput(
                {
                    "prefix": [
                        (
                            "must start and end with a letter or digit, with letters, digits, `.`, `_` or `-` between, "
                            "at most 52 characters"
                        )
                    ]
                },
                code=ErrorCode.INVALID_INBOX_LOCAL_PART,
            )
        return f"{prefix}-{random_text(RANDOM_TAIL)}@{mail_domain}"

    def _wanted(self, address: str, mail_domain: str) -> str:
        local_part, at, domain = address.partition("@")
        if at and domain != mail_domain:
            if not domain or "@" in domain:
                raise InvalidInput(
                    {"address": ["not an address; send a local part, or local-part@domain"]},
                    code=ErrorCode.INVALID_INBOX_ADDRESS,
                )
            raise InvalidInput(
                {"address": [f"the domain {domain} is not one this deployment receives mail for"]},
                fix=f"Leave the domain out to get an address at {mail_domain}.",
                code=ErrorCode.INVALID_INBOX_DOMAIN,
            )
        if not LOCAL_PART.fullmatch(local_part) or ".." in local_part:
            raise InvalidInput(
                {
                    "address": [
                        (
                            f'the local part "{local_part[:70]}" must start and end with a letter or digit, with letters, '
                            "digits, single `.`, `_` or `-` between, at most 64 characters"
                        )
                    ]
                },
                code=ErrorCode.INVALID_INBOX_LOCAL_PART,
            )
        if local_part in RESERVED:
            raise InvalidInput(
                {
                    "address": [
                        f'"{local_part}" is reserved: it reaches whoever runs the mail domain (RFC 5321, RFC 2142)'
                    ]
                },
                fix="Choose another local part, or send it as `prefix`.",
                code=ErrorCode.INVALID_INBOX_LOCAL_PART,
            )
        return f"{local_part}@{mail_domain}"


def _lowered(text: str) -> str:
    """Lower case where all is ASCII; the Kelvin sign, whose lower case is a k, is refused and not folded."""
    stripped = text.strip()
    return stripped.lower() if stripped.isascii() else stripped
