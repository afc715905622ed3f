"""The four APIs are written in one style: addresses, parameters, conditions, refusals, examples of answers."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from shared.contracts.answers import LabelSchema, validate
from shared.contracts.answers.examples import EXAMPLES
from shared.contracts.answers.kinds import QUESTION_MODELS
from shared.contracts.fields import PictureSize
from shared.contracts.services import SERVICE_NAMES
from tests.support.documents import openapi_document

METHODS = {"get", "put", "post", "patch", "delete"}
KEBAB = re.compile(r"[a-z]+(-[a-z]+)*")
SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

NATURAL_KEYS = {"token", "key", "version"}
"""What names a thing beside its id: a lease's token, an object's key, a version of what stands before it."""

ONE_OF_A_KIND = {
    "agreement", "annotation", "artifact", "assessment", "draft", "drift", "erasure", "feedback", "gold", "label", "learning",
    "lineage", "progress", "quality", "summary", "answers.schema.json",
}  # fmt: skip
"""There is one of it for what stands before it, so it is named in the singular (`feedback` and `gold` have no plural)."""

ACTS = {"cancellation", "promotion", "recount", "reinstatement", "rollback"}
"""What is done to what stands before it, as the noun of the deed."""

PUBLISHED_OTHERWISE = {"skip", "validate"}
"""Verbs that were published before this rule; renaming them would break clients."""

OUTSIDE = {"/live", "/ready", "/metrics"}


class Operation(NamedTuple):
    service: str
    method: str
    path: str
    content: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.service} {self.method.upper()} {self.path}"

    def names(self, place: str) -> set[str]:
        return {one["name"] for one in self.content.get("parameters", ()) if one["in"] == place}


def operations() -> Iterator[Operation]:
    for service in SERVICE_NAMES:
        for path, item in openapi_document(service)["paths"].items():
            for method in METHODS & item.keys():
                yield Operation(service, method, path, item[method])


ALL = sorted(operations(), key=str)


def segments(path: str) -> list[str]:
    return path.removeprefix("/v1/").split("/")


def test_an_address_is_made_of_plural_nouns_and_ids() -> None:
    for operation in ALL:
        if operation.path in OUTSIDE:
            continue
        assert operation.path.startswith("/v1/"), operation
        parts = segments(operation.path)
        for before, part in zip(["", *parts], parts, strict=False):
            if part.startswith("{"):
                assert before.endswith("s"), f"{operation}: an id stands behind the plural noun of what it names"
                assert part.endswith("_id}") or part.strip("{}") in NATURAL_KEYS, operation
            elif part not in ONE_OF_A_KIND | ACTS | PUBLISHED_OTHERWISE:
                assert KEBAB.fullmatch(part), operation
                assert part.endswith("s"), operation


def test_there_is_an_address_for_every_exception() -> None:
    used = {part for operation in ALL for part in segments(operation.path)}
    assert used >= ONE_OF_A_KIND | ACTS | PUBLISHED_OTHERWISE


def test_parameters_are_in_snake_case_and_headers_in_train_case() -> None:
    for operation in ALL:
        for name in operation.names("path") | operation.names("query"):
            assert SNAKE.fullmatch(name), f"{operation}: {name}"
        for name in operation.names("header"):
            assert name == "-".join(word.capitalize() for word in name.split("-")), f"{operation}: {name}"


def test_a_change_that_may_be_at_odds_with_a_revision_takes_if_match_and_nothing_else_does() -> None:
    for operation in ALL:
        conditional = "If-Match" in operation.names("header")
        assert ("412" in operation.content["responses"]) == conditional, operation
        assert not conditional or operation.method != "get", operation
        assert not operation.names("query") & {"revision", "expected_revision", "etag"}, operation
        if operation.method in {"patch", "put"} and answered(operation) in with_revision(operation.service):
            assert conditional, operation


def answered(operation: Operation) -> str:
    """The name of the schema of what is answered."""
    content = operation.content["responses"].get("200", {}).get("content", {})
    reference: str = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    return reference.rsplit("/", 1)[-1]


def with_revision(service: str) -> set[str]:
    """The schemas of things that have a revision of their own, which is their ETag."""
    schemas = openapi_document(service)["components"]["schemas"]
    return {name for name, schema in schemas.items() if "revision" in schema.get("properties", ())}


def test_a_403_names_the_roles_that_would_do() -> None:
    for operation in ALL:
        roles = operation.content.get("x-roles")
        if roles:
            refusal = operation.content["responses"]["403"]["description"]
            assert {*roles, "admin"} <= set(re.findall(r"[a-z]+", refusal)), operation


@pytest.mark.parametrize("kind", QUESTION_MODELS)
def test_the_example_of_every_kind_is_shown_where_answers_are_given(kind: str) -> None:
    for service, path in (
        ("queue", "/v1/leases/{token}/annotation"),
        ("queue", "/v1/leases/{token}/draft"),
        ("qa", "/v1/projects/{project_id}/records/{record_id}/gold"),
    ):
        body = openapi_document(service)["paths"][path]["put"]["requestBody"]["content"]["application/json"]
        assert body["examples"][kind]["value"]["answers"] == EXAMPLES[kind]


@pytest.mark.parametrize("kind", QUESTION_MODELS)
def test_an_example_of_answers_is_valid(kind: str) -> None:
    example = QUESTION_MODELS[kind].example
    fields = [
        {"name": name, "kind": "text" if isinstance(one, str) else "image"} for name, one in example.content.items()
    ]
    asked = LabelSchema.model_validate({"fields": fields, "questions": [example.question]})
    content = {name: one if isinstance(one, str) else PictureSize(**one) for name, one in example.content.items()}
    assert validate(asked, content, EXAMPLES[kind]) == []


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_answers_say_what_their_offsets_count_and_show_every_kind(service: str) -> None:
    for name, schema in openapi_document(service)["components"]["schemas"].items():
        for member in ("answers", "prediction", "correction", "disputed"):
            shown = schema.get("properties", {}).get(member)
            if shown is None or "additionalProperties" not in str(shown):
                continue
            assert "code points" in str(shown), f"{name}.{member}"
            assert list(EXAMPLES.values()) in list(examples_in(shown)), f"{name}.{member}"


def examples_in(schema: Any) -> Iterator[Any]:
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "examples":
                yield value
            else:
                yield from examples_in(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from examples_in(item)
