"""All four services as processes, on either bus engine; one suite of each for all tests that don't maltreat it."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.demo.client import Client
from deploy.embedded.supervisor import Suite, SuiteSettings
from tests.support import kafka, suites

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share a suite come last: it runs until the end, and nothing else is slowed down by it."""
    items.sort(key=lambda item: item.path.parent == _HERE and "suite" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session", params=["postgres", pytest.param("kafka", marks=pytest.mark.kafka)])
async def suite(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Suite]:
    """Ready; each test makes a project of its own. Its topics are its own on a broker that other tests use too."""
    folder: Path = tmp_path_factory.mktemp(f"suite-{request.param}")
    settings = SuiteSettings(
        data_dir=suites.prepared(folder / "data"),
        bus_url=kafka.broker_url() if request.param == "kafka" else None,
        first_port=0,
        durable=False,
        environment={"TOUCHSTONE_TOPIC_PREFIX": f"flow-{secrets.token_hex(4)}."},
    )
    async with Suite(settings) as running:
        yield running


@pytest.fixture(scope="session")
async def client(suite: Suite) -> AsyncIterator[Client]:
    async with Client(suite.urls) as made:
        yield made
