"""From any exception to the problem that the caller sees."""

import http
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import asyncpg
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from shared.contracts.rules import read_error
from shared.kit.database import DatabaseErrorKind, database_error_kind
from shared.kit.exceptions import EventTooLarge, NotKnownHere
from shared.kit.problems import MAX_ERRORS, Problem, ProblemError, kebab_case, of_exception, pointer_to

_DETAILS = {404: "`/docs` shows all that is served here, and `/openapi.json` lists it for programs."}
_BUILT_IN: Mapping[type[Exception], int] = {NotKnownHere: 404, EventTooLarge: 413}


def problem_of(error: Exception, table: Mapping[type[Exception], int]) -> Problem:
    """The problem for an exception: a refusal if the table or the kit knows it, else 500 without details."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return of_validation(error)
    if isinstance(error, HTTPException):
        return _of_http(error)
    for cls in type(error).__mro__:
        status = table.get(cls) or _BUILT_IN.get(cls)
        if status is not None:
            return (
                _of_constraint(error, status)
                if isinstance(error, asyncpg.PostgresError)
                else of_exception(error, status)
            )
    return _of_database_error(error) or Problem(500, "internal-error", "A fault of the service.")


def _of_constraint(error: Any, status: int) -> Problem:
    """PostgreSQL's own words hold the values; the constraint's name is enough."""
    return Problem(status, kebab_case(type(error).__name__), "It contradicts what is stored.", error.constraint_name)


def _of_database_error(error: Exception) -> Problem | None:
    match database_error_kind(error):
        case DatabaseErrorKind.AWAY:
            return Problem(503, "database-away", "The database can't be reached.", headers={"Retry-After": "2"})
        case DatabaseErrorKind.BUSY:
            return Problem(503, "database-busy", "The database took too long.", headers={"Retry-After": "1"})
        case DatabaseErrorKind.RETRY:
            return Problem(
                503, "lost-a-race", "Another request came between; nothing was changed.", headers={"Retry-After": "1"}
            )
        case DatabaseErrorKind.UNSTORABLE:
            return Problem(
                422, "not-storable", "A text or number in the request can't be stored.",
                "Text holds no NUL and no lone surrogates; numbers fit into 64 bits.",
            )  # fmt: skip
        case None:
            return None


def _of_http(error: HTTPException) -> Problem:
    titles = {
        404: ("no-such-path", "Nothing is served at this path."),
        405: ("method-not-allowed", "The path has no such method."),
    }
    phrase = http.HTTPStatus(error.status_code).phrase
    kind, title = titles.get(error.status_code, (kebab_case(phrase.replace(" ", "")), f"{phrase}."))
    detail = error.detail if error.detail not in {phrase, ""} else _DETAILS.get(error.status_code)
    return Problem(error.status_code, kind, title, detail, headers=error.headers)


def of_validation(error: RequestValidationError) -> Problem:
    """422 with a pointer and a rule for each error, or 400 when the body isn't JSON at all."""
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        place = next(item.get("ctx", {}).get("error") for item in found if item["type"] == "json_invalid")
        return Problem(400, "malformed-json", "The body is not JSON (RFC 8259).", place)
    return _invalid(found, error.body, len(found))


def of_body(error: ValidationError, body: Any, broken: int, most: int) -> Problem:
    """The same 422 for a body that was read before FastAPI sees it: `broken` rules in all, none named if more than `most`."""
    found = error.errors(include_url=False, include_input=False) if error.error_count() <= most else []
    return _invalid([{**item, "loc": ("body", *item["loc"])} for item in found], body, broken)


def _invalid(found: Sequence[Mapping[str, Any]], body: Any, broken: int) -> Problem:
    errors = _of_errors(found, body)
    broken -= len(found) - len(errors)
    return Problem(
        422,
        "invalid-request",
        "The request breaks a rule.",
        errors[0].detail if broken == 1 else f"{broken} rules are broken.",
        pointer=errors[0].pointer if broken == 1 else None,
        errors=errors[:MAX_ERRORS],
    )


class _Union(NamedTuple):
    """A place in the body that may be of several forms, and one of these."""

    place: tuple[str | int, ...]
    form: str | int


class _PlacedError(NamedTuple):
    """An error with its place in the body, and the first union on the way there."""

    place: tuple[str | int, ...]
    union: _Union | None
    error: ProblemError


def _of_errors(found: Sequence[Mapping[str, Any]], body: Any) -> list[ProblemError]:
    """What is wrong, each once. Of what may have several forms, only what is wrong with the form that it has.

    pydantic lists the errors of every form. What lies deeper than the union is of the form that came; where nothing does,
    it is of none of them, which is one error.
    """
    placed = [_place(item, body) for item in found]
    forms: dict[tuple[str | int, ...], dict[str | int, list[_PlacedError]]] = {}
    for one in placed:
        if one.union is not None:
            forms.setdefault(one.union.place, {}).setdefault(one.union.form, []).append(one)
    errors: list[ProblemError] = []
    for one in placed:
        if one.union is None:
            errors.append(one.error)
            continue
        of_forms = forms.pop(one.union.place, None)  # all of them at the place of the first
        if of_forms is not None:
            errors += _of_union(list(of_forms.values()))
    return errors


def _of_union(forms: Sequence[Sequence[_PlacedError]]) -> list[ProblemError]:
    came = forms if len(forms) == 1 else [form for form in forms if any(_is_inside(one) for one in form)]
    if came:
        return [one.error for form in came for one in form]
    details = dict.fromkeys(one.error.detail for form in forms for one in form)
    first = forms[0][0].error
    return [first.model_copy(update={"detail": " Or: ".join(details)})]


def _is_inside(one: _PlacedError) -> bool:
    assert one.union is not None
    return len(one.place) > len(one.union.place)


def _place(item: Mapping[str, Any], body: Any) -> _PlacedError:
    (where, *path), rule, detail = read_error(item)
    if where == "body":
        place, union = _resolve(path, body, rule)
        return _PlacedError(tuple(place), union, ProblemError(pointer=pointer_to(place), rule=rule, detail=detail))
    parameter = f"{where} {path[0]}" if path else str(where)
    return _PlacedError((), None, ProblemError(parameter=parameter, rule=rule, detail=detail))


_KEY: Final = "[key]"
"""What pydantic's location of an error has behind the name of a member, where that name is at fault."""


def _resolve(path: Sequence[str | int], body: Any, rule: str) -> tuple[list[str | int], _Union | None]:
    """Keep those parts of pydantic's location that are places in the body: it names union members and validators, too."""
    resolved: list[str | int] = []
    union: _Union | None = None
    here = body
    for position, part in enumerate(path):
        known = isinstance(here, Mapping) and isinstance(part, str) and part in here
        if known or (isinstance(here, list) and isinstance(part, int) and part < len(here)):
            here = here[part]
        elif not (rule == "missing" and position == len(path) - 1):
            if union is None and part != _KEY:
                union = _Union(tuple(resolved), part)
            continue
        resolved.append(part)
    return resolved, union
