"""The gateway with its database weakened: what a durable record must not be. A control of the test that looks for it."""

from typing import Any

from sqlalchemy import event

from gateway import app
from gateway.database import create_engine
from gateway.settings import Settings


def without_sync(url: str) -> Any:
    engine = create_engine(url)

    @event.listens_for(engine.sync_engine, "connect")
    def _weaken(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF").close()

    return engine


def create_app(settings: Settings) -> app.Gateway:
    app.create_engine = without_sync  # type: ignore[attr-defined]  # looked up when the application starts
    return app.create_app(settings)
