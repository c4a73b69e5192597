"""Build what Lambda gets: `make package` writes the template and a zip of a few megabytes into .build/.

Chalice writes the template, and the app's own files into a zip; the libraries are put beside them by pip for Lambda's
platform. What no function reads goes out (infra/slimming.py), and bytecode goes in, for the place where Lambda unpacks the
zip is read-only: without it every cold start would compile anew. The same sources give the same bytes.
"""

import argparse
import compileall
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from py_compile import PycInvalidationMode
from tempfile import TemporaryDirectory

import yaml
from packaging.requirements import Requirement

from infra.every_method import take_every_method
from infra.slimming import slim
from infra.stack import CommandFailed

PROJECT = Path(__file__).parent.parent
BUILD = PROJECT / ".build"
SOURCES = ("app.py", "chalicelib", ".chalice/config.json", ".chalice/no-rights.json")
ZIP_LIMIT = 4_000_000  # bytes; a larger one makes each cold start slower
PLATFORM = "manylinux2014_aarch64"  # of the functions: .chalice/config.json has arm64
CHALICE = "chalice"  # its runtime comes with the app; the rest of it is the command we call here
_STAMP = (1980, 1, 1, 0, 0, 0)

Libraries = Callable[[Sequence[Requirement], Path], None]
"""Puts the libraries and what they need into a folder."""


@dataclass(frozen=True)
class Package:
    """A template whose functions all have this zip for their code."""

    template: Path
    zip: Path
    files: int

    @property
    def size(self) -> int:
        return self.zip.stat().st_size

    @property
    def digest(self) -> str:
        """Of both files: another one for whatever differs."""
        both = self.template.read_bytes() + self.zip.read_bytes()
        return hashlib.sha256(both).hexdigest()[:16]


def build(into: Path, libraries: Libraries) -> Package:
    """Write template and zip into a folder. Raises CommandFailed."""
    into.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as scratch:
        project, unpacked = Path(scratch, "project"), Path(scratch, "unpacked")
        template = _run_chalice(_copy_of_sources(project))
        with zipfile.ZipFile(template.parent / "deployment.zip") as of_chalice:
            of_chalice.extractall(unpacked)
        libraries(runtime_requirements(), unpacked)
        slim(unpacked)
        _compile(unpacked)
        files = _write_zip(unpacked, into / "deployment.zip")
        (into / "template.yaml").write_text(_completed(template), encoding="utf-8")
    package = Package(into / "template.yaml", into / "deployment.zip", files)
    if package.size > ZIP_LIMIT:
        raise CommandFailed(
            f"The zip has {package.size:,} bytes, more than {ZIP_LIMIT:,}.\n"
            "Look what came in with a new library, and let infra/slimming.py drop what no function reads."
        )
    return package


def runtime_requirements() -> list[Requirement]:
    """What requirements.txt pins, without Chalice."""
    lines = (PROJECT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line) for line in lines if line and line[0] not in "#-"]
    return [requirement for requirement in wanted if requirement.name != CHALICE]


def from_registry(wanted: Sequence[Requirement], into: Path) -> None:
    """Wheels for Lambda's platform, by pip; every version is the one in constraints.txt."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    target = ["--target", str(into), "--platform", PLATFORM, "--python-version", version, "--only-binary", ":all:"]
    constraints = ["--constraint", str(PROJECT / "constraints.txt")]
    _run([sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", *target, *constraints, *map(str, wanted)])


def from_this_environment(wanted: Sequence[Requirement], into: Path) -> None:
    """The libraries as they are installed here, for running the package on this very machine."""
    left, seen = list(wanted), set[str]()
    while left:
        requirement = left.pop()
        if requirement.name in seen or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        seen.add(requirement.name)
        installed = distribution(requirement.name)
        left += map(Requirement, installed.requires or ())
        for file in installed.files or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                (into / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(str(file.locate()), into / file)


def _copy_of_sources(project: Path) -> Path:
    """The project as it is shipped, without what lies about here; Chalice itself is to fetch no library."""
    for name in SOURCES:
        source, target = PROJECT / name, project / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    (project / "requirements.txt").write_text("", encoding="utf-8")
    return project


def _run_chalice(project: Path) -> Path:
    """The template's path; the zip lies beside it."""
    chalice = str(Path(sys.executable).with_name("chalice"))
    merged = ["--merge-template", str(PROJECT / "infra" / "resources.yaml"), "--template-format", "yaml"]
    # It wants a region and credentials, though it calls nobody and writes neither into the template.
    nobody = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
    # It imports the app, and would zip the bytecode that this leaves beside the sources.
    tidy = {"PYTHONDONTWRITEBYTECODE": "1"}
    _run([chalice, "package", *merged, "out"], cwd=project, env={**os.environ, **nobody, **tidy})
    return project / "out" / "sam.yaml"


def _completed(of_chalice: Path) -> str:
    template = yaml.safe_load(of_chalice.read_text(encoding="utf-8"))
    take_every_method(template)
    return yaml.safe_dump(template)


def _run(command: Sequence[str], **how: object) -> None:
    run = subprocess.run(command, check=False, capture_output=True, text=True, **how)  # type: ignore[call-overload]
    if run.returncode != 0:
        raise CommandFailed(f"{' '.join(command[:3])} … failed:\n{run.stdout}{run.stderr}")


def _compile(unpacked: Path) -> None:
    """Bytecode in place of sources: both would be half as large again. What is raised still names file and line."""
    for entry in unpacked.iterdir():
        ours = entry.name in {"app.py", "chalicelib"}
        done = compileall.compile_dir if entry.is_dir() else compileall.compile_file
        if not done(
            entry,
            quiet=1,
            legacy=True,  # module.pyc, where Python looks when there is no module.py
            stripdir=str(unpacked),
            prependdir="/var/task",
            optimize=0 if ours else 2,  # GET /openapi.json is made of our docstrings; nobody reads those of libraries
            invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
        ):
            raise CommandFailed(f"A module of {entry.name} cannot be compiled; the lines above say which.")
    for source in unpacked.rglob("*.py"):
        source.unlink()


def _write_zip(unpacked: Path, target: Path) -> int:
    files = sorted(path for path in unpacked.rglob("*") if path.is_file())
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(unpacked).as_posix(), _STAMP)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    return len(files)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="make package", description="Build template and zip into .build/.")
    parser.add_argument("--here", action="store_true", help="for this machine's platform instead of Lambda's")
    given = parser.parse_args(arguments)
    try:
        package = build(BUILD, from_this_environment if given.here else from_registry)
    except CommandFailed as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{package.zip.relative_to(PROJECT)}: {package.size:,} bytes, {package.files} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
