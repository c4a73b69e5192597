"""A mail's way in, and housekeeping."""

from chalicelib.mime.parse import parse_mail
from chalicelib.operations.count_usage import CountEverybody
from chalicelib.operations.dead_messages import Coroner
from chalicelib.operations.file_received import FileReceived
from chalicelib.operations.find_thread import FindThread
from chalicelib.operations.holds_all import HoldsAll
from chalicelib.operations.housekeeping import KeepHouse
from chalicelib.operations.receive_message import ReceiveMessage
from chalicelib.operations.requeue_received import RequeueReceived
from chalicelib.operations.stop_loops import NoteArrival
from chalicelib.operations.tidy_bucket import TidyBucket
from chalicelib.operations.tidy_inbound import TidyInbound
from chalicelib.operations.tidy_table import TidyTable
from chalicelib.storage.bucket_walk import S3BucketWalk
from chalicelib.storage.table_walk import DynamoTableWalk
from chalicelib.storage.walk_store import DynamoSequenceMarks, DynamoWalkStore
from chalicelib.wiring.built_once import built_once
from chalicelib.wiring.sending import Sending


class Receiving(Sending):
    """What files received mail, and what clears up behind everybody."""

    @built_once
    def receive_message(self) -> ReceiveMessage:
        return ReceiveMessage(self.inboxes, self.mails, parse_mail, self._file_received, self.own_domains)

    @built_once
    def _file_received(self) -> FileReceived:
        find_thread = FindThread(self.messages, self.threads, self.index, self.message_id_headers, self._public_ids)
        return FileReceived(
            self.inboxes,
            self.messages,
            self.threads,
            self.index,
            self.filings,
            self.mails,
            self.message_id_headers,
            find_thread,
            self.attachments,
            NoteArrival(self.peers),
            self.tell_events,
            self.abandon_reservation,
            self._settings.delivery_mode,
            self._together,
            self._progress,
        )

    @built_once
    def requeue_received(self) -> RequeueReceived:
        return RequeueReceived(self.mails, self.inbound_queue)

    @built_once
    def keep_house(self) -> KeepHouse:
        bucket, marks = S3BucketWalk(self._s3, self._settings.bucket_name), DynamoSequenceMarks()
        coroner = Coroner(self.index, marks, self.abandon_reservation)
        table = TidyTable(
            DynamoTableWalk(),
            bucket,
            marks,
            self.index,
            self.threads,
            self.attachments,
            self.send_queue,
            coroner,
            HoldsAll(self.switch_store, self.inboxes),
        )
        rounds = (
            table,
            TidyBucket(bucket, self.attachments, coroner),
            TidyInbound(bucket, self.mails, self.inbound_queue),
            CountEverybody(self.accounts, self.usage, self._count_usage),
        )
        return KeepHouse(rounds, DynamoWalkStore(), self.clock)
