"""A real broker that wants TLS and passwords, and services that may do there what the registry of topics says."""

import asyncio
import contextlib
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from deploy.kafka.broker import KafkaBroker
from deploy.kafka.security import ADMIN, BrokerSecurity, make_certificates
from shared.contracts.services import SERVICE_NAMES, ServiceName
from shared.contracts.topics import TOPICS
from shared.kit.bus import Bus, Consumer, Outbound, connect_bus, grant_rights, service_topics
from shared.kit.bus.kafka import KafkaBus
from shared.kit.bus.rights import Right, rights_of
from shared.kit.clock import new_id
from shared.kit.dead_letters import dead_topic
from shared.kit.exceptions import BusRefused
from shared.kit.replay import replay_group
from shared.kit.telemetry import describe
from tests.contracts.bus.conftest import ignore
from tests.service.ingest.conftest import Ingest, text
from tests.support.kafka import started
from tests.support.service import service_under_test
from tests.support.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]
PREFIX = "secured."


class Secured:
    """The broker, and URLs of its users."""

    def __init__(self, broker: KafkaBroker, security: BrokerSecurity) -> None:
        self.broker = broker
        self.security = security

    def url(self, user: str, password: str | None = None, authority: Path | None = None) -> str:
        password = quote(password or self.security.passwords[user], safe="")
        return f"kafka://{user}:{password}@{self.broker.bootstrap}?cafile={authority or self.security.authority}"

    @contextlib.asynccontextmanager
    async def bus(self, user: str, **more: str | Path | None) -> AsyncIterator[Bus]:
        bus = connect_bus(self.url(user, **more), prefix=PREFIX)  # type: ignore[arg-type]
        try:
            yield bus
        finally:
            await bus.close()


@pytest.fixture(scope="module")
def secured() -> Iterator[Secured]:
    """Topics and rights are made as `touchstone topics --grant` makes them."""
    folder = Path(tempfile.mkdtemp(prefix="touchstone-secured-kafka-"))
    certificate, authority = make_certificates(folder, ["localhost", "127.0.0.1"])
    passwords = {user: f"of {user} :/@?" for user in (ADMIN, *SERVICE_NAMES, "nobody")}
    security = BrokerSecurity(certificate, authority, passwords)
    broker = started(KafkaBroker(folder / "data", security=security))
    try:
        made = Secured(broker, security)
        asyncio.run(_prepare(made))
        yield made
    finally:
        broker.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def _prepare(secured: Secured) -> None:
    async with secured.bus(ADMIN) as bus:
        for name in SERVICE_NAMES:
            await bus.ensure_topics(service_topics(name, 1))
        await grant_rights(bus)
    for service in SERVICE_NAMES:
        async with secured.bus(service) as bus:
            await until(lambda bus=bus, service=service: _may_write(bus, dead_topic(service)), timeout_s=60)  # type: ignore[misc]


async def _may_write(bus: Bus, topic: str) -> bool:
    """Rights reach the broker's authorizer a moment after they were granted."""
    try:
        await bus.publish([message(topic)])
    except BusRefused:
        return False
    return True


def message(topic: str) -> Outbound:
    return Outbound(topic, new_id().bytes, b"{}")


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_a_service_writes_what_it_produces_and_nothing_else(secured: Secured, service: ServiceName) -> None:
    async with secured.bus(service) as bus:
        await bus.ensure_topics(service_topics(service, 1))
        await bus.check()
        for topic in TOPICS:
            if topic.producer == service:
                assert (await bus.publish([message(topic.name)])).sent == [0]
            else:
                with pytest.raises(BusRefused) as caught:
                    await bus.publish([message(topic.name)])
                refused = caught.value.refused
                assert refused == f"TopicAuthorizationFailedError: {PREFIX}{topic.name} (user {service})"
        assert (await bus.publish([message(dead_topic(service))])).sent == [0]
        await bus.check()


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_a_service_reads_what_it_consumes(secured: Secured, service: ServiceName) -> None:
    topics = [topic for topic in TOPICS if service in topic.consumers]
    for topic in topics:
        async with secured.bus(topic.producer) as producer:
            await producer.publish([message(topic.name)])
    async with secured.bus(service) as bus:
        consumer = bus.consumer(service, [topic.name for topic in topics], ignore)
        await consumer.start()
        try:
            found: set[str] = set()
            async with asyncio.timeout(30):
                while found != {topic.name for topic in topics}:
                    found |= {each.topic for each in await consumer.fetch(100, 0.5)}
        finally:
            await consumer.stop()
        await bus.check()


@pytest.mark.parametrize(
    ("group", "topic", "refused"),
    [
        ("qa", "requests", f"GroupAuthorizationFailedError: {PREFIX}qa (user queue)"),
        ("queue", "annotations", f"TopicAuthorizationFailedError: .*{PREFIX}annotations.* .user queue."),
        ("queue", dead_topic("qa"), f"TopicAuthorizationFailedError: .*{PREFIX}{dead_topic('qa')}.* .user queue."),
    ],
)
async def test_what_a_service_may_not_read_is_refused_and_its_readiness_says_so(
    secured: Secured, group: str, topic: str, refused: str
) -> None:
    async with secured.bus("queue") as bus:
        consumer = bus.consumer(group, [topic], ignore)
        try:
            with pytest.raises(BusRefused) as caught:
                await _read_for_ever(consumer)
        finally:
            await consumer.stop()
        assert re.search(refused.replace("(", r"\(").replace(")", r"\)"), caught.value.refused), caught.value.refused
        with pytest.raises(BusRefused):
            await bus.check()


async def _read_for_ever(consumer: Consumer) -> None:
    async with asyncio.timeout(30):
        await consumer.start()
        while True:
            await consumer.fetch(10, 0.5)


@pytest.mark.parametrize("fault", ["password", "user", "authority"])
async def test_who_is_not_let_in_learns_why(secured: Secured, fault: str, tmp_path: Path) -> None:
    given: dict[str, str | Path | None] = {"password": "another"} if fault == "password" else {}
    if fault == "authority":
        _, given["authority"] = make_certificates(tmp_path, ["localhost"])
    user = "stranger" if fault == "user" else "queue"
    if fault == "user":
        given["password"] = "guessed"
    async with secured.bus(user, **given) as bus:
        for attempt in (bus.check(), bus.publish([message("work")]), bus.check()):
            with pytest.raises(BusRefused) as caught:
                await attempt
            expected = "SSLCertVerificationError" if fault == "authority" else f"Authentication.*user {user}"
            assert re.search(expected, caught.value.refused), caught.value.refused
            logged = str(describe(caught.value))
            assert caught.value.refused in logged
            assert secured.security.passwords["queue"] not in logged


async def test_a_right_that_is_given_later_ends_the_refusal(secured: Secured) -> None:
    async with secured.bus("nobody") as bus, secured.bus(ADMIN) as admin:
        with pytest.raises(BusRefused):
            await bus.publish([message("work")])
        with pytest.raises(BusRefused):
            await bus.check()
        assert isinstance(admin, KafkaBus)
        await admin.grant("nobody", [Right("topic", "work", "write")])
        await until(lambda: _may_write(bus, "work"), timeout_s=60)
        await bus.check()


async def test_a_service_works_on_it_and_says_what_is_refused(secured: Secured) -> None:
    """ingest, whole: its relay publishes and its consumer reads; with a wrong password it serves, degraded."""
    more: dict[str, Any] = {"topic_prefix": PREFIX, "bus_session_s": 3.0}
    async with service_under_test("ingest", background=True, bus_url=secured.url("ingest"), **more) as service:
        ingest = Ingest(service)
        await ingest.send(await ingest.project(), text("Good."))
        await until(lambda: ingest.scalar("SELECT NOT EXISTS (SELECT FROM outbox_queue)"), timeout_s=60)
        ready = (await service.client.get("/ready")).json()
        assert (ready["degraded"], ready["checks"]["bus"]) == (False, "ok"), ready
    wrong = secured.url("ingest", password="another")
    async with service_under_test("ingest", background=True, bus_url=wrong, **more) as service:
        ready = (await service.client.get("/ready")).json()
        assert (ready["degraded"], ready["checks"]["bus"]) == (True, "failing"), ready


def test_rights_name_every_topic_once_and_no_group_of_others() -> None:
    for service in SERVICE_NAMES:
        rights = list(rights_of(service))
        assert len(rights) == len(set(rights))
        groups = {right.name for right in rights if right.kind == "group"}
        assert groups == {service, replay_group(service)}
    written = [right.name for service in SERVICE_NAMES for right in rights_of(service) if right.operation == "write"]
    assert len(written) == len(set(written)), "every topic has one writer"
    assert {topic.name for topic in TOPICS} <= set(written)
