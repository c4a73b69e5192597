"""Mail that stays here: from the simulated SES to inboxes of this very deployment, in by the same way as any other."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from chalicelib.domain.arrival import Authentication, Verdict
from chalicelib.providers.ses_sender import ses_message_id_domain
from embedded.outgoing_mail import as_recipients_see_it
from embedded.ses_behaviour import ANSWER_SECONDS, FEEDBACK_SECONDS, Outcome
from embedded.ses_events import AcceptedMail, outcome_event
from embedded.ses_inbound import Envelope, SesInbound, derived_ses_message_id, fits_one_mail
from embedded.ses_journal import DueDelivery, OwedDelivery, OwedEvent
from embedded.simulated_reply import simulated_reply

# SES signs what it sends for our own domain, and it came from there indeed.
_VERIFIED = Authentication(*[Verdict.PASS] * 5)
_SES_CLIENT = "a8-50.smtp-out.amazonses.com (a8-50.smtp-out.amazonses.com [127.0.0.1])"
_PERSONS_CLIENT = "mail.simulator.test (mail.simulator.test [127.0.0.1])"

log = logging.getLogger(__name__)

Owed = Callable[[dict[str, Any]], list[OwedEvent]]


class Addresses(Protocol):
    """What is known of addresses here."""

    def reached_by(self, address: str) -> bool:
        """Whether mail to this address reaches an inbox."""

    def is_here(self, address: str) -> bool:
        """Whether mail to this address comes here, be there an inbox or not."""


@dataclass(frozen=True)
class LocalPost:
    """Says what is owed when SES takes a mail, and delivers it when it is due; repeating that is harmless."""

    addresses: Addresses
    inbound: SesInbound
    region: str

    def is_here(self, address: str) -> bool:
        return self.addresses.is_here(address)

    def deliveries(self, mail: AcceptedMail, local: Sequence[str], owed: Owed) -> Iterator[OwedDelivery]:
        """The mail for its local recipients, and the events that tell of each, whatever becomes of them."""
        seen = as_recipients_see_it(mail.raw, self._message_id(mail))
        mail_from = f"{mail.ses_message_id}@{'' if self.region == 'us-east-1' else self.region + '.'}amazonses.com"
        answered = mail.accepted_at + timedelta(seconds=ANSWER_SECONDS)
        for number, together in enumerate(_that_fit(mail_from, local)):
            body = {
                "id": derived_ses_message_id(f"{mail.ses_message_id} {number}"),
                "mailFrom": mail_from,
                "client": _SES_CLIENT,
                "recipients": [
                    {
                        "address": recipient,
                        "delivered": _stored(owed(outcome_event(mail, recipient, Outcome.DELIVERY, answered))),
                        "bounced": _stored(owed(outcome_event(mail, recipient, Outcome.BOUNCE_NO_INBOX, answered))),
                    }
                    for recipient in together
                ],
            }
            yield OwedDelivery(answered.timestamp(), body, seen)

    def reply(self, mail: AcceptedMail, person: str) -> Iterator[OwedDelivery]:
        """The answer of a person at the simulator; none when the mail does not say where to."""
        at = mail.accepted_at + timedelta(seconds=FEEDBACK_SECONDS)
        reply = simulated_reply(as_recipients_see_it(mail.raw, self._message_id(mail)), person, at)
        if reply is not None:
            body = {
                "id": derived_ses_message_id(f"{mail.ses_message_id} {person}"),
                "mailFrom": person,
                "client": _PERSONS_CLIENT,
                "recipients": [{"address": reply.to, "delivered": [], "bounced": []}],
            }
            yield OwedDelivery(at.timestamp(), body, reply.raw)

    def deliver(self, delivery: DueDelivery, now: float) -> list[OwedEvent]:
        """Bring a mail to the inboxes it is for; the events that tell so. Raises what keeps it from that."""
        recipients = delivery.body["recipients"]
        reached = [known["address"] for known in recipients if self.addresses.reached_by(known["address"])]
        if reached:
            envelope = Envelope(delivery.body["mailFrom"], tuple(reached), delivery.body["client"])
            self.inbound.take(delivery.body["id"], envelope, delivery.raw, _VERIFIED)
        return [
            OwedEvent(now, topic_arn, event)
            for known in recipients
            for topic_arn, event in known["delivered" if known["address"] in reached else "bounced"]
        ]

    def _message_id(self, mail: AcceptedMail) -> str:
        return f"<{mail.ses_message_id}@{ses_message_id_domain(self.region)}>"


def _stored(events: Sequence[OwedEvent]) -> list[tuple[str, dict[str, Any]]]:
    return [(event.topic_arn, event.body) for event in events]


def _that_fit(mail_from: str, recipients: Sequence[str]) -> Iterator[Sequence[str]]:
    """The recipients in as few groups as can each be stored beside one mail."""
    group: list[str] = []
    for recipient in recipients:
        if group and not fits_one_mail(mail_from, [*group, recipient]):
            yield group
            group = []
        group.append(recipient)
    if group:
        yield group
