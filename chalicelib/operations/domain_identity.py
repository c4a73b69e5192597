"""The identity that SES has of a domain name: made when it is missing, with the MAIL FROM domain it should have."""

from dataclasses import dataclass, replace

from chalicelib.domain.domain_records import Identity, mail_from_domain
from chalicelib.operations.ports.domains import Identities


@dataclass(frozen=True)
class DomainIdentity:
    """All accounts share it. What somebody else has made is used as it is, and neither changed nor deleted."""

    identities: Identities

    def __call__(self, name: str) -> Identity:
        """The identity as it stands. Raises IdentityRefused, Unavailable."""
        identity = self.identities.get(name) or self.identities.create(name)
        if identity.is_ours and identity.mail_from is None:
            self.identities.set_mail_from(name, mail_from_domain(name))
            identity = replace(identity, mail_from=mail_from_domain(name))
        return identity

    def anew(self, name: str) -> Identity:
        """SES looks for DKIM records for 72 hours and then gives up; for those of a new identity it looks again."""
        self.forget(name)
        return self(name)

    def forget(self, name: str) -> None:
        """Delete it, if this deployment has made it."""
        identity = self.identities.get(name)
        if identity is not None and identity.is_ours:
            self.identities.delete(name)
