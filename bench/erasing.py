"""What large deletions cost: a thread and what has grown old go message by message, an inbox that is purged by whole items.

python -m bench.erasing
"""

import random
import time
from collections.abc import Callable
from typing import Any

from bench.meter import Count
from bench.prose import prose
from bench.rig import Rig, rig
from chalicelib.domain.erasure import Erasure
from chalicelib.wiring import operations

MESSAGES = 240
_BATCH = 10
_LUCK = random.Random(1)


def main() -> None:
    with rig() as running:
        print("| | a message: calls | write units | read units | seconds for 10,000 |\n|---|---|---|---|---|")
        inbox, thread = _filled(running, in_one_thread=True)
        _say("a thread", running, lambda: running.api("DELETE", f"/threads/{thread}"))
        inbox, _ = _filled(running, in_one_thread=False)
        _say("purging an inbox", running, lambda: running.api("DELETE", f"/inboxes/{inbox}?purge=true"))
        with running.meter.counting() as idle:
            operations().carry_out_erasures()
        print(f"\nA run with nothing to do: {len(idle.calls)} calls, {idle.read_units:.1f} read units.")


def _filled(running: Rig, *, in_one_thread: bool) -> tuple[str, str]:
    """An inbox with sent messages, and the thread of the last."""
    inbox = running.api("POST", "/inboxes", {})["id"]
    made: Any = None
    for _ in range(MESSAGES // _BATCH):
        for _ in range(_BATCH):
            body: dict[str, Any] = {"bodyText": prose(2_500, _LUCK)}
            if made is not None and in_one_thread:
                made = running.api("POST", f"/messages/{made['id']}/reply", body)
            else:
                body |= {"to": ["success@simulator.amazonses.com"], "subject": "Hello"}
                made = running.api("POST", f"/inboxes/{inbox}/messages", body)
        running.send(*running.jobs())
        running.notify(*running.take_events())
    return inbox, made["threadId"]


def _say(name: str, running: Rig, ask: Callable[[], Any]) -> None:
    began = time.perf_counter()
    with running.meter.counting() as count:
        ask()
        while any(_is_due(each) for each in operations()._erasures.due(operations().clock())):  # noqa: SLF001
            operations().carry_out_erasures()
    seconds = time.perf_counter() - began
    print(f"| {name} | {_figures(count)} | {seconds / MESSAGES * 10_000:.0f} |", flush=True)


def _is_due(erasure: Erasure) -> bool:
    return not erasure.stage.startswith("again")


def _figures(count: Count) -> str:
    return f"{len(count.calls) / MESSAGES:.1f} | {count.write_units / MESSAGES:.1f} | {count.read_units / MESSAGES:.1f}"


if __name__ == "__main__":
    main()
