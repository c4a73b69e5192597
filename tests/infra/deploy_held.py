"""`make deploy` of a built package into an emulated account, in a process of its own: it makes that process the deployment's.

python -m tests.infra.deploy_held TEMPLATE ZIP STAGE DOMAIN RULE_SET
"""

import sys
import zipfile
from pathlib import Path

from infra import change_set
from infra.deploy import Deploy, Wish
from infra.package import Package
from infra.stack import CommandFailed, connect

LOOK_SECONDS = 0.2  # the emulator has done in a moment what takes AWS minutes


def main(template: str, code: str, stage: str, domain: str, rule_set: str) -> int:
    """The exit code."""
    change_set.LOOK_SECONDS = LOOK_SECONDS
    wish = Wish(stage, domain, {"Delivery": "email"}, rule_set=rule_set, asks=False)
    with zipfile.ZipFile(code) as archive:
        package = Package(Path(template), Path(code), len(archive.namelist()))
    try:
        Deploy(wish, connect, connect("sts").meta.region_name, _say, lambda _: True, lambda: package)()
    except CommandFailed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
