"""SES's receipt rules (API v1, the only one that has them): for which domains it takes mail, and where that goes."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.receipt import WAITING_MAIL

_MISSING = frozenset({"RuleDoesNotExist", "RuleDoesNotExistException"})
_THERE = frozenset({"AlreadyExists", "AlreadyExistsException"})
_TRIES = 3
_PAUSE = 1.1  # seconds: "You can execute this operation no more than once per second" (SES API reference)
_THROTTLED = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException"})


def make_receipt_client() -> Any:
    """The library repeats nothing: whether a call may be repeated is decided here."""
    config = Config(connect_timeout=2, read_timeout=6, retries={"mode": "standard", "total_max_attempts": 1})
    return boto3.client("ses", config=config)


@dataclass(frozen=True)
class SesReceiptRules:
    """`operations.ports.domains.ReceiptRules` over SES.

    The rules stand beside the one of the deployment's mail domain, and do the same, but each puts mail under a name of its
    own: a mail to recipients of two rules is announced by each of them, and each announcement needs a mail of its own.
    """

    client: Any  # from `make_receipt_client`
    rule_set: str
    bucket: str
    topic_arn: str
    sleep: Callable[[float], None] = time.sleep

    def put(self, rule: int, names: Collection[str]) -> None:
        name = f"domains-{rule:04}"
        if not names:
            # A rule without recipients would take mail for every domain that SES knows.
            self._call("delete_receipt_rule", RuleSetName=self.rule_set, RuleName=name)
            return
        content = self._rule(name, names)
        for _ in range(_TRIES):
            if self._call("update_receipt_rule", RuleSetName=self.rule_set, Rule=content):
                return
            if self._call("create_receipt_rule", RuleSetName=self.rule_set, Rule=content):
                return
        raise Unavailable("The receipt rule comes and goes.")

    def _rule(self, name: str, names: Collection[str]) -> dict[str, Any]:
        prefix = f"{WAITING_MAIL}{name}/"
        action = {"BucketName": self.bucket, "ObjectKeyPrefix": prefix, "TopicArn": self.topic_arn}
        return {
            "Name": name,
            "Enabled": True,
            "ScanEnabled": True,
            "TlsPolicy": "Optional",
            "Recipients": sorted(names),
            "Actions": [{"S3Action": action}],
        }

    def _call(self, method: str, **parameters: Any) -> bool:
        """Whether it was done; False: the rule is there, or is not, against what the call needs."""
        for tries_left in reversed(range(_TRIES)):
            try:
                getattr(self.client, method)(**parameters)
            except ClientError as error:
                code = error.response.get("Error", {}).get("Code", "")
                if code in _MISSING | _THERE:
                    return False
                if code not in _THROTTLED or not tries_left:
                    raise Unavailable(f"SES does not change its receipt rules now ({code}).", retry_after=5) from error
                self.sleep(_PAUSE)
            except BotoCoreError as error:
                raise Unavailable(f"SES could not be asked ({type(error).__name__}).", retry_after=5) from error
            else:
                return True
        return False
