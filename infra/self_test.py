"""Try a deployment out against SES's mailbox simulator: four mails through its API, and what becomes of them.

SES counts mail to its simulator neither as bounces and complaints nor towards the day's quota, takes it in the sandbox, too,
and bills it like any other (SES guide, "Using the mailbox simulator manually"). Here it cannot suspend anybody either: the
inbox is a new one each time, with fewer mails than are judged (domain/reputation.py), and the simulator's plain names get on
no suppression list (domain/suppression.py). Whatever comes of it, what it made is deleted.
"""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from infra.checkup.api_answers import Answer, Http, NoAnswer, url_of
from infra.checkup.deployed import Deployed
from infra.checkup.findings import fault
from infra.preflight import Finding, Weight
from infra.progress import line

KEY_VARIABLE = "AGENTSEND_API_KEY"
MINUTES = 5.0
AGAIN_SECONDS = 4.0  # so four mails take 60 requests a minute, of the 100 that a key has
BUSY = frozenset({429, 503})  # answers that say: later
TRIES = 3
_LONGEST_PAUSE = 60.0  # seconds; the window of the rate limit
_SIMULATOR = "simulator.amazonses.com"
EXPECTED = {
    f"success@{_SIMULATOR}": "delivered",
    f"bounce@{_SIMULATOR}": "bounced",
    f"complaint@{_SIMULATOR}": "complained",
    f"suppressionlist@{_SIMULATOR}": "bounced",
}
"""What becomes of a mail to each address."""
_ENDED = frozenset({"delivered", "bounced", "complained", "failed"})
# How far a mail got, and who has to take it on.
_STUCK = {
    "queued": "No function takes it from the send queue: see the lines about SendQueue and SendQueueSender.",
    "sending": "SES gave no answer yet: see the log of SendQueueSender.",
    "sent": "SES has it, and its news do not come back: see the lines about the configuration set, the topics and "
    "DeliveryNotificationQueue.",
    "delivered": "Only SES's complaint is missing; it may come later. Run this again.",
}


def why_not_yet(deployed: Deployed) -> str | None:
    """Why no mail to the simulator could come to its end by now. Raises ClientError."""
    if not deployed.sends_for_real:
        return "this deployment is a dry run"
    identity = deployed.connect("sesv2").get_email_identity(EmailIdentity=deployed.domain)
    return None if identity.get("VerifiedForSendingStatus") else f"SES has not verified {deployed.domain} yet"


def later(deployed: Deployed) -> str:
    """The command for when it can be run."""
    return f"{KEY_VARIABLE}=… make doctor STAGE={deployed.stage} ARGS=--self-test"


class Refused(Exception):
    """The API refuses what the self-test needs."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.what)
        self.finding = finding


@dataclass
class SelfTest:
    """One run. `seconds`: how long it waits at most for what becomes of the mails."""

    url: str
    key: str
    say: Callable[[str], None]
    http: Http
    seconds: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _statuses: dict[str, str] = field(default_factory=dict)  # by address
    _reasons: dict[str, str] = field(default_factory=dict)  # of those that failed

    @classmethod
    def of(cls, deployed: Deployed, key: str, say: Callable[[str], None], http: Http, minutes: float) -> "SelfTest":
        return cls(url_of(deployed), key, say, http, minutes * 60)

    def __call__(self) -> int:
        """How many findings there were; each is said."""
        self.say(
            f"\nself-test: {len(EXPECTED)} mails to SES's mailbox simulator, {self.seconds / 60:g} minutes at most"
        )
        findings = self._findings()
        for finding in findings:
            self.say(finding.text)
        return sum(finding.weight is Weight.FAULT for finding in findings)

    def _findings(self) -> list[Finding]:
        try:
            inbox = self._ask("POST", "/inboxes", {"prefix": "self-test"}, 201)
        except Refused as refused:
            return [refused.finding]
        sent: dict[str, dict[str, Any]] = {}
        findings = []
        try:
            for address in EXPECTED:
                try:
                    sent[address] = self._send(inbox["id"], address)
                except Refused as refused:
                    findings.append(refused.finding)
            self._follow(sent)
            findings += [self._verdict(address) for address in sent]
        except Refused as refused:
            findings.append(refused.finding)
        finally:
            left = self._clear_away(inbox["id"], sent)
        return findings + left

    def _send(self, inbox_id: str, address: str) -> dict[str, Any]:
        draft = {"to": [address], "subject": "Self-test", "bodyText": "Is everything connected?"}
        return self._ask("POST", f"/inboxes/{inbox_id}/messages", draft, 202)

    def _follow(self, sent: Mapping[str, Mapping[str, Any]]) -> None:
        """Until each is where it is to come to, or ended elsewhere."""
        self._statuses = {address: message["status"] for address, message in sent.items()}
        began, ends = self.clock(), self.clock() + self.seconds
        while True:
            open_ = [address for address in sent if not self._is_over(address)]
            for address in open_:
                message = self._ask("GET", f"/messages/{sent[address]['id']}")
                if message["status"] != self._statuses[address]:
                    self._statuses[address] = message["status"]
                    self._reasons[address] = (message.get("failureReason") or {}).get("message", "")
                    self._progress(address, len(sent), self.clock() - began)
            if not open_ or self.clock() >= ends:
                return
            self.sleep(min(AGAIN_SECONDS, max(ends - self.clock(), 0)))

    def _is_over(self, address: str) -> bool:
        status, expected = self._statuses[address], EXPECTED[address]
        # A complaint comes after the delivery.
        return status == expected or (status in _ENDED and not (status == "delivered" and expected == "complained"))

    def _progress(self, address: str, of: int, seconds: float) -> None:
        over = sum(map(self._is_over, self._statuses))
        self.say(line(over, of, f"{address} {self._statuses[address]} after {seconds:.0f} s"))

    def _verdict(self, address: str) -> Finding:
        status, expected = self._statuses[address], EXPECTED[address]
        if status == expected:
            return Finding(Weight.FINE, f"a mail to {address} was {status}")
        if self._is_over(address):
            return fault(
                f"a mail to {address} was to be {expected}, and is {status}",
                f"{self._reasons.get(address, '')} The log of SendQueueSender says more.".lstrip(),
            )
        return fault(
            f"a mail to {address} is {status} after {self.seconds / 60:g} minutes, and not {expected}", _STUCK[status]
        )

    def _clear_away(self, inbox_id: str, sent: Mapping[str, Mapping[str, Any]]) -> list[Finding]:
        """Messages, suppressions and inbox; what cannot be deleted is a finding."""
        wanted = [f"/messages/{message['id']}" for message in sent.values()]
        # Of those that could be written to, so nobody had put them there before.
        wanted += [f"/suppressions/{quote(address)}" for address in sent]
        wanted.append(f"/inboxes/{inbox_id}?purge=true")
        left = []
        for path in wanted:
            try:
                self._ask("DELETE", path, None, 204, 404)
            except Refused as refused:
                left.append(fault(f"{path} is left: {refused}", f"Delete it: DELETE {path}"))
        return left

    def _ask(self, method: str, path: str, body: object = None, *statuses: int) -> dict[str, Any]:
        """The answer's content. Raises Refused."""
        head = {"x-api-key": self.key}
        if method == "POST":
            head["idempotency-key"] = uuid.uuid4().hex
        for tries_left in reversed(range(TRIES)):
            try:
                answer = self.http(method, self.url + path, head, body)
            except NoAnswer as error:
                what = f"{method} {path} got no answer: {error}"
                raise Refused(fault(what, f"Is {self.url} reached from here?")) from error
            if answer.status in (statuses or (200,)):
                return answer.content or {}
            if answer.status not in BUSY or not tries_left:
                break
            self.sleep(min(float(answer.headers.get("retry-after", AGAIN_SECONDS)), _LONGEST_PAUSE))
        raise Refused(_refusal(method, path, answer))


def _refusal(method: str, path: str, answer: Answer) -> Finding:
    what = f"{method} {path} was answered {answer.status}"
    if answer.code is None:
        return fault(what, "The answer is not ours: see the lines about the API.")
    error = answer.content["error"]
    fix = error.get("fix", "")
    if answer.status in (401, 403) and answer.code in ("UNAUTHORIZED", "FORBIDDEN_SCOPE"):
        fix = f"Put a key of this deployment into {KEY_VARIABLE} that may send and manage. {fix}"
    return fault(f"{what} {answer.code}: {error['message']}", fix)
