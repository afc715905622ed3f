"""A body's JSON, read as its endpoint declares it: a number is no text, and true is no number.

It is read as JSON, not as Python's objects: there UUIDs, moments and members of an enumeration are texts.
"""

from dataclasses import dataclass
from typing import Any, Final

import orjson
from pydantic import GetCoreSchemaHandler, TypeAdapter, ValidationError
from pydantic_core import CoreSchema, SchemaValidator, core_schema

from shared.kit.json_batches import read_items
from shared.kit.problem_mapping import of_body
from shared.kit.problems import Problem
from shared.kit.storable_json import parse_json
from shared.kit.tracebacks import forget_origin

MOST_LISTED: Final = 1_000
"""Pydantic lists all faults in one call, which takes microseconds for each, and nothing else of the process runs meanwhile."""

_COLLECTIONS: Final = frozenset({"dict", "frozenset", "list", "set", "tuple"})


@dataclass(frozen=True, slots=True)
class ReadBody:
    """What stands for a large body's JSON: the body as the endpoint declares it, or why it is none such."""

    value: Any = None
    error: Exception | None = None

    def take(self) -> Any:
        """Raises what reading it raised, where FastAPI reads it."""
        if self.error is not None:
            raise self.error
        return self.value


class StrictReader:
    """Reads JSON as a type that may be annotated. It may annotate that type itself: see `shared.kit.endpoint_parameters`."""

    def __init__(self, kind: Any) -> None:
        self._adapter: TypeAdapter[Any] = TypeAdapter(kind)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """For what parsed JSON is validated by: it is read here, and documented as the type that is annotated."""
        return core_schema.no_info_plain_validator_function(self.read_parsed, json_schema_input_schema=handler(source))

    def read_parsed(self, value: Any) -> Any:
        """Raises pydantic.ValidationError, or what reading a `ReadBody` raised."""
        return value.take() if isinstance(value, ReadBody) else self.read(orjson.dumps(value))

    def read(self, plain: bytes) -> Any:
        """Raises pydantic.ValidationError."""
        return self._adapter.validate_json(plain, strict=True)

    def read_body(self, raw: bytes) -> ReadBody:
        """What stands for the body; of what is made of it on the way, one thing at a time is in memory.

        Raises:
            MalformedJson: it isn't JSON.
            Problem: 413, 422, it can't be stored.
        """
        plain = orjson.dumps(parse_json(raw))
        try:
            return ReadBody(self.read(plain))
        except ValidationError as error:
            return ReadBody(error=self.problem_of(error, plain))
        except Exception as error:  # noqa: BLE001  raised again by `take`
            forget_origin(error)
            return ReadBody(error=error)

    def problem_of(self, error: ValidationError, plain: bytes) -> Problem:
        """The 422 for what `read` raised. Of very many faults it names the first of each list and object."""
        broken = error.error_count()
        if broken > MOST_LISTED:
            error = self._first_faults(plain) or error
        return of_body(error, orjson.loads(plain), broken, MOST_LISTED)

    def _first_faults(self, plain: bytes) -> ValidationError | None:
        hasty = SchemaValidator(_stopping_early(self._adapter.core_schema), _use_prebuilt=False)
        try:
            hasty.validate_json(plain, strict=True)
        except ValidationError as error:
            return error
        return None


class BatchReader(StrictReader):
    """Reads `{name: [item, …]}`, of 1 to `most` items, as a model whose field of that name takes `BatchItem`s: it judges each
    for itself. To be annotated to the parameter that takes the body.
    """

    def __init__(self, kind: Any, name: str, most: int) -> None:
        super().__init__(kind)
        self._name, self._most = name, most

    def read_body(self, raw: bytes) -> ReadBody:
        """Raises as `shared.kit.json_batches.read_items`."""
        return ReadBody(self._adapter.validate_python({self._name: read_items(self._name, raw, self._most)}))


def _stopping_early(schema: Any) -> Any:
    """The same schema, whose lists and objects are read up to their first bad member."""
    if isinstance(schema, list):
        return [_stopping_early(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _stopping_early(part) for name, part in schema.items()}
    if isinstance(kind := schema.get("type"), str) and kind in _COLLECTIONS:
        made["fail_fast"] = True
    return made
