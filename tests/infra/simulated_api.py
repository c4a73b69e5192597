"""An API with SES's mailbox simulator behind it, as far as the self-test asks: a mail gets one step on with every look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from infra.checkup.api_answers import Answer, NoAnswer

WAYS = {
    "success": ("queued", "sent", "delivered"),
    "bounce": ("queued", "sent", "bounced"),
    "complaint": ("queued", "sent", "delivered", "complained"),
    "suppressionlist": ("queued", "sent", "bounced"),
}
KEY = "ask_right"
URL, SILENT = "https://mail.example.com/api", "https://silent.example.com"


@dataclass
class SimulatedApi:
    """`infra.checkup.api_answers.Http`. What is made and not deleted is in `there`."""

    ways: Mapping[str, Sequence[str]] = field(default_factory=lambda: WAYS)
    refuses: Mapping[str, Answer] = field(default_factory=dict)  # by method and path
    there: dict[str, list[str]] = field(default_factory=dict)
    suppressed: str = ""  # who is on the list
    busy: int = 0  # so many requests are answered 429 yet

    def __call__(self, method: str, url: str, headers: Mapping[str, str], body: Any = None) -> Answer:
        host, _, path = url.partition("?")[0].partition("/api")
        if host == SILENT:
            raise NoAnswer("no such host")
        if self.busy:
            self.busy -= 1
            return replace(error(429, "RATE_LIMIT_EXCEEDED"), headers={"retry-after": "7"})
        for begin, answer in self.refuses.items():
            if f"{method} {path}".startswith(begin):
                return answer
        if headers.get("x-api-key") != KEY:
            return error(401, "UNAUTHORIZED")
        return self._answer(method, path, body)

    def _answer(self, method: str, path: str, body: Any) -> Answer:
        if (method, path) == ("POST", "/inboxes"):
            self.there["/inboxes/inb_1"] = []
            return Answer(201, {"id": "inb_1"})
        if method == "POST":
            (address,) = body["to"]
            name = address.partition("@")[0]
            if name == self.suppressed:
                return error(403, "RECIPIENT_SUPPRESSED")
            self.there[f"/messages/{name}"] = [*self.ways[name]]
            return Answer(202, {"id": name, "status": self.ways[name][0]})
        if method == "DELETE":
            return Answer(404 if self.there.pop(path, None) is None else 204, None)
        steps = self.there[path]
        if len(steps) > 1:
            del steps[0]
        return Answer(200, {"id": path, "status": steps[0], "failureReason": {"message": "SES says no."}})


def error(status: int, code: str) -> Answer:
    return Answer(status, {"error": {"code": code, "message": "it is so", "fix": "Do so.", "requestId": "r"}})
