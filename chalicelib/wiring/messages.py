"""What users do with messages, threads and files that are there."""

from chalicelib.operations.browse_threads import GetThread, ListThreadMessages, ListThreads
from chalicelib.operations.delete_message import DeleteMessage
from chalicelib.operations.forward_message import ForwardMessage
from chalicelib.operations.get_message import GetMessage, ListMessageEvents, ReadRawMessage, RecoverMessage
from chalicelib.operations.list_messages import ListMessages
from chalicelib.operations.manage_attachments import (
    BeginUpload,
    DeleteAttachment,
    GetAttachment,
    LinkUpload,
    UploadAttachment,
)
from chalicelib.operations.reply_to_message import ReplyToMessage
from chalicelib.wiring.built_once import built_once
from chalicelib.wiring.sending import Sending


class Messages(Sending):
    """Reading, answering and deleting."""

    @built_once
    def get_message(self) -> GetMessage:
        return GetMessage(self.messages, self.index)

    @built_once
    def recover_message(self) -> RecoverMessage:
        return RecoverMessage(self.get_message, self.abandon_reservation)

    @built_once
    def list_message_events(self) -> ListMessageEvents:
        return ListMessageEvents(self.get_message, self._public_ids)

    @built_once
    def read_raw_message(self) -> ReadRawMessage:
        return ReadRawMessage(
            self.messages, self.index, self.mails, self._public_ids, self.attachments, self._source_links
        )

    @built_once
    def list_messages(self) -> ListMessages:
        return ListMessages(self.messages, self.index)

    @built_once
    def delete_message(self) -> DeleteMessage:
        return DeleteMessage(
            self.messages,
            self.threads,
            self.index,
            self.filings,
            self.tell_events,
            self._discard_message,
            self.send_queue,
            self.clock,
        )

    @built_once
    def reply_to_message(self) -> ReplyToMessage:
        return ReplyToMessage(self.get_message, self.inboxes, self.submit_message, self._settings.allow_test_domains)

    @built_once
    def forward_message(self) -> ForwardMessage:
        return ForwardMessage(self.get_message, self.submit_message)

    @built_once
    def list_threads(self) -> ListThreads:
        return ListThreads(self.threads, self.messages, self.index)

    @built_once
    def get_thread(self) -> GetThread:
        return GetThread(self.threads, self.messages, self.index)

    @built_once
    def list_thread_messages(self) -> ListThreadMessages:
        return ListThreadMessages(self.threads, self.messages, self.index)

    @built_once
    def upload_attachment(self) -> UploadAttachment:
        return UploadAttachment(self.attachments, self.clock)

    @built_once
    def begin_upload(self) -> BeginUpload:
        return BeginUpload(self.attachments, self.clock)

    @built_once
    def link_upload(self) -> LinkUpload:
        return LinkUpload(self.attachments, self.clock)

    @built_once
    def get_attachment(self) -> GetAttachment:
        return GetAttachment(self.attachments, self.clock)

    @built_once
    def delete_attachment(self) -> DeleteAttachment:
        return DeleteAttachment(self.attachments, self.clock)
