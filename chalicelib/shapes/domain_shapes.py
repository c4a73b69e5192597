"""The JSON of own domains."""

from typing import Annotated

from msgspec import Meta

from chalicelib.domain.own_domain import (
    DnsRecord,
    Domain,
    ReceivingStatus,
    RecordPurpose,
    RecordStatus,
    RecordType,
    SendingStatus,
)
from chalicelib.shapes.json_shapes import Shape, Timestamp, timestamp


class DnsRecordJson(Shape, frozen=True):
    """A record to be set in the zone of the domain."""

    type: RecordType
    name: Annotated[str, Meta(description="The whole name; many providers want it without the domain at its end.")]
    value: str
    priority: Annotated[int | None, Meta(description="Of an MX record.")]
    purpose: RecordPurpose
    found: Annotated[list[str] | None, Meta(description="What the last check found there; null: it got no answer.")]
    status: RecordStatus


class DomainJson(Shape, frozen=True):
    """A domain of the account's own, as the last check has found it."""

    id: Annotated[str, Meta(examples=["dom_3x6y0a7z5k2m9q4r8t1v"])]
    domain: Annotated[str, Meta(examples=["example.com"])]
    sending_status: SendingStatus
    receiving_status: ReceivingStatus
    verification_status: Annotated[SendingStatus, Meta(description="The same as `sendingStatus`.")]
    sending_dns_records: list[DnsRecordJson]
    receiving_dns_records: list[DnsRecordJson]
    dns_records: Annotated[list[DnsRecordJson], Meta(description="Both lists in one.")]
    sending_verified_at: Annotated[Timestamp | None, Meta(description="Since when; null: it is not verified.")]
    receiving_verified_at: Annotated[Timestamp | None, Meta(description="Since when; null: it is not verified.")]
    last_checked_at: Timestamp | None
    created_at: Timestamp


def domain_as_json(domain: Domain) -> DomainJson:
    records = [(record.purpose, _record_as_json(record)) for record in domain.records]
    sending = [shown for purpose, shown in records if purpose is not RecordPurpose.RECEIVING]
    receiving = [shown for purpose, shown in records if purpose is RecordPurpose.RECEIVING]
    return DomainJson(
        id=domain.id,
        domain=domain.name,
        sending_status=domain.sending,
        receiving_status=domain.receiving,
        verification_status=domain.sending,
        sending_dns_records=sending,
        receiving_dns_records=receiving,
        dns_records=sending + receiving,
        sending_verified_at=timestamp(domain.sending_verified_at) if domain.sending_verified_at else None,
        receiving_verified_at=timestamp(domain.receiving_verified_at) if domain.receiving_verified_at else None,
        last_checked_at=timestamp(domain.checked_at) if domain.checked_at else None,
        created_at=timestamp(domain.created_at),
    )


def _record_as_json(record: DnsRecord) -> DnsRecordJson:
    return DnsRecordJson(
        type=record.type,
        name=record.name,
        value=record.value,
        priority=record.priority,
        purpose=record.purpose,
        found=None if record.found is None else list(record.found),
        status=record.status,
    )
