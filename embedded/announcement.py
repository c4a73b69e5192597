"""What is said when the system is ready: one line of JSON for programs, a block to read and paste for people."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from embedded.demo import KnownInbox


@dataclass(frozen=True, slots=True)
class Ready:
    """Where everything is."""

    api: str  # a URL
    smtp: str  # host:port
    api_key: str
    mail_domain: str
    data_folder: Path


def as_json(ready: Ready) -> str:
    """One line."""
    return json.dumps({"api": ready.api, "smtp": ready.smtp, "apiKey": ready.api_key, "mailDomain": ready.mail_domain})


def as_text(ready: Ready, inbox: KnownInbox | None) -> str:
    """The block; its lines to paste send a mail from this inbox and one to it, or make an inbox when there is none."""
    return f"""
AgentSend runs on this machine; no mail leaves it.

  API          {ready.api}
  Key          {ready.api_key}
  SMTP         {ready.smtp}, for mail to its inboxes
  Mail domain  {ready.mail_domain}
  Data         {ready.data_folder}
               outbox/ has the newest 2,000 mails that were sent, logs/ what went wrong,
               zone.json the DNS records of your own domains: put in what GET /domains shows

{_first_steps(ready, inbox)}

Ctrl-C stops it; the next start finds everything again. `make reset` clears the data.
"""


def _first_steps(ready: Ready, inbox: KnownInbox | None) -> str:
    if inbox is None:
        return "Create an inbox:\n\n" + _curl(ready, "/inboxes", {"displayName": "My agent"})
    messages = f"/inboxes/{inbox.id}/messages"
    draft = {"to": ["success@simulator.amazonses.com"], "subject": "Hello", "bodyText": "A first mail."}
    return (
        f"Send a mail; it is answered with 202 and `status: queued`:\n\n{_curl(ready, messages, draft)}\n\n"
        "A few seconds later it is delivered. Put the id from the answer in:\n\n"
        f"{_curl(ready, '/messages/ID')}\n\n"
        f"Receive one, as a stranger's mail server would bring it, and see what came in:\n\n{_mail_to(ready, inbox)}\n\n"
        f"{_curl(ready, messages + '?direction=inbound')}"
    )


def _mail_to(ready: Ready, inbox: KnownInbox) -> str:
    mail = f"From: ada@example.com\\r\\nTo: {inbox.address}\\r\\nSubject: Hi\\r\\n\\r\\nA mail from outside.\\r\\n"
    return f"  printf '{mail}' | \\\n    curl -s smtp://{ready.smtp} --mail-from ada@example.com --mail-rcpt {inbox.address} -T -"


def _curl(ready: Ready, path: str, body: Mapping[str, object] | None = None) -> str:
    line = f"  curl -s {shlex.quote(ready.api + path)} -H 'x-api-key: {ready.api_key}'"
    return line if body is None else f"{line} -H 'content-type: application/json' -d {shlex.quote(json.dumps(body))}"
