"""`make doctor` against an emulated account: a sound deployment, and every piece broken once and found alone."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from infra import doctor
from infra.checkup.deployed import Deployed
from infra.checkup.kept import Kept
from infra.checkup.sending import EVENTS
from infra.doctor import Doctor, main
from infra.preflight import Weight
from tests.infra import breaking
from tests.infra.breaking import Way
from tests.infra.full_emulator import REGION
from tests.infra.healthy import DOMAIN, FOREIGN, STACK, STAGE, Sound

pytestmark = pytest.mark.xdist_group("package")  # one worker, which has built it


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
    "stopped before ours": (
        breaking.stopped_by(),
        "stops stands before our receipt rule agentsend",
        f"aws ses set-receipt-rule-position --rule-set-name {FOREIGN} --rule-name agentsend",
    ),
    "stopped for a subdomain": (breaking.stopped_by(".example.com"), "ends with a stop", "This puts ours first"),
    "stopped for an address": (breaking.stopped_by(f"one@{DOMAIN}"), "ends with a stop", "This puts ours first"),
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
    "function failed": (
        breaking.of_erasing(State="Failed", StateReason="no such image"),
        "Erasing cannot run: no such image",
        f"make deploy STAGE={STAGE}",
    ),
    "old code": (breaking.of_erasing(LastUpdateStatus="Failed"), "the old code runs", f"make deploy STAGE={STAGE}"),
    "mapping off": (breaking.mapping_off, "starts no function", "update-event-source-mapping --uuid"),
    "schedule off": (breaking.schedule_off, "ErasingErasingEvent is switched off", "aws events enable-rule"),
    "schedule of nothing": (
        breaking.changed("events", "list_targets_by_rule", breaking.none_of_erasing),
        "ErasingErasingEvent starts nothing",
        "aws events put-targets --rule",
    ),
    "alarm tells nobody": (
        breaking.alarm_is_silent,
        "HousekeepingAlarm tells nobody",
        "aws cloudwatch enable-alarm-actions --alarm-names",
    ),
    "drifted": (
        breaking.changed("cloudformation", "describe_stacks", breaking.drifted),
        "was changed by hand",
        "describe-stack-resource-drifts",
    ),
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


@pytest.mark.parametrize(
    "way",
    [
        breaking.stopped_by("else.example.com"),
        breaking.stopped_by(is_on=False),
        breaking.stopped_by(stands_last=True),
    ],
    ids=["for other mail", "switched off", "after ours"],
)
def test_a_stop_that_keeps_no_mail_from_us_is_no_finding(sound: Sound, way: Way) -> None:
    with way(sound):
        assert sound.faults() == []


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

    findings = list(Doctor(STAGE, REGION, connect, sound.zone, sound.http, reads, sound.built)())

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
