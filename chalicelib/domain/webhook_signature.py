"""The signatures of a webhook: the plain HMAC of the body, and those of Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, "Signature scheme".
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

SECRET_PREFIX = "whsec_"
_SECRET_BYTES = 24  # the specification asks for 24 to 64


def new_secret() -> str:
    """A secret as both families use it: the prefix and base64."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode("ascii")


def plain_signature(secret: str, body: bytes) -> str:
    """Lower-case hex HMAC-SHA256 of the body, keyed with the whole secret string."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def standard_signature(secret: str, event_id: str, sent_at: int, body: bytes) -> str:
    """`v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`, keyed with the bytes behind the prefix."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    signed = f"{event_id}.{sent_at}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode("ascii")


def signed_headers(valid: Sequence[str], event_id: str, now: datetime, body: bytes) -> Mapping[str, str]:
    """The headers that prove the body; `valid` are the secrets that sign now, the newest first."""
    sent_at = int(now.timestamp())
    headers = {
        "X-AgentSend-Signature": plain_signature(valid[0], body),
        "webhook-id": event_id,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": " ".join(standard_signature(secret, event_id, sent_at, body) for secret in valid),
    }
    if len(valid) > 1:
        headers["X-AgentSend-Signature-Previous"] = plain_signature(valid[-1], body)
    return headers
