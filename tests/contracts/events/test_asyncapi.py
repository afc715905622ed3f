import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from shared.contracts.asyncapi import document
from shared.contracts.topics import PAYLOADS, TOPICS

ROOT = Path(__file__).parents[3]


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def test_the_committed_document_is_the_generated_one() -> None:
    committed = json.loads((ROOT / "docs" / "asyncapi.json").read_text(encoding="utf-8"))
    assert committed == json.loads(json.dumps(document(version("touchstone")))), "run `touchstone asyncapi`"


def test_every_reference_leads_somewhere() -> None:
    generated = document("1")
    for reference in _references(generated):
        target: Any = generated
        for step in reference.removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
        assert isinstance(target, dict)


def test_every_topic_event_and_reader_is_in_the_document() -> None:
    generated = document("1", prefix="x.")
    assert {channel["address"] for channel in generated["channels"].values()} == {f"x.{topic.name}" for topic in TOPICS}
    assert set(generated["components"]["messages"]) == {f"{name}.v{version}" for name, version in PAYLOADS}
    assert len(generated["operations"]) == sum(1 + len(topic.consumers) for topic in TOPICS)


def test_the_golden_events_are_valid_by_the_document() -> None:
    generated = document("1")
    for name, message in generated["components"]["messages"].items():
        schema = {**message["payload"], "components": generated["components"]}
        golden = json.loads((ROOT / "shared" / "contracts" / "examples" / f"{name}.json").read_bytes())
        Draft202012Validator(schema).validate(golden)
