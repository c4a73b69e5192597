import json
import shlex
from pathlib import Path

import pytest

from embedded.announcement import Ready, as_json, as_text
from embedded.demo import KnownInbox

INBOX = KnownInbox("inb_1", "demo@agents.test")
READY = Ready("http://127.0.0.1:8025", "127.0.0.1:2525", "ask_key", "agents.test", Path("/data"))


def curl_lines(text: str) -> list[list[str]]:
    return [shlex.split(line) for line in text.splitlines() if line.strip().startswith("curl")]


def test_programs_get_one_line_with_everything() -> None:
    line = as_json(READY)
    assert "\n" not in line
    assert json.loads(line) == {
        "api": "http://127.0.0.1:8025",
        "smtp": "127.0.0.1:2525",
        "apiKey": "ask_key",
        "mailDomain": "agents.test",
    }


@pytest.mark.parametrize(
    "part", ["http://127.0.0.1:8025", "ask_key", "127.0.0.1:2525", "/data", "agents.test", "demo@agents.test"]
)
def test_the_block_says_where_everything_is(part: str) -> None:
    assert part in as_text(READY, INBOX)


def test_the_first_curl_line_sends_a_mail_to_a_simulator_address() -> None:
    command = curl_lines(as_text(READY, INBOX))[0]
    assert command[2] == "http://127.0.0.1:8025/inboxes/inb_1/messages"
    assert "x-api-key: ask_key" in command
    assert json.loads(command[-1])["to"] == ["success@simulator.amazonses.com"]


def test_without_an_inbox_the_curl_line_makes_one() -> None:
    (command,) = curl_lines(as_text(READY, None))
    assert command[2] == "http://127.0.0.1:8025/inboxes"
    assert json.loads(command[-1]) == {"displayName": "My agent"}
