"""Domain identities of SES (API v2), with Easy DKIM and a MAIL FROM domain of their own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.domain_records import DkimState, Identity
from chalicelib.domain.errors import Unavailable
from chalicelib.operations.ports.domains import IdentityRefused

MADE_BY = "agentsend"
"""The tag of what a deployment has made; its value says which one."""

_MISSING, _THERE = "NotFoundException", "AlreadyExistsException"
_REFUSED = frozenset({"BadRequestException"})
# Every other answer of SES may be another one later, when a limit is raised or a permission given.
_LIMIT = "LimitExceededException"

T = TypeVar("T")


def make_identity_client() -> Any:
    """A SES client for calls that may be repeated: three tries of each fit into an API request."""
    return boto3.client(
        "sesv2", config=Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 3})
    )


@dataclass(frozen=True)
class SesIdentities:
    """`operations.ports.domains.Identities` over SES."""

    client: Any  # from `make_identity_client`
    deployment: str

    def get(self, name: str) -> Identity | None:
        try:
            answer = _answered(lambda: self.client.get_email_identity(EmailIdentity=name))
        except _Missing:
            return None
        tags = {tag["Key"]: tag["Value"] for tag in answer.get("Tags", [])}
        mail_from = answer.get("MailFromAttributes", {}).get("MailFromDomain")
        return _identity(name, answer["DkimAttributes"], mail_from, is_ours=tags.get(MADE_BY) == self.deployment)

    def create(self, name: str) -> Identity:
        tags = [{"Key": MADE_BY, "Value": self.deployment}]
        try:
            answer = _answered(lambda: self.client.create_email_identity(EmailIdentity=name, Tags=tags))
        except _There:
            known = self.get(name)
            if known is None:
                raise Unavailable("SES has created and deleted the domain this very moment.") from None
            return known
        return _identity(name, answer["DkimAttributes"], None, is_ours=True)

    def set_mail_from(self, name: str, mail_from: str) -> None:
        try:
            _answered(
                lambda: self.client.put_email_identity_mail_from_attributes(
                    EmailIdentity=name,
                    MailFromDomain=mail_from,
                    # Without its records mail goes under SES's own MAIL FROM; with REJECT_MESSAGE it would not go at all.
                    BehaviorOnMxFailure="USE_DEFAULT_VALUE",
                )
            )
        except _Missing:
            raise Unavailable("SES has forgotten the domain this very moment.") from None

    def delete(self, name: str) -> None:
        try:
            _answered(lambda: self.client.delete_email_identity(EmailIdentity=name))
        except _Missing:
            return


class _Missing(Exception):
    pass


class _There(Exception):
    pass


def _answered(call: Callable[[], T]) -> T:
    try:
        return call()
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code == _MISSING:
            raise _Missing from error
        if code == _THERE:
            raise _There from error
        if code in _REFUSED:
            raise IdentityRefused("is not a domain that SES takes") from error
        later = 3600 if code == _LIMIT else 5
        raise Unavailable(f"SES does not carry this out now ({code}).", retry_after=later) from error
    except BotoCoreError as error:
        raise Unavailable(f"SES could not be asked ({type(error).__name__}).", retry_after=5) from error


def _identity(name: str, dkim: dict[str, Any], mail_from: str | None, *, is_ours: bool) -> Identity:
    zone = dkim.get("SigningHostedZone")
    return Identity(
        name=name,
        dkim=DkimState(dkim.get("Status", DkimState.NOT_STARTED)),
        tokens=tuple(dkim.get("Tokens", ())),
        mail_from=mail_from or None,
        is_ours=is_ours,
        **({"key_zone": zone} if zone else {}),
    )
