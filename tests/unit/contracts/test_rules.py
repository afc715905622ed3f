"""Rules of shape are described in words of ours, without what came."""

from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter, ValidationError

from shared.contracts.rules import BROKEN, read_error


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Thing(BaseModel, extra="forbid"):
    name: str


SECRET = "jane@example.com"


@pytest.mark.parametrize(
    ("kind", "value", "rule", "detail"),
    [
        (str, 7, "string_type", "It must be a text."),
        (int, SECRET, "int_type", "It must be a whole number, of 64 bits at most."),
        (float, SECRET, "float_type", "It must be a number."),
        (bool, SECRET, "bool_type", "It must be true or false."),
        (list[str], SECRET, "list_type", "It must be a list."),
        (dict[str, str], SECRET, "dict_type", "It must be an object."),
        (Thing, SECRET, "model_type", "It must be an object."),
        (Thing, {}, "missing", "It is required."),
        (Thing, {"name": "a", SECRET: 1}, "extra_forbidden", "There is no member of this name."),
        (UUID, SECRET, "is_instance_of", BROKEN),
        (Colour, SECRET, "enum", "It must be one of: red or blue."),
        (Literal["a", "b"], SECRET, "literal_error", "It must be one of: a or b."),
        (Annotated[str, Field(min_length=3)], "a", "string_too_short", "It must have at least 3 characters."),
        (Annotated[str, Field(max_length=3)], SECRET, "string_too_long", "It must have at most 3 characters."),
        (Annotated[list[int], Field(max_length=1)], [1, 2], "too_long", "It must have at most 1 members."),
        (Annotated[int, Field(ge=3)], 2, "greater_than_equal", "It must be at least 3."),
        (Annotated[float, Field(lt=3)], 4.0, "less_than", "It must be less than 3.0."),
        (Annotated[float, Field(allow_inf_nan=False)], float("inf"), "finite_number", "It must be a finite number."),
        (
            AwareDatetime,
            datetime(2026, 1, 1),  # noqa: DTZ001  the point of the test
            "timezone_aware",
            "It must be a date and time with its offset (RFC 3339).",
        ),
    ],
)
def test_a_rule_is_described_without_the_value(kind: Any, value: Any, rule: str, detail: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(kind).validate_python(value, strict=rule != "enum")
    [error] = refused.value.errors(include_url=False, include_input=False)
    found = read_error(error)
    assert (found.rule, found.detail) == (rule, detail)
    assert SECRET not in found.detail
