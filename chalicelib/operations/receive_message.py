"""Receive a mail: from SES's notice to a message in every inbox that the envelope names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chalicelib.domain.log_lines import also, log_of
from chalicelib.domain.receipt import ADDRESS_CHARACTERS, Receipt, addresses_meant
from chalicelib.mime.parsed_mail import ParsedMail
from chalicelib.operations.file_received import Delivery, FileReceived
from chalicelib.operations.own_domains import OwnDomains
from chalicelib.operations.ports import InboxStore, ReceivedMails
from chalicelib.operations.received_content import ReceivedMail, fitting

logger = log_of(__name__)


class MailMissing(RuntimeError):
    """A mail that SES announced is neither where SES put it nor in every inbox."""


@dataclass(frozen=True)
class ReceiveMessage:
    """File one mail in each inbox it is for; then, and only then, remove it from where SES put it.

    Repeating it is harmless, and resumes whatever an earlier try left unfinished.
    """

    inboxes: InboxStore
    mails: ReceivedMails
    parse: Callable[[bytes], ParsedMail]
    file_received: FileReceived
    own_domains: OwnDomains

    def __call__(self, receipt: Receipt) -> None:
        """Any error means that the notice must come again."""
        also(sesMessageId=receipt.ses_message_id)
        addressed, unreached = self._addressed(receipt)
        if addressed:
            raw = self.mails.read(receipt.blob)
            if raw is None:
                self._require_filed(receipt, addressed)
                return
            unreached += self._file(ReceivedMail(receipt, fitting(self.parse(raw)), len(raw)), addressed)
        if unreached:
            logger.info(
                "mail for recipients that are no inboxes was dropped",
                extra={"recipients": unreached, "sesMessageId": receipt.ses_message_id},
            )
        self.mails.delete(receipt.blob)

    def _addressed(self, receipt: Receipt) -> tuple[Mapping[int, str], int]:
        """The inboxes that the envelope names, each once, with the address that named it first; how many name none."""
        wanted = _distinct(receipt)
        owners = self.inboxes.owners({form for forms in wanted.values() for form in forms}) if wanted else {}
        owners = self.own_domains.receiving(owners)
        addressed: dict[int, str] = {}
        unreached = 0
        for recipient, forms in wanted.items():
            number = next((owners[form] for form in forms if form in owners), None)
            if number is None:
                unreached += 1
            else:
                addressed.setdefault(number, recipient)
        return addressed, unreached

    def _file(self, mail: ReceivedMail, addressed: Mapping[int, str]) -> int:
        """Into every inbox, whatever becomes of the others; how many inboxes are deleted."""
        sender = mail.sender.address.lower()
        from_outside = not (0 < len(sender) <= ADDRESS_CHARACTERS and self.inboxes.owners([sender]))
        deleted, failures = 0, list[Exception]()
        for number, recipient in addressed.items():
            try:
                deleted += not self.file_received(Delivery(mail, number, recipient, from_outside))
            except Exception as error:  # noqa: BLE001 - raised below, when the other inboxes have their message
                failures.append(error)
        if failures:
            logger.warning(
                "a mail is not in all of its inboxes yet",
                extra={"left": len(failures), "sesMessageId": mail.receipt.ses_message_id},
            )
            raise failures[0]
        return deleted

    def _require_filed(self, receipt: Receipt, addressed: Mapping[int, str]) -> None:
        """Raises MailMissing, unless an earlier notice of the mail has brought it into every inbox."""
        for number in addressed:
            if not self.file_received.is_filed(receipt.ses_message_id, number):
                raise MailMissing(f"There is no {receipt.blob}, and not every inbox has the mail.")


def _distinct(receipt: Receipt) -> Mapping[str, tuple[str, ...]]:
    """Each recipient with the addresses that an inbox may have to be meant."""
    return {recipient: addresses_meant(recipient) for recipient in receipt.recipients}
