from collections.abc import AsyncIterator

import pytest

from tests.service.prelabel.world import World
from tests.support.service import ServiceUnderTest, service_under_test


@pytest.fixture(scope="module")
async def service() -> AsyncIterator[ServiceUnderTest]:
    async with service_under_test("prelabel") as running:
        yield running


@pytest.fixture
def world(service: ServiceUnderTest) -> World:
    return World(service)
