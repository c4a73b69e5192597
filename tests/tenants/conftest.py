"""The table engine of the embedded system, and one world for all tests of the folder, put back before each."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.operations.authenticate import key_id_of
from tests.chaos.deployment import Snapshot, quiet_logs
from tests.chaos.wire import Call
from tests.storage.engines import Engine
from tests.tenants.world import TenantWorld


@dataclass
class Lived:
    """The world as it was built."""

    world: TenantWorld
    snapshot: Snapshot
    reference: Mapping[Any, Any]

    def as_it_was(self) -> TenantWorld:
        if self.has_written():
            self.world.deployment.restore(self.snapshot)
        self.world.deployment.wire.calls.clear()
        return self.world

    def has_written(self) -> bool:
        """Whether anything was asked of AWS that may write, but for the item that proves a key."""
        callers = {key_id_of(key) for key in (*self.world.keys.values(), self.world.mine.key, self.world.theirs.key)}
        return any(_may_write(call, callers) for call in self.world.deployment.wire.calls)


def _may_write(call: Call, callers: Collection[str]) -> bool:
    is_read = call.operation in {"GetItem", "BatchGetItem", "Query", "Scan", "GetObject", "HeadObject", "ListObjectsV2"}
    key = call.parameters.get("Key")
    is_proof = call.operation == "UpdateItem" and isinstance(key, dict) and key["pk"]["S"].removeprefix("K#") in callers
    return not is_read and not is_proof


@pytest.fixture(scope="package")
def lived(embedded_engine: Engine) -> Iterator[Lived]:
    with pytest.MonkeyPatch.context() as patch, quiet_logs():
        for name, value in embedded_engine.variables.items():
            patch.setenv(name, value)
        world = TenantWorld.build(embedded_engine, patch)
        yield Lived(world, world.deployment.snapshot(), world.everything())


@pytest.fixture
def world(lived: Lived) -> TenantWorld:
    """To change as a test likes."""
    return lived.as_it_was()


@pytest.fixture
def steady(lived: Lived) -> Iterator[TenantWorld]:
    """For what must change nothing: all that lasts is looked at behind the test."""
    yield lived.as_it_was()
    if lived.has_written():  # it may have been taken back
        assert lived.world.everything() == lived.reference
