"""The lines of docs/webhooks.md that check a signature by hand, run as they stand there."""

import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent

import pytest

from chalicelib.domain.webhook_signature import signed_headers

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## Check the signature")[2].partition("\n## ")[0]
BLOCKS = [
    dedent("\n".join(line for line in part.splitlines() if line.startswith("    ")))
    for part in SECTION.split("\n\n")
    if part.startswith("    ")
]
SECRET = BLOCKS[0].split("'")[1]
EVENT_ID = "evt_0123456789abcdefghjk"
BODY = '{"id":"evt_0123456789abcdefghjk","data":{"subject":"Grüße","text":"line\\n\\u0000 %s $x"}}\n'.encode()
SIGNED = signed_headers([SECRET], EVENT_ID, datetime(2026, 11, 23, 9, tzinfo=UTC), BODY)

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the lines are openssl's, which is not here")


def by_hand(folder: Path, lines: str, body: bytes) -> str:
    """What the lines print for a request with this body."""
    (folder / "body.json").write_bytes(body)
    variables = {
        "PATH": os.environ["PATH"],
        "secret": SECRET,
        "webhook_id": SIGNED["webhook-id"],
        "webhook_timestamp": SIGNED["webhook-timestamp"],
    }
    done = subprocess.run(["sh", "-euc", lines], cwd=folder, env=variables, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_there_are_lines_for_either_signature() -> None:
    assert ["-hmac" in block for block in BLOCKS] == [True, False]


def test_the_lines_print_the_plain_signature_of_the_body_and_of_no_other(tmp_path: Path) -> None:
    assert by_hand(tmp_path, BLOCKS[0], BODY) == SIGNED["X-AgentSend-Signature"]
    assert by_hand(tmp_path, BLOCKS[0], BODY + b" ") != SIGNED["X-AgentSend-Signature"]


def test_the_lines_print_the_standard_signature_of_the_body_and_of_no_other(tmp_path: Path) -> None:
    assert "v1," + by_hand(tmp_path, BLOCKS[1], BODY) == SIGNED["webhook-signature"]
    assert "v1," + by_hand(tmp_path, BLOCKS[1], BODY.replace(b"Gr", b"gr")) != SIGNED["webhook-signature"]
