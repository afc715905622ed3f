"""Whether a JSON schema still takes what it took, or still answers only what it answered.

Both are one question: is everything that fits the one schema fit for the other? It is asked along the structure, for
the keywords that pydantic writes. What is not understood (`not`, `if`) is compared for equality.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

Schema = Mapping[str, Any]

MAY_GROW: Final = "x-may-grow"
"""On an enumeration or a union: readers were warned that there may be more one day."""

_UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_EQUAL: Final = ("pattern", "multipleOf", "uniqueItems", "propertyNames", "not", "if", "patternProperties")


class Break(NamedTuple):
    """A change that breaks whoever relies on the contract."""

    where: str
    rule: str

    def __str__(self) -> str:
        return f"{self.where}: {self.rule}"


class Use(StrEnum):
    """Who writes what the schema describes. A writer may send less than before, a reader must take what it took."""

    REQUEST = "request"
    ANSWER = "answer"


class Comparison:
    """Compares schemas of two documents, in one use.

    Bounds of an answer (a longest text, a largest number) matter only where the readers check them: `bounds`.
    """

    def __init__(self, old: Schema, new: Schema, use: Use, *, bounds: bool) -> None:
        self._asks = use is Use.REQUEST
        self._inner_document, self._outer_document = (old, new) if self._asks else (new, old)
        self._bounds = bounds
        self._known: dict[tuple[str, str], list[tuple[str, str]]] = {}

    def breaks(self, old: Schema, new: Schema, where: str) -> list[Break]:
        inner, outer = (old, new) if self._asks else (new, old)
        return [Break(f"{where}{path and f', {path}'}", rule) for path, rule in self._misfits(inner, outer)]

    def _misfits(self, inner: Schema, outer: Schema) -> list[tuple[str, str]]:
        """Why what fits `inner` needs not fit `outer`: places below, with their rules."""
        inners = list(_alternatives(inner, self._inner_document))
        outers = list(_alternatives(outer, self._outer_document))
        if len(inners) == len(outers) == 1:
            return self._of_pair(inners[0], outers[0])
        if not self._asks and _resolved(outer, self._outer_document).get(MAY_GROW):
            known = {_discriminator(each.schema) for each in outers}
            inners = [each for each in inners if _discriminator(each.schema) in known]
        misfits = []
        for each in inners:
            nearest = min((self._of_pair(each, other) for other in outers), key=_distance)
            if nearest and _distance(nearest)[0]:
                nearest = [("", "alternative-removed" if self._asks else "alternative-added")]
            misfits += nearest
        return misfits

    def _of_pair(self, inner: "_Alternative", outer: "_Alternative") -> list[tuple[str, str]]:
        if inner.name is None or outer.name is None:
            return list(self._of_one(inner.schema, outer.schema))
        names = (inner.name, outer.name)
        if names not in self._known:
            self._known[names] = []  # a schema that holds itself fits if the rest does
            self._known[names] = list(self._of_one(inner.schema, outer.schema))
        return self._known[names]

    def _of_one(self, inner: Schema, outer: Schema) -> Iterator[tuple[str, str]]:
        values, allowed = _values(inner), _values(outer)
        if allowed is not None:
            announced = not self._asks and outer.get(MAY_GROW)
            if values is None or not (values <= allowed or announced):
                yield "", "value-removed" if self._asks else "value-added"
            return
        kind, wanted = inner.get("type"), outer.get("type")
        if wanted is not None and kind != wanted and (kind, wanted) != ("integer", "number"):
            yield "", "type-changed"
            return
        if outer.get("format") not in {None, inner.get("format")}:
            yield "", "format-changed"
        if self._bounds and _narrower(inner, outer):
            yield "", "bound-narrowed"
        yield from self._of_object(inner, outer)
        yield from self._of_array(inner, outer)

    def _of_object(self, inner: Schema, outer: Schema) -> Iterator[tuple[str, str]]:
        properties: Schema = inner.get("properties", {})
        others: Schema = outer.get("properties", {})
        gone = properties.keys() - others.keys() if self._asks else others.keys() - properties.keys()
        yield from ((f"/{name}", "property-removed") for name in sorted(gone))
        unsure = set(outer.get("required", ())) - set(inner.get("required", ())) - gone
        yield from ((f"/{name}", "property-required" if self._asks else "property-not-sure") for name in sorted(unsure))
        for name in sorted(properties.keys() & others.keys()):
            yield from _below(f"/{name}", self._misfits(properties[name], others[name]))
        more, taken = inner.get("additionalProperties", True), outer.get("additionalProperties", True)
        if isinstance(taken, Mapping):
            if isinstance(more, Mapping):
                yield from _below("/*", self._misfits(more, taken))
            elif more:
                yield from _below("/*", self._misfits({}, taken))
        elif not taken and more and self._asks:
            yield "", "extra-forbidden"

    def _of_array(self, inner: Schema, outer: Schema) -> Iterator[tuple[str, str]]:
        if isinstance(outer.get("items"), Mapping):
            yield from _below("/[]", self._misfits(_mapping(inner.get("items")), outer["items"]))
        places, others = inner.get("prefixItems", ()), outer.get("prefixItems", ())
        if len(others) > len(places):
            yield "", "type-changed"
        for number, (place, other) in enumerate(zip(places, others, strict=False)):
            yield from _below(f"/{number}", self._misfits(place, other))


def _below(step: str, misfits: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    return ((step + path, rule) for path, rule in misfits)


def _distance(misfits: list[tuple[str, str]]) -> tuple[bool, int]:
    """How far an alternative is from the one it is compared with; at first, whether it is another thing altogether."""
    other = any(path in {"", "/kind", "/type"} and rule in _OTHER_THING for path, rule in misfits)
    return other, len(misfits)


_OTHER_THING: Final = {"type-changed", "value-removed", "value-added"}


def _discriminator(schema: Schema) -> str:
    """What distinguishes an alternative of a union from the others: its constants, or its type."""
    constants = {
        name: value["const"] for name, value in schema.get("properties", {}).items() if "const" in value
    } or schema.get("const", schema.get("type"))
    return json.dumps(constants, sort_keys=True)


class _Alternative(NamedTuple):
    name: str | None  # the reference that led here
    schema: Schema


def _alternatives(schema: Schema, document: Schema, name: str | None = None) -> Iterator[_Alternative]:
    while "$ref" in schema:
        name = schema["$ref"]
        schema = _target(schema["$ref"], document)
    whole = schema.get("allOf")
    several = schema.get("anyOf") or schema.get("oneOf")
    if whole and len(whole) == 1:
        yield from _alternatives(whole[0], document)
    elif several:
        for each in several:
            yield from _alternatives(each, document)
    elif isinstance(schema.get("type"), list):
        yield from (_Alternative(None, {**schema, "type": kind}) for kind in schema["type"])
    else:
        yield _Alternative(name, schema)


def _resolved(schema: Schema, document: Schema) -> Schema:
    while "$ref" in schema:
        schema = _target(schema["$ref"], document)
    return schema


def _target(reference: str, document: Schema) -> Schema:
    target: Any = document
    for step in reference.removeprefix("#/").split("/"):
        target = target[step.replace("~1", "/").replace("~0", "~")]
    return _mapping(target)


def _values(schema: Schema) -> frozenset[str] | None:
    """The values of an enumeration, as JSON; None when it isn't one."""
    if "const" in schema:
        return frozenset([json.dumps(schema["const"])])
    return frozenset(map(json.dumps, schema["enum"])) if "enum" in schema else None


def _narrower(inner: Schema, outer: Schema) -> bool:
    """Whether a bound of `outer` shuts out what the bounds of `inner` let in."""
    return (
        any(name in outer and not inner.get(name, float("inf")) <= outer[name] for name in _UPPER)
        or any(name in outer and not inner.get(name, float("-inf")) >= outer[name] for name in _LOWER)
        or any(name in outer and inner.get(name) != outer[name] for name in _EQUAL)
    )


def _mapping(schema: Any) -> Schema:
    return schema if isinstance(schema, Mapping) else {}
