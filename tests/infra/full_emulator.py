"""An AWS account to deploy into: ministack with all its services, CloudFormation among them.

What it cannot hold is named here, and nowhere else; tests/infra/test_deploy.py shows that it refuses each of them.
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
START_SECONDS = 60
NOT_HELD = {
    "AWS::SES::ReceiptRuleSet": "its CloudFormation knows no receipt rules; its SES does",
    "AWS::SES::ReceiptRule": "its CloudFormation knows no receipt rules; its SES does",
}

NUMBERS = {"SenderConcurrency"}  # parameters that it hands on as texts where Lambda wants a number


def held(template: Mapping[str, Any]) -> dict[str, Any]:
    """What the emulator can hold of it."""
    defaults = {name: template["Parameters"][name]["Default"] for name in NUMBERS}
    copy: dict[str, Any] = json.loads(
        json.dumps(template), object_hook=lambda known: defaults.get(str(known.get("Ref")), known)
    )
    copy["Resources"] = {
        name: resource for name, resource in copy["Resources"].items() if resource["Type"] not in NOT_HELD
    }
    return copy


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Its URL, while it runs."""
    for _ in range(3):  # somebody else may take the port in between
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"], env=_environment(port, folder), cwd=folder, stdout=subprocess.DEVNULL
        )
        try:
            if _is_ready(process, f"http://127.0.0.1:{port}"):
                yield f"http://127.0.0.1:{port}"
                return
        finally:
            process.terminate()
            process.wait()
    raise AssertionError("the emulator does not start")


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
