"""What operations ask of the outside: stores, queues, the mail provider, the clock. Wiring fills them in.

Every store speaks the domain's language and raises only errors of `domain/errors.py` or of this page. Reads named
`get` are consistent: they see every write that was answered before.
"""

from chalicelib.operations.ports.accounts import AccountSettings, AccountStore, Allowance, KeyStore, KeyUse
from chalicelib.operations.ports.attachments import AttachmentStore, SourceLinks
from chalicelib.operations.ports.basics import Clock, Together
from chalicelib.operations.ports.erasures import AccountRemains, Aged, ErasureStore, InboxRemains, Swept
from chalicelib.operations.ports.events import EventLog, LogPage, Told, WebhookNotices
from chalicelib.operations.ports.housekeeping import (
    BucketWalk,
    PartKind,
    SeenBlob,
    SeenExpired,
    SeenFile,
    SeenInbox,
    SeenPart,
    SeenThread,
    SeenUnfinished,
    SequenceMarks,
    Sighting,
    TableWalk,
    Walk,
    WalkStore,
)
from chalicelib.operations.ports.idempotency import FirstRequest, IdempotencyStore
from chalicelib.operations.ports.inboxes import Heard, InboxStore, Reservation
from chalicelib.operations.ports.index import Advance, FrontOutdated, InboxFront, IndexedMessage, MessageIndex, Sight
from chalicelib.operations.ports.jobs import Paused, SendJob, SendQueue, WakeJob
from chalicelib.operations.ports.lists import Page, PageRequest
from chalicelib.operations.ports.mail_in import Filing, FilingStore, InboundQueue, MessageIdHeaders, ReceivedMails
from chalicelib.operations.ports.mail_out import (
    Envelope,
    MailProvider,
    NewsMark,
    SendNotReached,
    SendOutcomeUnknown,
    SendPaused,
    SendRefused,
    SendThrottled,
    SesAcceptance,
)
from chalicelib.operations.ports.messages import (
    CountedOutcome,
    MessageStore,
    Outcome,
    SesMessageIds,
    StoredMessage,
    VersionConflict,
)
from chalicelib.operations.ports.peers import PeerStore
from chalicelib.operations.ports.send_rate import SendQuota, SendRate, SendRates, TurnRefused, TurnTaken
from chalicelib.operations.ports.suppressions import SuppressionStore
from chalicelib.operations.ports.switches import SwitchStore
from chalicelib.operations.ports.threads import Run, ThreadMembers, ThreadStore

__all__ = [
    "AccountRemains",
    "AccountSettings",
    "AccountStore",
    "Advance",
    "Aged",
    "Allowance",
    "AttachmentStore",
    "BucketWalk",
    "Clock",
    "CountedOutcome",
    "Envelope",
    "ErasureStore",
    "EventLog",
    "Filing",
    "FilingStore",
    "FirstRequest",
    "FrontOutdated",
    "Heard",
    "IdempotencyStore",
    "InboundQueue",
    "InboxFront",
    "InboxRemains",
    "InboxStore",
    "IndexedMessage",
    "KeyStore",
    "KeyUse",
    "LogPage",
    "MailProvider",
    "MessageIdHeaders",
    "MessageIndex",
    "MessageStore",
    "NewsMark",
    "Outcome",
    "Page",
    "PageRequest",
    "PartKind",
    "Paused",
    "PeerStore",
    "ReceivedMails",
    "Reservation",
    "Run",
    "SeenBlob",
    "SeenExpired",
    "SeenFile",
    "SeenInbox",
    "SeenPart",
    "SeenThread",
    "SeenUnfinished",
    "SendJob",
    "SendNotReached",
    "SendOutcomeUnknown",
    "SendPaused",
    "SendQueue",
    "SendQuota",
    "SendRate",
    "SendRates",
    "SendRefused",
    "SendThrottled",
    "SequenceMarks",
    "SesAcceptance",
    "SesMessageIds",
    "Sight",
    "Sighting",
    "SourceLinks",
    "StoredMessage",
    "SuppressionStore",
    "Swept",
    "SwitchStore",
    "TableWalk",
    "ThreadMembers",
    "ThreadStore",
    "Together",
    "Told",
    "TurnRefused",
    "TurnTaken",
    "VersionConflict",
    "WakeJob",
    "Walk",
    "WalkStore",
    "WebhookNotices",
]
