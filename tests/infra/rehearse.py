"""`make rehearse`: the real package into an emulated AWS account, and the journeys through what was deployed there."""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.package import build, from_this_environment
from infra.stack import CommandFailed
from tests.infra.deployed_system import deployed
from tests.infra.full_emulator import ASKED_INSTEAD, NOT_DONE, NOT_HELD, NUMBERS, OWN_SETTINGS
from tests.infra.rehearsed_journeys import JOURNEYS, Rehearsal
from tests.journeys.receiver import receiving

ONLY_AWS = (
    "SES itself: whether mail arrives, its sandbox, its DNS",
    "IAM's own judgement: the emulator's stands for it",
    "alarms, traces, and the JSON into which Lambda puts what functions log",
    "API Gateway's throttling, Lambda's memory, every time-out, and how long anything takes",
)


def main() -> int:
    """The exit code."""
    began = time.monotonic()
    try:
        with TemporaryDirectory(prefix="rehearsal-") as scratch:
            rehearse(Path(scratch))
    except (AssertionError, CommandFailed) as error:
        print(f"\nThe rehearsal has failed: {error}", file=sys.stderr)
        return 1
    print(
        f"\nRehearsed in {time.monotonic() - began:.0f} seconds, with the code of every function running from the zip"
    )
    print("and with no rights but those of its role:")
    for name in JOURNEYS:
        print(f"  {name.replace('_', ' ')}: {getattr(Rehearsal, name).__doc__}")
    print("\nLeft out or done for the emulator (tests/infra/full_emulator.py):")
    for what, why in (NOT_HELD | NUMBERS | NOT_DONE | OWN_SETTINGS).items():
        print(f"  {what}: {why}")
    for what, (_, why) in ASKED_INSTEAD.items():
        print(f"  {what}: {why}")
    print("\nOnly AWS can show:")
    for what in ONLY_AWS:
        print(f"  {what}")
    return 0


def rehearse(scratch: Path) -> None:
    """Raises AssertionError at the first thing that is not as it should be."""
    print("Package: template and zip as `make package` builds them, for this machine instead of Lambda's")
    package = build(scratch / "package", from_this_environment)
    print(f"  {package.size:,} bytes, {package.files} files")
    print("Deploy: `make deploy` into an emulated account")
    (scratch / "account").mkdir()
    with receiving() as receiver, deployed(package, scratch / "account", say) as system:
        rehearsal = Rehearsal(system, receiver, waits_for_clock=True)
        for name in JOURNEYS:
            print(f"{name.replace('_', ' ').capitalize()}: {getattr(Rehearsal, name).__doc__}", flush=True)
            getattr(rehearsal, name)()


def say(line: str) -> None:
    if not line.endswith("create_in_progress"):  # each is told again when it is there
        print(f"  {line}".rstrip(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
