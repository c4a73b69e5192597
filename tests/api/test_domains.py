"""The doors of own domains: each field of the contract, refusals in words, repeats, and nothing of another account's."""

from typing import Any

import pytest

from chalicelib.domain.account import Scope
from chalicelib.domain.own_domain import RecordPurpose, new_domain_id
from tests.factories.accounts import make_caller
from tests.factories.api_events import ApiClient
from tests.fakes.operations import FakeOperations
from tests.operations.domain_world import ANNA, BERT, NAME, DomainWorld


@pytest.fixture
def world(fakes: FakeOperations) -> DomainWorld:
    """Real operations over fake stores behind the doors."""
    world = DomainWorld()
    fakes.caller = ANNA
    fakes.answers |= {
        "create_domain": world.create,
        "list_domains": world.list,
        "get_domain": world.get,
        "verify_domain": world.verify_domain,
        "delete_domain": world.delete,
        "create_inbox": world.create_inbox,
        "get_inbox": lambda number, _caller: world.inboxes.inboxes[number],
    }
    return world


def create(api: ApiClient, name: str = NAME) -> dict[str, Any]:
    answer = api.call("POST", "/domains", json_body={"domain": name})
    assert answer.status == 201, answer.body
    created: dict[str, Any] = answer.json
    return created


@pytest.mark.usefixtures("world")
def test_a_new_domain_shows_every_field_of_the_contract_and_each_record_to_set(api: ApiClient) -> None:
    created = create(api)
    ours = {"found": None, "status": "not_checked"}
    txt = {"type": "TXT", "priority": None} | ours
    proof = created["dnsRecords"][0]["value"]
    sending = [
        txt | {"name": "_agentsend.example.com", "value": proof, "purpose": "ownership"},
        *(
            {
                "type": "CNAME",
                "name": f"token{number}x1._domainkey.example.com",
                "value": f"token{number}x1.dkim.amazonses.com",
                "priority": None,
                "purpose": "dkim",
            }
            | ours
            for number in range(3)
        ),
        {
            "type": "MX",
            "name": "agentsend.example.com",
            "value": "feedback-smtp.eu-central-1.amazonses.com",
            "priority": 10,
            "purpose": "mail_from",
        }
        | ours,
        txt | {"name": "agentsend.example.com", "value": "v=spf1 include:amazonses.com ~all", "purpose": "spf"},
        txt | {"name": "_dmarc.example.com", "value": "v=DMARC1; p=none;", "purpose": "dmarc"},
    ]
    receiving = [
        {
            "type": "MX",
            "name": "example.com",
            "value": "inbound-smtp.eu-central-1.amazonaws.com",
            "priority": 10,
            "purpose": "receiving",
        }
        | ours
    ]

    assert proof.startswith("agentsend-verification=")
    assert created == {
        "id": created["id"],
        "domain": NAME,
        "sendingStatus": "pending",
        "receivingStatus": "pending",
        "verificationStatus": "pending",
        "sendingDnsRecords": sending,
        "receivingDnsRecords": receiving,
        "dnsRecords": sending + receiving,
        "sendingVerifiedAt": None,
        "receivingVerifiedAt": None,
        "lastCheckedAt": None,
        "createdAt": "2026-11-22T12:00:00.000Z",
    }
    assert api.call("GET", f"/domains/{created['id']}").json == created
    assert api.call("GET", "/domains").json == {"data": [created], "total": 1, "nextCursor": None}


def test_verifying_refreshes_both_statuses(api: ApiClient, world: DomainWorld) -> None:
    created = create(api)
    world.set(world.now_of(created["id"]))

    answer = api.call("POST", f"/domains/{created['id']}/verify")

    assert answer.status == 200
    shown = answer.json
    assert (shown["sendingStatus"], shown["verificationStatus"], shown["receivingStatus"]) == ("verified",) * 3
    assert shown["sendingVerifiedAt"] == shown["receivingVerifiedAt"] == shown["lastCheckedAt"] == created["createdAt"]
    assert {record["status"] for record in shown["dnsRecords"]} == {"verified"}
    assert shown["dnsRecords"][-1]["found"] == ["10 inbound-smtp.eu-central-1.amazonaws.com"]
    assert api.call("DELETE", f"/domains/{created['id']}").status == 204
    assert api.call("GET", f"/domains/{created['id']}").status == 404


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("ana@example.com", "is an address"),
        ("example", "has no dot"),
        ("exa mple.com", "has a space"),
        ("127.0.0.1", "is not a domain name"),
        ("*.example.com", "is not a domain name"),
        ("_dmarc.example.com", "is not a domain name"),
        ("example..com", "two dots in a row"),
        ("localhost", "has no dot"),
        ("printer.local", "reserved"),
        ("example.test", "reserved for tests"),
        ("mail.test", "reserved for tests"),
        ("email.amazonses.com", "belongs to Amazon"),
        ("a" * 64 + ".com", "63 characters"),
        (".".join(["a" * 60] * 4), "too long"),
        ("https://example.com", "is not a domain name"),
    ],
)
def test_what_is_no_domain_of_ones_own_is_refused_with_a_reason(api: ApiClient, name: str, says: str) -> None:
    answer = api.call("POST", "/domains", json_body={"domain": name})

    assert answer.status == 400
    assert says in answer.json["error"]["details"]["domain"][0]


def test_the_deployments_own_domain_is_nobodys_and_names_are_stored_as_ascii(
    api: ApiClient, world: DomainWorld
) -> None:
    for name in ("mail.acme.com", "sub.mail.acme.com"):
        world.create = type(world.create)(**{**vars(world.create), "mail_domain": "mail.acme.com"})
        with pytest.raises(Exception, match="belongs to this deployment"):
            world.add(ANNA, name)
    assert create(api, "Bücher.Example.")["domain"] == "xn--bcher-kva.example"


@pytest.mark.usefixtures("world")
def test_the_same_name_again_is_a_conflict_that_names_the_first(api: ApiClient) -> None:
    created = create(api)

    answer = api.call("POST", "/domains", json_body={"domain": NAME})

    assert (answer.status, answer.json["error"]["code"]) == (409, "DOMAIN_EXISTS")
    assert created["id"] in answer.json["error"]["fix"]


@pytest.mark.usefixtures("world")
def test_a_repeat_under_the_same_key_is_the_same_domain(api: ApiClient) -> None:
    key = {"Idempotency-Key": "once"}

    first = api.call("POST", "/domains", json_body={"domain": NAME}, headers=key)
    again = api.call("POST", "/domains", json_body={"domain": NAME}, headers=key)

    assert (first.status, again.status) == (201, 201)
    assert first.json == again.json
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_name_that_ses_does_not_take_is_a_bad_field(api: ApiClient, world: DomainWorld) -> None:
    world.ses.refused.add(NAME)

    answer = api.call("POST", "/domains", json_body={"domain": NAME})

    assert answer.status == 400
    assert answer.json["error"]["details"] == {"domain": ["is not what SES takes"]}


def test_another_accounts_id_gets_the_bytes_of_an_unknown_one(
    api: ApiClient, world: DomainWorld, fakes: FakeOperations
) -> None:
    created = create(api)
    fakes.caller = BERT
    unknown = new_domain_id()
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/verify")):
        answers = [api.call(method, f"/domains/{id_}{path}").body.replace(id_, "") for id_ in (created["id"], unknown)]
        assert len({_without_request_id(body) for body in answers}) == 1
    assert world.is_there(world.now_of(created["id"]))
    cursor = api.call("GET", "/domains").json
    assert cursor == {"data": [], "total": 0, "nextCursor": None}


def _without_request_id(body: str) -> str:
    head, _, tail = body.partition('"requestId":"')
    return head + tail.partition('"')[2]


@pytest.mark.usefixtures("world")
def test_domains_are_listed_newest_first_a_part_at_a_time(api: ApiClient) -> None:
    names = [f"example{number}.com" for number in range(5)]
    for name in names:
        create(api, name)

    first = api.call("GET", "/domains?limit=2").json
    rest = api.call("GET", f"/domains?limit=10&cursor={first['nextCursor']}").json

    assert [each["domain"] for each in first["data"] + rest["data"]] == names[::-1]
    assert (first["total"], rest["nextCursor"]) == (5, None)
    assert [each["domain"] for each in api.call("GET", "/domains?offset=4").json["data"]] == names[:1]


@pytest.mark.usefixtures("world")
def test_a_key_that_is_bound_to_inboxes_changes_no_domain(api: ApiClient, fakes: FakeOperations) -> None:
    created = create(api)
    fakes.caller = make_caller(inbox_numbers=frozenset({7}))

    assert api.call("POST", "/domains", json_body={"domain": "example.org"}).status == 403
    assert api.call("DELETE", f"/domains/{created['id']}").status == 403
    assert api.call("GET", f"/domains/{created['id']}").status == 200


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(("scope", "allowed"), [(Scope.READ, False), (Scope.SEND, False), (Scope.MANAGE, True)])
def test_changing_takes_the_scope_manage(
    api: ApiClient,
    fakes: FakeOperations,
    scope: Scope,
    allowed: bool,  # noqa: FBT001 - a table's column
) -> None:
    fakes.caller = make_caller(scopes=frozenset({scope}))

    assert api.call("POST", "/domains", json_body={"domain": NAME}).status == (201 if allowed else 403)


def test_an_inbox_on_a_domain_shows_it_and_keeps_it(api: ApiClient, world: DomainWorld) -> None:
    created = create(api)
    wish = {"domainId": created["id"], "address": "sales"}
    refused = api.call("POST", "/inboxes", json_body=wish)
    world.set(world.now_of(created["id"]), *RecordPurpose)
    api.call("POST", f"/domains/{created['id']}/verify")
    inbox = api.call("POST", "/inboxes", json_body=wish)
    kept = api.call("DELETE", f"/domains/{created['id']}")

    assert (refused.status, refused.json["error"]["code"]) == (400, "DOMAIN_NOT_VERIFIED")
    assert refused.json["error"]["details"] == {"domainId": ["the domain example.com is not verified"]}
    assert (inbox.status, inbox.json["domainId"], inbox.json["address"]) == (201, created["id"], f"sales@{NAME}")
    assert (kept.status, kept.json["error"]["code"]) == (409, "DOMAIN_IN_USE")
    assert kept.json["error"]["message"].startswith("1 inbox lives on example.com")
    malformed = api.call("POST", "/inboxes", json_body={"domainId": "dom_1"})
    unknown = api.call("POST", "/inboxes", json_body={"domainId": new_domain_id()})
    assert (malformed.status, unknown.status) == (404, 404)
