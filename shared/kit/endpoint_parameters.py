"""What an endpoint takes, by its signature: Python's own inspection, and the markers that FastAPI documents for it."""

import inspect
import re
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from functools import partial
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin
from uuid import UUID

from fastapi import BackgroundTasks, params
from pydantic import BaseModel, BeforeValidator
from starlette.datastructures import UploadFile
from starlette.requests import HTTPConnection
from starlette.responses import Response

from shared.contracts.rules import NUMBER, WHOLE_NUMBER
from shared.contracts.values import BrokenRule
from shared.kit.auth import Guard
from shared.kit.strict_reader import StrictReader

_IN_PATH: Final = re.compile(r"{(\w+)")
_GIVEN: Final = (HTTPConnection, Response, BackgroundTasks)
"""What FastAPI gives to an endpoint of itself."""

_SCALARS: Final = (str, int, float, bool, UUID, date, datetime, Enum)
_LISTS: Final = (list, set, frozenset, tuple)


@dataclass(frozen=True, slots=True)
class EndpointParameters:
    """What comes of a request. `queries`: by name, whether it may be repeated. `body`: the name of the parameter that takes all
    of a JSON body. `form`: the names of a form's parts.
    """

    guards: tuple[Guard, ...] = ()
    queries: Mapping[str, bool] = field(default_factory=dict)
    body: str | None = None
    form: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Declared:
    """A parameter as it is written: `kind` without what is annotated, and FastAPI's marker of it."""

    name: str
    kind: Any
    annotations: tuple[Any, ...]
    marker: Any

    @property
    def alias(self) -> str:
        return getattr(self.marker, "alias", None) or self.name

    @property
    def kinds(self) -> tuple[Any, ...]:
        """The members of a union but None, or the one kind that it is."""
        if get_origin(self.kind) not in {Union, types.UnionType}:
            return (self.kind,)
        return tuple(_plain(member) for member in get_args(self.kind) if member is not type(None))

    @property
    def is_list(self) -> bool:
        return any(_class_of(kind) in _LISTS for kind in self.kinds)


def parameters_of(
    endpoint: Callable[..., Any], path: str, dependencies: Sequence[params.Depends] = ()
) -> EndpointParameters:
    """What an endpoint and its dependencies take; `dependencies` are those that it doesn't name itself.

    Raises:
        TypeError: a parameter is none of those that an endpoint here may have, or it is not plain which one.
    """
    guards: list[Guard] = []
    queries: dict[str, bool] = {}
    bodies: list[str] = []
    form: list[str] = []
    for _, each, of_dependency in _walk(endpoint, dependencies, guards):
        match _place_of(each, path):
            case "query":
                queries[each.alias] = each.is_list
            case "body" | "form" if of_dependency:
                raise TypeError(f"{each.name}: what a dependency takes is no body")
            case "body":
                bodies.append(each.name)
            case "form":
                form.append(each.alias)
            case None:
                pass
    if len(bodies) > 1 or (bodies and form):
        raise TypeError(f"{', '.join([*bodies, *form])}: one parameter takes all of a body")
    return EndpointParameters(tuple(guards), queries, bodies[0] if bodies else None, tuple(form))


def read_strictly(endpoint: Callable[..., Any], name: str) -> StrictReader:
    """Have the parameter that takes the body read as the OpenAPI document declares it."""
    declared = _declared(_signature_of(endpoint).parameters[name])
    readers = [each for each in declared.annotations if isinstance(each, StrictReader)]
    if readers:  # it is of another route, too
        return readers[0]
    constraints = [each for each in declared.annotations if each is not declared.marker]
    reader = StrictReader(_annotated(declared.kind, *constraints, *getattr(declared.marker, "metadata", ())))
    _annotate(endpoint, name, reader)
    return reader


class _NumberForm(NamedTuple):
    """How a number is written, and what is said of one that isn't written so."""

    written: re.Pattern[str]
    rule: str
    detail: str


_NUMBERS: Final[Mapping[Any, _NumberForm]] = {
    int: _NumberForm(re.compile(r"-?[0-9]+"), "int_parsing", WHOLE_NUMBER),
    float: _NumberForm(re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"), "float_parsing", NUMBER),
}


def read_plain_numbers(endpoint: Callable[..., Any], path: str, dependencies: Sequence[params.Depends]) -> None:
    """Have the numbers in the path, the query and the headers, of an endpoint and its dependencies, read as JSON writes them.

    Pydantic takes a text for a number, too, that has blanks around it, a plus before it or underscores in it.
    """
    for call, each, _ in [*_walk(endpoint, dependencies, [])]:
        form = next((form for kind, form in _NUMBERS.items() if kind in each.kinds), None)
        if form is None or _place_of(each, path) in {"body", "form"} or any(_is_check(one) for one in each.annotations):
            continue
        _annotate(call, each.name, BeforeValidator(partial(_check_number, form)))


def _is_check(annotation: Any) -> bool:
    return isinstance(annotation, BeforeValidator) and getattr(annotation.func, "func", None) is _check_number


def _check_number(form: _NumberForm, value: Any) -> Any:
    if isinstance(value, str) and not form.written.fullmatch(value):
        raise BrokenRule(form.detail, rule=form.rule)
    return value


def _annotate(call: Callable[..., Any], name: str, annotation: Any) -> None:
    """Add an annotation to a parameter, for whoever asks for the signature (PEP 362): FastAPI does."""
    signature = _signature_of(call)
    changed = {
        name: signature.parameters[name].replace(
            annotation=_annotated(signature.parameters[name].annotation, annotation)
        )
    }
    parameters = [changed.get(each.name, each) for each in signature.parameters.values()]
    call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]


def _signature_of(call: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(call, eval_str=True)


def _walk(
    endpoint: Callable[..., Any], dependencies: Sequence[params.Depends], guards: list[Guard]
) -> Iterator[tuple[Callable[..., Any], _Declared, bool]]:
    """The parameters of an endpoint, then of all it depends on, each with whose it is; guards are added to `guards`."""
    waiting: list[tuple[Callable[..., Any], bool]] = [(endpoint, False)]
    waiting += [(each.dependency, True) for each in dependencies if each.dependency is not None]
    while waiting:
        call, is_dependency = waiting.pop(0)
        if isinstance(call, Guard):
            guards.append(call)
        for parameter in _signature_of(call).parameters.values():
            each = _declared(parameter)
            if isinstance(each.marker, params.Depends):
                waiting.append((each.marker.dependency or each.kind, True))
            else:
                yield call, each, is_dependency


def _declared(parameter: inspect.Parameter) -> _Declared:
    kind, annotations = parameter.annotation, tuple[Any, ...]()
    if get_origin(kind) is Annotated:
        kind, *rest = get_args(kind)
        annotations = tuple(rest)
    markers = [each for each in (*annotations, parameter.default) if isinstance(each, _MARKERS)]
    if len(markers) > 1:
        raise TypeError(f"{parameter.name}: {len(markers)} markers")
    return _Declared(parameter.name, kind, annotations, markers[0] if markers else None)


_MARKERS: Final = (params.Depends, params.Param, params.Body)


def _place_of(each: _Declared, path: str) -> Literal["query", "body", "form"] | None:
    """Where in a request it comes from, if that concerns whoever is asked for the request as a whole."""
    match each.marker:
        case params.Form():
            return "form"
        case params.Body():
            if each.marker.embed:
                raise TypeError(f"{each.name}: one parameter takes all of a body")
            return "body"
        case params.Query():
            if not all(_is_plain(kind) for kind in each.kinds):
                raise TypeError(f"{each.name}: query parameters are declared one by one")
            return "query"
        case params.Param():
            return None
    if each.name in _IN_PATH.findall(path) or issubclass(_class_of(each.kind), _GIVEN):
        return None
    return _place_of_unmarked(each)


def _place_of_unmarked(each: _Declared) -> Literal["query", "body", "form"]:
    """By its type, where FastAPI does so, too."""
    classes = [_class_of(kind) for kind in each.kinds]
    if all(issubclass(one, UploadFile) for one in classes):
        return "form"
    if all(issubclass(one, BaseModel | dict | list) for one in classes):
        return "body"
    if all(issubclass(one, _SCALARS) for one in classes):
        return "query"
    raise TypeError(f"{each.name}: mark it as what it is, by Query(), Body() or Form()")


def _is_plain(kind: Any) -> bool:
    found = _class_of(kind)
    members = get_args(kind) if found in _LISTS else (kind,)
    return all(issubclass(_class_of(_plain(member)), _SCALARS) for member in members if member is not Ellipsis)


def _plain(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _class_of(kind: Any) -> type:
    """The class of a type: of `list[int]` that of lists, of a literal that of its values; `object` where there is none."""
    origin = get_origin(kind)
    if origin is Literal:
        return type(get_args(kind)[0])
    found = origin or kind
    return found if isinstance(found, type) else object


def _annotated(kind: Any, *annotations: Any) -> Any:
    for each in annotations:
        kind = Annotated[kind, each]
    return kind
