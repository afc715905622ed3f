"""The event bus: one port, two engines, chosen by URL."""

from typing import Any
from urllib.parse import urlsplit

from shared.contracts.services import SERVICE_NAMES
from shared.contracts.topics import TOPICS
from shared.kit.bus.port import Bus, Consumer, Inbound, Outbound, Partition, Published, TopicSettings, Writer
from shared.kit.dead_letters import dead_topic, retry_topic

__all__ = [
    "Bus",
    "Consumer",
    "Inbound",
    "Outbound",
    "Partition",
    "Published",
    "TopicSettings",
    "Writer",
    "connect_bus",
    "grant_rights",
    "own_topics",
    "service_topics",
]

_DAY_S = 86_400


def connect_bus(url: str, *, prefix: str = "", session_s: float = 6.0, **settings: Any) -> Bus:
    """The engine that the URL names: `kafka://…` or `postgresql://…`. Connects when first used.

    `session_s`: after how long a silent member of a group loses its partitions. More settings are the engine's own.
    """
    scheme = urlsplit(url).scheme
    if scheme == "kafka":
        from shared.kit.bus.kafka import KafkaBus

        return KafkaBus(url, prefix=prefix, session_s=session_s, **settings)
    if scheme in {"postgresql", "postgres"}:
        from shared.kit.bus.postgres import PostgresBus

        return PostgresBus(url, prefix=prefix, session_s=session_s, **settings)
    raise ValueError(f"no event bus speaks {scheme or 'a URL without a scheme'}: use kafka:// or postgresql://")


async def grant_rights(bus: Bus) -> None:
    """Let each service, as the user of its name, do on a Kafka bus what the registry says, and nothing else.

    Rights that were given before stay. Raises BusUnavailable, and NotImplementedError on a bus without users.
    """
    from shared.kit.bus.kafka import KafkaBus
    from shared.kit.bus.rights import rights_of

    if not isinstance(bus, KafkaBus):
        raise NotImplementedError("rights are granted on Kafka alone")
    for service in SERVICE_NAMES:
        await bus.grant(service, rights_of(service))


def service_topics(group: str, retention_days: int) -> list[TopicSettings]:
    """Every topic of the registry, and the group's own two: what it gave up and what it is to try again."""
    retention_s = retention_days * _DAY_S
    return [
        *(TopicSettings(topic.name, topic.kept, retention_s) for topic in TOPICS),
        TopicSettings(dead_topic(group), "retention", retention_s),
        TopicSettings(retry_topic(group), "retention", retention_s),
    ]


def own_topics(service: str) -> list[str]:
    """The topics in which a service, or what consumes for it, publishes events of records."""
    published = [topic.name for topic in TOPICS if topic.producer == service and topic.key == "record_id"]
    return [*published, dead_topic(service), retry_topic(service)]
