"""Every naughty string as a file's name, from the form to the mail: never a header field, a path or a fault."""

import email
import email.policy
import json
from pathlib import Path

import pytest
from chalice.app import Request

from chalicelib.api.file_upload import read_file
from chalicelib.api.problems import Problems
from chalicelib.domain.attachment import UploadStatus
from chalicelib.domain.errors import InvalidInput
from chalicelib.storage.download_headers import disposition
from tests.factories.api_events import make_event
from tests.factories.attachments import DATA
from tests.fakes.clock import FakeClock
from tests.operations.world import World, enclosing

SAMPLES = Path(__file__).parents[1] / "samples"
NAUGHTY_STRINGS: list[str] = json.loads((SAMPLES / "blns/blns.json").read_text(encoding="utf-8"))
INJECTIONS = [
    "a.txt\r\nBcc: eve@example.org",
    "a.txt\nContent-Type: text/html\n\n<script>",
    'a.txt"; filename="b.exe',
    "../../../../etc/passwd",
    "C:\\windows\\system32\\cmd.exe",
    "=?utf-8?q?a=0D=0ABcc:_eve@example.org?=",
    "a\u2028Bcc: eve@example.org",
    "invoice\u202exfdp.exe",
    "--=_msg_1",
    "a" * 3_000 + ".pdf",
    "😀" * 1_000,
    "\ud800.txt",
]


def uploaded_name(text: str) -> str | None:
    """What a browser's form makes of the name, read by the API; None when the form is refused."""
    escaped = text.encode("utf-8", "replace").replace(b'"', b"%22").replace(b"\r", b"%0D").replace(b"\n", b"%0A")
    head = b'Content-Disposition: form-data; name="file"; filename="' + escaped + b'"\r\n\r\n'
    body = b"--xyz\r\n" + head + DATA + b"\r\n--xyz--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=xyz"}
    request = Request(make_event("POST", "/attachments", resource="/attachments", headers=headers, body=body))
    try:
        file = read_file(request, body, Problems())
    except InvalidInput:
        return None
    assert file is not None
    assert file.data == DATA
    return file.described().to_attachment(World().caller, FakeClock(), UploadStatus.COMPLETE).filename


@pytest.mark.parametrize("place", range(8))
def test_any_name_ends_as_one_harmless_name(place: int) -> None:
    world = World()
    for text in [*NAUGHTY_STRINGS, *INJECTIONS][place::8]:
        name = uploaded_name(text)
        if name is None:
            assert len(text.encode("utf-8", "replace")) > 2_000 or "\0" in text or not text.isprintable(), text
            continue
        assert not set("/\\\r\n\0\u202e\u2028") & set(name)
        assert disposition(name).isascii()
        file = world.file(filename=name)
        key = world.submitted(enclosing(file))
        source = world.read_raw(key, world.caller)
        assert isinstance(source, bytes)
        mail = email.message_from_bytes(source)
        parts = list(mail.walk())
        assert mail["Bcc"] is None
        assert [part.get_content_type() for part in parts] == ["multipart/mixed", "text/plain", "application/pdf"]
        assert parts[2].get_payload(decode=True) == DATA
        parsed = email.message_from_bytes(source, policy=email.policy.default)
        assert list(parsed.walk())[2]["Content-Disposition"].params["filename"] == name  # get_filename() strips <…>
