"""Sets up `.venv` and the table engine; later runs see at a glance that nothing is to be done. Standard library only."""

import fcntl
import hashlib
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from embedded.data_folder import PROJECT
from embedded.fetch_dynoxide import fetch_dynoxide

# What a stage installs; a later stage includes the ones before it.
REQUIREMENTS = {"run": "requirements-embedded.txt", "test": "requirements-dev.txt"}

# What pip says of its progress; the rest of its words is kept for the case that it fails.
_PROGRESS = ("Collecting", "Downloading", "Installing collected")


class SetUpError(Exception):
    """Something is missing on this machine; the message names the fix."""


@dataclass(frozen=True, slots=True)
class SetUp:
    """Installs a stage into the project's `.venv`."""

    project: Path
    say: Callable[[str], None] = print
    has_module: Callable[[str], bool] = lambda name: importlib.util.find_spec(name) is not None
    may_write: Callable[[Path], bool] = lambda path: os.access(path, os.W_OK)

    @property
    def venv(self) -> Path:
        return self.project / ".venv"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    def __call__(self, stage: str) -> None:
        """Bring the stage up to date. Raises `SetUpError`."""
        if not self.may_write(self.project):
            raise SetUpError(
                f"{self.project} cannot be written. Make it yours (`sudo chown -R $USER {self.project}`), "
                "or work on a copy in a folder of your own."
            )
        if self._is_done(stage):
            return
        with self._alone():
            if self._is_done(stage):
                return
            started = time.monotonic()
            self._check_venv_module()
            for stamp in self.venv.glob("*.stamp"):
                stamp.unlink()
            self._make_venv()
            self._install(stage)
            self.say(fetch_dynoxide())
            self._stamp(stage).write_text(self._fingerprint(stage), encoding="ascii")
            self.say(f"Set up in {time.monotonic() - started:.0f} s.")

    def _is_done(self, stage: str) -> bool:
        stages = list(REQUIREMENTS)
        enough = stages[stages.index(stage) :]
        return self.python.exists() and any(
            self._stamp(done).exists() and self._stamp(done).read_text(encoding="ascii") == self._fingerprint(done)
            for done in enough
        )

    def _stamp(self, stage: str) -> Path:
        return self.venv / f"{stage}.stamp"

    def _fingerprint(self, stage: str) -> str:
        """Changes whenever a requirements file does that the stage reads."""
        digest = hashlib.sha256(str(self.project).encode())
        names = [self.project / REQUIREMENTS[stage]]
        while names:
            text = names.pop().read_text(encoding="utf-8")
            digest.update(text.encode())
            names += [self.project / line[3:].strip() for line in text.splitlines() if line.startswith(("-r ", "-c "))]
        return digest.hexdigest()

    def _check_venv_module(self) -> None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        if not (self.has_module("venv") and self.has_module("ensurepip")):
            raise SetUpError(
                f"Python {version} is here without its venv module. On Debian and Ubuntu: "
                f"`sudo apt install python{version}-venv`, then run this again."
            )

    def _make_venv(self) -> None:
        if self._venv_works():
            return
        self.say(f"Making .venv with Python {sys.version.split()[0]} …")
        made = subprocess.run(
            [sys.executable, "-m", "venv", "--clear", self.venv], check=False, capture_output=True, text=True
        )
        if made.returncode:
            raise SetUpError(f"The virtual environment could not be made:\n{made.stdout}{made.stderr}")

    def _venv_works(self) -> bool:
        """Not when its Python was removed or is too old, or when a set-up was interrupted before pip was in."""
        if not self.python.exists():
            return False
        probe = "import pip, sys; sys.exit(sys.version_info < (3, 11))"
        return subprocess.run([self.python, "-c", probe], check=False, capture_output=True).returncode == 0

    def _install(self, stage: str) -> None:
        name = REQUIREMENTS[stage]
        self.say(f"Installing {name} (the first time takes about a minute) …")
        command: list[str | Path] = [self.python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
        command += ["--progress-bar", "off", "-r", self.project / name]
        said: list[str] = []
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
            for line in pip.stdout or ():
                said.append(line)
                if line.startswith(_PROGRESS):
                    self.say("  " + line.partition(" (from ")[0].rstrip()[:110])
        if pip.returncode:
            raise SetUpError(
                "".join(said[-15:]) + f"pip could not install {name}; its last words stand above. "
                "With the network back, or the disk freed, run this again."
            )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two set-ups at once would spoil each other's work: the second waits, and finds it done."""
        folder = self.project / ".embedded"
        folder.mkdir(exist_ok=True)
        with (folder / "set-up.lock").open("w", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.say("Another set-up is running here; waiting for it …")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def main() -> int:
    def say(text: str) -> None:
        print(text, flush=True)

    try:
        SetUp(PROJECT, say)(sys.argv[1])
    except SetUpError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; the next run goes on from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
