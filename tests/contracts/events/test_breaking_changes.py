"""Within a version of an event, nothing but optional fields is ever added."""

from collections.abc import Callable
from typing import Any

import pytest

from deploy.contracts.asyncapi import breaking_changes
from shared.contracts.asyncapi import document

Change = Callable[[dict[str, Any]], object]


def schema(changed: dict[str, Any], name: str) -> dict[str, Any]:
    return changed["components"]["schemas"][name]  # type: ignore[no-any-return]


def new_property(*, required: bool) -> Change:
    def change(changed: dict[str, Any]) -> None:
        schema(changed, "RecordErased")["properties"]["new"] = {"type": "string"}
        if required:
            schema(changed, "RecordErased").setdefault("required", []).append("new")

    return change


BREAKING: dict[str, tuple[set[str], Change]] = {
    "a topic goes": ({"topic-removed"}, lambda new: new["channels"].pop("work")),
    "a topic lies elsewhere": ({"address-changed"}, lambda new: new["channels"]["work"].update(address="x")),
    "a topic is compacted": (
        {"retention-changed"},
        lambda new: new["channels"]["work"].update(bindings=new["channels"]["projects"]["bindings"]),
    ),
    "an event goes": ({"event-removed"}, lambda new: new["channels"]["records"]["messages"].pop("RecordErased.v1")),
    "an event is keyed otherwise": (
        {"key-changed"},
        lambda new: new["components"]["messages"]["WorkLogged.v1"].update(bindings={}),
    ),
    "a reader goes": ({"reader-or-writer-removed"}, lambda new: new["operations"].pop("qa.receive.work")),
    "a new field is required": ({"property-required"}, new_property(required=True)),
    "a field goes": (
        {"property-removed"},
        lambda new: schema(new, "RecordErased")["properties"].pop("reason"),
    ),
    "a field is optional from now on": (
        {"property-not-sure"},
        lambda new: schema(new, "RecordAccepted").update(required=[]),
    ),
    "a value is added": ({"value-added"}, lambda new: schema(new, "Split")["enum"].append("new")),
    "a value goes": ({"value-removed"}, lambda new: schema(new, "Split")["enum"].pop()),
    "a bound is widened": (
        {"bound-narrowed"},
        lambda new: schema(new, "SplitShares")["properties"]["validation"].update(maximum=9),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BREAKING)
def test_this_breaks_a_service(what: str) -> None:
    rules, change = BREAKING[what]
    changed = document("1")
    change(changed)
    assert rules <= {found.rule for found in breaking_changes(document("1"), changed)}


@pytest.mark.parametrize(
    "change", [new_property(required=False), lambda new: new["channels"].update(new={}), lambda _: None]
)
def test_this_breaks_nobody(change: Change) -> None:
    changed = document("1")
    change(changed)
    assert breaking_changes(document("1"), changed) == []
