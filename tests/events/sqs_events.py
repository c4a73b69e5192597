"""SQS events as Lambda hands them over: the recorded one, with the bodies a test wants."""

import json
from pathlib import Path
from typing import Any

SAMPLE = Path(__file__).parent.parent / "samples" / "lambda_events" / "sqs_event.json"


def recorded_event() -> dict[str, Any]:
    event: dict[str, Any] = json.loads(SAMPLE.read_bytes())
    return event


def sqs_event(*bodies: str) -> dict[str, Any]:
    """One record for each body; its messageId is `record-0`, `record-1` …"""
    pattern = recorded_event()["Records"][0]
    return {
        "Records": [pattern | {"messageId": f"record-{number}", "body": body} for number, body in enumerate(bodies)]
    }


def failures(*numbers: int) -> dict[str, Any]:
    """The answer that sends these records back to the queue (Lambda guide: partial batch responses)."""
    return {"batchItemFailures": [{"itemIdentifier": f"record-{number}"} for number in numbers]}
