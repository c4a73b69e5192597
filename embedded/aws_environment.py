"""The environment variables AWS clients read: everything stays on this machine, with credentials that open nothing."""

import os
import socket
from collections.abc import Mapping, MutableMapping
from urllib.parse import urlsplit

from embedded.errors import CannotRun

DEFAULT_REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "embedded", "AWS_SECRET_ACCESS_KEY": "embedded"}
SERVICES = ("DYNAMODB", "SQS", "SNS", "S3", "SESV2")

_ENDPOINT = "AWS_ENDPOINT_URL_"
_CONNECT_SECONDS = 5
_LOOPBACK = ("127.0.0.1", "localhost")


def chosen_endpoints(environ: Mapping[str, str]) -> dict[str, str]:
    """The services that the user points elsewhere: service name to URL."""
    return {name.removeprefix(_ENDPOINT): url for name, url in environ.items() if name.startswith(_ENDPOINT) and url}


def require_answers(endpoints: Mapping[str, str]) -> None:
    """Raises `CannotRun` when nothing listens where one of these services should be."""
    for service, url in endpoints.items():
        try:
            with socket.create_connection(_address(url), timeout=_CONNECT_SECONDS):
                pass
        except (OSError, ValueError) as error:
            name = _ENDPOINT + service
            raise CannotRun(
                f"Nothing answers at {url}, where {name} says {service} is; start it, or unset {name}."
            ) from error


def _address(url: str) -> tuple[str, int]:
    """Host and port of a URL; ValueError when there are none."""
    parts = urlsplit(url)
    if parts.hostname is None:
        raise ValueError(f"{url} names no host")
    return parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def isolate(environ: MutableMapping[str, str]) -> None:
    """Forget the user's AWS account and profile; keep the region and the endpoints of single services."""
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
    for name in [name for name in environ if name.startswith("AWS_") and not name.startswith(_ENDPOINT)]:
        del environ[name]
    environ.update(
        AWS_REGION=region,
        AWS_DEFAULT_REGION=region,
        **CREDENTIALS,
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        AWS_MAX_ATTEMPTS="3",
    )
    for name in ("no_proxy", "NO_PROXY"):
        known = [host for host in environ.get(name, "").split(",") if host]
        environ[name] = ",".join([*known, *(host for host in _LOOPBACK if host not in known)])


def point(environ: MutableMapping[str, str], service: str, url: str) -> None:
    """Send the calls of one service to this URL."""
    environ[_ENDPOINT + service] = url


def point_everything_else(environ: MutableMapping[str, str], url: str) -> None:
    """Send the calls of every service without an endpoint of its own here, so that none leaves the machine."""
    environ["AWS_ENDPOINT_URL"] = url
