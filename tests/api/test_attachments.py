"""The doors of files: what an upload may be, and what is told of a file."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from chalicelib.api.file_upload import UPLOAD_LIMIT
from chalicelib.domain.account import Scope
from chalicelib.domain.attachment import FILE_LIMIT, DirectUpload, UploadStatus
from chalicelib.domain.errors import Conflict, ErrorCode, InvalidInput, NotFound
from chalicelib.operations.manage_attachments import NewFile, ReadableAttachment
from tests.factories.accounts import make_caller
from tests.factories.api_events import ApiAnswer, ApiClient
from tests.factories.attachments import DATA, FILE_ID, NOON, make_attachment
from tests.fakes.operations import FakeOperations

URL = "https://bucket.example/uploads/att?signature=1"


@pytest.fixture(autouse=True)
def stored(fakes: FakeOperations) -> None:
    """An upload is stored unless a test says otherwise."""

    def upload(_file: NewFile, _data: bytes, *, caller: object, name_resource: Any) -> object:
        name_resource(FILE_ID)
        return ReadableAttachment(make_attachment(), URL)

    def begin(_file: NewFile, *, caller: object, name_resource: Any) -> object:
        name_resource(FILE_ID)
        return make_attachment(status=UploadStatus.AWAITING_UPLOAD)

    fakes.answers |= {
        "upload_attachment": upload,
        "begin_upload": begin,
        "get_attachment": ReadableAttachment(make_attachment(), URL),
        "link_upload": DirectUpload(URL, "PUT", (("Content-Type", "application/pdf"),), NOON + timedelta(hours=1)),
    }


def part(head: str, data: bytes = DATA, boundary: bytes = b"xyz") -> bytes:
    return b"--" + boundary + b"\r\n" + head.encode() + b"\r\n\r\n" + data + b"\r\n"


def form(*parts: bytes, boundary: bytes = b"xyz") -> bytes:
    return b"".join(parts) + b"--" + boundary + b"--\r\n"


def named(filename: str, name: str = "file", more: str = "\r\nContent-Type: application/pdf") -> str:
    return f'Content-Disposition: form-data; name="{name}"; filename="{filename}"{more}'


def post(api: ApiClient, body: bytes, *, boundary: str = "xyz", **headers: str) -> ApiAnswer:
    return api.call(
        "POST",
        "/attachments",
        body=body,
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}", **headers},
    )


def problems(answer: ApiAnswer) -> dict[str, list[str]]:
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
    assert answer.error["fix"]
    details: dict[str, list[str]] = answer.error["details"]
    return details


def uploaded(fakes: FakeOperations) -> tuple[NewFile, bytes]:
    file, data = fakes.last("upload_attachment").positional
    return file, data


# --------------------------------------------------------------------------------------------------- upload


def test_an_upload_is_answered_201_with_the_file(api: ApiClient, fakes: FakeOperations) -> None:
    answer = post(api, form(part(named("report.pdf"))))
    assert answer.status == 201
    assert answer.json == {
        "id": FILE_ID,
        "filename": "report.pdf",
        "contentType": "application/pdf",
        "size": len(DATA),
        "url": URL,
        "status": "complete",
        "expiresAt": "2026-11-23T12:00:00.000Z",
        "createdAt": "2026-11-22T12:00:00.000Z",
    }
    assert uploaded(fakes) == (NewFile("report.pdf", "application/pdf", len(DATA)), DATA)


@pytest.mark.parametrize(
    "data", [b"x", bytes(range(256)) * 9, b"\r\n--xy\r\n--xy--", b"--xyz", b"\n" * 99, bytes(UPLOAD_LIMIT)]
)
def test_any_bytes_arrive_as_they_were_sent(api: ApiClient, fakes: FakeOperations, data: bytes) -> None:
    assert post(api, form(part(named("a.bin"), data))).status == 201
    assert uploaded(fakes)[1] == data


@pytest.mark.parametrize(
    ("head", "filename"),
    [
        (named("Grüße 😀.pdf"), "Grüße 😀.pdf"),
        (named('say %22hi%22\\".pdf'), 'say "hi"".pdf'),
        ("content-disposition: form-data; NAME=file; name=file; filename=plain.pdf", "plain.pdf"),
        ("Content-Disposition: form-data; name=file; filename*=UTF-8''%E2%82%AC.pdf", "€.pdf"),
        (named("..\\..\\a.pdf"), "..\\..\\a.pdf"),  # the operation cleans it
    ],
)
def test_names_are_read_as_clients_write_them(api: ApiClient, fakes: FakeOperations, head: str, filename: str) -> None:
    assert post(api, form(part(head))).status == 201
    assert uploaded(fakes)[0].filename == filename


def test_a_name_in_latin_1_is_read_too(api: ApiClient, fakes: FakeOperations) -> None:
    assert post(api, form(part(named("Gr?sse.pdf")).replace(b"?", b"\xfc"))).status == 201
    assert uploaded(fakes)[0].filename == "Grüsse.pdf"


def test_a_part_without_a_type_leaves_it_to_the_name(api: ApiClient, fakes: FakeOperations) -> None:
    post(api, form(part(named("report.pdf", more=""))))
    assert uploaded(fakes)[0].content_type is None


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (form(), {"file": "is required"}),
        (form(part(named("a.pdf", name="upload"))), {"upload": "no such part", "file": "is required"}),
        (form(part(named("a.pdf")), part(named("b.pdf"))), {"file": "stands 2 times"}),
        (form(part(named("a.pdf")), part('Content-Disposition: form-data; name="note"')), {"note": "no such part"}),
        (form(part('Content-Disposition: form-data; name="file"')), {"file": "has no file name"}),
        (form(part("Content-Type: text/plain")), {"body": "no such part", "file": "is required"}),
        (form(part(named("a.pdf", more="\r\nContent-Type: pdf"))), {"file.Content-Type": "not a media type"}),
        (form(part(named("a.pdf")))[:-6], {"body": "ends before its last boundary"}),
        (form(part(named("a.pdf")))[:60], {"body": "ends before its last boundary"}),
        (b"", {"body": "ends before its last boundary"}),
        (b"no form at all", {"body": "is not multipart/form-data"}),
        (form(part(named("a.pdf")), boundary=b"other"), {"body": "boundary"}),
        (form(part(named("a.pdf", more="\r\nX: y" * 20))), {"body": "header count"}),
        (form(part(named("a" * 9_000))), {"body": "header size"}),
        (form(*[part(named("a.pdf"))] * 9), {"body": "more than 8 parts"}),
        (part("No colon here"), {"body": "is not multipart/form-data"}),
    ],
)
def test_what_is_no_upload_is_told_apart(
    api: ApiClient, fakes: FakeOperations, body: bytes, found: dict[str, str]
) -> None:
    told = problems(post(api, body))
    assert told.keys() == found.keys()
    for path, words in found.items():
        assert words.lower() in told[path][0].lower()
    assert fakes.count("upload_attachment") == 0


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""])
def test_another_content_type_is_415(api: ApiClient, content_type: str) -> None:
    answer = api.call("POST", "/attachments", body=b"{}", headers={"Content-Type": content_type})
    assert (answer.status, answer.error["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert "multipart/form-data" in answer.error["message"]
    assert api.call("POST", "/attachments").status == 415


def test_a_form_without_a_boundary_is_told_so(api: ApiClient) -> None:
    answer = api.call("POST", "/attachments", body=b"--", headers={"Content-Type": "multipart/form-data"})
    assert "no boundary" in problems(answer)["body"][0]
    for boundary in ("b" * 3_000, "ü", "報告", '"', ""):
        assert "body" in problems(post(api, form(), boundary=boundary))


@pytest.mark.parametrize("size", [UPLOAD_LIMIT + 1, 5_500_000])
def test_a_file_too_large_for_the_api_is_413_and_names_the_other_way(api: ApiClient, size: int) -> None:
    answer = post(api, form(part(named("a.bin"), bytes(size))))
    assert (answer.status, answer.error["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert "POST /attachments/uploads" in answer.error["fix"]


def test_an_empty_file_is_refused_by_the_operation(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["upload_attachment"] = InvalidInput({"size": ["the file is empty"]})
    assert problems(post(api, form(part(named("a.pdf"), b"")))) == {"size": ["the file is empty"]}


@given(st.binary(max_size=400))
@hypothesis_settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_body_is_answered_without_a_fault(api: ApiClient, body: bytes) -> None:
    for each in (body, b"--xyz\r\n" + body, form(part(named("a.pdf"), body)), form(b"--xyz\r\n" + body)):
        assert post(api, each).status in (201, 400)


@given(st.integers(0, 200), st.binary(min_size=1, max_size=3))
@hypothesis_settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_form_is_answered_without_a_fault(api: ApiClient, place: int, damage: bytes) -> None:
    whole = form(part(named("a.pdf")))
    assert post(api, whole[:place] + damage + whole[place + 1 :]).status in (201, 400)


# ------------------------------------------------------------------------------------------ repeated uploads


def test_the_same_file_under_one_key_is_uploaded_once_whatever_its_boundary(
    api: ApiClient, fakes: FakeOperations
) -> None:
    key = {"Idempotency-Key": "one"}
    first = post(api, form(part(named("a.pdf"))), **key)
    other = form(part(named("a.pdf"), boundary=b"other"), boundary=b"other")
    again = post(api, other, boundary="other", **key)
    assert (first.status, again.status, again.json) == (201, 201, first.json)
    assert (first.header("idempotent-replayed"), again.header("idempotent-replayed")) == (None, "true")
    assert fakes.count("upload_attachment") == 1


@pytest.mark.parametrize(
    "other", [part(named("b.pdf")), part(named("a.pdf"), b"else"), part(named("a.pdf", more="\r\nContent-Type: a/b"))]
)
def test_another_file_under_the_same_key_is_409(api: ApiClient, other: bytes) -> None:
    post(api, form(part(named("a.pdf"))), **{"Idempotency-Key": "one"})
    answer = post(api, form(other), **{"Idempotency-Key": "one"})
    assert (answer.status, answer.error["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")


def test_a_replay_after_the_file_was_deleted_is_404(api: ApiClient, fakes: FakeOperations) -> None:
    post(api, form(part(named("a.pdf"))), **{"Idempotency-Key": "one"})
    fakes.answers["get_attachment"] = NotFound()
    assert post(api, form(part(named("a.pdf"))), **{"Idempotency-Key": "one"}).status == 404
    assert fakes.count("upload_attachment") == 1


# --------------------------------------------------------------------------------------------- direct uploads


def test_a_direct_upload_is_answered_with_where_the_bytes_go(api: ApiClient, fakes: FakeOperations) -> None:
    announced = {"filename": "report.pdf", "contentType": "Application/PDF; x=y", "size": 7_000_000}
    answer = api.call("POST", "/attachments/uploads", json_body=announced)
    assert answer.status == 201
    assert answer.json == {
        "id": FILE_ID,
        "uploadUrl": URL,
        "method": "PUT",
        "headers": {"Content-Type": "application/pdf"},
        "expiresAt": "2026-11-22T13:00:00.000Z",
    }
    assert fakes.last("begin_upload").positional == (NewFile("report.pdf", "application/pdf", 7_000_000),)


def test_a_replayed_announcement_names_the_same_file_with_a_fresh_link(api: ApiClient, fakes: FakeOperations) -> None:
    body, key = {"filename": "a.pdf", "size": 5}, {"Idempotency-Key": "one"}
    api.call("POST", "/attachments/uploads", json_body=body, headers=key)
    fakes.answers["link_upload"] = DirectUpload("https://fresh.example", "PUT", (), NOON)
    again = api.call("POST", "/attachments/uploads", json_body=body, headers=key)
    assert (again.status, again.json["id"], again.json["uploadUrl"]) == (201, FILE_ID, "https://fresh.example")
    assert fakes.count("begin_upload") == 1


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({}, {"filename", "size"}),
        ({"filename": "", "size": 0}, {"filename", "size"}),
        ({"filename": "a", "size": "7"}, {"size"}),
        ({"filename": "a", "size": 1.5}, {"size"}),
        ({"filename": "a" * 1_001, "size": 1, "contentType": "pdf"}, {"filename", "contentType"}),
        ({"filename": "a\0", "size": 1}, {"filename"}),
        ({"name": "a", "filename": "a", "size": 1}, {"name"}),
    ],
)
def test_a_wrong_announcement_is_refused_by_name(api: ApiClient, body: object, paths: set[str]) -> None:
    assert problems(api.call("POST", "/attachments/uploads", json_body=body)).keys() == paths


def test_an_announced_file_over_10_mib_is_attachment_too_large(api: ApiClient, fakes: FakeOperations) -> None:
    def refuse(file: NewFile, **_: object) -> None:
        file.to_attachment(make_caller(), lambda: NOON, UploadStatus.AWAITING_UPLOAD)

    fakes.answers["begin_upload"] = refuse
    answer = api.call("POST", "/attachments/uploads", json_body={"filename": "a", "size": FILE_LIMIT + 1})
    assert (answer.status, answer.error["code"]) == (400, "ATTACHMENT_TOO_LARGE")
    assert answer.error["details"].keys() == {"size"}


# ------------------------------------------------------------------------------------------- read and delete


def test_a_file_shows_a_link_once_its_bytes_are_there(api: ApiClient, fakes: FakeOperations) -> None:
    awaited = make_attachment(status=UploadStatus.AWAITING_UPLOAD)
    fakes.answers["get_attachment"] = ReadableAttachment(awaited, None)
    shown = api.call("GET", f"/attachments/{FILE_ID}").json
    assert (shown["status"], shown["url"]) == ("awaiting_upload", None)
    fakes.answers["get_attachment"] = ReadableAttachment(replace(awaited, expires_at=None), URL)
    shown = api.call("GET", f"/attachments/{FILE_ID}").json
    assert (shown["url"], shown["expiresAt"]) == (URL, None)


def test_a_withheld_file_is_409(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["get_attachment"] = Conflict("Withheld.", fix="Ask.", code=ErrorCode.ATTACHMENT_WITHHELD)
    answer = api.call("GET", f"/attachments/{FILE_ID}")
    assert (answer.status, answer.error["code"], answer.error["retryable"]) == (409, "ATTACHMENT_WITHHELD", False)


def test_a_deletion_is_answered_204(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["delete_attachment"] = None
    answer = api.call("DELETE", f"/attachments/{FILE_ID}")
    assert (answer.status, answer.content) == (204, b"")
    assert fakes.last("delete_attachment").positional == (FILE_ID, fakes.caller)


@pytest.mark.parametrize("text", ["att_1", "msg_0123456789abcdefghjk", "ATT_0123456789ABCDEFGHJK", "uploads", "%00"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_text_that_is_no_id_gets_the_bytes_of_an_unknown_one(
    api: ApiClient, fakes: FakeOperations, method: str, text: str
) -> None:
    fakes.answers |= {"get_attachment": NotFound(), "delete_attachment": NotFound()}
    unknown = api.call(method, f"/attachments/{FILE_ID}")
    if (method, text) == ("GET", "uploads"):  # a path of its own, which takes only POST
        assert api.call(method, f"/attachments/{text}").status == 405
    elif text != "uploads":
        assert api.call(method, f"/attachments/{text}").body == unknown.body


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/attachments", Scope.SEND),
        ("POST", "/attachments/uploads", Scope.SEND),
        ("GET", f"/attachments/{FILE_ID}", Scope.READ),
        ("DELETE", f"/attachments/{FILE_ID}", Scope.MANAGE),
    ],
)
def test_each_door_has_its_scope(api: ApiClient, fakes: FakeOperations, method: str, path: str, scope: Scope) -> None:
    fakes.caller = make_caller(scopes=frozenset({Scope.READ, Scope.SEND, Scope.MANAGE}) - {scope})
    answer = api.call(method, path)
    assert (answer.status, answer.error["code"]) == (403, "FORBIDDEN_SCOPE")
