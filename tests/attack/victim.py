"""A project whose people lease and submit steadily while others attack the suite, and what they notice of it."""

import asyncio
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self
from uuid import UUID

import aiohttp
import asyncpg
import orjson

from deploy.embedded.supervisor import Suite
from shared.contracts.values import Role
from tests.attack.memory import memory_mb

PEOPLE: Final = 4
_PACE_S: Final = 0.25
_NO_WORK_S: Final = 0.1
_LIVE_EVERY_S: Final = 0.05
_MEMORY_EVERY_S: Final = 0.5
_PATIENCE_S: Final = 60.0
_A_STREAM: Final = 500

PROJECT: Final[Mapping[str, Any]] = {
    "name": "Victim",
    "schema": {
        "fields": [{"name": "text", "kind": "text"}],
        "questions": [{"name": "topic", "kind": "choice", "labels": ["ham", "spam"]}],
    },
    "guideline": "Ham or spam?",
    "policies": {
        "redundancy": dict.fromkeys(("without_model", "with_model", "held_out", "maximum"), 1)
        | {"posterior_target": 0.6},
        "learning": {"enabled": False},
        "gold": {"entry_test": 0, "share": 0},
    },
}

_KEPT = """
SELECT a.annotation_id, extract(epoch FROM r.state_at - a.submitted_at)::float8 AS label_s
FROM annotations a LEFT JOIN records r ON r.record_id = a.record_id AND r.state = 'finalized'
WHERE a.annotation_id = ANY($1)
"""


Held = dict[str, dict[str, int]]
"""MiB by service, of its process, its workers and all of it."""


class NotServed(Exception):
    """The victim was answered otherwise than it has a right to."""


@dataclass
class Latencies:
    """Seconds that requests took.

    Whoever asks again only after an answer asks once while nothing is answered, however long that lasts: coordinated
    omission. With `every_s`, `add` puts in the requests that were due meanwhile, one every so many seconds (as
    HdrHistogram's `recordValueWithExpectedInterval`).
    """

    seconds: list[float] = field(default_factory=list)
    every_s: float | None = None

    def add(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if self.every_s is not None:
            due = math.ceil(seconds / self.every_s) - 1
            self.seconds.extend(seconds - number * self.every_s for number in range(1, due + 1))

    @property
    def p99(self) -> float:
        return sorted(self.seconds)[int(0.99 * (len(self.seconds) - 1))] if self.seconds else 0.0

    @property
    def worst(self) -> float:
        return max(self.seconds, default=0.0)

    def summary(self) -> dict[str, Any]:
        return {"n": len(self.seconds), "p99_ms": round(1000 * self.p99), "worst_ms": round(1000 * self.worst)}


@dataclass
class Victim:
    """`acknowledged`: the annotations that queue has answered for. `refused`: answers of 500 and more.

    `without_work`: how often there was nothing to lease, as before the first records have come to queue.
    """

    suite: Suite
    lease: Latencies = field(default_factory=lambda: Latencies(every_s=_PACE_S))
    submit: Latencies = field(default_factory=lambda: Latencies(every_s=_PACE_S))
    acknowledged: set[UUID] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    without_work: int = 0
    project_id: str = ""

    async def __aenter__(self) -> Self:
        self._client = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_PATIENCE_S))
        self._admin = {"Authorization": f"Bearer {self.suite.token(Role.ADMIN)}"}
        self._people = [
            {"Authorization": f"Bearer {self.suite.token(Role.ANNOTATOR, subject=f'victim-{number}')}"}
            for number in range(PEOPLE)
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def begin(self, records: int) -> None:
        """Make the project, its people and its records, and wait until the first can be leased."""
        made = await self._call("ingest", "POST", "/projects", self._admin, PROJECT)
        self.project_id = made["project_id"]
        for number in range(PEOPLE):
            await self._call("queue", "POST", "/annotators", self._admin, {"subject": f"victim-{number}"})
        for first in range(0, records, _A_STREAM):
            some = [
                {"external_id": f"v{number}", "fields": {"text": f"The lamp number {number} never came"}}
                for number in range(first, min(records, first + _A_STREAM))
            ]
            path = f"/projects/{self.project_id}/records"
            await self._call("ingest", "POST", path, self._admin, {"records": some})
        end = time.monotonic() + _PATIENCE_S
        while not await self._cycle(self._people[0]):
            if time.monotonic() > end:
                raise NotServed("nothing can be leased")
            await asyncio.sleep(_NO_WORK_S)

    async def run(self, done: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            for person in self._people:
                tasks.create_task(self._work(person, done))

    async def _work(self, person: Mapping[str, str], done: asyncio.Event) -> None:
        while not done.is_set():
            try:
                found = await self._cycle(person)
            except (NotServed, aiohttp.ClientError, TimeoutError) as error:
                self.refused.append(repr(error))
                found = False
            await asyncio.sleep(_PACE_S if found else _NO_WORK_S)

    async def _cycle(self, person: Mapping[str, str]) -> bool:
        """Lease and submit; False if there was nothing to lease."""
        began = time.perf_counter()
        path = f"/projects/{self.project_id}/leases"
        leases = (await self._call("queue", "POST", path, person, {"count": 1}, missing=True))["leases"]
        self.lease.add(time.perf_counter() - began)
        if not leases:
            self.without_work += 1
            return False
        began = time.perf_counter()
        body = {"answers": {"topic": {"label": "ham"}}, "active_s": 1.0}
        path = f"/leases/{leases[0]['token']}/annotation"
        given = await self._call("queue", "PUT", path, person, body)
        self.submit.add(time.perf_counter() - began)
        self.acknowledged.add(UUID(given["annotation_id"]))
        return True

    async def _call(
        self, service: str, method: str, path: str, headers: Mapping[str, str], body: Any, *, missing: bool = False
    ) -> Any:
        """What is answered; `missing`: nothing to lease, if the project has not come to queue yet."""
        url = f"{self.suite.urls[service]}/v1{path}"
        json = {"Content-Type": "application/json"}
        async with self._client.request(method, url, headers={**headers, **json}, data=orjson.dumps(body)) as answer:
            text = await answer.read()
            if missing and answer.status == 404:
                return {"leases": []}
            if not answer.ok:
                raise NotServed(f"{method} {service} {path}: {answer.status} {text[:300].decode()}")
            return orjson.loads(text)

    async def kept(self, within_s: float) -> tuple[Latencies, int]:
        """From submit to label, of what was acknowledged, and how many of these annotations or labels are not there."""
        qa = await asyncpg.connect(self.suite.database_url("qa"))
        end = time.monotonic() + within_s
        try:
            while True:
                rows = await qa.fetch(_KEPT, list(self.acknowledged))
                found = [row["label_s"] for row in rows if row["label_s"] is not None]
                if len(found) == len(self.acknowledged) or time.monotonic() > end:
                    return Latencies(found), len(self.acknowledged) - len(found)
                await asyncio.sleep(0.5)
        finally:
            await qa.close()


@dataclass
class Watch:
    """Asks `/live` of each service all the time, and how much memory each holds: `memory_mb` is the most."""

    suite: Suite
    live: dict[str, Latencies] = field(default_factory=dict)
    memory_mb: Held = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    _since: Held = field(default_factory=dict)

    async def run(self, done: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._weigh(done))
            for service, url in self.suite.urls.items():
                tasks.create_task(
                    self._ask(service, url, self.live.setdefault(service, Latencies(every_s=_LIVE_EVERY_S)), done)
                )

    def memory_since(self) -> Held:
        """The most memory that each service held since this was asked before."""
        since, self._since = self._since, {}
        return since

    async def _ask(self, service: str, url: str, live: Latencies, done: asyncio.Event) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_PATIENCE_S)) as client:
            while not done.is_set():
                began = time.perf_counter()
                try:
                    async with client.get(f"{url}/live") as answer:
                        if not answer.ok:
                            self.failed.append(f"{service}: {answer.status}")
                        await answer.read()
                except (aiohttp.ClientError, TimeoutError) as error:
                    self.failed.append(f"{service}: {error!r}")
                live.add(time.perf_counter() - began)
                await asyncio.sleep(_LIVE_EVERY_S)

    async def _weigh(self, done: asyncio.Event) -> None:
        while not done.is_set():
            for service, process in self.suite.services.items():
                if process.pid is not None:
                    now = await asyncio.to_thread(memory_mb, process.pid)
                    now["all"] = sum(now.values())
                    for most in (self.memory_mb, self._since):
                        before = most.get(service, now)
                        most[service] = {part: max(held, before[part]) for part, held in now.items()}
            await asyncio.sleep(_MEMORY_EVERY_S)
