"""Functions, the queues and schedules that start them, and what CloudWatch has counted of them in the last hour."""

from collections.abc import Iterator, Mapping
from functools import partial

from infra.checkup.deployed import Deployed, Resource
from infra.checkup.findings import fault, note, of_each, well_or
from infra.preflight import Finding


def functions(deployed: Deployed) -> Iterator[Finding]:
    """Each can run, and did in the last hour without failing as a whole."""
    found = deployed.of_type("AWS::Lambda::Function")
    faults = of_each(found, lambda each: f"the function {each.logical_id}", partial(_faults_of_function, deployed))
    yield from well_or(faults, f"{len(found)} functions can run")


def _faults_of_function(deployed: Deployed, function: Resource) -> Iterator[Finding]:
    client, name = deployed.connect("lambda"), function.name
    known = client.get_function_configuration(FunctionName=name)
    state, update = known.get("State", "Active"), known.get("LastUpdateStatus", "Successful")
    if state == "Failed":
        yield fault(
            f"{function.logical_id} cannot run: {known.get('StateReason', state)}",
            f"Mend what it names, then {deployed.deploy}",
        )
    elif state == "Pending" or update == "InProgress":
        yield note(f"{function.logical_id} is being changed right now")
    if update == "Failed":
        yield fault(
            f"the last change of {function.logical_id} failed, and the old code runs: "
            f"{known.get('LastUpdateStatusReason', update)}",
            f"Mend what it names, then {deployed.deploy}",
        )
    if client.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions") == 0:
        yield fault(
            f"{function.logical_id} was switched off: no run of it is permitted",
            f"aws lambda delete-function-concurrency --function-name {name}",
        )


def runs(deployed: Deployed) -> Iterator[Finding]:
    """What CloudWatch has counted of them in the last hour."""
    found = deployed.of_type("AWS::Lambda::Function")
    things = {each.logical_id: {"FunctionName": each.name} for each in found}
    errors = _counted(deployed, "Errors", things)
    throttles = _counted(deployed, "Throttles", things)
    faults = [
        fault(
            f"{logical_id} failed {count:.0f} times in an hour",
            f"aws logs tail {_log_group(deployed, logical_id)} --since 1h --filter-pattern ERROR\n"
            "says why; docs/operations.md#alarms, what it means.",
        )
        for logical_id, count in errors.items()
    ]
    faults += [
        fault(
            f"{logical_id} was throttled {count:.0f} times in an hour: no concurrency was left for it",
            "aws lambda get-account-settings\nshows what the account has; ask for more in the Service Quotas console.",
        )
        for logical_id, count in throttles.items()
    ]
    yield from well_or(faults, "no function failed or was throttled in an hour")


def mappings(deployed: Deployed) -> Iterator[Finding]:
    """Queues start their functions."""
    found = deployed.of_type("AWS::Lambda::EventSourceMapping")
    faults = of_each(found, lambda each: f"the event source {each.logical_id}", partial(_faults_of_mapping, deployed))
    yield from well_or(faults, f"{len(found)} queues start their functions")


def _faults_of_mapping(deployed: Deployed, mapping: Resource) -> Iterator[Finding]:
    known = deployed.connect("lambda").get_event_source_mapping(UUID=mapping.name)
    queue = known["EventSourceArn"].rpartition(":")[2]
    if known["State"] in ("Disabled", "Disabling"):
        yield fault(
            f"{queue} starts no function: its event source is switched off",
            f"aws lambda update-event-source-mapping --uuid {mapping.name} --enabled",
        )
    elif known["State"] not in ("Enabled", "Enabling", "Updating", "Creating"):
        yield fault(f"the event source of {queue} is {known['State']}", deployed.deploy)


def schedules(deployed: Deployed) -> Iterator[Finding]:
    """What has to be done every few minutes is."""
    found = deployed.of_type("AWS::Events::Rule")
    faults = of_each(found, lambda each: f"the schedule {each.logical_id}", partial(_faults_of_schedule, deployed))
    yield from well_or(faults, f"{len(found)} schedules are on")


def _faults_of_schedule(deployed: Deployed, rule: Resource) -> Iterator[Finding]:
    events = deployed.connect("events")
    if events.describe_rule(Name=rule.name)["State"] != "ENABLED":
        yield fault(f"the schedule {rule.logical_id} is switched off", f"aws events enable-rule --name {rule.name}")
    if not events.list_targets_by_rule(Rule=rule.name).get("Targets"):
        function = deployed.called(_function_of(rule, deployed))
        arn = deployed.connect("lambda").get_function_configuration(FunctionName=function)["FunctionArn"]
        yield fault(
            f"the schedule {rule.logical_id} starts nothing",
            f"aws events put-targets --rule {rule.name} --targets Id={rule.logical_id}LambdaTarget,Arn={arn}",
        )


def _function_of(rule: Resource, deployed: Deployed) -> str:
    """SAM calls the rule by the function's name and its event's."""
    names = [each.logical_id for each in deployed.of_type("AWS::Lambda::Function")]
    return max((name for name in names if rule.logical_id.startswith(name)), key=len)


def _counted(deployed: Deployed, metric: str, things: Mapping[str, Mapping[str, str]]) -> dict[str, float]:
    found = deployed.measured("AWS/Lambda", metric, "Sum", things)
    return {name: sum(values) for name, values in found.items() if sum(values)}


def _log_group(deployed: Deployed, function: str) -> str:
    name = "ApiHandler" if function == "APIHandler" else function
    return deployed.called(f"{name}LogGroup")
