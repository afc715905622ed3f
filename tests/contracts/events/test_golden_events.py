import json
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.contracts.envelope import Payload
from shared.contracts.topics import BY_NAME, PAYLOADS, TOPIC_OF, TOPICS
from tests.support.events import EVERY_EVENT, parse_event

EXAMPLES = Path(__file__).parents[3] / "shared" / "contracts" / "examples"
FILES = sorted(EXAMPLES.glob("*.json"))


def test_every_event_version_has_a_golden_example_and_nothing_else_has() -> None:
    assert {file.name for file in FILES} == {f"{name}.v{version}.json" for name, version in PAYLOADS}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_golden_event_parses_and_re_emits_equal(file: Path) -> None:
    raw = file.read_bytes()
    event = parse_event(raw)
    assert type(event.payload).event_type() == event.type
    emitted = event.model_dump_json()
    assert json.loads(emitted) == json.loads(raw)
    assert parse_event(emitted) == event
    assert event.occurred_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_reader_ignores_fields_that_it_does_not_know(file: Path) -> None:
    raw = json.loads(file.read_bytes())
    before = parse_event(json.dumps(raw))
    raw["added_later"] = 1
    raw["payload"]["added_later"] = {"a": 1}
    assert parse_event(json.dumps(raw)) == before


def test_a_reader_ignores_unknown_fields_of_nested_values() -> None:
    raw = json.loads((EXAMPLES / "RecordAccepted.v1.json").read_bytes())
    before = parse_event(json.dumps(raw))
    raw["payload"]["fields"]["photo"]["added_later"] = 1
    assert parse_event(json.dumps(raw)) == before
    raw = json.loads((EXAMPLES / "ProjectChanged.v1.json").read_bytes())
    before = parse_event(json.dumps(raw))
    raw["payload"]["policies"][0]["policies"]["gold"]["added_later"] = 1
    raw["payload"]["schemas"][0]["label_schema"]["questions"][0]["added_later"] = 1
    assert parse_event(json.dumps(raw)) == before


def test_an_unknown_event_is_distinguished_from_a_malformed_one() -> None:
    raw = json.loads((EXAMPLES / "RecordErased.v1.json").read_bytes())
    assert EVERY_EVENT.parse(json.dumps({**raw, "version": 99}).encode()) is None
    with pytest.raises(ValidationError):
        EVERY_EVENT.parse(json.dumps({**raw, "payload": {}}).encode())


def test_an_event_is_immutable() -> None:
    event = parse_event((EXAMPLES / "RecordErased.v1.json").read_bytes())
    with pytest.raises(ValidationError):
        event.payload.reason = "other"


def test_the_registry_knows_each_topic_and_event_once() -> None:
    assert len(BY_NAME) == len(TOPICS)
    assert len(TOPIC_OF) == sum(len(topic.events) for topic in TOPICS)
    for topic in TOPICS:
        assert topic.producer not in topic.consumers
        if topic.kept == "compacted":
            assert len(topic.events) == 1, "a compacted topic carries one event type with full state"


@pytest.mark.parametrize("payload", TOPIC_OF, ids=lambda payload: payload.__name__)
def test_every_event_has_a_description(payload: type[Payload]) -> None:
    assert payload.__name__.endswith(("ed", "able", "Set", "wn")), "events are past tense"
