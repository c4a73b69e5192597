"""Dynoxide, the table engine: where it is found, and how it is started."""

import os
import platform
import shutil
import sys
from pathlib import Path

from embedded.data_folder import PROJECT

VERSION = "1.2.1"
TOOLS = PROJECT / ".embedded" / "tools"
READY_LINE = r"listening on (http://\S+)"

# The packages on the npm registry, and the SHA-512 of each tarball as the registry's `dist.integrity` gives it.
PACKAGES = {
    ("linux", "x86_64"): (
        "@dynoxide/linux-x64",
        "sBHqlxJ9ANkLluFkYRfd5r8Y0ApFew4FhOrlhgRAgD4XzEoFOukEo1nuBTQ1+jTtofqwn4NWQ2k0Tn5mNTjgUg==",
    ),
}


def package() -> tuple[str, str] | None:
    """This machine's package and its checksum; None where there is none that we know."""
    return PACKAGES.get((sys.platform, platform.machine()))


def installed_path() -> Path:
    """Where `make setup` puts it."""
    return TOOLS / f"dynoxide-{VERSION}"


def find() -> Path | None:
    """The program that `make setup` fetched, or one on the PATH."""
    if os.access(installed_path(), os.X_OK):
        return installed_path()
    found = shutil.which("dynoxide")
    return Path(found) if found else None


def command(program: Path, table_file: Path, port: int) -> list[str]:
    return [str(program), "--host", "127.0.0.1", "--port", str(port), "--db-path", str(table_file)]
