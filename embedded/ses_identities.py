"""The simulated SES's domains and receipt rules: what it finds in the zone file, and for which domains it takes mail."""

import json
import secrets
import string
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedded.zone import Zone, ZoneError

LOOKED_FOR_SECONDS = 72 * 3600.0  # SES guide, "Easy DKIM": it looks for the records for up to 72 hours
KEY_ZONE = "dkim.amazonses.com"
_TOKEN = string.ascii_lowercase + string.digits


@dataclass
class SesIdentities:
    """Kept in one small file, which is replaced as a whole at each change."""

    file: Path
    zone: Zone
    region: str
    clock: Callable[[], float] = time.time
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def create(self, name: str, tags: Mapping[str, str]) -> bool:
        """Look for a domain's records; False when it is there."""
        with self._lock:
            state = self._load()
            if name in state["identities"]:
                return False
            tokens = ["".join(secrets.choice(_TOKEN) for _ in range(32)) for _ in range(3)]
            state["identities"][name] = {"tokens": tokens, "tags": dict(tags), "mailFrom": None, "since": self.clock()}
            self._save(state)
            return True

    def describe(self, name: str) -> dict[str, Any] | None:
        """The answer of GetEmailIdentity."""
        with self._lock:
            state = self._load()
            identity = state["identities"].get(name)
            if identity is None:
                return None
            status = self._dkim_status(name, identity)
            if status == "SUCCESS" and not identity.get("verified"):
                identity["verified"] = True
            if status == "SUCCESS":
                identity["since"] = self.clock()
                self._save(state)
        mail_from = identity["mailFrom"]
        return {
            "IdentityType": "DOMAIN",
            "FeedbackForwardingStatus": True,
            "VerifiedForSendingStatus": status in {"SUCCESS", "TEMPORARY_FAILURE"},
            "VerificationStatus": status,
            "DkimAttributes": {
                "SigningEnabled": True,
                "Status": status,
                "Tokens": identity["tokens"],
                "SigningAttributesOrigin": "AWS_SES",
                "SigningHostedZone": KEY_ZONE,
            },
            "MailFromAttributes": {}
            if mail_from is None
            else {
                "MailFromDomain": mail_from,
                "MailFromDomainStatus": "SUCCESS" if self._found(mail_from, "MX", self._feedback) else "PENDING",
                "BehaviorOnMxFailure": "USE_DEFAULT_VALUE",
            },
            "Policies": {},
            "Tags": [{"Key": key, "Value": value} for key, value in identity["tags"].items()],
        }

    def set_mail_from(self, name: str, mail_from: str | None) -> bool:
        with self._lock:
            state = self._load()
            if name in state["identities"]:
                state["identities"][name]["mailFrom"] = mail_from
                self._save(state)
            return name in state["identities"]

    def delete(self, name: str) -> bool:
        with self._lock:
            state = self._load()
            is_there = state["identities"].pop(name, None) is not None
            self._save(state)
            return is_there

    def refuses(self, sender: str) -> bool:
        """Whether mail of this sender is refused: its domain was added, and is not verified."""
        known = self.describe(sender.rpartition("@")[2].rstrip(">").lower())
        return known is not None and not known["VerifiedForSendingStatus"]

    # ------------------------------------------------------------------------------------------ receipt rules

    def rule(self, name: str) -> list[str] | None:
        """The domains that a rule takes mail for."""
        with self._lock:
            names: list[str] | None = self._load()["rules"].get(name)
            return names

    def put_rule(self, name: str, domains: list[str]) -> None:
        with self._lock:
            state = self._load()
            state["rules"][name] = domains
            self._save(state)

    def delete_rule(self, name: str) -> None:
        with self._lock:
            state = self._load()
            state["rules"].pop(name, None)
            self._save(state)

    def takes_mail_for(self, domain: str) -> bool:
        with self._lock:
            return any(domain in domains for domains in self._load()["rules"].values())

    # ---------------------------------------------------------------------------------------------------------

    @property
    def _feedback(self) -> str:
        return f"feedback-smtp.{self.region}.amazonses.com"

    def _dkim_status(self, name: str, identity: Mapping[str, Any]) -> str:
        if all(
            self._found(f"{token}._domainkey.{name}", "CNAME", f"{token}.{KEY_ZONE}") for token in identity["tokens"]
        ):
            return "SUCCESS"
        if self.clock() - identity["since"] > LOOKED_FOR_SECONDS:
            return "FAILED"
        return "TEMPORARY_FAILURE" if identity.get("verified") else "PENDING"

    def _found(self, name: str, type_: str, value: str) -> bool:
        try:
            found = self.zone.find(name, type_)
        except ZoneError:
            return False
        return value in (each.rpartition(" ")[2].lower().removesuffix(".") for each in found)

    def _load(self) -> dict[str, Any]:
        if not self.file.exists():
            return {"identities": {}, "rules": {}}
        state: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
        return state

    def _save(self, state: dict[str, Any]) -> None:
        unfinished = self.file.with_suffix(".part")
        unfinished.write_text(json.dumps(state), encoding="utf-8")
        unfinished.replace(self.file)
