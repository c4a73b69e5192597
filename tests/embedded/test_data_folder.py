import re
import subprocess
import sys
from pathlib import Path

import pytest

from embedded import reset
from embedded.data_folder import PROJECT, DataFolder, DataFolderError
from embedded.options import read_options

KEEPER = """
import sys, time, pathlib
from embedded import reset
from embedded.data_folder import DataFolder
folder = DataFolder(pathlib.Path(sys.argv[1]))
folder.lock()
print("locked", flush=True)
time.sleep(600)
"""


def test_a_second_run_on_the_folder_gets_a_sentence(folder: DataFolder) -> None:
    with pytest.raises(DataFolderError, match=r"Another AgentSend runs on the data folder .*--data-dir"):
        DataFolder(folder.path).lock()


def test_the_lock_ends_with_its_process_even_when_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "data"
    with subprocess.Popen([sys.executable, "-c", KEEPER, path], stdout=subprocess.PIPE, cwd=PROJECT) as keeper:
        assert keeper.stdout is not None
        keeper.stdout.readline()
        with pytest.raises(DataFolderError):
            DataFolder(path).lock()
        keeper.kill()
    folder = DataFolder(path)
    folder.lock()
    folder.unlock()


def test_the_key_is_made_once_for_its_owner_alone_and_the_command_line_would_take_it(folder: DataFolder) -> None:
    key = folder.api_key()
    assert folder.api_key() == DataFolder(folder.path).api_key() == key
    assert (folder.path / "api-key").stat().st_mode & 0o777 == 0o600
    assert re.fullmatch(r"ask_[a-z0-9]{36}", key)
    assert read_options(["--api-key", key]).api_key == key


def test_an_interrupted_making_of_the_key_is_made_up_for(folder: DataFolder) -> None:
    (folder.path / "api-key.new").write_text("half", encoding="ascii")
    assert len(folder.api_key()) == 40


def test_clearing_leaves_nothing_but_the_locks(folder: DataFolder) -> None:
    (folder.outbox / "1.eml").write_bytes(b"mail")
    folder.api_key()
    folder.unlock()
    folder.clear()
    assert {path.name for path in folder.path.iterdir()} <= {"lock", "children.lock"}


def test_clearing_is_refused_while_something_runs_on_it(folder: DataFolder) -> None:
    (folder.outbox / "1.eml").write_bytes(b"mail")
    with pytest.raises(DataFolderError, match="Another AgentSend"):
        DataFolder(folder.path).clear()
    assert (folder.outbox / "1.eml").exists()


def test_make_reset_says_how_it_went(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reset, "DEFAULT_DATA_FOLDER", folder.path)
    assert reset.main() == 1
    assert "Another AgentSend runs" in capsys.readouterr().err
    folder.unlock()
    assert reset.main() == 0
    assert "cleared" in capsys.readouterr().out


def test_clearing_a_folder_that_is_not_there_is_harmless(tmp_path: Path) -> None:
    DataFolder(tmp_path / "nowhere").clear()
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_that_cannot_be_made_is_a_sentence_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="ascii")
    with pytest.raises(DataFolderError, match=r"cannot be written .*--data-dir"):
        DataFolder(tmp_path / "file" / "data").lock()


def test_the_childrens_lock_waits_for_the_last_child(folder: DataFolder) -> None:
    first = folder.children_lock()
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, pass_fds=[first.fileno()]
    ) as child:
        first.close()  # the parent is gone, the child still has the lock
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("embedded.data_folder._CHILDREN_SECONDS", 0.01)
            with pytest.raises(DataFolderError, match="earlier run"):
                folder.children_lock()
        assert child.stdin is not None
        child.stdin.close()
        child.wait()
    folder.children_lock().close()
