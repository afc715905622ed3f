"""What each service may do on the bus, by the registry of topics: no more than it does."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from shared.contracts.services import ServiceName
from shared.contracts.topics import TOPICS
from shared.kit.dead_letters import dead_topic, retry_topic
from shared.kit.replay import replay_group


@dataclass(frozen=True, slots=True)
class Right:
    """`name` is without the prefix of topics and groups. Either operation lets the topic be described, too."""

    kind: Literal["topic", "group"]
    name: str
    operation: Literal["read", "write"]


def rights_of(service: ServiceName) -> Iterator[Right]:
    """Writes what it produces, reads what it consumes, and has its dead letters and its groups to itself."""
    for topic in TOPICS:
        if topic.producer == service:
            yield Right("topic", topic.name, "write")
        if service in topic.consumers:
            yield Right("topic", topic.name, "read")
    for own in (dead_topic(service), retry_topic(service)):
        yield Right("topic", own, "write")
        yield Right("topic", own, "read")
    for group in (service, replay_group(service)):
        yield Right("group", group, "read")
