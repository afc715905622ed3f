"""What is Kafka's own: settings in the URL and on topics, and refusals that only the broker makes."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import RequestTimedOutError

from shared.kit.bus import Outbound
from shared.kit.bus.kafka import client_settings
from shared.kit.clock import new_id
from tests.contracts.bus.conftest import Engine, joined, read, topic
from tests.support.waiting import until

pytestmark = pytest.mark.kafka


@pytest.fixture
async def engine(kafka_url: str) -> AsyncIterator[Engine]:
    made = Engine("kafka", kafka_url)
    yield made
    await made.close()


@pytest.fixture
async def admin(kafka_url: str) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=kafka_url.removeprefix("kafka://"))
    await client.start()
    yield client
    await client.close()


async def config_of(admin: AIOKafkaAdminClient, name: str) -> dict[str, str]:
    [answer] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    return {entry[0]: entry[1] for entry in answer.resources[0][4]}


async def test_topics_are_kept_by_the_registry_and_an_operator_s_own_settings_stay(
    engine: Engine, admin: AIOKafkaAdminClient
) -> None:
    bus, name = engine.connect(), f"{engine.prefix}things"
    await bus.ensure_topics([topic(retention_s=3600), topic("latest", kept="compacted")])
    assert (await config_of(admin, name))["retention.ms"] == "3600000"
    assert (await config_of(admin, f"{engine.prefix}latest"))["cleanup.policy"] == "compact"
    present = {"retention.ms": "3600000", "cleanup.policy": "delete", "segment.bytes": "2000000"}
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs=present)])

    async def segments_and_retention() -> tuple[str, str]:
        config = await config_of(admin, name)
        return config["segment.bytes"], config["retention.ms"]

    async def are(*expected: str) -> None:
        async def so() -> bool:
            return await segments_and_retention() == expected

        await until(so)  # the broker answers before it applies

    await are("2000000", "3600000")
    await engine.connect().ensure_topics([topic(retention_s=7200)])
    await are("2000000", "7200000")


async def test_what_the_broker_alone_refuses_is_refused_alone(engine: Engine, admin: AIOKafkaAdminClient) -> None:
    limits = {"max.message.bytes": "4000"}
    await admin.create_topics([NewTopic(f"{engine.prefix}things", 1, 1, topic_configs=limits)])
    bus, poor, other = engine.connect(), new_id().bytes, new_id().bytes
    batch = [
        Outbound("things", other, b"0"),
        Outbound("things", poor, os.urandom(10_000)),
        Outbound("things", poor, b"1"),
        Outbound("things", other, b"1"),
    ]
    published = await bus.publish(batch)
    assert (published.sent, list(published.refused)) == ([0, 3], [1])
    assert "MessageSizeTooLarge" in published.refused[1]
    assert (await bus.publish([Outbound("things", other, b"2")])).sent == [0]
    async with joined(bus, "readers") as consumer:
        assert [each.value for each in await read(consumer, 3)] == [b"0", b"1", b"2"]


async def test_nothing_of_a_partition_is_sent_after_what_could_not_be_sent(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus, key = engine.connect(), new_id().bytes
    await bus.ensure_topics([topic(partitions=1)])
    batch = [Outbound("things", key, os.urandom(100_000)) for _ in range(8)]  # of which two or three make a request
    send, requests = AIOKafkaProducer.send_batch, 0

    async def time_out_once(*arguments: Any, **more: Any) -> Any:
        nonlocal requests
        requests += 1
        if requests != 2:
            return await send(*arguments, **more)
        lost = asyncio.get_running_loop().create_future()
        lost.set_exception(RequestTimedOutError())
        return lost

    monkeypatch.setattr(AIOKafkaProducer, "send_batch", time_out_once)
    first = await bus.publish(batch)
    assert 0 < len(first.sent) < len(batch)
    assert first.sent == list(range(len(first.sent)))
    assert (await bus.publish(batch[len(first.sent) :])).sent == list(range(len(batch) - len(first.sent)))
    async with joined(bus, "readers") as consumer:
        assert [each.value for each in await read(consumer, len(batch))] == [each.value for each in batch]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("kafka://a:1", {"bootstrap_servers": ["a:1"], "security_protocol": "PLAINTEXT"}),
        ("kafka://a:1,b:2", {"bootstrap_servers": ["a:1", "b:2"], "security_protocol": "PLAINTEXT"}),
        (
            "kafka://me:p%40ss@a:1?security_protocol=SASL_PLAINTEXT&sasl_mechanism=PLAIN",
            {
                "bootstrap_servers": ["a:1"],
                "security_protocol": "SASL_PLAINTEXT",
                "sasl_mechanism": "PLAIN",
                "sasl_plain_username": "me",
                "sasl_plain_password": "p@ss",
            },
        ),
    ],
)
def test_a_url_holds_how_to_reach_the_brokers(url: str, expected: dict[str, object]) -> None:
    assert client_settings(url) == expected


def test_credentials_go_over_tls_unless_the_url_asks_otherwise() -> None:
    settings = client_settings("kafka://me:secret@a:1")
    assert settings["security_protocol"] == "SASL_SSL"
    assert isinstance(settings["ssl_context"], ssl.SSLContext)
