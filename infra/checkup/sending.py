"""Whether SES sends: the AWS account's standing and quota, and the configuration set that tells what became of mail."""

from collections.abc import Iterator, Mapping
from typing import Any

from infra.checkup.deployed import Deployed
from infra.checkup.findings import as_json, fault, note, well_or
from infra.preflight import Finding

DESTINATION = "delivery-notifications"
EVENTS = frozenset({"SEND", "REJECT", "BOUNCE", "COMPLAINT", "DELIVERY", "DELIVERY_DELAY", "RENDERING_FAILURE"})
"""The event destination and its events, as in infra/resources.yaml."""
# Where the alarms stand: SES looks at an account at 5 % and 0.1 %.
BOUNCE_RATE, COMPLAINT_RATE = 0.04, 0.0008
QUOTA_SHARE = 0.8  # of the day's mails, from which on it is tight
BATCH_A_SECOND = 20  # mails that one batch of the sender hands over at the least: ten side by side, twice a second
_CONSOLE = "SES console, Account dashboard"


def account(deployed: Deployed) -> Iterator[Finding]:
    found = deployed.connect("sesv2").get_account()
    quota = found["SendQuota"]
    yield from well_or(
        _faults_of_account(found, deployed),
        f"SES sends {quota['MaxSendRate']:g} a second, and {quota['SentLast24Hours']:,.0f} of "
        f"{quota['Max24HourSend']:,.0f} were sent in 24 hours",
    )


def _faults_of_account(found: Mapping[str, Any], deployed: Deployed) -> Iterator[Finding]:
    quota = found["SendQuota"]
    most, sent, rate = quota["Max24HourSend"], quota["SentLast24Hours"], quota["MaxSendRate"]
    if not found["ProductionAccessEnabled"]:
        yield fault(
            f"SES is in its sandbox: {most:.0f} mails a day, and only to verified addresses and its own simulator",
            f"Ask for production access: {_CONSOLE}.",
        )
    if not found["SendingEnabled"]:
        yield fault(
            "SES has paused sending of this AWS account; messages wait as queued, for 24 hours at most",
            f"{_CONSOLE} says why. Paused by hand: aws sesv2 put-account-sending-attributes --sending-enabled",
        )
    standing = found.get("EnforcementStatus", "HEALTHY")
    if standing != "HEALTHY":
        yield fault(
            f"SES has put this AWS account under {standing.lower()}", f"{_CONSOLE} says what SES wants; answer it."
        )
    if most > 0 and sent >= QUOTA_SHARE * most:  # -1: no limit
        yield fault(
            f"{sent:,.0f} of {most:,.0f} mails of 24 hours are sent; what is over waits as queued, for 24 hours at most",
            "Ask for more: Service Quotas console, Amazon SES, Sending quota.",
        )
    batches = int(deployed.parameters.get("SenderConcurrency", "0"))
    if batches and rate > batches * BATCH_A_SECOND:
        wanted = -(-int(rate) // BATCH_A_SECOND)
        yield note(
            f"SES permits {rate:g} a second, and {batches} batches at once may not keep up with it",
            f'{deployed.deploy} ARGS="--parameter SenderConcurrency={wanted}"',
        )
    if not deployed.sends_for_real:
        yield note(
            "this deployment is a dry run: no mail is handed to SES",
            f'{deployed.deploy} ARGS="--parameter Delivery=email" ends that.',
        )


def reputation(deployed: Deployed) -> Iterator[Finding]:
    """Of the whole AWS account, as SES tells it to CloudWatch; it is quiet about one that has hardly sent."""
    rates: dict[str, float] = {}
    for name in ("BounceRate", "ComplaintRate"):
        values = deployed.measured("AWS/SES", f"Reputation.{name}", "Average", {name: {}}, hours=24)[name]
        if values:
            rates[name] = values[0]
    faults = [
        fault(
            f"{rates[name]:.2%} of this AWS account's mail {what}; SES reviews an account at {reviewed}, and may stop it",
            "GET /account/usage says whose it is; stop that inbox or account (docs/operations.md#alarms).",
        )
        for name, limit, what, reviewed in (
            ("BounceRate", BOUNCE_RATE, "bounces", "5 %"),
            ("ComplaintRate", COMPLAINT_RATE, "is complained of", "0.1 %"),
        )
        if rates.get(name, 0) > limit
    ]
    shown = ", ".join(f"{name} {rate:.2%}" for name, rate in rates.items()) or "SES tells no rates yet"
    yield from well_or(faults, f"reputation of the AWS account: {shown}")


def configuration_set(deployed: Deployed) -> Iterator[Finding]:
    name = deployed.called("SesConfigurationSet")
    sesv2 = deployed.connect("sesv2")
    found = sesv2.get_configuration_set(ConfigurationSetName=name)
    destinations = sesv2.get_configuration_set_event_destinations(ConfigurationSetName=name).get(
        "EventDestinations", []
    )
    faults = [*_faults_of_set(found, name), *_faults_of_destination(destinations, deployed)]
    yield from well_or(faults, f"configuration set {name} sends, and tells of every event")


def _faults_of_set(found: Mapping[str, Any], name: str) -> Iterator[Finding]:
    reasons = found.get("SuppressionOptions", {}).get("SuppressedReasons")
    if reasons != []:
        list_ = " and ".join(reasons or ()) or "what the AWS account says"
        yield fault(
            f"the configuration set {name} keeps AWS's own suppression list ({list_}): one tenant's bounce stops the others",
            f"aws sesv2 put-configuration-set-suppression-options --configuration-set-name {name} --suppressed-reasons '[]'",
        )
    if not found.get("SendingOptions", {}).get("SendingEnabled", True):
        yield fault(
            f"sending is switched off for the configuration set {name}",
            f"aws sesv2 put-configuration-set-sending-options --configuration-set-name {name} --sending-enabled",
        )


def _faults_of_destination(destinations: list[dict[str, Any]], deployed: Deployed) -> Iterator[Finding]:
    name, topic = deployed.called("SesConfigurationSet"), deployed.called("DeliveryNotificationTopic")
    known = next((each for each in destinations if each["Name"] == DESTINATION), None)
    wanted = {"Enabled": True, "MatchingEventTypes": sorted(EVENTS), "SnsDestination": {"TopicArn": topic}}
    verb = "create" if known is None else "update"
    fix = (
        f"aws sesv2 {verb}-configuration-set-event-destination --configuration-set-name {name} "
        f"--event-destination-name {DESTINATION} --event-destination {as_json(wanted)}"
    )
    if known is None:
        yield fault("SES tells nobody what became of mail: the event destination is gone", fix)
    elif not known.get("Enabled"):
        yield fault("SES tells nobody what became of mail: the event destination is switched off", fix)
    elif known.get("SnsDestination", {}).get("TopicArn") != topic:
        yield fault("SES tells somebody else what became of mail: the event destination has another topic", fix)
    elif missing := EVENTS - set(known["MatchingEventTypes"]):
        yield fault(f"SES does not tell of {', '.join(sorted(missing))}", fix)
