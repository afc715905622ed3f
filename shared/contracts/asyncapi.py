"""The AsyncAPI document of the bus, generated from the registry of topics."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.contracts.envelope import MAX_EVENT_BYTES, Event, Payload
from shared.contracts.services import SERVICES, ServiceName
from shared.contracts.topics import TOPICS, Topic

DEFAULT_PREFIX = "touchstone."


def document(version: str, prefix: str = DEFAULT_PREFIX) -> dict[str, Any]:
    """AsyncAPI 3.0: a channel per topic, a message per event version, an operation per service and topic."""
    envelopes = {payload: _envelope(payload) for topic in TOPICS for payload in topic.events}
    references, definitions = models_json_schema(
        [(envelope, "serialization") for envelope in envelopes.values()],
        ref_template="#/components/schemas/{model}",
    )
    payload_schemas = {payload: references[envelope, "serialization"] for payload, envelope in envelopes.items()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Touchstone events",
            "version": version,
            "description": (
                "What the four services publish. Delivery is at least once and in order per key; readers "
                f"ignore fields they do not know. An event is at most {MAX_EVENT_BYTES // 1024} KiB of JSON."
            ),
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic, prefix) for topic in TOPICS},
        "operations": dict(_operations()),
        "components": {
            "messages": {
                _message_name(payload): _message(topic, payload, payload_schemas[payload])
                for topic in TOPICS
                for payload in topic.events
            },
            "schemas": definitions["$defs"],
        },
    }


def _envelope(payload: type[Payload]) -> type[BaseModel]:
    return Event[payload]  # type: ignore[valid-type]


def _message_name(payload: type[Payload]) -> str:
    return f"{payload.event_type()}.v{payload.event_version}"


def _channel(topic: Topic, prefix: str) -> dict[str, Any]:
    return {
        "address": prefix + topic.name,
        "title": topic.name,
        "description": topic.description,
        "messages": {
            _message_name(payload): {"$ref": f"#/components/messages/{_message_name(payload)}"}
            for payload in topic.events
        },
        "bindings": {
            "kafka": {
                "topicConfiguration": {"cleanup.policy": ["compact" if topic.kept == "compacted" else "delete"]},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _message(topic: Topic, payload: type[Payload], schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": payload.event_type(),
        "title": f"{payload.event_type()}, version {payload.event_version}",
        "summary": (payload.__doc__ or "").strip().split("\n\n")[0].replace("\n", " "),
        "payload": schema,
        "bindings": {
            "kafka": {
                "key": {"type": "string", "format": "uuid", "description": f"The {topic.key}."},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operations() -> Iterable[tuple[str, dict[str, Any]]]:
    descriptions: dict[ServiceName, str] = {service.name: service.description for service in SERVICES}
    for topic in TOPICS:
        channel = {"$ref": f"#/channels/{topic.name}"}
        yield (
            f"{topic.producer}.send.{topic.name}",
            {"action": "send", "channel": channel, "summary": descriptions[topic.producer]},
        )
        for service in topic.consumers:
            yield (
                f"{service}.receive.{topic.name}",
                {"action": "receive", "channel": channel, "summary": descriptions[service]},
            )
