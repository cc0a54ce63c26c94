from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.office import Office, office


@pytest.fixture(params=["sqlite", "postgresql"])
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Office]:
    async with office(request.param, tmp_path) as made:
        yield made
