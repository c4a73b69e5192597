"""The package, built once for all tests that look at it."""

import pytest

from infra.package import Package, build, from_this_environment


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """Tests that use it are of the xdist group `package`, so that one worker builds it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)  # some machines have it, most have not
        return build(tmp_path_factory.mktemp("package"), from_this_environment)
