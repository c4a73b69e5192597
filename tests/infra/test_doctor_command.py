"""`make doctor` as a person runs it: what the API, the table and the shell have to do with its findings."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError
from pynamodb.exceptions import QueryError

from chalicelib.domain.domain_records import DkimState, Identity, wanted_records
from chalicelib.domain.ids import AccountId
from chalicelib.domain.own_domain import Domain, DomainId, ReceivingStatus, SendingStatus
from chalicelib.settings import settings
from chalicelib.storage import tables
from chalicelib.wiring import forget_operations, operations
from embedded.data_folder import PROJECT
from embedded.template import read_template
from infra.checkup import receiving
from infra.checkup.api_answers import Answer, NoAnswer
from infra.checkup.deployed import Resource
from infra.checkup.flow import OLD_SECONDS
from infra.checkup.keeping import LIFECYCLE
from infra.checkup.kept import Kept, kept
from infra.checkup.sending import BOUNCE_RATE, COMPLAINT_RATE, EVENTS
from infra.doctor import main
from infra.preflight import Weight
from infra.self_test import EXPECTED, KEY_VARIABLE
from infra.stack import QUEUES
from tests.infra import breaking
from tests.infra.full_emulator import REGION
from tests.infra.healthy import DOMAIN, FOREIGN, STACK, STAGE, Sound
from tests.infra.simulated_api import KEY, SimulatedApi
from tests.storage.engines import NoTable

pytestmark = pytest.mark.xdist_group("package")  # one worker, which has built it


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (Answer(403, {"message": "Missing Authentication Token"}), "with 403, and not in our shape"),
        (Answer(502, None), "with 502, and not in our shape"),
        (Answer(500, {"error": {"code": "INTERNAL_ERROR", "requestId": "r"}}), "with 500 INTERNAL_ERROR"),
        (NoAnswer("no such host"), "gives no answer: no such host"),
    ],
)
def test_an_api_that_does_not_answer_as_ours_is_found(sound: Sound, answer: Answer | NoAnswer, what: str) -> None:
    def http(*_: Any) -> Answer:
        if isinstance(answer, NoAnswer):
            raise answer
        return answer

    (fault,) = replace(sound, http=http).faults()

    assert what in fault.what
    assert fault.fix


def test_what_the_table_says_is_compared_with_ses_and_with_dns(sound: Sound) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    records = wanted_records(
        Identity("mail.example.org", DkimState.SUCCESS, ("a", "b", "c"), "agentsend.mail.example.org", is_ours=True),
        "it",
        REGION,
    )
    domain = Domain(
        DomainId("dom_1"),
        AccountId("acc_1"),
        "mail.example.org",
        records,
        now,
        now,
        now,
        sending=SendingStatus.VERIFIED,
        receiving=ReceivingStatus.VERIFIED,
    )
    new = replace(domain, id=DomainId("dom_2"), sending=SendingStatus.PENDING, receiving=ReceivingStatus.PENDING)
    found = {(each.name, each.type.value): f"{each.priority or ''} {each.value}".strip() for each in records}
    known = replace(sound, kept=Kept({0: frozenset({"mail.example.org"})}, (domain, new), has_key=True))

    with breaking.in_zone(found)(sound), breaking.rules_of_accounts("mail.example.org")(sound):
        assert known.faults() == []
    del found["_agentsend.mail.example.org", "TXT"]
    with breaking.in_zone(found)(sound), breaking.rules_of_accounts("old.example.org")(sound):
        lacking, more, record = known.faults()

    assert "takes no mail in for mail.example.org" in lacking.what
    assert "for old.example.org, which no account receives for" in more.what
    assert lacking.fix == more.fix == f"make requeue STACK={STACK} brings every rule to what it should be."
    assert "mail.example.org (acc_1): TXT _agentsend.mail.example.org is missing" in record.what
    assert record.fix.startswith("Tell the account: it is to be it.")


def test_a_deployment_without_a_key_and_one_whose_table_cannot_be_read_are_found(sound: Sound) -> None:
    (fault,) = replace(sound, kept=Kept({}, (), has_key=False)).faults()
    assert fault.fix.startswith(f"make deploy STAGE={STAGE}")

    def reads(_deployed: object) -> Kept:
        refusal = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Query")
        raise QueryError("Failed to query", refusal)

    (finding,) = [each for each in replace(sound.doctor(), reads=reads)() if each.weight is Weight.FAULT]
    assert "may not be looked at: Query is refused" in finding.what


def test_a_rule_set_of_our_own_is_known_by_the_name_that_the_stack_has_for_it(sound: Sound) -> None:
    """As in AWS, where CloudFormation makes both."""
    named = {"ReceiptRuleSet": FOREIGN, "ReceiptRule": "agentsend"}
    resources = {each: Resource(each, f"AWS::SES::{each}", name) for each, name in named.items()}
    known = sound.deployed
    ours = replace(known, parameters={"MailDomain": DOMAIN}, resources={**known.resources, **resources})

    (in_set,), (own,) = list(receiving.rule_set(ours)), list(receiving.own_rule(ours))

    assert in_set.text == f"   ok  receipt rule set {FOREIGN} is active"
    assert own.text == f"   ok  a receipt rule takes mail for {DOMAIN}"


def test_name_servers_that_give_no_answer_are_found_for_each_record(sound: Sound) -> None:
    sound.zone.silent = True
    try:
        faults = sound.faults()
    finally:
        sound.zone.silent = False
    assert len(faults) == len(sound.zone.records)
    assert all(": found no answer (" in fault.what for fault in faults)


def test_another_package_than_that_of_this_checkout_is_a_note(sound: Sound, tmp_path: Path) -> None:
    for name in ("template.yaml", "deployment.zip"):
        (tmp_path / name).write_text("newer")

    (note,) = [each for each in replace(sound, built=tmp_path).findings() if each.weight is not Weight.FINE]

    assert note.weight is Weight.NOTE
    assert note.what.startswith("the package last built here is another one (")
    assert note.fix.startswith(f"make deploy STAGE={STAGE}")


def test_the_command_ends_with_the_number_of_findings_and_says_so_to_the_shell(
    sound: Sound, capsys: pytest.CaptureFixture[str]
) -> None:
    def run() -> int:
        return main(["--stage", STAGE], sound.world.connect, sound.zone, sound.http, lambda _: sound.kept)

    assert run() == 0
    assert capsys.readouterr().out.endswith("\nnothing is wrong\n")
    with breaking.account(SendingEnabled=False)(sound):
        assert run() == 1
    shown = capsys.readouterr().out
    assert "\nfault  SES has paused sending" in shown
    assert shown.endswith("\n1 finding\n")


def test_the_self_test_wants_a_key_and_is_part_of_the_verdict(
    sound: Sound, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run() -> int:
        arguments = ["--stage", STAGE, "--self-test", "--minutes", "0"]
        return main(arguments, sound.world.connect, sound.zone, api, lambda _: sound.kept)

    api = SimulatedApi()
    assert run() == 2
    assert "put a key that may send and manage into AGENTSEND_API_KEY" in capsys.readouterr().err
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    assert run() == 1  # after no time at all every mail is still queued
    assert capsys.readouterr().out.endswith(f"\n{len(EXPECTED)} findings\n")
    assert api.there == {}
    with breaking.unverified(sound):
        run()
    assert f"The self-test is for later, as SES has not verified {DOMAIN} yet." in capsys.readouterr().out


def test_what_is_in_the_table_is_read_with_the_settings_of_the_functions(sound: Sound) -> None:
    with patch.dict(os.environ, sound.world.account.variables):
        settings.cache_clear()
        forget_operations()
        try:
            nothing = kept(sound.deployed)
            operations().bootstrap("a_key_of_an_operator")
            operations().rule_names.add(3, "mail.example.org", 100)
            found = kept(sound.deployed)
        finally:
            settings.cache_clear()
            forget_operations()
            tables.connection()._client = cast("Any", NoTable())

    assert nothing == Kept({}, [], has_key=False)
    assert found == Kept({3: frozenset({"mail.example.org"})}, [], has_key=True)


def test_what_the_doctor_holds_against_the_deployment_is_what_the_template_makes() -> None:
    template = read_template(PROJECT / "infra" / "resources.yaml").resources
    assert {
        each.upper() for each in template["SesEventDestination"].properties["EventDestination"]["MatchingEventTypes"]
    } == {each.replace("_", "") for each in EVENTS}
    for queue in QUEUES.values():
        threshold = template[f"{queue}AgeAlarm"].properties["Threshold"]
        assert OLD_SECONDS.get(queue, 900) == threshold
    rules = template["MailBucket"].properties["LifecycleConfiguration"]["Rules"]
    assert {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules} == LIFECYCLE
    for name, limit in (("BounceRateAlarm", BOUNCE_RATE), ("ComplaintRateAlarm", COMPLAINT_RATE)):
        assert template[name].properties["Threshold"] == limit
