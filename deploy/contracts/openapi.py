"""Which changes of an HTTP API break its clients."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from deploy.contracts.schemas import Break, Comparison, Schema, Use

_METHODS: Final = ("get", "put", "post", "patch", "delete", "head", "options", "trace")
_MAX_BODY: Final = "x-max-body-bytes"
_ROLES: Final = "x-roles"


def breaking_changes(old: Schema, new: Schema) -> list[Break]:
    """What a client of the old document can't do, or must not rely on, with the new one."""
    return list(_Api(old, new).breaks())


class _Api:
    def __init__(self, old: Schema, new: Schema) -> None:
        self._old = old
        self._new = new
        self._requests = Comparison(old, new, Use.REQUEST, bounds=True)
        self._answers = Comparison(old, new, Use.ANSWER, bounds=False)

    def breaks(self) -> Iterator[Break]:
        for path, item in self._old["paths"].items():
            there = self._new["paths"].get(path)
            if there is None:
                yield Break(path, "path-removed")
                continue
            for method in _METHODS:
                if method not in item:
                    continue
                where = f"{method.upper()} {path}"
                if method in there:
                    yield from self._of_operation(item[method], there[method], where)
                else:
                    yield Break(where, "operation-removed")

    def _of_operation(self, old: Schema, new: Schema, where: str) -> Iterator[Break]:
        if old["operationId"] != new["operationId"]:
            yield Break(where, "operation-id-changed")
        if _ROLES in new and (_ROLES not in old or set(old[_ROLES]) - set(new[_ROLES])):
            yield Break(where, "role-removed")
        if _MAX_BODY in new and new[_MAX_BODY] < old.get(_MAX_BODY, 0):
            yield Break(where, "body-limit-lowered")
        yield from self._of_parameters(old, new, where)
        yield from self._of_body(old.get("requestBody"), new.get("requestBody"), where)
        for status, answer in old["responses"].items():
            there = new["responses"].get(status)
            if there is None:
                yield Break(f"{where}, answer {status}", "status-removed")
            else:
                yield from self._of_answer(answer, there, f"{where}, answer {status}")

    def _of_parameters(self, old: Schema, new: Schema, where: str) -> Iterator[Break]:
        before = {_key(each): each for each in old.get("parameters", ())}
        after = {_key(each): each for each in new.get("parameters", ())}
        for key, parameter in before.items():
            there = f"{where}, {' '.join(key)}"
            if key not in after:
                yield Break(there, "parameter-removed")
            else:
                yield from self._requests.breaks(parameter.get("schema", {}), after[key].get("schema", {}), there)
        for key, parameter in after.items():
            if parameter.get("required") and not before.get(key, {}).get("required"):
                yield Break(f"{where}, {' '.join(key)}", "parameter-required")

    def _of_body(self, old: Schema | None, new: Schema | None, where: str) -> Iterator[Break]:
        if new is not None and new.get("required") and not (old is not None and old.get("required")):
            yield Break(where, "body-required")
        if old is not None and new is None:
            yield Break(where, "body-removed")
        elif old is not None and new is not None:
            yield from _of_content(self._requests, old.get("content", {}), new.get("content", {}), f"{where}, body")

    def _of_answer(self, old: Schema, new: Schema, where: str) -> Iterator[Break]:
        yield from _of_content(self._answers, old.get("content", {}), new.get("content", {}), where)
        gone = old.get("headers", {}).keys() - new.get("headers", {}).keys()
        yield from (Break(f"{where}, header {name}", "header-removed") for name in sorted(gone))


def _of_content(comparison: Comparison, old: Mapping[str, Any], new: Mapping[str, Any], where: str) -> Iterator[Break]:
    for media_type, body in old.items():
        if media_type not in new:
            yield Break(f"{where}, {media_type}", "media-type-removed")
        else:
            yield from comparison.breaks(body.get("schema", {}), new[media_type].get("schema", {}), where)


def _key(parameter: Schema) -> tuple[str, str]:
    """Where and how a parameter is called; the case of a header's name means nothing (RFC 9110, 5.1)."""
    where, name = parameter["in"], parameter["name"]
    return where, name.lower() if where == "header" else name
