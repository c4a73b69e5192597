"""`make doctor` against an emulated account: a sound deployment, and every piece broken once and found alone."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from samtranslator.yaml_helper import yaml_parse

from chalicelib.domain.domain_records import DkimState, Identity, wanted_records
from chalicelib.domain.ids import AccountId
from chalicelib.domain.own_domain import Domain, DomainId, ReceivingStatus, SendingStatus
from chalicelib.settings import settings
from chalicelib.storage import tables
from chalicelib.wiring import forget_operations, operations
from embedded.data_folder import PROJECT
from embedded.template import read_template
from infra import change_set, doctor
from infra.checkup.api_answers import Answer, NoAnswer
from infra.checkup.deployed import Deployed
from infra.checkup.flow import OLD_SECONDS
from infra.checkup.keeping import LIFECYCLE
from infra.checkup.kept import Kept, kept
from infra.checkup.sending import BOUNCE_RATE, COMPLAINT_RATE, EVENTS
from infra.doctor import Doctor, main
from infra.package import Package
from infra.preflight import Weight
from infra.self_test import EXPECTED, KEY_VARIABLE
from infra.stack import QUEUES
from tests.infra import breaking
from tests.infra.breaking import Way
from tests.infra.full_emulator import REGION, Account, held, running
from tests.infra.healthy import DOMAIN, FOREIGN, NOT_HANDED_ON, STACK, STAGE, Sound, deploy
from tests.infra.simulated_api import KEY, SimulatedApi
from tests.storage.engines import NoTable

pytestmark = pytest.mark.xdist_group("package")  # one worker, which has built it


@pytest.fixture(scope="module")
def sound(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sound]:
    """Deployed once; what a test breaks it puts back. What the emulator leaves out is seen first, then mended."""
    folder = tmp_path_factory.mktemp("sound")
    with pytest.MonkeyPatch.context() as fast, running(folder) as url:
        fast.setattr(change_set, "LOOK_SECONDS", 0.1)
        fast.setattr("infra.deploy.first_key", lambda _stack, _show: False)
        fast.delenv(KEY_VARIABLE, raising=False)
        found = deploy(Account(url, "222222222222"), held(yaml_parse(package.template.read_text("utf-8"))), folder)
        at_first = [fault.what for fault in found.faults()]
        assert len(at_first) == len(NOT_HANDED_ON), at_first
        assert all(any(words in what for what in at_first) for words in NOT_HANDED_ON)
        found.mend()
        yield found
        assert found.faults() == []


def test_a_sound_deployment_gives_no_finding(sound: Sound) -> None:
    findings = sound.findings()

    assert [each.text for each in findings if each.weight is not Weight.FINE] == []
    assert len(findings) >= len(doctor.PIECES)
    assert "account 222222222222" in findings[0].what


QUOTA = {"Max24HourSend": 1000.0, "MaxSendRate": 14.0, "SentLast24Hours": 900.0}
BROKEN: dict[str, tuple[Way, str, str]] = {
    "rolled back": (
        breaking.stack_is("UPDATE_ROLLBACK_COMPLETE"),
        "failed and was taken back",
        f"make deploy STAGE={STAGE} DOMAIN={DOMAIN}",
    ),
    "stuck": (
        breaking.stack_is("UPDATE_ROLLBACK_FAILED"),
        "is UPDATE_ROLLBACK_FAILED",
        f"continue-update-rollback --stack-name {STACK}",
    ),
    "sandbox": (breaking.account(ProductionAccessEnabled=False), "in its sandbox", "production access"),
    "paused": (
        breaking.account(SendingEnabled=False),
        "SES has paused",
        "put-account-sending-attributes --sending-enabled",
    ),
    "probation": (breaking.account(EnforcementStatus="PROBATION"), "under probation", "says what SES wants"),
    "quota": (breaking.account(SendQuota=QUOTA), "900 of 1,000 mails", "Sending quota"),
    "bounces": (
        breaking.measured("Reputation.BounceRate", 0.06),
        "6.00% of this AWS account's mail bounces",
        "/account/usage",
    ),
    "suppressing": (breaking.suppressing, "AWS's own suppression list (BOUNCE)", "--suppressed-reasons '[]'"),
    "set off": (breaking.sending_off, "switched off for the configuration set", "--sending-enabled"),
    "destination off": (
        breaking.destination(Enabled=False),
        "destination is switched off",
        "update-configuration-set-event-dest",
    ),
    "destination elsewhere": (
        breaking.destination(SnsDestination={"TopicArn": "arn:x"}),
        "another topic",
        '"TopicArn": "arn:aws:sns',
    ),
    "events": (
        breaking.destination(MatchingEventTypes=[*EVENTS - {"BOUNCE"}]),
        "does not tell of BOUNCE",
        "MatchingEventTypes",
    ),
    "foreign rule set": (breaking.another_rule_set, "rule set newer is active", "--rule-set newer"),
    "no rule set": (
        breaking.no_rule_set,
        "no receipt rule set is active",
        f"set-active-receipt-rule-set --rule-set-name {FOREIGN}",
    ),
    "rule off": (breaking.rule(Enabled=False), "our receipt rule is switched off", "aws ses update-receipt-rule"),
    "rule wider": (
        breaking.rule(Recipients=[DOMAIN, "else.example.com"]),
        "rule is for agents.example.com, else",
        '"Recipients": ["',
    ),
    "dkim": (
        breaking.identity("DkimAttributes", Status="FAILED"),
        "given up looking for the DKIM",
        "dkim-signing-attributes",
    ),
    "mail from": (
        breaking.identity("MailFromAttributes", MailFromDomainStatus="PENDING"),
        "(PENDING): SPF",
        "make dns-check",
    ),
    "record": (
        breaking.record_gone,
        f"MX {DOMAIN}: found nothing",
        "Set it to 10 inbound-smtp.us-east-1.amazonaws.com",
    ),
    "dead letter": (
        breaking.dead_letter("SendDeadLetters"),
        "1 dead letter of SendQueue",
        f"make redrive STACK={STACK} QUEUE=send",
    ),
    "schedule's letter": (
        breaking.dead_letter("ScheduleDeadLetters"),
        "1 runs of schedules failed",
        "aws sqs purge-queue",
    ),
    "age": (
        breaking.measured("ApproximateAgeOfOldestMessage", 3600.0, 0.0),
        "in SendQueue waits for 60 minutes",
        "SendQueueSender",
    ),
    "function off": (breaking.switched_off, "Erasing was switched off", "aws lambda delete-function-concurrency"),
    "errors": (breaking.measured("Errors", 2.0, 1.0), "APIHandler failed 3 times", "/APIHandler --since 1h"),
    "throttles": (breaking.measured("Throttles", 5.0), "APIHandler was throttled 5 times", "Service Quotas"),
    "mapping off": (breaking.mapping_off, "starts no function", "update-event-source-mapping --uuid"),
    "schedule off": (breaking.schedule_off, "ErasingErasingEvent is switched off", "aws events enable-rule"),
    "alarm": (breaking.alarm_rings, "HousekeepingAlarm rings: Housekeeping fails", "docs/operations.md#alarms"),
    "protection": (breaking.unprotected, "can be deleted with one call", "--deletion-protection-enabled"),
    "recovery": (breaking.unrecoverable, "point-in-time recovery is off", "PointInTimeRecoveryEnabled=true"),
    "public": (breaking.public, "may be made public", "put-public-access-block"),
    "mail dropped": (
        breaking.changed("s3", "get_bucket_lifecycle_configuration", breaking.dropping_mail),
        "drops mail",
        "take it out",
    ),
    "gone": (
        breaking.refused("dynamodb", "describe_table", "DescribeTable", "ResourceNotFoundException"),
        "the table is gone",
        "deleted by hand",
    ),
    "not permitted": (
        breaking.refused("dynamodb", "describe_time_to_live", "DescribeTimeToLive"),
        "the table may not be looked at",
        "may DescribeTimeToLive",
    ),
    "busy": (
        breaking.refused("cloudwatch", "describe_alarms", "DescribeAlarms", "Throttling"),
        "the alarms cannot be looked at: Throttling",
        "again",
    ),
}


@pytest.mark.parametrize("piece", BROKEN)
def test_what_is_broken_is_found_alone_and_its_fix_is_told(sound: Sound, piece: str) -> None:
    breaks, what, fix = BROKEN[piece]

    with breaks(sound):
        faults = sound.faults()

    assert [what in fault.what for fault in faults] == [True], [fault.text for fault in faults]
    assert fix in faults[0].fix


@pytest.mark.parametrize(
    ("way", "what", "fix"),
    [
        (breaking.subscribers(), "Topic does not tell", "aws sns subscribe --topic-arn"),
        (
            breaking.subscription(RawMessageDelivery="false"),
            "wraps what it tells",
            "RawMessageDelivery --attribute-value true",
        ),
        (breaking.subscription(RedrivePolicy=""), "cannot deliver to", "RedrivePolicy --attribute-value"),
    ],
)
def test_each_topic_that_does_not_tell_its_queue_is_found(sound: Sound, way: Way, what: str, fix: str) -> None:
    with way(sound):
        faults = sound.faults()

    assert len(faults) == 2
    assert all(what in fault.what and fix in fault.fix for fault in faults)


def test_who_has_not_confirmed_is_named_and_that_nobody_is_told_is_a_note(sound: Sound) -> None:
    waiting = {"SubscriptionArn": "PendingConfirmation", "Endpoint": "ops@example.com", "Protocol": "email"}
    with breaking.subscribers(waiting)(sound):
        assert any("ops@example.com has not confirmed" in fault.what for fault in sound.faults())
    with breaking.subscribers()(sound):
        (note,) = [each for each in sound.findings() if each.weight is Weight.NOTE]
    assert note.what == "nobody is told of alarms"
    assert "--alarm-email" in note.fix


def test_what_may_not_be_looked_at_is_a_finding_for_each_piece_and_never_a_crash(sound: Sound) -> None:
    """Credentials that may do nothing but see the stack."""
    sees = {"sts", "cloudformation"}

    class Closed:
        def __getattr__(self, name: str) -> Any:
            def refuse(*_: Any, **__: Any) -> Any:
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, name)

            return refuse

    def connect(service: str) -> Any:
        return sound.world.connect(service) if service in sees else Closed()

    def reads(_deployed: Deployed) -> Kept:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Query")

    findings = list(Doctor(STAGE, REGION, connect, sound.zone, sound.http, reads)())

    fine = [each.what for each in findings if each.weight is not Weight.FAULT]
    assert [what.split()[0] for what in fine] == ["account", "the", "package", "the"]  # identity, stack, package, API
    faults = [each for each in findings if each.weight is Weight.FAULT]
    assert len(faults) >= len(doctor.PIECES) - 3
    assert all("may not be looked at" in fault.what and "credentials that may" in fault.fix for fault in faults)


def test_no_way_to_aws_is_told_and_so_is_a_stack_that_is_not_there(
    sound: Sound, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreached(*_: Any, **__: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="https://sqs")

    with sound.world.answering("sqs", "get_queue_attributes", unreached):
        assert any("Look whether this machine reaches AWS" in fault.fix for fault in sound.faults())
    assert main(["--stage", "other"], sound.world.connect, sound.zone, sound.http) == 1
    assert "There is no stack agentsend-other in us-east-1. Check STAGE" in capsys.readouterr().err


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
