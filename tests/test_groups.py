"""Tests of one `xdist_group` run in one worker: what they share is made once, and takes no second processor."""

import pytest


@pytest.mark.xdist_group("groups")
def test_a_group_is_known_to_who_hands_out_the_tests(request: pytest.FixtureRequest) -> None:
    """pytest and pytest-xdist have to agree on where the group is noted; some versions of them do not."""
    is_worker = hasattr(request.config, "workerinput")

    assert request.node.nodeid.endswith("@groups") == is_worker
