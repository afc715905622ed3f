"""The public HTTP API, as an outside program would call it: bearer tokens, keep-alive, patience where it is asked for."""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import orjson

from deploy.demo.wire import Answer, ConnectionLost, Wire

_PATIENCE_S = 60.0
_FIRST_WAIT_S = 0.05
_LONGEST_WAIT_S = 1.0
_BUSY = frozenset({429, 502, 503, 504})


class Refused(Exception):
    """A service refused a request for good."""

    def __init__(self, status: int, problem: Mapping[str, Any], where: str) -> None:
        super().__init__(f"{where}: {status} {problem}")
        self.status = status
        self.type = str(problem.get("type", ""))


class Client:
    """Calls the four services. Every request it repeats is safe to repeat: a submit names its lease, a record its id."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._services = {name: Wire(url) for name, url in urls.items()}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for service in self._services.values():
            await service.__aexit__(kind, error, trace)

    async def fetch(self, service: str, url: str) -> bytes:
        """What lies under a URL that a service signed, relative to the service or whole."""
        base = self._services[service].url
        answer = await self._services[service].request("GET", url.removeprefix(base), {})
        if not answer.is_success:
            raise Refused(answer.status, _problem(answer), f"GET {url.partition('?')[0]}")
        return answer.body

    async def call(
        self,
        service: str,
        method: str,
        path: str,
        token: str,
        *,
        body: Any = None,
        content: bytes | None = None,
        media_type: str = "application/json",
        params: Mapping[str, Any] | None = None,
    ) -> Any:
        """The parsed answer (None when empty, bytes when it is no JSON).

        Waits where a service is away, busy, or has not heard of an id yet; raises Refused for every other refusal.
        """
        headers = {"authorization": f"Bearer {token}", "content-type": media_type}
        sent = content if content is not None else (orjson.dumps(body) if body is not None else b"")
        waited_s, wait_s = 0.0, _FIRST_WAIT_S
        while True:
            try:
                answer = await self._services[service].request(method, f"/v1{path}", headers, sent, params)
            except ConnectionLost as lost:
                status, problem = 0, {"type": "unreachable", "detail": str(lost)}
            else:
                if answer.is_success:
                    return _parse(answer)
                status, problem = answer.status, _problem(answer)
            if not _may_come(status, problem) or waited_s >= _PATIENCE_S:
                raise Refused(status, problem, f"{method} {service} {path}")
            await asyncio.sleep(wait_s)
            waited_s += wait_s
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)


def _may_come(status: int, problem: Mapping[str, Any]) -> bool:
    return status == 0 or status in _BUSY or problem.get("type") == "not-known-here"


def _parse(answer: Answer) -> Any:
    if not answer.body:
        return None
    return orjson.loads(answer.body) if "json" in answer.media_type else answer.body


def _problem(answer: Answer) -> dict[str, Any]:
    try:
        found = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {"detail": answer.body[:500].decode(errors="replace")}
    return found if isinstance(found, dict) else {"detail": found}
