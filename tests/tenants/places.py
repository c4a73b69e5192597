"""What the OpenAPI document says can be asked, how each of it is filled, and every place where an id may stand in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.tenants.world import Asked

FORM = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\na\r\n--b--\r\n'
# A body for each shape that the document names, and whose ids stand in it.
BODIES: Mapping[str, Any] = {
    "AccountChange": {"plan": "other"},
    "Draft": {"to": ["ada@example.com"], "subject": "Hello", "bodyText": "Hi."},
    "Forward": {"to": ["ada@example.com"]},
    "InboxChange": {"displayName": "Another"},
    "KeyChange": {"name": "Another"},
    "NewAccount": {"name": "Further", "email": "further@example.com"},
    "NewDomain": {"domain": "new.example.org"},
    "NewInbox": {"address": "another"},
    "NewKey": {"name": "spare", "scopes": ["manage"]},
    "NewSuppression": {"address": "new@example.org"},
    "NewUpload": {"filename": "a.pdf", "size": 5_000_000},
    "NewWebhook": {"url": "https://hooks.example.org/"},
    "ReplayRange": {"since": "2026-11-22T00:00:00Z"},
    "Reply": {"bodyText": "Hi."},
    "Retention": {"days": 3650},
    "Status": {"status": "active"},
    "WebhookChange": {"description": "Another"},
}
KINDS: Mapping[str, str] = {
    "account_id": "account",
    "address": "address",
    "after": "event",
    "attachment_id": "attachment",
    "attachmentIds": "attachment",
    "cursor": "cursor",
    "delivery_id": "delivery",
    "domainId": "domain",
    "domain_id": "domain",
    "inboxId": "inbox",
    "inboxIds": "inbox",
    "inbox_id": "inbox",
    "key_id": "key",
    "message_id": "message",
    "threadId": "thread",
    "thread_id": "thread",
    "webhook_id": "webhook",
}
# What may hold any text or one of a few words, and names nothing that somebody owns.
WORDS = {
    *("bcc", "bodyHtml", "bodyText", "cc", "contentType", "description", "direction", "displayName", "domain", "email"),
    *("events", "expiresAt", "filename", "from", "headers", "metadata", "name", "plan", "prefix", "reason", "replyTo"),
    *("scopes", "since", "status", "subject", "to", "types", "until", "url"),
}
NOT_OWNED = {("NewInbox", "address"), ("NewSuppression", "address")}  # a name that is wanted, not one that is held
TEXTS = {"string", "array", "object"}


@dataclass(frozen=True)
class Operation:
    """One method on one path, as the document describes it."""

    method: str
    path: str
    described: Mapping[str, Any]
    schemas: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def shape(self) -> str | None:
        """The name of its JSON body's shape."""
        content = self.described.get("requestBody", {}).get("content", {})
        reference = content.get("application/json", {}).get("schema", {}).get("$ref")
        return None if reference is None else str(reference).rpartition("/")[2]

    @property
    def scopes(self) -> set[str]:
        """Those of which one is enough; none: open to everybody."""
        _, _, said = str(self.described["description"]).partition("Needs a key with the scope ")
        return {word for word in said.partition(".")[0].partition(",")[0].split("`") if word.isalpha() and word != "or"}

    def asked(self, ids: Mapping[str, str], place: "Place | None" = None, text: str = "") -> Asked:
        """The request with these ids, and this text at one place."""
        ids = ids | {KINDS[place.name]: text} if place is not None and place.where == "path" else ids  # type: ignore[operator]
        url = self.path
        for name in _variables(self.path):
            url = url.replace(f"{{{name}}}", quote(ids[KINDS[name]], safe="@"))
        if place is not None and place.where == "query":
            url += f"?{place.name}={quote(text)}"
        headers, body = {"accept": "*/*"}, None
        content = self.described.get("requestBody", {}).get("content", {})
        if "multipart/form-data" in content:
            body, headers = FORM, headers | {"Content-Type": "multipart/form-data; boundary=b"}
        elif "application/x-ndjson" in content:
            body, headers = b'{"address": "line@example.org"}', headers | {"Content-Type": "application/x-ndjson"}
        document = None if self.shape is None else dict(BODIES[self.shape])
        if place is not None and place.where == "body" and document is not None:
            document[place.name] = [text] if place.is_list else text
        return Asked(self.method, url, document, body, headers)


@dataclass(frozen=True)
class Place:
    """Where an id stands in a request."""

    operation: Operation
    where: str
    name: str
    is_list: bool = False

    def __str__(self) -> str:
        return f"{self.operation} {self.where} {self.name}"

    @property
    def kind(self) -> str:
        return KINDS[self.name]

    def asked(self, ids: Mapping[str, str], text: str) -> Asked:
        return self.operation.asked(ids, self, text)


def operations_in(document: Mapping[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            yield Operation(method.upper(), path, described, document["components"]["schemas"])


def places_in(operation: Operation) -> Iterator[Place]:
    """Every place of the request at which the document allows a text that is not a word. Raises KeyError for a new one."""
    for name in _variables(operation.path):
        yield Place(operation, "path", _known(operation, name))
    for parameter in operation.described["parameters"]:
        if parameter["in"] == "query" and _holds_text(parameter["schema"]) and parameter["name"] not in WORDS:
            yield Place(operation, "query", _known(operation, parameter["name"]))
    properties = {} if operation.shape is None else operation.schemas[operation.shape]["properties"]
    for name, schema in properties.items():
        if _holds_text(schema) and name not in WORDS and (operation.shape, name) not in NOT_OWNED:
            yield Place(operation, "body", _known(operation, name), is_list="array" in _types(schema))


def _known(operation: Operation, name: str) -> str:
    if name not in KINDS:
        raise KeyError(f"{operation}: say in tests/tenants/places.py whether {name} is an id (KINDS) or not (WORDS)")
    return name


def _variables(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def _types(schema: Mapping[str, Any]) -> set[str]:
    if "$ref" in schema:
        return {"object"}
    choices = schema.get("anyOf", [schema])
    return {str(choice.get("type", "object")) for choice in choices}


def _holds_text(schema: Mapping[str, Any]) -> bool:
    return bool(_types(schema) & TEXTS)
