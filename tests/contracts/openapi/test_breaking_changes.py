"""What may change in a published contract, and what may not: one change at a time."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from deploy.contracts.openapi import breaking_changes

Document = dict[str, Any]
Change = Callable[[Document], object]


def json_body(schema: Document) -> Document:
    return {"content": {"application/json": {"schema": schema}}}


def base() -> Document:
    """An API of one resource."""
    return {
        "openapi": "3.1.0",
        "paths": {
            "/cats": {
                "get": {
                    "operationId": "list_cats",
                    "x-roles": ["manager", "product"],
                    "parameters": [
                        {"name": "colour", "in": "query", "required": False, "schema": {"type": "string"}},
                        {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 1000}},
                    ],
                    "responses": {
                        "200": json_body({"type": "array", "items": {"$ref": "#/components/schemas/Cat"}}),
                        "404": {"description": "None.", "content": {"application/problem+json": {}}},
                    },
                },
                "post": {
                    "operationId": "add_cat",
                    "x-max-body-bytes": 1000,
                    "parameters": [{"name": "if-match", "in": "header", "schema": {"type": "string"}}],
                    "requestBody": json_body({"$ref": "#/components/schemas/NewCat"}),
                    "responses": {
                        "201": {
                            **json_body({"$ref": "#/components/schemas/Cat"}),
                            "headers": {"ETag": {"schema": {"type": "string"}}},
                        }
                    },
                },
            }
        },
        "components": {
            "schemas": {
                "Colour": {"enum": ["black", "white"], "type": "string"},
                "Mood": {"enum": ["calm", "cross"], "type": "string", "x-may-grow": True},
                "Toy": {
                    "oneOf": [{"$ref": "#/components/schemas/Ball"}, {"$ref": "#/components/schemas/Mouse"}],
                },
                "Ball": {
                    "type": "object",
                    "properties": {"kind": {"const": "ball"}, "radius": {"type": "integer"}},
                    "required": ["kind"],
                },
                "Mouse": {"type": "object", "properties": {"kind": {"const": "mouse"}}, "required": ["kind"]},
                "NewCat": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["name"],
                    "properties": {
                        "name": {"type": "string", "maxLength": 50},
                        "age": {"type": "number"},
                        "colour": {"$ref": "#/components/schemas/Colour"},
                        "toys": {"type": "array", "items": {"$ref": "#/components/schemas/Toy"}},
                        "tags": {"type": "object", "additionalProperties": {"type": "string"}},
                        "born": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
                    },
                },
                "Cat": {
                    "type": "object",
                    "required": ["id", "name"],
                    "properties": {
                        "id": {"type": "string", "format": "uuid"},
                        "name": {"type": "string", "maxLength": 50},
                        "age": {"type": "integer"},
                        "colour": {"$ref": "#/components/schemas/Colour"},
                        "mood": {"$ref": "#/components/schemas/Mood"},
                        "toys": {"type": "array", "items": {"$ref": "#/components/schemas/Toy"}},
                        "mother": {"anyOf": [{"$ref": "#/components/schemas/Cat"}, {"type": "null"}]},
                    },
                },
            }
        },
    }


def path(document: Document) -> Document:
    return document["paths"]["/cats"]  # type: ignore[no-any-return]


def part(name: str) -> Callable[[Document], Document]:
    return lambda document: document["components"]["schemas"][name]


def within(name: str, key: str) -> Callable[[Document], Document]:
    return lambda document: document["components"]["schemas"][name]["properties"][key]


def answer(document: Document, status: str = "200") -> Document:
    return path(document)["get"]["responses"][status]  # type: ignore[no-any-return]


def put(where: Callable[[Document], Document], **values: Any) -> Change:
    return lambda document: where(document).update(values)


def drop(where: Callable[[Document], Document], key: str) -> Change:
    return lambda document: where(document).pop(key)


def parameter(number: int) -> Callable[[Document], Document]:
    return lambda document: path(document)["get"]["parameters"][number]


def new_parameter(**values: Any) -> Change:
    return lambda document: path(document)["get"]["parameters"].append(
        {"name": "new", "in": "query", "schema": {"type": "string"}, **values}
    )


def properties(name: str) -> Callable[[Document], Document]:
    return lambda document: part(name)(document)["properties"]


def operation(method: str) -> Callable[[Document], Document]:
    return lambda document: path(document)[method]


def add_status(document: Document) -> None:
    path(document)["get"]["responses"]["409"] = {"description": "At odds."}


BREAKING: dict[str, tuple[str, Change]] = {
    "a path goes": ("path-removed", lambda document: document["paths"].clear()),
    "an operation goes": ("operation-removed", drop(path, "post")),
    "an operation is called otherwise": ("operation-id-changed", put(operation("get"), operationId="cats")),
    "a role is shut out": ("role-removed", put(operation("get"), **{"x-roles": ["manager"]})),
    "an open operation asks for a role": ("role-removed", put(operation("post"), **{"x-roles": ["manager"]})),
    "a parameter goes": ("parameter-removed", lambda document: path(document)["get"]["parameters"].pop(0)),
    "a parameter moves to a header": ("parameter-removed", put(parameter(0), **{"in": "header"})),
    "a new parameter is required": ("parameter-required", new_parameter(required=True)),
    "a parameter becomes required": ("parameter-required", put(parameter(0), required=True)),
    "a parameter takes another type": ("type-changed", put(parameter(0), schema={"type": "integer"})),
    "a parameter's bound narrows": ("bound-narrowed", put(parameter(1), schema={"type": "integer", "maximum": 100})),
    "a parameter gets a bound": ("bound-narrowed", put(parameter(0), schema={"type": "string", "maxLength": 9})),
    "a body becomes required": (
        "body-required",
        lambda document: path(document)["get"].update(requestBody={**json_body({}), "required": True}),
    ),
    "a body goes": ("body-removed", drop(operation("post"), "requestBody")),
    "a body may be smaller only": ("body-limit-lowered", put(operation("post"), **{"x-max-body-bytes": 10})),
    "a media type of a body goes": (
        "media-type-removed",
        lambda document: path(document)["post"].update(requestBody={"content": {"text/csv": {}}}),
    ),
    "a property becomes required in a request": ("property-required", put(part("NewCat"), required=["name", "age"])),
    "a new property is required in a request": (
        "property-required",
        lambda document: (
            properties("NewCat")(document).update(new={}),
            part("NewCat")(document).update(required=["name", "new"]),
        ),
    ),
    "a property is no longer taken": ("property-removed", drop(properties("NewCat"), "age")),
    "a property is ignored from now on": (
        "property-removed",
        lambda document: (part("NewCat")(document).pop("additionalProperties"), properties("NewCat")(document).pop("age")),
    ),
    "a type narrows in a request": ("type-changed", put(within("NewCat", "age"), type="integer")),
    "null is no longer taken": ("alternative-removed", put(properties("NewCat"), born={"type": "string", "format": "date"})),
    "a format is asked for": ("format-changed", put(within("NewCat", "name"), format="email")),
    "an alternative is no longer taken": (
        "alternative-removed",
        put(within("NewCat", "toys"), items={"$ref": "#/components/schemas/Ball"}),
    ),
    "the values of a map narrow": (
        "type-changed",
        put(within("NewCat", "tags"), additionalProperties={"type": "integer"}),
    ),
    "a value is no longer taken": ("value-removed", put(part("Colour"), enum=["black"])),
    "free text becomes a choice": ("value-removed", put(within("NewCat", "name"), enum=["Tom"])),
    "what is not known is refused from now on": ("extra-forbidden", put(part("Ball"), additionalProperties=False)),
    "a status goes": ("status-removed", lambda document: path(document)["get"]["responses"].pop("404")),
    "a media type of an answer goes": ("media-type-removed", put(answer, content={"text/csv": {}})),
    "a header of an answer goes": (
        "header-removed",
        lambda document: path(document)["post"]["responses"]["201"].pop("headers"),
    ),
    "a property of an answer goes": ("property-removed", drop(properties("Cat"), "age")),
    "a property of an answer is no longer sure": ("property-not-sure", put(part("Cat"), required=["id"])),
    "a type of an answer changes": ("type-changed", put(within("Cat", "id"), type="integer")),
    "a type of an answer widens": ("type-changed", put(within("Cat", "age"), type="number")),
    "an answer may be null": ("alternative-added", put(properties("Cat"), age={"anyOf": [{"type": "integer"}, {"type": "null"}]})),
    "a format of an answer goes": ("format-changed", drop(within("Cat", "id"), "format")),
    "an answer is no longer a list": ("type-changed", put(answer, **json_body({"type": "object"}))),
    "a value is added to an answer": ("value-added", put(part("Colour"), enum=["black", "white", "red"])),
    "a choice becomes free text in an answer": ("value-added", put(properties("Cat"), colour={"type": "string"})),
    "an answer may be anything": ("type-changed", put(properties("Cat"), colour={}, age={})),
    "a new alternative in an answer": (
        "alternative-added",
        lambda document: part("Toy")(document)["oneOf"].append({"type": "object", "properties": {"kind": {"const": "box"}}}),
    ),
}  # fmt: skip

FINE: dict[str, Change] = {
    "nothing": lambda _: None,
    "a new path": lambda document: document["paths"].update({"/dogs": {}}),
    "a new operation": lambda document: path(document).update(put={"operationId": "put_cat", "responses": {}}),
    "a further role": put(operation("get"), **{"x-roles": ["manager", "product", "auditor"]}),
    "an operation is opened": drop(operation("get"), "x-roles"),
    "a new parameter": new_parameter(),
    "a wider bound": put(parameter(1), schema={"type": "integer", "maximum": 5000}),
    "no bound": put(parameter(1), schema={"type": "integer"}),
    "a larger body": put(operation("post"), **{"x-max-body-bytes": 2000}),
    "a new property in a request": lambda document: properties("NewCat")(document).update(new={"type": "string"}),
    "a property is no longer required": put(part("NewCat"), required=[]),
    "what is not known is ignored from now on": drop(part("NewCat"), "additionalProperties"),
    "null is taken, too": lambda document: properties("NewCat")(document).update(
        age={"anyOf": [{"type": "number"}, {"type": "null"}]}
    ),
    "a new property in an answer": lambda document: properties("Cat")(document).update(new={"type": "string"}),
    "a property of an answer is sure": put(part("Cat"), required=["id", "name", "age"]),
    "an answer's bound": put(within("Cat", "name"), maxLength=100),
    "an answer is never null": put(properties("Cat"), mother={"$ref": "#/components/schemas/Cat"}),
    "a new status": add_status,
    "a value where more were announced": put(part("Mood"), enum=["calm", "cross", "asleep"]),
    "a part is called otherwise": lambda document: (
        document["components"]["schemas"].update(Hue=part("Colour")(document)),
        properties("Cat")(document).update(colour={"$ref": "#/components/schemas/Hue"}),
    ),
    "a header in capitals": lambda document: operation("post")(document)["parameters"][0].update(name="If-Match"),
    "words": put(operation("get"), summary="Cats", description="All of them."),
}


@pytest.mark.parametrize("what", BREAKING)
def test_this_breaks_a_client(what: str) -> None:
    rule, change = BREAKING[what]
    changed = base()
    change(changed)
    assert rule in {found.rule for found in breaking_changes(base(), changed)}


@pytest.mark.parametrize("what", FINE)
def test_this_breaks_nobody(what: str) -> None:
    changed = base()
    FINE[what](changed)
    assert breaking_changes(base(), changed) == []


def test_a_value_is_announced_before_it_comes_and_not_with_it() -> None:
    changed = base()
    part("Colour")(changed).update({"enum": ["black", "white", "red"], "x-may-grow": True})
    assert {found.rule for found in breaking_changes(base(), changed)} == {"value-added"}


def test_a_breaking_change_is_reported_with_its_place() -> None:
    changed = base()
    properties("Cat")(changed).pop("age")
    found_changes = {str(found) for found in breaking_changes(base(), changed)}
    assert "GET /cats, answer 200, /[]/age: property-removed" in found_changes
    assert "POST /cats, answer 201, /age: property-removed" in found_changes


def test_a_change_that_is_taken_back_breaks_nobody() -> None:
    changed = base()
    for _, change in BREAKING.values():
        one = copy.deepcopy(changed)
        change(one)
        assert breaking_changes(one, one) == []
