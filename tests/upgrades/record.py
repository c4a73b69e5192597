"""`python -m tests.upgrades.record NAME`: record what this version stores, for later ones to be tested on.

Run it before the first change of a stored format after a release, and never over what is there: docs/upgrading.md.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.wiring import metrics
from embedded.data_folder import DataFolder
from embedded.emulated_aws import EmulatedAws
from tests.privacy.marked_world import MarkedDeployment
from tests.storage.engines import Engine
from tests.upgrades.life import jobs, live
from tests.upgrades.looks import read_jobs, seen
from tests.upgrades.stored_state import FOLDER, StoredState


def record(deployment: MarkedDeployment) -> StoredState:
    life = live(deployment)
    notes = {
        "now": deployment.clock().isoformat(),
        "account": life.tenant.account_id,
        "key": life.tenant.key,
        "made": life.tenant.made,
        "names": life.names,
    }
    bodies = jobs(life)
    state = StoredState.of(deployment, bodies, notes, {})
    return replace(state, seen=seen(deployment, notes) | {"jobs": read_jobs(bodies)})


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    metrics().write = lambda _line: None
    folder = FOLDER / sys.argv[1]
    if folder.exists():
        sys.exit(f"{folder} is there. What a version has stored is not recorded anew: give it another name.")
    with tempfile.TemporaryDirectory() as scratch, pytest.MonkeyPatch.context() as patch:
        aws = EmulatedAws(DataFolder(Path(scratch)), {})
        endpoints: dict[str, str] = {}
        try:
            aws.start()
            aws.wait_until_ready(endpoints)
            engine = Engine(endpoints)
            with engine.fresh_table(patch):
                state = record(MarkedDeployment(engine, patch))
        finally:
            aws.stop()
    state.write(folder)
    sys.stdout.write(
        f"{folder}: {len(state.items)} items, {len(state.objects)} objects, {len(state.records)} records in queues\n"
    )


if __name__ == "__main__":
    main()
