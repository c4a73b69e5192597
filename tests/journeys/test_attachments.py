"""Files through the whole system: uploaded, sent, read back from the mail and by link, byte for byte."""

import email
import email.policy
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from typing import Any

import httpx
import pytest

from tests.journeys.system import Journey, RunningSystem

pytestmark = pytest.mark.xdist_group("journeys")

SUCCESS = "success@simulator.amazonses.com"
NAMES = [
    "report.pdf",
    "Grüße aus Köln.txt",
    "報告書 (最終).docx",
    "تقرير.pdf",
    "отчёт.xlsx",
    "👩‍👧 family.jpg",
    'a"b;c%20.txt',
]
MEGABYTE = 1024 * 1024


def bytes_of(size: int, seed: int = 1) -> bytes:
    """Bytes of every value that no part of the way may change."""
    block = bytes((number * number * seed + number) % 256 for number in range(65_521))
    return (block * (size // len(block) + 1))[:size]


def upload(journey: Journey, filename: str, data: bytes, content_type: str = "application/pdf") -> dict[str, Any]:
    made: dict[str, Any] = journey.call("POST", "/attachments", 201, files={"file": (filename, data, content_type)})
    return made


def upload_directly(journey: Journey, filename: str, data: bytes) -> str:
    begun = journey.call("POST", "/attachments/uploads", 201, json={"filename": filename, "size": len(data)})
    with httpx.Client(trust_env=False, timeout=60) as storage:
        answer = storage.request(begun["method"], begun["uploadUrl"], headers=begun["headers"], content=data)
    assert answer.status_code == 200, answer.text
    return str(begun["id"])


def downloaded(url: str) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=60) as anybody:
        answer = anybody.get(url)
    assert answer.status_code == 200, answer.text
    return answer


def files_in(mail: bytes) -> list[tuple[str | None, Any]]:
    parsed = email.message_from_bytes(mail, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return [(part.get_filename(), part.get_payload(decode=True)) for part in parsed.iter_attachments()]


def source(journey: Journey, message: dict[str, Any]) -> bytes:
    answer = journey.client.get(f"/messages/{message['id']}/raw", follow_redirects=True, headers={"Accept": "text/css"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "message/rfc822"
    return answer.content


def test_files_in_any_language_arrive_byte_for_byte(journey: Journey, system: RunningSystem) -> None:
    sent = [(name, bytes_of(1_000 + number, number + 1)) for number, name in enumerate(NAMES)]
    ids = [upload(journey, name, data)["id"] for name, data in sent]

    accepted = journey.send(SUCCESS, attachmentIds=ids, bodyHtml="<p>Hello</p>")
    delivered = journey.until_status(accepted, "delivered")

    assert [file["filename"] for file in delivered["attachments"]] == NAMES
    assert [file["size"] for file in delivered["attachments"]] == [len(data) for _, data in sent]
    mail = source(journey, accepted)
    assert files_in(mail) == sent
    assert mail in system.outbox()
    for file, (name, data) in zip(delivered["attachments"], sent, strict=True):
        answer = downloaded(journey.call("GET", f"/attachments/{file['id']}")["url"])
        assert answer.content == data
        assert answer.headers["Content-Type"] == "application/pdf"
        assert answer.headers["Content-Disposition"].startswith("attachment; ")
        assert name.isascii() or "filename*=UTF-8''" in answer.headers["Content-Disposition"]


def test_a_file_of_10_mib_goes_past_the_api_and_its_source_comes_by_link(journey: Journey) -> None:
    data = bytes_of(10 * MEGABYTE)
    file_id = upload_directly(journey, "large.bin", data)
    accepted = journey.send(SUCCESS, attachmentIds=[file_id])
    journey.until_status(accepted, "delivered")

    direct = journey.client.get(f"/messages/{accepted['id']}/raw")
    assert (direct.status_code, direct.content) == (302, b"")
    assert files_in(source(journey, accepted)) == [("large.bin", data)]
    assert downloaded(journey.call("GET", f"/attachments/{file_id}")["url"]).content == data

    journey.call("DELETE", f"/messages/{accepted['id']}", 204)
    with httpx.Client(trust_env=False) as anybody:
        assert anybody.get(direct.headers["Location"]).status_code == 404


def test_25_mib_in_three_files_are_sent(journey: Journey) -> None:
    sizes = [10 * MEGABYTE, 10 * MEGABYTE, 5 * MEGABYTE]
    ids = [upload_directly(journey, f"{number}.bin", bytes_of(size)) for number, size in enumerate(sizes)]

    accepted = journey.send(SUCCESS, attachmentIds=ids)
    journey.until_status(accepted, "delivered")

    assert [len(data) for _, data in files_in(source(journey, accepted))] == sizes
    one_more = upload(journey, "more.txt", b"x")["id"]
    refused = journey.client.post(
        f"/inboxes/{journey.inbox['id']}/messages",
        json={"to": [SUCCESS], "subject": "Too much", "attachmentIds": [*ids, one_more]},
    )
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "ATTACHMENTS_TOO_LARGE")


@pytest.mark.parametrize("size", [4 * MEGABYTE + 1, 5 * MEGABYTE, 11 * MEGABYTE])
def test_a_file_too_large_for_the_api_names_the_way_past_it(journey: Journey, size: int) -> None:
    answer = journey.client.post("/attachments", files={"file": ("a.bin", bytes_of(size))})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert "POST /attachments/uploads" in error["fix"]


def test_a_direct_upload_waits_for_its_bytes(journey: Journey) -> None:
    begun = journey.call("POST", "/attachments/uploads", 201, json={"filename": "a.txt", "size": 5})
    shown = journey.call("GET", f"/attachments/{begun['id']}")
    assert (shown["status"], shown["url"]) == ("awaiting_upload", None)
    draft = {"to": [SUCCESS], "subject": "Too early", "attachmentIds": [begun["id"]]}
    early = journey.client.post(f"/inboxes/{journey.inbox['id']}/messages", json=draft)
    assert (early.status_code, list(early.json()["error"]["details"])) == (400, ["attachmentIds[0]"])
    with httpx.Client(trust_env=False) as storage:
        for wrong in (b"", b"righ", b"right!"):
            assert storage.put(begun["uploadUrl"], headers=begun["headers"], content=wrong).status_code == 403
        assert storage.put(begun["uploadUrl"], content=b"right").status_code == 403
        assert storage.put(begun["uploadUrl"], headers=begun["headers"], content=b"right").status_code == 200
    shown = journey.call("GET", f"/attachments/{begun['id']}")
    assert (shown["status"], downloaded(shown["url"]).content) == ("complete", b"right")


def test_a_script_is_handed_out_as_nothing_a_browser_runs(journey: Journey) -> None:
    page = upload(journey, "page.html", b"<script>alert(1)</script>", "text/html")
    answer = downloaded(page["url"])
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    assert page["contentType"] == "text/html"


def test_fifty_messages_share_one_file_and_the_last_one_takes_it_along(journey: Journey) -> None:
    data = bytes_of(50_000)
    file_id = upload(journey, "shared.pdf", data)["id"]
    with ThreadPoolExecutor(8) as senders:
        accepted = list(senders.map(lambda _: journey.send(SUCCESS, attachmentIds=[file_id]), range(50)))

    for message in accepted[1:]:
        journey.call("DELETE", f"/messages/{message['id']}", 204)
    assert downloaded(journey.call("GET", f"/attachments/{file_id}")["url"]).content == data
    assert journey.client.delete(f"/attachments/{file_id}").status_code == 400
    journey.until_status(accepted[0], "delivered")
    assert files_in(source(journey, accepted[0])) == [("shared.pdf", data)]

    journey.call("DELETE", f"/messages/{accepted[0]['id']}", 204)
    assert journey.client.get(f"/attachments/{file_id}").status_code == 404


def test_a_file_of_another_account_is_like_one_that_never_was(journey: Journey) -> None:
    other = journey.call("POST", "/accounts", 201, json={"name": "Other", "email": "other@example.com"})
    theirs = upload(journey, "secret.pdf", b"secret")["id"]
    unknown = theirs[:-4] + ("0000" if theirs[-4:] != "0000" else "1111")
    with httpx.Client(base_url=journey.client.base_url, headers={"x-api-key": other["apiKey"]}, timeout=30) as client:
        stranger = Journey(client)
        for method, path in (("GET", "/attachments/{}"), ("DELETE", "/attachments/{}")):
            answers = [client.request(method, path.format(each)) for each in (theirs, unknown, "att_1")]
            assert {answer.status_code for answer in answers} == {404}
            assert len({_without_request_id(answer) for answer in answers}) == 1
        send = f"/inboxes/{stranger.inbox['id']}/messages"
        mine = upload(stranger, "mine.pdf", b"mine")["id"]
        answers = [
            client.post(send, json={"to": [SUCCESS], "subject": "Hi", "attachmentIds": [mine, each]})
            for each in (theirs, unknown, "att_1", "")
        ]
        assert {answer.status_code for answer in answers} == {404}
        assert len({_without_request_id(answer) for answer in answers}) == 1
        assert list(answers[0].json()["error"]["details"]) == ["attachmentIds[1]"]


def _without_request_id(answer: httpx.Response) -> str:
    return answer.text.replace(answer.headers["x-request-id"], "")
