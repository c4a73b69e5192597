"""The alarms of the stack: which of them ring, and which cannot."""

from collections.abc import Iterator

from infra.checkup.deployed import Deployed
from infra.checkup.findings import fault, well_or
from infra.preflight import Finding

AT_ONCE = 100  # names in one question (CloudWatch API Reference, DescribeAlarms)


def alarms(deployed: Deployed) -> Iterator[Finding]:
    wanted = {each.name: each.logical_id for each in deployed.of_type("AWS::CloudWatch::Alarm")}
    names, found = list(wanted), []
    for first in range(0, len(names), AT_ONCE):
        page = names[first : first + AT_ONCE]
        answer = deployed.connect("cloudwatch").describe_alarms(AlarmNames=page, MaxRecords=AT_ONCE)
        found += answer.get("MetricAlarms", [])
    faults = []
    for alarm in found:
        logical_id = wanted[alarm["AlarmName"]]
        if alarm["StateValue"] == "ALARM":
            faults.append(
                fault(
                    f"{logical_id} rings: {alarm.get('AlarmDescription', '').partition(';')[0]}",
                    f"docs/operations.md#alarms, {logical_id}. CloudWatch says: {alarm.get('StateReason', '')}",
                )
            )
        if not alarm.get("ActionsEnabled", True):
            faults.append(
                fault(
                    f"{logical_id} tells nobody: its actions are switched off",
                    f"aws cloudwatch enable-alarm-actions --alarm-names {alarm['AlarmName']}",
                )
            )
    gone = sorted(
        logical_id for name, logical_id in wanted.items() if name not in {each["AlarmName"] for each in found}
    )
    if gone:
        faults.append(
            fault(
                f"deleted by hand, which CloudFormation does not notice: {', '.join(gone)}",
                'docs/operations.md, "What was deleted by hand"',
            )
        )
    yield from well_or(faults, f"{len(wanted)} alarms are quiet")
