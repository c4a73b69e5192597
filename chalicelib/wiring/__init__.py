"""Builds stores, providers and operations on first use; the one package that knows all of them.

Each module builds a part, and inherits what it needs of others:

    Stores ── Telling ─┬─ Sending ─┬─ Messages ─┐
                       │           └─ Receiving ├─ Privacy
                       ├─ Webhooks              │
                       ├─ Domains ──────────────┘
                       └─ Tenants
"""

from functools import lru_cache

from chalicelib.settings import settings
from chalicelib.wiring.built_once import building
from chalicelib.wiring.clock import utc_now
from chalicelib.wiring.metrics import metrics, written_down
from chalicelib.wiring.privacy import Privacy
from chalicelib.wiring.receiving import Receiving
from chalicelib.wiring.tenants import Tenants
from chalicelib.wiring.webhooks import Webhooks

__all__ = ["Operations", "forget_operations", "metrics", "operations", "utc_now", "written_down"]


class Operations(Privacy, Receiving, Webhooks, Tenants):
    """Every operation of a deployment; each is built, with what it needs, when it is first asked for."""


@lru_cache(maxsize=1)
def _operations() -> Operations:
    return Operations(settings())


def forget_operations() -> None:
    """Build anew when asked again: for a process that serves one deployment after another."""
    with building:
        _operations.cache_clear()


def operations() -> Operations:
    """The operations of this process."""
    with building:
        return _operations()
