"""The table engine of the embedded system, for whole deployments."""

from tests.storage.conftest import embedded_endpoints, embedded_engine  # noqa: F401
