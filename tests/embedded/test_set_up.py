"""What the set-up says when something is missing, and that it repairs what was interrupted."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from embedded import dynoxide, fetch_dynoxide, set_up, set_up_steps
from embedded.data_folder import PROJECT
from embedded.set_up_steps import SetUp, SetUpError

# ------------------------------------------------------------------------------- which Python


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> pytest.CaptureFixture[str]:
    monkeypatch.setattr(sys, "argv", ["set_up.py", "run"])
    return capsys


def test_an_old_python_alone_is_told_what_is_needed(
    said: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 8, 10))
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert set_up.main() == 1
    assert "needs Python 3.11 or newer, and this one is 3.8.10" in said.readouterr().out


def test_an_old_python_hands_on_to_a_newer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(shutil, "which", {"python3.12": "/opt/python3.12"}.get)
    assert set_up.find_python() == "/opt/python3.12"


def test_a_new_python_is_used_itself() -> None:
    assert set_up.find_python() == sys.executable


@pytest.mark.parametrize("arguments", [[], ["fly"], ["run", "test"]])
def test_anything_else_is_answered_with_the_usage(
    said: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["set_up.py", *arguments])
    assert set_up.main() == 2
    assert "reset|run|test" in said.readouterr().out


def test_an_old_python_could_read_the_launcher() -> None:
    """Compiled as Python 3.7 has it (the oldest grammar that compile() knows), and without what came with 3.6."""
    source = (PROJECT / "embedded" / "set_up.py").read_text(encoding="utf-8")
    compile(source, "set_up.py", "exec", flags=0, dont_inherit=True, _feature_version=7)
    assert 'f"' not in source


# ------------------------------------------------------------------------------------- set-up


@dataclass
class Pip:
    """Stands for the programs that the set-up calls: makes a venv's Python and counts installations."""

    project: Path
    calls: list[str] = field(default_factory=list)
    fails: bool = False
    broken_venv: bool = False

    def run(self, command: list[object], **_options: object) -> subprocess.CompletedProcess[str]:
        if "venv" in command:
            self.calls.append("venv")
            python = self.project / ".venv" / "bin" / "python"
            python.parent.mkdir(parents=True, exist_ok=True)
            python.write_text("", encoding="ascii")
            self.broken_venv = False
            return subprocess.CompletedProcess([], 0, "", "")
        return subprocess.CompletedProcess([], 1 if self.broken_venv else 0, "", "")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "requirements.txt").write_text("boto3==1\n", encoding="ascii")
    (tmp_path / "requirements-embedded.txt").write_text("-r requirements.txt\nwaitress==3\n", encoding="ascii")
    (tmp_path / "requirements-dev.txt").write_text("-r requirements-embedded.txt\npytest==9\n", encoding="ascii")
    return tmp_path


@pytest.fixture
def pip(project: Path, monkeypatch: pytest.MonkeyPatch) -> Pip:
    pip = Pip(project)

    def install(_self: SetUp, stage: str) -> None:
        pip.calls.append(stage)
        if pip.fails:
            raise SetUpError("pip could not install")

    monkeypatch.setattr(subprocess, "run", pip.run)
    monkeypatch.setattr(SetUp, "_install", install)
    monkeypatch.setattr(set_up_steps, "fetch_dynoxide", lambda: "Dynoxide is here.")
    return pip


def quiet(project: Path) -> SetUp:
    return SetUp(project, lambda _text: None)


def test_the_first_set_up_installs_and_the_next_has_nothing_to_do(project: Path, pip: Pip) -> None:
    quiet(project)("run")
    assert pip.calls == ["venv", "run"]
    quiet(project)("run")
    assert pip.calls == ["venv", "run"]


def test_what_tests_need_includes_what_running_needs(project: Path, pip: Pip) -> None:
    quiet(project)("run")
    quiet(project)("test")
    quiet(project)("run")
    assert pip.calls == ["venv", "run", "test"]


def test_a_changed_pin_is_installed_also_two_files_down(project: Path, pip: Pip) -> None:
    quiet(project)("test")
    (project / "requirements.txt").write_text("boto3==2\n", encoding="ascii")
    quiet(project)("test")
    assert pip.calls == ["venv", "test", "test"]


def test_an_interrupted_installation_is_repeated(project: Path, pip: Pip) -> None:
    quiet(project)("run")
    (project / "requirements.txt").write_text("boto3==2\n", encoding="ascii")
    pip.fails = True
    with pytest.raises(SetUpError):
        quiet(project)("run")
    pip.fails = False
    (project / "requirements.txt").write_text("boto3==1\n", encoding="ascii")
    quiet(project)("run")
    assert pip.calls == ["venv", "run", "run", "run"]


def test_a_venv_that_does_not_work_is_made_anew(project: Path, pip: Pip) -> None:
    quiet(project)("run")
    (project / ".venv" / "run.stamp").unlink()
    pip.broken_venv = True
    quiet(project)("run")
    assert pip.calls == ["venv", "run", "venv", "run"]


@pytest.mark.usefixtures("pip")
@pytest.mark.parametrize("missing", ["venv", "ensurepip"])
def test_a_missing_venv_module_is_a_sentence_with_the_fix(project: Path, missing: str) -> None:
    set_up_here = SetUp(project, lambda _text: None, has_module=lambda name: name != missing)
    with pytest.raises(SetUpError, match=r"sudo apt install python3\.\d+-venv"):
        set_up_here("run")


def test_a_folder_that_cannot_be_written_is_a_sentence_with_the_fix(project: Path) -> None:
    set_up_here = SetUp(project, lambda _text: None, may_write=lambda _path: False)
    with pytest.raises(SetUpError, match=r"cannot be written.*chown"):
        set_up_here("run")


def test_pips_failure_is_told_in_its_own_last_words(project: Path) -> None:
    python = project / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho Collecting boto3\necho ERROR: no network\nexit 1\n", encoding="ascii")
    python.chmod(0o755)
    heard: list[str] = []
    with pytest.raises(SetUpError, match=r"(?s)ERROR: no network.*run this again"):
        SetUp(project, heard.append)._install("run")
    assert "  Collecting boto3" in heard


def test_the_exit_code_and_the_sentence_reach_the_user(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: SetUp, _stage: str) -> None:
        raise SetUpError("what to do")

    monkeypatch.setattr(SetUp, "__call__", refuse)
    monkeypatch.setattr(sys, "argv", ["set_up_steps.py", "run"])
    assert set_up_steps.main() == 1
    assert capsys.readouterr().err == "what to do\n"


# ----------------------------------------------------------------------------------- Dynoxide


@pytest.fixture
def tarball(tmp_path: Path) -> Path:
    program = tmp_path / "dynoxide"
    program.write_bytes(b"#!/bin/sh\n")
    path = tmp_path / "package.tgz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(program, "package/dynoxide")
    return path


def checksum_of(path: Path) -> str:
    return base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode("ascii")


def test_the_pinned_program_is_installed_ready_to_run(tarball: Path, tmp_path: Path) -> None:
    target = tmp_path / "tools" / "dynoxide-1"
    assert "was fetched" in fetch_dynoxide.install(tarball, checksum_of(tarball), target)
    assert target.read_bytes() == b"#!/bin/sh\n"
    assert os.access(target, os.X_OK)


def test_a_tarball_with_another_checksum_is_refused(tarball: Path, tmp_path: Path) -> None:
    target = tmp_path / "tools" / "dynoxide-1"
    checksum = checksum_of(tarball)
    tarball.write_bytes(tarball.read_bytes() + b"\0")
    assert "checksum differs" in fetch_dynoxide.install(tarball, checksum, target)
    assert not target.exists()


@pytest.fixture
def nothing_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(dynoxide, "find", lambda: None)
    monkeypatch.setattr(dynoxide, "installed_path", lambda: tmp_path / "tools" / "dynoxide")
    monkeypatch.setattr(dynoxide, "package", lambda: ("@dynoxide/here", "checksum"))


@pytest.mark.usefixtures("nothing_found")
def test_without_npm_it_is_said_that_ministack_has_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert "npm is not here" in fetch_dynoxide.fetch_dynoxide()
    assert "ministack" in fetch_dynoxide.fetch_dynoxide()


@pytest.mark.usefixtures("nothing_found")
def test_a_machine_without_a_pinned_package_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynoxide, "package", lambda: None)
    assert "no pinned Dynoxide for this machine" in fetch_dynoxide.fetch_dynoxide()


@pytest.mark.usefixtures("nothing_found")
@pytest.mark.parametrize(("script", "words"), [("exit 7", "exit code 7"), ("exit 0", "could not fetch")])
def test_npms_failure_is_told_and_is_no_failure_of_the_set_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, words: str
) -> None:
    npm = tmp_path / "npm"
    npm.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
    npm.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda _name: str(npm))
    assert words in fetch_dynoxide.fetch_dynoxide()
