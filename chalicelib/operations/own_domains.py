"""What may be done under addresses of own domains: only the account that holds the name may send or receive there."""

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.domain.errors import ErrorCode, InvalidInput
from chalicelib.domain.ids import AccountId
from chalicelib.domain.inbox import Inbox
from chalicelib.domain.message import MessageContent
from chalicelib.operations.ports import InboxStore
from chalicelib.operations.ports.domains import HoldingStore


def not_verified(name: str, path: str) -> InvalidInput:
    return InvalidInput(
        {path: [f"the domain {name} is not verified"]},
        message=f"The domain {name} is not verified, so no mail can be sent from it.",
        fix="Set the records that GET /domains shows, then POST /domains/{id}/verify.",
        code=ErrorCode.DOMAIN_NOT_VERIFIED,
    )


@dataclass(frozen=True)
class OwnDomains:
    """Asked for addresses outside the deployment's mail domain; those on it cost nothing."""

    holdings: HoldingStore
    inboxes: InboxStore
    mail_domain: str

    def require_sending(self, inbox: Inbox) -> None:
        """Raises InvalidInput when the inbox's domain is not verified (any more), or another account's now."""
        if inbox.domain_id is not None and not self.may_send(inbox.account_id, _domain(inbox.address)):
            raise not_verified(_domain(inbox.address), "inboxId")

    def may_send(self, account_id: AccountId, name: str) -> bool:
        return self.holdings.get(name).may_send(account_id)

    def still_sends(self, content: MessageContent) -> bool:
        """Whether a message that was accepted may go now: its domain may have become another account's."""
        name = _domain(content.sender.address)
        if name == self.mail_domain or self.may_send(content.account_id, name):
            return True
        inbox = self.inboxes.get(content.key.inbox_number)
        return inbox is not None and inbox.domain_id is None  # of a mail domain that the deployment had before

    def receiving(self, owners: Mapping[str, int]) -> dict[str, int]:
        """Of addresses and the inboxes that have them, those to which mail may come now."""
        own = {address: number for address, number in owners.items() if _domain(address) != self.mail_domain}
        if not own:
            return dict(owners)
        holdings = self.holdings.get_many({_domain(address) for address in own})
        allowed = dict(owners)
        for address, number in own.items():
            inbox = self.inboxes.get(number)
            if inbox is None or not (
                inbox.domain_id is None or holdings[_domain(address)].may_receive(inbox.account_id)
            ):
                del allowed[address]
        return allowed


def _domain(address: str) -> str:
    return address.rpartition("@")[2]
