from collections.abc import AsyncIterator

import pytest

from tests.support.service import ServiceUnderTest, service_under_test


@pytest.fixture(scope="module")
async def tiny() -> AsyncIterator[ServiceUnderTest]:
    async with service_under_test("tests.service.kit.tiny") as service:
        yield service
