"""The public HTTP API, as an outside program would call it: bearer tokens, keep-alive, patience where it is asked for."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson
from yarl import URL

_PATIENCE_S = 60.0
_FIRST_WAIT_S = 0.05
_LONGEST_WAIT_S = 1.0
_TIMEOUT_S = 30.0
_CONNECTIONS = 40
_BUSY = frozenset({429, 502, 503, 504})


class Refused(Exception):
    """A service refused a request for good."""

    def __init__(self, status: int, problem: Mapping[str, Any], where: str) -> None:
        super().__init__(f"{where}: {status} {problem}")
        self.status = status
        self.type = str(problem.get("type", ""))


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    media_type: str
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004


class Client:
    """Calls the four services. Every request it repeats is safe to repeat: a submit names its lease, a record its id."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = {name: url.rstrip("/") for name, url in urls.items()}

    async def __aenter__(self) -> Self:
        # aiohttp, because the demo shares two cores with what it drives and a request costs it a third of httpx's.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS), timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def fetch(self, service: str, url: str) -> bytes:
        """What lies under a URL that a service signed, relative to the service or whole. As patient as `call`."""
        whole = url if "://" in url else self._urls[service] + url
        answer = await self._patiently("GET", whole, {}, None, None, f"GET {url.partition('?')[0]}")
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

        Waits where a service is away, busy, or has no copy of an id yet; raises Refused for every other refusal.
        """
        headers = {"authorization": f"Bearer {token}", "content-type": media_type}
        sent = content if content is not None else (orjson.dumps(body) if body is not None else None)
        url = f"{self._urls[service]}/v1{path}"
        return _parse(await self._patiently(method, url, headers, sent, params, f"{method} {service} {path}"))

    async def _patiently(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        params: Mapping[str, Any] | None,
        where: str,
    ) -> _Answer:
        waited_s, wait_s = 0.0, _FIRST_WAIT_S
        while True:
            try:
                answer = await self._request(method, url, headers, body, params)
            except (aiohttp.ClientError, TimeoutError) as lost:
                status, problem = 0, {"type": "unreachable", "detail": type(lost).__name__}
            else:
                if answer.is_success:
                    return answer
                status, problem = answer.status, _problem(answer)
            if not _may_come(status, problem) or waited_s >= _PATIENCE_S:
                raise Refused(status, problem, where)
            await asyncio.sleep(wait_s)
            waited_s += wait_s
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    async def _request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        params: Mapping[str, Any] | None,
    ) -> _Answer:
        """What was signed must arrive as it was written: the URL is taken as encoded."""
        target = URL(url, encoded=True)
        if params:
            target = target.with_query({name: str(value) for name, value in params.items()})
        async with self._session.request(method, target, headers=headers, data=body) as answer:
            return _Answer(answer.status, answer.content_type, await answer.read())


def _may_come(status: int, problem: Mapping[str, Any]) -> bool:
    return status == 0 or status in _BUSY or problem.get("type") == "not-known-here"


def _parse(answer: _Answer) -> Any:
    if not answer.body:
        return None
    return orjson.loads(answer.body) if "json" in answer.media_type else answer.body


def _problem(answer: _Answer) -> dict[str, Any]:
    try:
        found = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {"detail": answer.body[:500].decode(errors="replace")}
    return found if isinstance(found, dict) else {"detail": found}
