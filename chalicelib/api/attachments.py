"""Files: upload them, read them by link, delete them while no message uses them."""

import msgspec

from chalicelib.api.answers import NO_CONTENT, Answer, json_answer
from chalicelib.api.api_request import ApiRequest
from chalicelib.api.json_requests import NewUploadJson
from chalicelib.api.routes import Routes, Success
from chalicelib.domain.account import Scope
from chalicelib.domain.attachment import Attachment
from chalicelib.domain.errors import ErrorCode, NotFound
from chalicelib.domain.ids import attachment_id as _id
from chalicelib.operations.answer_once import Fresh, NameResource
from chalicelib.operations.manage_attachments import ReadableAttachment
from chalicelib.shapes.attachment_shapes import AttachmentJson, UploadJson, attachment_as_json, upload_as_json
from chalicelib.wiring import operations

routes = Routes(__name__)


@routes.post("/attachments", Success(201, AttachmentJson), scope=Scope.SEND, takes_file=True, creates=True)
def upload_attachment(request: ApiRequest) -> Answer:
    """Upload a file of up to 4 MB.

    Name its id in `attachmentIds` when you send. A larger file goes by POST /attachments/uploads. One that no message
    uses within 24 hours is gone.
    """

    def create(name_resource: NameResource) -> Fresh:
        file = request.file
        made = operations().upload_attachment(
            file.described(), file.data, caller=request.caller, name_resource=name_resource
        )
        return _shown(made)

    def recover(resource: str) -> Fresh | None:
        try:
            return _shown(operations().get_attachment(_id(resource), request.caller))
        except NotFound:
            return None

    return request.answer_once(201, create, recover)


@routes.post(
    "/attachments/uploads",
    Success(201, UploadJson),
    scope=Scope.SEND,
    body=NewUploadJson,
    creates=True,
    errors=frozenset({ErrorCode.ATTACHMENT_TOO_LARGE}),
)
def begin_upload(request: ApiRequest) -> Answer:
    """Begin a direct upload of a file of up to 10 MiB.

    Send exactly `size` bytes to `uploadUrl`, with the `method` and `headers` given. The file can go with a message as
    soon as they are there; GET /attachments/{attachment_id} tells.
    """
    body = request.body(NewUploadJson)

    def create(name_resource: NameResource) -> Fresh:
        made = operations().begin_upload(body.to_file(), caller=request.caller, name_resource=name_resource)
        return _link(made)

    def recover(resource: str) -> Fresh | None:
        try:
            return _link(operations().get_attachment(_id(resource), request.caller).attachment)
        except NotFound:
            return None

    return request.answer_once(201, create, recover)


@routes.get(
    "/attachments/{attachment_id}",
    Success(200, AttachmentJson),
    scope=Scope.READ,
    errors=frozenset({ErrorCode.ATTACHMENT_WITHHELD}),
)
def get_attachment(request: ApiRequest, attachment_id: str) -> Answer:
    """Read what a file is, with a fresh link to its bytes.

    The link needs no key and works for an hour. What a browser would run is handed out as application/octet-stream.
    """
    return json_answer(200, attachment_as_json(operations().get_attachment(_id(attachment_id), request.caller)))


@routes.delete("/attachments/{attachment_id}", Success(204), scope=Scope.MANAGE)
def delete_attachment(request: ApiRequest, attachment_id: str) -> Answer:
    """Delete a file for good.

    One that a message uses is refused: it goes with the last message that uses it.
    """
    operations().delete_attachment(_id(attachment_id), request.caller)
    return NO_CONTENT


# Neither answer is kept for replays: a replay makes it again, with a link that works for an hour from then.


def _shown(readable: ReadableAttachment) -> Fresh:
    return Fresh(msgspec.json.encode(attachment_as_json(readable)), remade=True)


def _link(attachment: Attachment) -> Fresh:
    return Fresh(msgspec.json.encode(upload_as_json(attachment, operations().link_upload(attachment))), remade=True)
