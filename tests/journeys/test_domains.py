"""A domain of one's own, on a laptop: added, set in the zone file, verified, and mail goes out and comes in."""

import json
import smtplib
from typing import Any

import pytest

from tests.journeys.system import Journey, RunningSystem, until

pytestmark = pytest.mark.xdist_group("journeys")

NAME = "example.com"


def _zone(system: RunningSystem) -> list[dict[str, Any]]:
    text = (system.data_dir / "zone.json").read_text(encoding="utf-8")
    records: list[dict[str, Any]] = json.loads(text)
    return records


def _write(system: RunningSystem, records: list[dict[str, Any]]) -> None:
    (system.data_dir / "zone.json").write_text(json.dumps(records, indent=2), encoding="utf-8")


def _is_refused(system: RunningSystem, address: str) -> bool:
    try:
        system.mail_in(b"Subject: Order\r\n\r\nTwo, please.\r\n", address)
    except smtplib.SMTPRecipientsRefused as refused:
        return [code for code, _ in refused.recipients.values()] == [550]
    return False


def test_a_domain_is_added_set_verified_and_used(journey: Journey, system: RunningSystem) -> None:
    client = journey.client
    domain = client.post("/domains", json={"domain": "Example.COM"}).json()
    assert (domain["domain"], domain["sendingStatus"], domain["receivingStatus"]) == (NAME, "pending", "pending")
    assert [record["type"] for record in domain["dnsRecords"]] == ["TXT", *["CNAME"] * 3, "MX", "TXT", "TXT", "MX"]
    path = f"/domains/{domain['id']}"

    # Before anything is set: looked for, and not found.
    missing = client.post(f"{path}/verify").json()
    assert {record["status"] for record in missing["dnsRecords"]} == {"missing"}
    refused = client.post("/inboxes", json={"address": f"sales@{NAME}"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "DOMAIN_NOT_VERIFIED")

    # The answer's records, put into the zone as they are.
    _write(system, domain["sendingDnsRecords"])
    sending = client.post(f"{path}/verify").json()
    assert (sending["sendingStatus"], sending["receivingStatus"]) == ("verified", "pending")
    inbox = client.post("/inboxes", json={"domainId": domain["id"], "address": "sales"}).json()
    assert (inbox["address"], inbox["domainId"]) == (f"sales@{NAME}", domain["id"])
    assert _is_refused(system, inbox["address"])

    _write(system, domain["dnsRecords"])
    verified = client.post(f"{path}/verify").json()
    assert (verified["verificationStatus"], verified["receivingStatus"]) == ("verified", "verified")
    assert {record["status"] for record in verified["dnsRecords"]} == {"verified"}
    events = client.get("/events", params={"types": "domain.verified"}).json()["data"]
    assert [event["data"]["domain"] for event in events if event["data"]["id"] == domain["id"]] == [NAME]

    # Out, to a simulated person who answers; and in, from a stranger.
    sent = client.post(
        f"/inboxes/{inbox['id']}/messages",
        json={"to": ["reply+thank-you@simulator.test"], "subject": "Hello", "bodyText": "Hi."},
    ).json()
    assert sent["fromAddress"] == inbox["address"]
    system.mail_in(b"Subject: Order\r\n\r\nTwo, please.\r\n", inbox["address"])

    def inbound() -> list[str]:
        page = client.get(f"/inboxes/{inbox['id']}/messages", params={"direction": "inbound"}).json()
        return sorted(message["subject"] for message in page["data"])

    until(inbound, lambda subjects: subjects == ["Order", "Re: Hello"])

    # With an inbox on it the domain stays; without one it goes, and takes no more mail.
    assert client.delete(path).json()["error"]["code"] == "DOMAIN_IN_USE"
    assert client.delete(f"/inboxes/{inbox['id']}").status_code == 204
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    assert _is_refused(system, inbox["address"])


def test_another_account_gets_nothing_of_a_name_whose_record_is_not_its_own(
    journey: Journey, system: RunningSystem
) -> None:
    client = journey.client
    mine = client.post("/domains", json={"domain": "example.org"}).json()
    _write(system, [*_zone(system), *mine["dnsRecords"]])
    assert client.post(f"/domains/{mine['id']}/verify").json()["sendingStatus"] == "verified"
    account = client.post("/accounts", json={"name": "Another", "email": "b@example.com"}).json()
    with system.client(account["apiKey"]) as other:
        theirs = other.post("/domains", json={"domain": "example.org"}).json()
        assert theirs["sendingDnsRecords"][0]["value"] != mine["sendingDnsRecords"][0]["value"]

        checked = other.post(f"/domains/{theirs['id']}/verify").json()
        assert (checked["sendingStatus"], checked["receivingStatus"]) == ("pending", "pending")
        refused = other.post("/inboxes", json={"address": "sales@example.org"}).json()
        assert refused["error"]["code"] == "DOMAIN_NOT_VERIFIED"
        unknown = other.get(f"/domains/{mine['id']}").json()["error"] | {"requestId": ""}
        assert unknown == other.get("/domains/dom_00000000000000000000").json()["error"] | {"requestId": ""}
        assert other.delete(f"/domains/{theirs['id']}").status_code == 204

    assert client.get(f"/domains/{mine['id']}").json()["sendingStatus"] == "verified"
