"""One running queue for each module; each test has a project of its own in it."""

from collections.abc import AsyncIterator

import pytest

from tests.service.queue.world import World
from tests.support.service import ServiceUnderTest, service_under_test


@pytest.fixture(scope="module")
async def service() -> AsyncIterator[ServiceUnderTest]:
    async with service_under_test("queue", unservable_after_s=0, most_skips=3) as running:
        yield running


@pytest.fixture
async def world(service: ServiceUnderTest) -> World:
    """An open project with policies that leave nothing to chance."""
    return await World(service).open()
