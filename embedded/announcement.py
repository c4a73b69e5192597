"""What is said when the system is ready: one line of JSON for programs, a block to read and paste for people."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


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


def as_text(ready: Ready, inbox_id: str | None) -> str:
    """The block; its curl line sends a mail from this inbox, or makes an inbox when there is none."""
    return f"""
AgentSend runs on this machine; no mail leaves it.

  API          {ready.api}
  Key          {ready.api_key}
  SMTP         {ready.smtp} (inbound mail comes with a later release; until then it answers 554)
  Mail domain  {ready.mail_domain}
  Data         {ready.data_folder}
               outbox/ has the newest 2,000 mails that were sent, logs/ what went wrong

{_first_step(ready, inbox_id)}

Ctrl-C stops it; the next start finds everything again. `make reset` clears the data.
"""


def _first_step(ready: Ready, inbox_id: str | None) -> str:
    if inbox_id is None:
        return "Create an inbox:\n\n" + _curl(ready, "/inboxes", {"displayName": "My agent"})
    draft = {"to": ["success@simulator.amazonses.com"], "subject": "Hello", "bodyText": "A first mail."}
    sending = _curl(ready, f"/inboxes/{inbox_id}/messages", draft)
    return (
        f"Send a mail; it is answered with 202 and `status: queued`:\n\n{sending}\n\n"
        "A few seconds later it is delivered. Put the id from the answer in:\n\n"
        f"  curl -s {ready.api}/messages/ID -H 'x-api-key: {ready.api_key}'"
    )


def _curl(ready: Ready, path: str, body: Mapping[str, object]) -> str:
    return (
        f"  curl -s {ready.api}{path} -H 'x-api-key: {ready.api_key}' "
        f"-H 'content-type: application/json' -d {shlex.quote(json.dumps(body))}"
    )
