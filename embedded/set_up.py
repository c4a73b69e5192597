"""`python3 embedded/set_up.py WHAT`: finds a Python that is new enough and lets it do WHAT (run, test or reset).

An old Python must be able to read this file, so that it can say what is wrong: no annotations of variables here, no
f-strings, nothing imported that it may not have.
"""

import os
import shutil
import subprocess
import sys

OLDEST = (3, 11)
CANDIDATES = ("python3.14", "python3.13", "python3.12", "python3.11")
MODULES = {"run": "embedded.set_up_steps", "test": "embedded.set_up_steps", "reset": "embedded.reset"}
PROJECT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - see above


def find_python() -> str:
    """This Python or the newest on the PATH; an empty string when all are too old."""
    if sys.version_info[:2] >= OLDEST:
        return sys.executable
    for name in CANDIDATES:
        path = shutil.which(name)
        if path:
            return path
    return ""


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in MODULES:
        print("usage: python3 embedded/set_up.py " + "|".join(sorted(MODULES)))
        return 2
    if os.name != "posix":
        print("AgentSend runs on Linux and macOS; on Windows, run it inside WSL.")
        return 1
    python = find_python()
    if not python:
        version = ".".join(str(part) for part in sys.version_info[:3])
        print("AgentSend needs Python 3.11 or newer, and this one is " + version + ".")
        print("Install a newer one; if it is not on the PATH, name it: make run PYTHON=/path/to/python3.12")
        return 1
    try:
        return subprocess.call([python, "-m", MODULES[sys.argv[1]], sys.argv[1]], cwd=PROJECT)
    except KeyboardInterrupt:  # the child has said what there is to say
        return 130


if __name__ == "__main__":
    sys.exit(main())
