"""Programs and people that use a suite of several replicas through what a gateway does: any replica, the next if it fails."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID

import aiohttp
import httpx
import orjson

from deploy.embedded.supervisor import Suite
from shared.contracts.values import Role

PEOPLE = 10
LABELS = ("ham", "spam")
SCHEMA: Mapping[str, Any] = {
    "fields": [{"name": "text", "kind": "text"}],
    "questions": [{"name": "topic", "kind": "choice", "labels": list(LABELS)}],
}

_PATIENCE_S = 90.0
_TIMEOUT_S = 5.0
_AVOID_S = 5.0
_PAUSE_S = 0.1
_BUSY = frozenset({429, 502, 503, 504})
_STALE = frozenset({404, 409, 410})
_NO_WORK_S = 0.3
_STREAM_S = 3.0
_A_PIECE = 20


def policies(redundancy: int) -> Mapping[str, Any]:
    always = dict.fromkeys(("without_model", "with_model", "held_out", "maximum"), redundancy)
    return {
        "redundancy": {**always, "posterior_target": 0.6},
        "learning": {"enabled": False},
        # What was leased by an answer that got lost is free again after so long.
        "serving": {"leases_per_annotator": 50, "lease_ttl_s": 20},
        "gold": {"entry_test": 0, "share": 0},
    }


class Refused(Exception):
    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:500]}")
        self.status = answer.status_code


class Gateway:
    """Calls any replica of a service. One that does not answer is avoided for a while, and the request sent to another.

    `longest_s`: the longest that a request took with all its attempts, by service.
    """

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self._turn = itertools.count()
        self._avoided: dict[str, float] = {}
        self.longest_s: dict[str, float] = {}

    async def __aenter__(self) -> Self:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=40)
        self._client = httpx.AsyncClient(timeout=_TIMEOUT_S, limits=limits)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def call(
        self, service: str, method: str, path: str, token: str, *, body: Any = None, content: bytes | None = None,
        timeout_s: float = _TIMEOUT_S, params: Mapping[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        """The parsed answer; raises Refused when a replica refuses, or none has answered for long."""
        headers = {"Authorization": f"Bearer {token}"}
        if content is not None:
            headers["Content-Type"] = "application/x-ndjson"
        began = time.monotonic()
        while True:
            url = self._choose(service)
            try:
                answer = await self._client.request(
                    method, f"{url}/v1{path}", headers=headers, params=params, timeout=timeout_s,
                    **({"json": body} if content is None else {"content": content}),
                )  # fmt: skip
            except httpx.TransportError:
                self._avoided[url] = time.monotonic() + _AVOID_S
                if time.monotonic() - began > _PATIENCE_S:
                    raise
            else:
                if answer.is_success:
                    self.longest_s[service] = max(self.longest_s.get(service, 0.0), time.monotonic() - began)
                    return orjson.loads(answer.content) if answer.content else None
                if not _may_come(answer) or time.monotonic() - began > _PATIENCE_S:
                    raise Refused(answer)
            await asyncio.sleep(_PAUSE_S)

    async def probe(self, url: str) -> httpx.Response | None:
        """What one replica answers; None when it does not."""
        try:
            return await self._client.get(url)
        except httpx.TransportError:
            return None

    def _choose(self, service: str) -> str:
        replicas = [process.url for process in self._suite.replicas_of(service)]
        now = time.monotonic()
        usable = [url for url in replicas if self._avoided.get(url, 0.0) < now] or replicas
        return usable[next(self._turn) % len(usable)]


def _may_come(answer: httpx.Response) -> bool:
    return answer.status_code in _BUSY or (
        answer.status_code == httpx.codes.NOT_FOUND and answer.json().get("type") == "not-known-here"
    )


@dataclass
class Project:
    """A project of the suite, and the tokens of those who use it."""

    gateway: Gateway
    project_id: str
    admin: str
    people: dict[str, str]

    @classmethod
    async def create(cls, suite: Suite, gateway: Gateway, redundancy: int) -> "Project":
        """A project that collects so many annotations of each record."""
        admin = suite.token(Role.ADMIN)
        body = {"name": "Replicas", "schema": SCHEMA, "guideline": "Ham or spam?", "policies": policies(redundancy)}
        made = await gateway.call("ingest", "POST", "/projects", admin, body=body)
        people = {
            f"person-{number}": suite.token(Role.ANNOTATOR, subject=f"person-{number}") for number in range(PEOPLE)
        }
        return cls(gateway, made["project_id"], admin, people)

    async def register_people(self) -> None:
        for subject in self.people:
            await self.gateway.call("queue", "POST", "/annotators", self.admin, body={"subject": subject})

    @property
    def records_path(self) -> str:
        return f"/projects/{self.project_id}/records"

    @staticmethod
    def lines(first: int, count: int) -> bytes:
        return b"\n".join(
            orjson.dumps({"external_id": f"r{number}", "fields": {"text": f"Message {number} of the trial"}})
            for number in range(first, first + count)
        )


@dataclass
class Importer:
    """Sends records, so many a request and a second, `least` of them and then until told to stop.

    A request without an answer is sent again.

    `acknowledged`: how many records ingest has answered for, all from r0 on.
    """

    project: Project
    a_request: int
    per_s: float
    timeout_s: float = _TIMEOUT_S
    acknowledged: int = 0
    least: int = 0

    async def run(self, done: Callable[[], bool]) -> None:
        while not done() or self.acknowledged < self.least:
            began = time.monotonic()
            await self.send_next()
            await asyncio.sleep(max(0.0, self.a_request / self.per_s - (time.monotonic() - began)))

    async def send_next(self) -> Mapping[str, Any]:
        """Send the next records; returns ingest's report on them."""
        report: Mapping[str, Any] = await self.project.gateway.call(
            "ingest", "POST", self.project.records_path, self.project.admin,
            content=self.project.lines(self.acknowledged, self.a_request), timeout_s=self.timeout_s,
        )  # fmt: skip
        assert report["accepted"] + report["duplicates"] == self.a_request, report
        self.acknowledged += self.a_request
        return report


@dataclass
class EndlessImport:
    """An import to one replica, at `url`, that goes on until the replica cuts it off. `sent`: how many records so far."""

    project: Project
    url: str
    sent: int = 0

    async def begin(self) -> None:
        """Send for some seconds, and go on."""
        self._answering = asyncio.create_task(self._send(), name="endless import")
        await asyncio.sleep(_STREAM_S)

    async def answer(self) -> tuple[int, Mapping[str, str], str]:
        """Status, headers and text."""
        return await self._answering

    async def _send(self) -> tuple[int, Mapping[str, str], str]:
        """With aiohttp, because it reads while it sends: httpx loses what it is answered before its end."""
        headers = {"Authorization": f"Bearer {self.project.admin}", "Content-Type": "application/x-ndjson"}
        url = f"{self.url}/v1{self.project.records_path}"
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, headers=headers, data=self._pieces()) as answer,
        ):
            return answer.status, answer.headers, await answer.text()

    async def _pieces(self) -> AsyncIterator[bytes]:
        while True:
            yield self.project.lines(self.sent, _A_PIECE) + b"\n"
            self.sent += _A_PIECE
            await asyncio.sleep(0.1)


@dataclass
class Crowd:
    """People who lease a task and submit its annotation, each at their own pace, while `at_work` is set.

    `acknowledged`: the annotations that queue has answered for.
    """

    project: Project
    pace_s: float
    at_work: asyncio.Event = field(default_factory=asyncio.Event)
    acknowledged: set[UUID] = field(default_factory=set)
    refused: Counter[int] = field(default_factory=Counter)

    async def run(self, done: Callable[[], bool]) -> None:
        self.at_work.set()
        async with asyncio.TaskGroup() as tasks:
            for token in self.project.people.values():
                tasks.create_task(self._work(token, done))

    async def _work(self, token: str, done: Callable[[], bool]) -> None:
        leases: list[Mapping[str, Any]] = []
        while not done():
            await self.at_work.wait()
            if not leases:
                leases = await self._lease(token)
                if not leases:
                    await asyncio.sleep(_NO_WORK_S)
                    continue
            await asyncio.sleep(self.pace_s)
            try:
                leases = await self._submit(token, leases[0])
            except Refused as error:
                if error.status not in _STALE:
                    raise
                self.refused[error.status] += 1
                leases = []

    async def _lease(self, token: str) -> list[Mapping[str, Any]]:
        path = f"/projects/{self.project.project_id}/leases"
        answer = await self.project.gateway.call("queue", "POST", path, token, body={"count": 1})
        found: list[Mapping[str, Any]] = answer["leases"]
        return found

    async def _submit(self, token: str, lease: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Submit and return what was leased next."""
        body = {"answers": {"topic": {"label": LABELS[0]}}, "active_s": 1.0, "next": 1}
        path = f"/leases/{lease['token']}/annotation"
        given = await self.project.gateway.call("queue", "PUT", path, token, body=body)
        self.acknowledged.add(UUID(given["annotation_id"]))
        following: Sequence[Mapping[str, Any]] = given.get("next") or ()
        return list(following)
