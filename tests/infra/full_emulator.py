"""An AWS account to deploy into: ministack with all its services, CloudFormation among them.

What it cannot hold or do is named here, and nowhere else; tests/infra/test_left_out.py shows that each entry is still
needed.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import boto3

from embedded.aws_environment import CREDENTIALS

REGION = "us-east-1"
START_SECONDS = 180  # of a machine that is busy with other things
LOG = "emulator.log"  # in its folder: what it complains of
NOT_HELD = {
    "AWS::SES::ReceiptRuleSet": "its CloudFormation knows no receipt rules; its SES does",
    "AWS::SES::ReceiptRule": "its CloudFormation knows no receipt rules; its SES does",
}
"""Types of resources that are left out of the template."""

NUMBERS = {"SenderConcurrency": "a parameter comes as text where Lambda takes only a number; its default stands there"}
"""Parameters that are filled in before the template is given to it."""

ASKED_INSTEAD: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "ses:SendRawEmail": (
        {"Action": "ses:SendEmail", "Resource": "*"},
        "AWS asks for the right by what the mail is made of, and for its identity; the emulator by the name of the call",
    ),
    "sqs:SendMessage": (
        {"Action": ["sqs:SendMessage", "sqs:SendMessageBatch"]},
        "in AWS the right to send a message is the right to send ten; the emulator asks by the name of the call",
    ),
}
"""Rights that it asks for in another way; a statement that gives the one is changed like this."""

NOT_DONE = {
    "SES's events": "its SES takes a mail and tells nobody; the rehearsal publishes SES's events on the deployment's topic",
    "SES's receiving": "no mail server; the rehearsal puts the mail into the bucket and the notice on the topic, as SES does",
    "own domains": "its SES knows no MAIL FROM of an identity, so that adding a domain stops there",
}
"""What AWS does and it does not."""

OWN_SETTINGS = {
    "ALLOW_LOOPBACK_WEBHOOKS": "the receiver of webhooks runs on this machine, which no deployment calls",
}
"""Settings of the functions that no deployment has."""


def held(template: Mapping[str, Any]) -> dict[str, Any]:
    """What the emulator can hold of it."""
    defaults = {name: template["Parameters"][name]["Default"] for name in NUMBERS}

    def replaced(known: dict[str, Any]) -> Any:
        if str(known.get("Ref")) in defaults:
            return defaults[known["Ref"]]
        asked = ASKED_INSTEAD.get(str(known.get("Action")))
        return {**known, **asked[0]} if asked else known

    copy: dict[str, Any] = json.loads(json.dumps(template), object_hook=replaced)
    copy["Resources"] = {
        name: resource for name, resource in copy["Resources"].items() if resource["Type"] not in NOT_HELD
    }
    return copy


@contextmanager
def running(folder: Path, *, checks_rights: bool = False) -> Iterator[str]:
    """Its URL, while it runs. With rights checked, a function may do what its role says, and nothing else."""
    for _ in range(3):  # somebody else may take the port in between
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = {**_environment(port, folder), "AUTH": str(checks_rights).lower()}
        with (folder / LOG).open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "ministack"], env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=log
            )
        try:
            if _is_ready(process, f"http://127.0.0.1:{port}"):
                yield f"http://127.0.0.1:{port}"
                return
        finally:
            process.terminate()
            process.wait()
    raise AssertionError(f"the emulator does not start: {(folder / LOG).read_text()}")


def _environment(port: int, folder: Path) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "ERROR",
        "DOCKER_HOST": f"unix://{folder}/none.sock",
        "STATE_DIR": str(folder),
        **CREDENTIALS,
    }


def _is_ready(process: "subprocess.Popen[bytes]", url: str) -> bool:
    ends = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < ends:
        try:
            with urlopen(f"{url}/_ministack/health", timeout=1):  # noqa: S310 - our own address
                return True
        except (URLError, OSError):
            time.sleep(0.1)
    return False


class Account:
    """Clients of one account in the emulator: an account number is a separate world there."""

    def __init__(self, url: str, number: str) -> None:
        self.url = url
        self.number = number
        self._clients: dict[str, Any] = {}

    @property
    def variables(self) -> dict[str, str]:
        """By which clients made elsewhere come here."""
        keys = {"AWS_ACCESS_KEY_ID": self.number, "AWS_SECRET_ACCESS_KEY": "x"}
        return keys | {"AWS_ENDPOINT_URL": self.url, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}

    def connect(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(  # type: ignore[call-overload]  # boto3's types want names spelled out
                service,
                endpoint_url=self.url,
                region_name=REGION,
                aws_access_key_id=self.number,
                aws_secret_access_key="x",
            )
        return self._clients[service]
