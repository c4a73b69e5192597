"""The package and a sound deployment, each made once for all tests that look at it."""

from collections.abc import Iterator

import pytest
from samtranslator.yaml_helper import yaml_parse

from infra import change_set
from infra.package import Package, build, from_this_environment
from tests.infra.full_emulator import Account, held, running
from tests.infra.healthy import NOT_HANDED_ON, Sound, deploy


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """Tests that use it are of the xdist group `package`, so that one worker builds it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)  # some machines have it, most have not
        return build(tmp_path_factory.mktemp("package"), from_this_environment)


@pytest.fixture(scope="package")
def sound(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sound]:
    """Deployed once; what a test breaks it puts back. What the emulator leaves out is seen first, then mended."""
    folder = tmp_path_factory.mktemp("sound")
    template = held(yaml_parse(package.template.read_text("utf-8")))
    with running(folder) as url:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(change_set, "LOOK_SECONDS", 0.1)
            patch.setattr("infra.deploy.first_key", lambda _stack, _show: False)
            found = deploy(Account(url, "222222222222"), template, folder)
        at_first = [fault.what for fault in found.faults()]
        assert len(at_first) == len(NOT_HANDED_ON), at_first
        assert all(any(words in what for what in at_first) for words in NOT_HANDED_ON)
        found.mend()
        yield found
        assert found.faults() == []
