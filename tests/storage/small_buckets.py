"""A message index in small: a few dozen messages fill buckets, seal them and fill directories."""

import sys
from collections.abc import Mapping

import pytest

SMALL = {
    "BUCKET_CELLS": 8,
    "DIRECTORY_BUCKETS": 3,
    "OPEN_CELLS": 4,
    "PATIENCE": 16,
    "FEW": 8,  # every bucket is called quiet, unless a test says otherwise
    "SEAL_EVERY": 1,
    "FOLD_EVERY": 3,
    "FOLD_MOST": 4,
}


@pytest.fixture
def small_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    resize(monkeypatch, SMALL)


def resize(monkeypatch: pytest.MonkeyPatch, figures: Mapping[str, int]) -> None:
    """Let every module of the storage folder work with these figures."""
    for name, module in list(sys.modules.items()):
        if name.startswith("chalicelib.storage."):
            for constant in figures.keys() & vars(module).keys():
                monkeypatch.setattr(module, constant, figures[constant])
