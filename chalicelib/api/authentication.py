"""Finds the API key in a request's headers."""

from collections.abc import Mapping

from chalicelib.domain.account import Caller, Scope, SwitchStatus
from chalicelib.domain.errors import ErrorCode, Forbidden, Unauthenticated

_FIX = "Send the key as `Authorization: Bearer <key>` or as `x-api-key: <key>`."


def key_text(headers: Mapping[str, str]) -> str:
    """The key a request carries; a bearer token (RFC 6750) wins over `x-api-key`. Raises Unauthenticated."""
    authorization = headers.get("authorization") or ""
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    if key := (headers.get("x-api-key") or "").strip():
        return key
    if authorization.strip():
        raise Unauthenticated("The Authorization header does not hold a bearer token.", fix=_FIX)
    raise Unauthenticated("This request carries no API key.", fix=_FIX)


def require_active(caller: Caller) -> None:
    """Raise Forbidden while the caller's key is suspended: for reading too, for it may be in the wrong hands."""
    if caller.key.status is SwitchStatus.SUSPENDED:
        raise Forbidden(
            "This API key is suspended.",
            fix="Ask whoever manages the account's keys; another key can set its status to active.",
            code=ErrorCode.KEY_SUSPENDED,
        )


def require_scope(caller: Caller, scope: Scope, or_scope: Scope | None = None) -> None:
    """Raise Forbidden unless the caller's key has the scope, or the other one."""
    if not caller.key.allows(scope) and (or_scope is None or not caller.key.allows(or_scope)):
        fix = f"Use a key with the scope `{scope}`; POST /account/api-keys creates one."
        if scope is Scope.ADMIN:
            fix = "Only an admin key of the first account may do this."
        raise Forbidden(f"This key may not do this: it lacks the scope `{scope}`.", fix=fix)


def require_unbound(caller: Caller) -> None:
    """Raise Forbidden when the caller's key is bound to inboxes; for what concerns the whole account."""
    if caller.key.inbox_numbers is not None:
        raise Forbidden(
            "This key is bound to certain inboxes and may not do what concerns the whole account.",
            fix="Use a key that is not bound to inboxes.",
        )
