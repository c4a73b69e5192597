"""The app with fake operations behind its doors."""

import sys
from collections.abc import Iterator

import pytest
from chalice.app import Chalice

from chalicelib.settings import settings
from tests.factories.api_events import ApiClient
from tests.fakes.operations import FakeOperations

ENVIRONMENT = {
    "TABLE_NAME": "table",
    "BUCKET_NAME": "bucket",
    "SEND_QUEUE_URL": "queue",
    "INBOUND_QUEUE_URL": "inbound queue",
    "WEBHOOK_QUEUE_URL": "webhook queue",
    "SLOW_WEBHOOK_QUEUE_URL": "slow webhook queue",
    "SES_CONFIGURATION_SET": "set",
    "MAIL_DOMAIN": "mail.example.com",
    "AWS_REGION": "eu-west-1",
}


@pytest.fixture(scope="session")
def app() -> Chalice:
    from app import app as the_app  # noqa: PLC0415 - imported when a test first asks for it

    return the_app


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def fakes(app: Chalice, monkeypatch: pytest.MonkeyPatch) -> FakeOperations:
    """The operations behind every door; a test says what they answer."""
    fake = FakeOperations()
    for name, module in list(sys.modules.items()):
        if name.startswith("chalicelib.api.") and hasattr(module, "operations"):
            monkeypatch.setattr(module, "operations", lambda: fake)
    return fake


@pytest.fixture
def api(app: Chalice, fakes: FakeOperations) -> ApiClient:
    return ApiClient(app)
