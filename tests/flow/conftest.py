"""All four services as processes, on either bus engine."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.demo.client import Client
from deploy.embedded.supervisor import Suite, SuiteSettings
from tests.support import kafka


@pytest.fixture(scope="module", params=["postgres", pytest.param("kafka", marks=pytest.mark.kafka)])
async def suite(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Suite]:
    """Ready, and stopped at the end; its topics are its own on a broker that other tests use too."""
    folder: Path = tmp_path_factory.mktemp(f"suite-{request.param}")
    settings = SuiteSettings(
        data_dir=folder / "data",
        bus_url=kafka.broker_url() if request.param == "kafka" else None,
        first_port=0,
        durable=False,
        environment={"TOUCHSTONE_TOPIC_PREFIX": f"flow-{secrets.token_hex(4)}."},
    )
    async with Suite(settings) as running:
        yield running


@pytest.fixture(scope="module")
async def client(suite: Suite) -> AsyncIterator[Client]:
    async with Client(suite.urls) as made:
        yield made
