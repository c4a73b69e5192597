"""Large deletions: threads, inboxes with all they hold, accounts, and what grows old."""

from chalicelib.domain.erasure import ErasureKind
from chalicelib.operations.carry_out_erasures import CarryOutErasures, ErasureWork
from chalicelib.operations.end_domains_of_account import EndDomainsOfAccount
from chalicelib.operations.erase_account import DeleteAccount, EraseAccount
from chalicelib.operations.erase_inbox import EraseInbox, PurgeInbox
from chalicelib.operations.erase_thread import DeleteThread, EraseMessage, EraseThread
from chalicelib.operations.keep_retention import KeepRetention, SetRetention
from chalicelib.storage.account_remains import DynamoAccountRemains
from chalicelib.storage.bucket_walk import S3BucketWalk
from chalicelib.storage.erasure_store import DynamoErasureStore
from chalicelib.storage.inbox_remains import DynamoInboxRemains
from chalicelib.wiring.built_once import built_once
from chalicelib.wiring.domains import Domains
from chalicelib.wiring.messages import Messages


class Privacy(Messages, Domains):
    """What deletes more than one message."""

    @built_once
    def carry_out_erasures(self) -> CarryOutErasures:
        works: dict[ErasureKind, ErasureWork] = {
            ErasureKind.THREAD: EraseThread(self.threads, self.index, self._erase_message),
            ErasureKind.INBOX: EraseInbox(self.inboxes, self._inbox_remains, self._account_remains),
            ErasureKind.ACCOUNT: EraseAccount(
                self.accounts,
                self.inboxes,
                self._inbox_remains,
                self._account_remains,
                self._erasures,
                more=(EndDomainsOfAccount(self.domains, self._end_domain),),
            ),
            ErasureKind.RETENTION: KeepRetention(
                self.accounts,
                self._account_remains,
                self._inbox_remains,
                self.messages,
                self.index,
                self.delete_message,
            ),
        }
        return CarryOutErasures(self._erasures, works, self.clock)

    @built_once
    def delete_thread(self) -> DeleteThread:
        return DeleteThread(self.threads, self.carry_out_erasures, self.clock)

    @built_once
    def purge_inbox(self) -> PurgeInbox:
        return PurgeInbox(self.inboxes, self.carry_out_erasures, self.clock)

    @built_once
    def delete_account(self) -> DeleteAccount:
        return DeleteAccount(self.accounts, self._account_remains, self.carry_out_erasures, self.clock)

    @built_once
    def set_retention(self) -> SetRetention:
        return SetRetention(self.accounts, self._erasures, self.clock)

    @built_once
    def _erase_message(self) -> EraseMessage:
        return EraseMessage(self.messages, self.threads, self.index, self.delete_message, self.abandon_reservation)

    @built_once
    def _erasures(self) -> DynamoErasureStore:
        return DynamoErasureStore()

    @built_once
    def _inbox_remains(self) -> DynamoInboxRemains:
        return DynamoInboxRemains(S3BucketWalk(self._s3, self._settings.bucket_name), self.attachments)

    @built_once
    def _account_remains(self) -> DynamoAccountRemains:
        return DynamoAccountRemains()
