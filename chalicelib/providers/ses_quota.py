"""What SES allows this account (API v2, GetAccount)."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import Unavailable


@dataclass(frozen=True)
class SesQuota:
    """`operations.ports.SendQuota` over SES."""

    client: Any  # from `make_ses_client`; botocore makes its class at run time

    def max_send_rate(self) -> float | None:
        """Recipients a second. SES writes -1 where an account has no limit. Raises `Unavailable`, whatever the reason."""
        try:
            rate = self.client.get_account()["SendQuota"]["MaxSendRate"]
        except (BotoCoreError, ClientError, KeyError) as error:
            raise Unavailable("SES does not tell the account's maximum send rate.") from error
        return float(rate) if rate > 0 else None
