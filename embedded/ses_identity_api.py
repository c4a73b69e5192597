"""The calls about domains: those of SES API v2 about identities, and those of API v1 about receipt rules."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote

from embedded.ses_error import SesError
from embedded.ses_identities import SesIdentities

_IDENTITIES = "/v2/email/identities"
_NAMESPACE = "http://ses.amazonaws.com/doc/2010-12-01/"
MOST_NAMES = 100  # SES guide, "Quotas related to email receiving"


class IdentityApi:
    """What `SesApi` asks about calls it does not know itself."""

    def __init__(self, identities: SesIdentities) -> None:
        self._identities = identities

    def answer(self, method: str, path: str, body: bytes) -> dict[str, Any] | None:
        """The answer of API v2; None when the call is none of these. Raises `SesError`."""
        if (method, path) == ("POST", _IDENTITIES):
            return self._create(json.loads(body))
        if not path.startswith(_IDENTITIES + "/"):
            return None
        name, _, part = path.removeprefix(_IDENTITIES + "/").partition("/")
        name = unquote(name).lower()
        match (method, part):
            case ("GET", ""):
                described: dict[str, Any] = self._known(self._identities.describe(name), name)
                return described
            case ("DELETE", ""):
                self._known(self._identities.delete(name) or None, name)
            case ("PUT", "mail-from"):
                mail_from = json.loads(body).get("MailFromDomain")
                self._known(self._identities.set_mail_from(name, mail_from) or None, name)
            case _:
                return None
        return {}

    def _create(self, call: Mapping[str, Any]) -> dict[str, Any]:
        name = str(call.get("EmailIdentity", "")).lower()
        if "." not in name or "@" in name:
            raise SesError("BadRequestException", "400 Bad Request", "The simulator knows domains only.")
        if not self._identities.create(name, {tag["Key"]: tag["Value"] for tag in call.get("Tags", [])}):
            raise SesError("AlreadyExistsException", "400 Bad Request", f"Email identity {name} already exist.")
        known = self._known(self._identities.describe(name), name)
        return {key: known[key] for key in ("IdentityType", "VerifiedForSendingStatus", "DkimAttributes")}

    @staticmethod
    def _known(found: Any, name: str) -> Any:
        if found is None:
            raise SesError("NotFoundException", "404 Not Found", f"Email identity {name} does not exist.")
        return found

    # ------------------------------------------------------------------------------------------------- API v1

    def answer_query(self, body: bytes) -> tuple[str, bytes]:
        """Status and XML of a call of API v1 (AWS Query protocol)."""
        call = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
        action = call.get("Action", "")
        problem = self._carry_out(action, call)
        if problem is not None:
            error = f"<Error><Type>Sender</Type><Code>{problem}</Code><Message>{problem}</Message></Error>"
            return "400 Bad Request", f'<ErrorResponse xmlns="{_NAMESPACE}">{error}</ErrorResponse>'.encode()
        result = f'<{action}Response xmlns="{_NAMESPACE}"><{action}Result/></{action}Response>'
        return "200 OK", result.encode()

    def _carry_out(self, action: str, call: Mapping[str, str]) -> str | None:
        """The code of an error, or None."""
        name = call.get("Rule.Name") or call.get("RuleName", "")
        names = [value for key, value in call.items() if key.startswith("Rule.Recipients.member.")]
        known = self._identities.rule(name)
        match action:
            case "DeleteReceiptRule":
                self._identities.delete_rule(name)
                return None
            case "CreateReceiptRule" | "UpdateReceiptRule" if len(names) > MOST_NAMES:
                return "LimitExceeded"
            case "CreateReceiptRule" if known is not None:
                return "AlreadyExists"
            case "UpdateReceiptRule" if known is None:
                return "RuleDoesNotExist"
            case "CreateReceiptRule" | "UpdateReceiptRule":
                self._identities.put_rule(name, names)
                return None
            case _:
                return "InvalidAction"
