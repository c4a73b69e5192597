"""What Lambda gets and what it takes to begin: the zip, and the instructions with which each handler is imported from it.

Counted by callgrind (valgrind) in an interpreter that has nothing else installed, with fixed hashes, so that the figures are the same
each time on one machine and interpreter. `python -m bench.imports --write`, once a release; it takes some minutes.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import yaml

from bench.readme import markdown_table, write_section
from infra.package import build, from_this_environment

_BEGIN = """
import importlib, sys
sys.path = [sys.argv[1]] + [path for path in sys.path if path and "site-packages" not in path]
importlib.import_module(sys.argv[2])
sys.stderr.write("modules=%d" % len(sys.modules))
"""
_NOTHING = "json"  # what an interpreter takes by itself, and the import of something small
_COLLECTED = re.compile(r"Collected : (\d+)")
_MODULES = re.compile(r"modules=(\d+)")


def handlers(template: Path) -> list[str]:
    """The modules that the functions of the template begin with, the API first."""
    resources: dict[str, Any] = yaml.safe_load(template.read_text(encoding="utf-8"))["Resources"]
    functions = [each for each in resources.values() if each["Type"] == "AWS::Serverless::Function"]
    return sorted(function["Properties"]["Handler"].rpartition(".")[0] for function in functions)


def instructions(unpacked: Path, module: str) -> tuple[int, int]:
    """How many instructions a process takes that imports the module and ends, and how many modules it then has."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise SystemExit("valgrind is not installed; your system's package manager has it.")
    counted = [valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    begun = [os.path.realpath(sys.executable), "-S", "-s", "-B", "-c", _BEGIN, str(unpacked), module]
    run = subprocess.run([*counted, *begun], env={"PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=True)  # noqa: S603
    collected, modules = _COLLECTED.search(run.stderr), _MODULES.search(run.stderr)
    assert collected is not None  # noqa: S101
    assert modules is not None  # noqa: S101
    return int(collected[1]), int(modules[1])


def table() -> str:
    with tempfile.TemporaryDirectory() as scratch:
        package = build(Path(scratch, "package"), from_this_environment)
        unpacked = Path(scratch, "unpacked")
        with zipfile.ZipFile(package.zip) as archive:
            archive.extractall(unpacked)
        base, _ = instructions(unpacked, _NOTHING)
        rows = []
        for module in handlers(package.template):
            taken, modules = instructions(unpacked, module)
            rows.append([f"`{module}`", f"{(taken - base) / 1e6:,.0f}", str(modules)])
            sys.stderr.write(f"{rows[-1]}\n")
        begun = f"An interpreter alone takes {base / 1e6:,.0f} million, which are left out."
        size = f"The zip: {package.size:,} bytes, {package.files:,} files."
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}, {os.uname().machine}."
    heads = ["Imported from the zip", "million instructions", "modules then loaded"]
    return f"{markdown_table(heads, rows)}\n\n{size} {begun} {python}"


def main() -> None:
    text = table()
    print(text)
    if "--write" in sys.argv:
        write_section("imports", text)


if __name__ == "__main__":
    main()
