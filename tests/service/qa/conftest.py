"""One qa for all tests of a module; each test has a project of its own."""

from collections.abc import AsyncIterator

import pytest

from tests.service.qa.world import World, running_qa
from tests.support.service import ServiceUnderTest


@pytest.fixture(scope="package")
async def qa() -> AsyncIterator[ServiceUnderTest]:
    async with running_qa() as service:
        yield service


@pytest.fixture
async def world(qa: ServiceUnderTest) -> World:
    world = World(qa)
    await world.deliver(world.project())
    return world
