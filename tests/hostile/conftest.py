"""The app's real doors over the real operations, with nothing but memory behind them."""

from tests.api.conftest import app, environment, fakes

__all__ = ["app", "environment", "fakes"]
