"""Fetches Dynoxide, the table engine, with npm, and checks that it is what was pinned. Standard library only."""

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from embedded import dynoxide

_FALLBACK = "the table runs on ministack instead: slower, otherwise the same"
_TIMEOUT_SECONDS = 180


def fetch_dynoxide() -> str:
    """Put the program where embedded/dynoxide.py finds it; a line that tells how it went."""
    if dynoxide.find() is not None:
        return "Dynoxide, the table engine, is here."
    package = dynoxide.package()
    if package is None:
        return f"There is no pinned Dynoxide for this machine (put `dynoxide` on the PATH to use yours); {_FALLBACK}."
    npm = shutil.which("npm")
    if npm is None:
        return f"npm is not here to fetch Dynoxide; {_FALLBACK}."
    name, checksum = package
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", f"{name}@{dynoxide.VERSION}", "--silent", "--pack-destination", folder]
        try:
            packed = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            return f"npm did not fetch {name} within {_TIMEOUT_SECONDS} s; {_FALLBACK}."
        tarballs = list(Path(folder).glob("*.tgz"))
        if packed.returncode or not tarballs:
            return f"npm could not fetch {name} (exit code {packed.returncode}); {_FALLBACK}."
        return install(tarballs[0], checksum, dynoxide.installed_path())


def install(tarball: Path, checksum: str, target: Path) -> str:
    """Unpack the program from an npm tarball, if its SHA-512 is the pinned one (base64, as npm writes it)."""
    if base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode("ascii") != checksum:
        return (
            f"{tarball.name} is not the Dynoxide that was pinned (its checksum differs) and is not used; {_FALLBACK}."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".part")
    with tarfile.open(tarball) as archive:
        program = archive.extractfile("package/dynoxide")
        if program is None:
            raise ValueError(f"{tarball.name} has no program in it")
        with program, unfinished.open("wb") as file:
            shutil.copyfileobj(program, file)
    unfinished.chmod(0o755)
    unfinished.replace(target)
    return f"Dynoxide {dynoxide.VERSION}, the table engine, was fetched."
