"""Sends what nobody should send, counts how it is answered, and keeps what should not have been answered so."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import urlsplit

import aiohttp
import orjson

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
PEOPLE: Final = 3
READERS: Final = 4
"""A subject may have only so many requests wait."""
_TIMEOUT_S: Final = 120.0
_PATIENCE_S: Final = 30.0
_BUSY: Final = 503
_SERVER_ERROR: Final = 500
_MOST_FAULTS: Final = 20
_ENDED: Final = frozenset({"succeeded", "failed"})
_FULL: Final = frozenset({"too-much-in-hand", "overloaded"})
"""Problems of a budget that is full, which a caller may be answered with."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` 0: the connection ended before an answer."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass(frozen=True, slots=True)
class Suspect:
    """Where the suite is, and tokens of an admin, of people who annotate, and of managers who read."""

    urls: Mapping[str, str]
    admin: str
    people: Mapping[str, str]
    readers: Sequence[str]


@dataclass
class Attacker:
    """Every status that was answered is in `statuses`; `faults` has what was answered with 500 or more, and may not be."""

    suspect: Suspect
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest_s: float = 0.0

    async def __aenter__(self) -> Self:
        self._client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def send(
        self,
        service: str,
        method: str,
        path: str,
        content: Any = None,
        *,
        media_type: str = JSON,
        person: str | None = None,
        reader: int | None = None,
        headers: Mapping[str, str] | None = None,
        own_fault: frozenset[str] = frozenset(),
    ) -> Answer:
        """Send once; `content` is bytes, an iterator of bytes, a form, or what becomes JSON.

        `own_fault`: types of problems that say 503 since what the attacker itself brought has failed.
        """
        token = self.suspect.admin if person is None else self.suspect.people[person]
        if reader is not None:
            token = self.suspect.readers[reader]
        sent = {"Authorization": f"Bearer {token}", **(headers or {})}
        if isinstance(content, dict | list):
            content = orjson.dumps(content)
        if not isinstance(content, aiohttp.FormData):
            sent["Content-Type"] = media_type
        began = time.perf_counter()
        try:
            async with self._client.request(
                method, f"{self.suspect.urls[service]}/v1{path}", headers=sent, data=content
            ) as answer:
                body = await answer.read()
                may_be = _FULL if "Retry-After" in answer.headers else frozenset[str]()
                self._note(f"{method} {service} {path}", answer.status, body, may_be | own_fault)
                return Answer(answer.status, body)
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            self.statuses[0] += 1
            return Answer(0, b"")
        finally:
            self.slowest_s = max(self.slowest_s, time.perf_counter() - began)

    async def must(self, service: str, method: str, path: str, content: Any = None, **more: Any) -> Any:
        """The parsed answer of what an attack needs; asks again while it is not known there yet, or busy."""
        end = time.monotonic() + _PATIENCE_S
        while True:
            answer = await self.send(service, method, path, content, **more)
            if 200 <= answer.status < 300:
                return answer.json if answer.body else None
            if time.monotonic() > end or answer.status not in {0, 404, _BUSY}:
                raise RuntimeError(f"{method} {service} {path}: {answer.status} {answer.body[:500]!r}")
            await asyncio.sleep(0.2)

    async def at_once(self, sending: Iterable[Coroutine[Any, Any, Any]]) -> list[Any]:
        return await asyncio.gather(*sending)

    def address(self, service: str) -> tuple[str, int]:
        found = urlsplit(self.suspect.urls[service])
        assert found.hostname is not None
        assert found.port is not None
        return found.hostname, found.port

    @contextlib.asynccontextmanager
    async def connections(self, service: str, count: int) -> AsyncIterator[list[asyncio.StreamWriter]]:
        """Plain connections, closed in the end."""
        opened = await asyncio.gather(*(asyncio.open_connection(*self.address(service)) for _ in range(count)))
        writers = [writer for _, writer in opened]
        try:
            yield writers
        finally:
            for writer in writers:
                writer.close()

    async def new_project(self, schema: Mapping[str, Any], people: int = 1, **more: Any) -> str:
        """A project that wants so many answers of each record and has nothing else in its way."""
        redundancy = dict.fromkeys(("without_model", "with_model", "held_out", "maximum"), people)
        body = {
            "name": "Attack",
            "schema": schema,
            "guideline": "Be fair.",
            "policies": {
                "redundancy": redundancy | {"posterior_target": 0.6},
                "learning": {"enabled": False},
                "gold": {"entry_test": 0, "share": 0},
                "serving": {"leases_per_annotator": 50, "lease_ttl_s": 600},
            },
        }
        made = await self.must("ingest", "POST", "/projects", body | more)
        return str(made["project_id"])

    async def lease(self, project_id: str, person: str) -> Any:
        """A lease, as soon as there is a task."""
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            answer = await self.send("queue", "POST", f"/projects/{project_id}/leases", {"count": 1}, person=person)
            if answer.status == 200 and (leases := answer.json["leases"]):
                return leases[0]
            await asyncio.sleep(0.2)
        raise TimeoutError("no task came")

    async def labelled(self, project_id: str, count: int) -> None:
        """Wait until so many records have a label."""
        end = time.monotonic() + _TIMEOUT_S
        while time.monotonic() < end:
            summary = await self.must("qa", "GET", f"/projects/{project_id}/summary")
            if sum(summary["labels"].values()) >= count:
                return
            await asyncio.sleep(0.2)
        raise TimeoutError(f"of {count} records some have no label: {summary}")

    async def ended(self, service: str, job_id: str) -> Any:
        """The job, once it has ended; `faults` has those that have not."""
        end = time.monotonic() + _TIMEOUT_S
        while True:
            job = await self.must(service, "GET", f"/jobs/{job_id}")
            if job["state"] in _ENDED:
                return job
            if time.monotonic() > end:
                self.faults.append(f"{job['kind']} of {service} has not ended: {job}")
                return job
            await asyncio.sleep(0.2)

    def _note(self, what: str, status: int, body: bytes, may_be: frozenset[str]) -> None:
        """`may_be`: the problems that may be answered with 503."""
        self.statuses[status] += 1
        if status < _SERVER_ERROR or (status == _BUSY and _names(body, may_be)):
            return
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(f"{what}: {status} {body[:300].decode(errors='replace')}")


def _names(body: bytes, types: frozenset[str]) -> bool:
    with contextlib.suppress(orjson.JSONDecodeError, KeyError, TypeError):
        return orjson.loads(body)["type"] in types
    return False
