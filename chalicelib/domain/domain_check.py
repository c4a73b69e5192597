"""What a check of an own domain comes to: whose its name is, and its two statuses.

- The ownership record decides. As long as the holder's is there nobody else gets in. Where it is gone and another
  account's stands instead, the name is that one's at once: whoever runs the zone has said so.
- What was verified stays so until it was missing for 72 hours, in checks that got an answer: a record that is lost for an
  hour costs nobody his mail. For DKIM SES keeps such a time itself (TEMPORARY_FAILURE).
- No answer of the name servers changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.domain.domain_records import DkimState
from chalicelib.domain.own_domain import (
    DnsRecord,
    Domain,
    Holding,
    ReceivingStatus,
    RecordPurpose,
    RecordStatus,
    SendingStatus,
)

HOPE = timedelta(hours=72)  # after a domain was added, or its owner has asked for a check
QUICK, SLOW = timedelta(minutes=15), timedelta(days=1)  # between two checks: while there is hope, and later
GRACE = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Sight:
    """What a check has seen."""

    at: datetime
    records: tuple[DnsRecord, ...]
    dkim: DkimState

    def record(self, purpose: RecordPurpose) -> DnsRecord:
        return next(record for record in self.records if record.purpose is purpose)

    @property
    def proofs(self) -> Sequence[str] | None:
        """Every ownership record in the zone; None: there was no answer."""
        return self.record(RecordPurpose.OWNERSHIP).found


def held(holding: Holding, domain: Domain, sight: Sight, holder: Domain | None) -> Holding:
    """Whose the name is after this check of `domain`. `holder` is the domain that holds it so far, if it is there."""
    if sight.proofs is None:
        return holding
    proven = domain.proof in sight.proofs
    if holding.is_of(domain):
        return replace(holding, missing_since=None) if proven else _missed(holding, sight.at)
    if not proven or (holder is not None and holder.proof in sight.proofs):
        return holding
    # What the rules of SES say about the name is looked at anew for every change of hands.
    return replace(
        holding,
        account_id=domain.account_id,
        domain_id=domain.id,
        sends=False,
        receives=False,
        is_followed=holding.is_followed and not holding.receives,
        missing_since=None,
    )


def _missed(holding: Holding, now: datetime) -> Holding:
    since = holding.missing_since or now
    return replace(holding, missing_since=since) if now - since < GRACE else nobodys(holding)


def nobodys(holding: Holding) -> Holding:
    """The name without anybody who holds it."""
    return Holding(holding.name, is_followed=holding.is_followed and not holding.receives, version=holding.version)


def granted(holding: Holding, domain: Domain) -> Holding:
    """What the domain that holds the name may do, after `judged`."""
    receives = domain.receiving is ReceivingStatus.VERIFIED
    return replace(
        holding,
        sends=domain.sending is SendingStatus.VERIFIED,
        receives=receives,
        is_followed=holding.is_followed and receives == holding.receives,
    )


def judged(domain: Domain, sight: Sight, *, is_holder: bool, asked: bool) -> Domain:
    """The domain after a check; `asked`: its owner wanted it, so somebody is at work on its zone."""
    now = sight.at
    hopeful = asked or now < domain.hopeful_until
    sending = _sending(domain, sight, is_holder=is_holder, hopeful=hopeful)
    missing_since = _receiving_missing_since(domain, sight)
    receiving = _receiving(domain, sight, missing_since, is_holder=is_holder, hopeful=hopeful)
    is_complete = sending is SendingStatus.VERIFIED and receiving is ReceivingStatus.VERIFIED
    hopeful_until = now + HOPE if asked and not is_complete else domain.hopeful_until
    return replace(
        domain,
        records=sight.records,
        sending=sending,
        receiving=receiving,
        sending_verified_at=(domain.sending_verified_at or now) if sending is SendingStatus.VERIFIED else None,
        receiving_verified_at=(domain.receiving_verified_at or now) if receiving is ReceivingStatus.VERIFIED else None,
        receiving_missing_since=missing_since if receiving is ReceivingStatus.VERIFIED else None,
        checked_at=now,
        hopeful_until=hopeful_until,
        next_check_at=now + (QUICK if now < hopeful_until else SLOW),
    )


def _sending(domain: Domain, sight: Sight, *, is_holder: bool, hopeful: bool) -> SendingStatus:
    if not is_holder:
        if sight.proofs is None and domain.sending in {SendingStatus.PENDING, SendingStatus.FAILED}:
            return domain.sending
        return SendingStatus.PENDING if hopeful else SendingStatus.FAILED
    match sight.dkim:
        case DkimState.SUCCESS:
            return SendingStatus.VERIFIED
        case DkimState.TEMPORARY_FAILURE if domain.sending is SendingStatus.VERIFIED:
            return SendingStatus.VERIFIED
        case DkimState.FAILED:
            return SendingStatus.FAILED
        case _:
            return SendingStatus.PENDING_DKIM


def _receiving_missing_since(domain: Domain, sight: Sight) -> datetime | None:
    match sight.record(RecordPurpose.RECEIVING).status:
        case RecordStatus.VERIFIED:
            return None
        case RecordStatus.NOT_CHECKED:
            return domain.receiving_missing_since
        case _:
            return domain.receiving_missing_since or sight.at


def _receiving(
    domain: Domain, sight: Sight, missing_since: datetime | None, *, is_holder: bool, hopeful: bool
) -> ReceivingStatus:
    status, known = sight.record(RecordPurpose.RECEIVING).status, domain.receiving
    if is_holder and status is RecordStatus.VERIFIED:
        return ReceivingStatus.VERIFIED
    if is_holder and known is ReceivingStatus.VERIFIED and (missing_since is None or sight.at - missing_since < GRACE):
        return ReceivingStatus.VERIFIED
    if known is not ReceivingStatus.VERIFIED and RecordStatus.NOT_CHECKED in (status, _ownership(sight)):
        return known
    return ReceivingStatus.PENDING if hopeful else ReceivingStatus.FAILED


def _ownership(sight: Sight) -> RecordStatus:
    return sight.record(RecordPurpose.OWNERSHIP).status
