"""Whether the API answers, as ours and not as somebody's in between."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import urllib3

from infra.checkup.deployed import Deployed
from infra.checkup.findings import fault, well_or
from infra.preflight import Finding

SECONDS = 30.0  # API Gateway gives up after 29


class NoAnswer(Exception):
    """There was no answer; the text says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `content` is the JSON in it, None when it was none."""

    status: int
    content: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def code(self) -> str | None:
        """Of an error in our shape."""
        error = self.content.get("error") if isinstance(self.content, dict) else None
        return error.get("code") if isinstance(error, dict) and error.get("requestId") else None


class Http(Protocol):
    """Asks the API."""

    def __call__(self, method: str, url: str, headers: Mapping[str, str], body: object = None) -> Answer:
        """Raises NoAnswer."""


def over_the_network(method: str, url: str, headers: Mapping[str, str], body: object = None) -> Answer:
    """`Http`; nothing is asked twice."""
    data = None if body is None else json.dumps(body).encode()
    head = {**headers, "content-type": "application/json"}
    try:
        answer = urllib3.request(method, url, body=data, headers=head, timeout=SECONDS, retries=False)
    except urllib3.exceptions.HTTPError as error:
        raise NoAnswer(str(error)) from error
    try:
        content = json.loads(answer.data)
    except ValueError:
        content = None
    return Answer(answer.status, content, {name.lower(): value for name, value in answer.headers.items()})


def url_of(deployed: Deployed) -> str:
    return deployed.outputs.get("EndpointURL", "").rstrip("/")


def api(deployed: Deployed, http: Http) -> Iterator[Finding]:
    """A stranger is told so, in our shape: the request has come through to our code."""
    url = url_of(deployed)
    yield from well_or(_faults(deployed, url, http), f"the API answers at {url}")


def _faults(deployed: Deployed, url: str, http: Http) -> Iterator[Finding]:
    logs = f"aws logs tail {deployed.called('ApiHandlerLogGroup')} --since 10m"
    try:
        answer = http("GET", f"{url}/account", {})
    except NoAnswer as error:
        yield fault(f"the API gives no answer: {error}", f"Look at the lines about APIHandler; is {url} right?")
        return
    if (answer.status, answer.code) == (401, "UNAUTHORIZED"):
        return
    if answer.status == 401 or answer.code is None:
        yield fault(
            f"the API answers a stranger with {answer.status}, and not in our shape: the request does not reach our code",
            f"{deployed.deploy} puts the API back; {logs}",
        )
    else:
        yield fault(f"the API answers a stranger with {answer.status} {answer.code}", f"{logs}\nsays why.")
