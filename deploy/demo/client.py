"""The public HTTP API, as an outside program would call it: bearer tokens, keep-alive, patience where it is asked for."""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx
import orjson

_PATIENCE_S = 60.0
_FIRST_WAIT_S = 0.05
_LONGEST_WAIT_S = 1.0
_CONNECTIONS = 40
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
        limits = httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS)
        self._services = {
            name: httpx.AsyncClient(base_url=f"{url}/v1", limits=limits, timeout=30.0) for name, url in urls.items()
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(service.aclose() for service in self._services.values()))

    def base_url(self, service: str) -> str:
        return str(self._services[service].base_url).rstrip("/").removesuffix("/v1")

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
        headers = {"Authorization": f"Bearer {token}", "Content-Type": media_type}
        sent = content if content is not None else (orjson.dumps(body) if body is not None else None)
        waited_s, wait_s = 0.0, _FIRST_WAIT_S
        while True:
            answer = await self._try(service, method, path, headers, sent, params)
            if answer is not None and answer.is_success:
                return _parse(answer)
            problem = _problem(answer) if answer is not None else {"type": "unreachable"}
            status = answer.status_code if answer is not None else 0
            if not _may_come(status, problem) or waited_s >= _PATIENCE_S:
                raise Refused(status, problem, f"{method} {service} {path}")
            await asyncio.sleep(wait_s)
            waited_s += wait_s
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    async def _try(
        self, service: str, method: str, path: str, headers: Mapping[str, str], content: bytes | None, params: Any
    ) -> httpx.Response | None:
        try:
            return await self._services[service].request(method, path, headers=headers, content=content, params=params)
        except httpx.TransportError:
            return None


def _may_come(status: int, problem: Mapping[str, Any]) -> bool:
    return status == 0 or status in _BUSY or problem.get("type") == "not-known-here"


def _parse(answer: httpx.Response) -> Any:
    if not answer.content:
        return None
    return orjson.loads(answer.content) if "json" in answer.headers.get("content-type", "") else answer.content


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return {"detail": answer.text[:500]}
    return found if isinstance(found, dict) else {"detail": found}
