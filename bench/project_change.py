"""Open tasks a second that a change of their project reaches, and what people who work meanwhile notice of it.

A project has `--tasks` open tasks, as its events would have made them. It is changed three times, through ingest's API:

- `alone`: a new guideline, while nobody works. `statements` and `transactions` are what queue executes for one task, by
  PostgreSQL's `log_statement`.
- `beside_work`: a new version of the schema, while eight people lease and submit. How long their requests take stands
  beside how long they take before it, with no change to make.
- `killed`: one more annotation a record, while they work; queue is killed (SIGKILL) in the middle and starts again.

After each of them every task that nobody has touched must be as the project asks, moved exactly once (what had been moved
when queue was killed may not be moved again), and every acknowledged annotation must be there once. `others` are tasks that
somebody held or has answered: they end as they were granted.
"""

import argparse
import asyncio
import contextlib
import json
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import httpx

from bench._postgres_cpu import ServerLog
from bench._waiting import until
from bench.pipeline import Meter, admin
from deploy.embedded.supervisor import Suite, SuiteSettings
from shared.contracts.values import Role

PEOPLE = 8
PAUSE_S = 0.1
"""Between two leases of a person: what they wait for is the service, not each other."""
BEFORE_S = 10.0
WAIT_S = 1800.0
KILLED_AT = 0.4
LABELS = ("positive", "neutral", "negative")
SENTENCE = "The lamp that was ordered for the kitchen came two days late, but it is exactly as it was described. "
_AT_ONCE = 50_000

_ID = "('0190' || substr(md5($1::uuid::text), 1, 4) || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid"
_TASK_ID = f"md5({_ID}::text)::uuid"
_NUMBERS = "FROM generate_series($2::int, $3::int) AS one (n)"
FILL: Final = (
    f"""
    INSERT INTO records (record_id, project_id, known, revision, state, split, fields)
    SELECT {_ID}, $1, true, 1, 'open', 'train', jsonb_build_object('text', n || ' ' || repeat('{SENTENCE}', 5)) {_NUMBERS}
    """,
    f"""
    INSERT INTO routes (record_id, project_id, prediction_id, model_id, prediction_revision, prediction_schema, confidence,
        prediction, task_id, routed_model_id, routed_prediction_id, probability, revision, round, slots_total,
        schema_version, guideline_version, policy_version, waiting, audit, blind, explored, route, reason)
    SELECT {_ID}, $1, {_ID}, $1, 1, 1, 0.9, '{{"sentiment": {{"label": "positive"}}}}', {_TASK_ID}, $1, {_ID}, 1.0, 1, 1, 1,
        1, 1, 1, false, false, false, false, 'people', 'open to everybody' {_NUMBERS}
    """,
    f"""
    INSERT INTO tasks (task_id, project_id, record_id, round, purpose, kind, schema_version, guideline_version, lane, pool,
        blind, opened_at)
    SELECT {_TASK_ID}, $1, {_ID}, 1, 'annotation', 'annotation', 1, 1, 'learning', 'any', false, now() {_NUMBERS}
    """,
    f"""
    INSERT INTO slots (task_id, slot, project_id, record_id, kind, round, schema_version, guideline_version, lane, pool,
        blind, rank, sort_key, state)
    SELECT {_TASK_ID}, 1, $1, {_ID}, 'annotation', 1, 1, 1, 'learning', 'any', false, 0, random(), 'free' {_NUMBERS}
    """,
)
"""The rows of tasks $2 to $3 of the project $1: one slot each, and a prediction beside it."""

_REVISION = "SELECT revision FROM projects WHERE project_id = $1"
_CHANGING = "SELECT done_to FROM project_changes WHERE project_id = $1"
# Of the tasks that nobody has touched: how many are not as the project is, and how often the one was moved that was moved
# most often. And how many others there are.
_FOUND = """
SELECT count(*) FILTER (WHERE untouched) AS untouched, count(*) FILTER (WHERE NOT untouched) AS others,
    count(*) FILTER (WHERE untouched AND (schemas, guidelines, slots) <> ($2::int, $3::int, $4::int)) AS behind,
    max(revision - 1) FILTER (WHERE untouched) AS most_moved, min(revision - 1) FILTER (WHERE untouched) AS least_moved
FROM (
    SELECT o.revision, count(*) AS slots, bool_and(s.state IN ('free', 'held')) AS untouched,
        min(s.schema_version) AS schemas, min(s.guideline_version) AS guidelines
    FROM tasks t JOIN slots s USING (task_id) JOIN routes o ON o.record_id = t.record_id
    WHERE t.project_id = $1 AND s.state <> 'void' GROUP BY t.task_id, o.revision
) AS each
"""
_KEPT = "SELECT count(*), count(DISTINCT (task_id, slot)) FROM annotations WHERE project_id = $1"
_STATEMENT = re.compile(r"^touchstone_queue LOG:  (?:statement|execute [^:]*):\s*(\w+)", re.MULTILINE)
_BOUNDS = frozenset({"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"})


def schema(labels: tuple[str, ...]) -> dict[str, Any]:
    return {
        "fields": [{"name": "text", "kind": "text"}],
        "questions": [{"name": "sentiment", "kind": "choice", "labels": list(labels)}],
    }


def policies(redundancy: int) -> dict[str, Any]:
    """Everything is open to everybody, and so many answers are wanted of each."""
    return {
        "split": {"train": 1.0, "validation": 0.0, "test": 0.0},
        "redundancy": {"without_model": redundancy, "with_model": redundancy, "posterior_target": 0.51},
        "learning": {"enabled": False, "random_share": 0.0},
        "auto_accept": {"enabled": False},
        "serving": {"blind_share": 0.0, "leases_per_annotator": 50},
        "gold": {"entry_test": 0, "share": 0},
    }


@dataclass(slots=True)
class Seen:
    """What people saw: milliseconds of each request that was answered, and how many were not."""

    lease_ms: list[float] = field(default_factory=list)
    submit_ms: list[float] = field(default_factory=list)
    acknowledged: int = 0
    nothing: int = 0
    broken: int = 0

    def summary(self) -> dict[str, Any]:
        return {
            "cycles": self.acknowledged,
            "lease_ms": _spread(self.lease_ms),
            "submit_ms": _spread(self.submit_ms),
            "nothing_to_lease": self.nothing,
            "broken_off": self.broken,
        }


def _spread(times_ms: list[float]) -> dict[str, float]:
    ordered = sorted(times_ms) or [0.0]
    return {
        "median": round(statistics.median(ordered), 1),
        "p99": round(ordered[int(0.99 * (len(ordered) - 1))], 1),
        "longest": round(ordered[-1], 1),
    }


class Changing:
    """A project of the suite, its people, and its changes."""

    def __init__(self, suite: Suite, client: httpx.AsyncClient, queue: Any, project_id: UUID, tasks: int) -> None:
        self._suite = suite
        self._client = client
        self._queue = queue
        self._project_id = project_id
        self._tasks = tasks
        self._headers = [
            {"Authorization": f"Bearer {suite.token(Role.ANNOTATOR, subject=f'person-{number}')}"}
            for number in range(PEOPLE)
        ]
        self.wanted = {"schema": 1, "guideline": 1, "slots": 1}
        self.changes = 0
        self.acknowledged = 0

    @classmethod
    async def fill(cls, suite: Suite, client: httpx.AsyncClient, queue: Any, tasks: int) -> "Changing":
        """Make the project through ingest, and its tasks by SQL."""
        body = {"name": "Bench", "schema": schema(LABELS), "policies": policies(1), "guideline": "Be fair."}
        made = (await client.post(f"{suite.urls['ingest']}/v1/projects", json=body)).raise_for_status().json()
        made_id = UUID(made["project_id"])
        changing = cls(suite, client, queue, made_id, tasks)

        async def there() -> bool:
            return await queue.fetchval(_REVISION, made_id) is not None

        await until(there, most_s=WAIT_S)
        for first in range(1, tasks + 1, _AT_ONCE):
            for statement in FILL:
                await queue.execute(statement, made_id, first, min(first + _AT_ONCE - 1, tasks))
        await queue.execute("VACUUM ANALYZE")
        for number in range(PEOPLE):
            body = {"subject": f"person-{number}"}
            (await client.post(f"{suite.urls['queue']}/v1/annotators", json=body)).raise_for_status()
        return changing

    async def change(self, what: str) -> float:
        """Change the project and wait until queue has brought every task in line; return the seconds that took."""
        url = f"{self._suite.urls['ingest']}/v1/projects/{self._project_id}"
        before = await self._queue.fetchval(_REVISION, self._project_id)
        began = time.perf_counter()
        match what:
            case "guideline":
                answer = await self._client.post(f"{url}/guidelines", json={"markdown": "Be fair, and quick."})
                self.wanted["guideline"] += 1
            case "schema":
                answer = await self._client.post(f"{url}/schemas", json=schema((*LABELS, "mixed")))
                self.wanted["schema"] += 1
            case _:
                self.wanted["slots"] += 1
                answer = await self._client.put(f"{url}/policies", json=policies(self.wanted["slots"]))
        answer.raise_for_status()
        self.changes += 1

        async def came() -> bool:
            return bool(await self._queue.fetchval(_REVISION, self._project_id) > before)

        await until(came, most_s=WAIT_S, look_s=0.01)
        await until(self._is_made, most_s=WAIT_S, look_s=0.05)
        return time.perf_counter() - began

    async def _is_made(self) -> bool:
        return await self._queue.fetchval(_CHANGING, self._project_id) is None

    async def kill_in_the_middle(self) -> None:
        """Kill queue as soon as so large a share of the tasks is moved."""

        connection = await asyncpg.connect(self._suite.database_url("queue"))

        async def some_are_moved() -> bool:
            done_to = await connection.fetchval(_CHANGING, self._project_id)
            return done_to is not None and done_to.int % 2**48 > KILLED_AT * self._tasks

        try:
            await until(some_are_moved, most_s=WAIT_S, look_s=0.01)
        finally:
            await connection.close()
        self._suite.services["queue"].kill()

    @contextlib.asynccontextmanager
    async def people_at_work(self) -> AsyncIterator[Seen]:
        """All of them lease and submit meanwhile, with a pause after each; who is cut off asks again."""
        seen, ended = Seen(), asyncio.Event()
        working = [asyncio.create_task(self._work(headers, seen, ended)) for headers in self._headers]
        try:
            yield seen
        finally:
            ended.set()
            await asyncio.gather(*working)
            self.acknowledged += seen.acknowledged

    async def _work(self, headers: Mapping[str, str], seen: Seen, ended: asyncio.Event) -> None:
        while not ended.is_set():
            try:
                await self._cycle(headers, seen)
            except httpx.TransportError:
                seen.broken += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), PAUSE_S)

    async def _cycle(self, headers: Mapping[str, str], seen: Seen) -> None:
        base = f"{self._suite.urls['queue']}/v1"
        began = time.perf_counter()
        path = f"{base}/projects/{self._project_id}/leases"
        leased = await self._client.post(path, headers=headers, json={"count": 1})
        seen.lease_ms.append(1000 * (time.perf_counter() - began))
        leases = leased.raise_for_status().json()["leases"]
        if not leases:
            seen.nothing += 1
            return
        body = {"answers": {"sentiment": {"label": "positive"}}, "active_s": 3.2}
        path = f"{base}/leases/{leases[0]['token']}/annotation"
        while True:  # what was cut off is sent again: it counts once
            began = time.perf_counter()
            try:
                answer = await self._client.put(path, headers=headers, json=body)
            except httpx.TransportError:
                seen.broken += 1
                await asyncio.sleep(PAUSE_S)
                continue
            seen.submit_ms.append(1000 * (time.perf_counter() - began))
            answer.raise_for_status()
            seen.acknowledged += 1
            return

    async def found(self) -> dict[str, int]:
        """What became of the tasks; and what of the annotations is lost or there twice."""
        wanted = (self.wanted["schema"], self.wanted["guideline"], self.wanted["slots"])
        tasks = dict(await self._queue.fetchrow(_FOUND, self._project_id, *wanted))
        kept, of_slots = await self._queue.fetchrow(_KEPT, self._project_id)
        tasks["wrongly_moved"] = int(not tasks["least_moved"] == tasks["most_moved"] == self.changes)
        tasks["lost"] = self._tasks - tasks["untouched"] - tasks["others"]
        tasks["annotations_lost"] = self.acknowledged - of_slots
        tasks["annotations_twice"] = kept - of_slots
        return tasks


class QueueStatements:
    """What queue executes, by PostgreSQL's log."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite

    async def counted(self, work: Any, tasks: int) -> tuple[float, dict[str, float]]:
        """What the work returns, and what was executed for each of the tasks meanwhile."""
        connection = await asyncpg.connect(self._suite.database_url("ingest"))
        try:
            await connection.execute("ALTER SYSTEM SET log_statement = 'all'")
            await connection.execute("SELECT pg_reload_conf()")
            log = ServerLog(self._suite.data_dir / "postgres" / "server.log")
            returned = await work
            await connection.execute("ALTER SYSTEM RESET log_statement")
            await connection.execute("SELECT pg_reload_conf()")
        finally:
            await connection.close()
        words = Counter(word.upper() for word in _STATEMENT.findall(log.text()))
        return returned, {
            "statements": round(sum(count for word, count in words.items() if word not in _BOUNDS) / tasks, 4),
            "transactions": round(words["COMMIT"] / tasks, 4),
        }


async def measure(suite: Suite, client: httpx.AsyncClient, tasks: int) -> dict[str, Any]:
    queue = await asyncpg.connect(suite.database_url("queue"))
    try:
        changing = await Changing.fill(suite, client, queue, tasks)
        meter = Meter(suite)
        await meter.rest()
        meter.start()
        seconds, executed = await QueueStatements(suite).counted(changing.change("guideline"), tasks)
        alone = {"per_s": round(tasks / seconds), "cpu_ms": meter.ms_each(tasks), **executed}
        alone["found"] = await changing.found()
        print(json.dumps({"alone": alone}), flush=True)
        await meter.rest()
        async with changing.people_at_work() as before:
            await asyncio.sleep(BEFORE_S)
        async with changing.people_at_work() as seen:
            seconds = await changing.change("schema")
        beside = {"per_s": round(tasks / seconds), "before": before.summary(), **seen.summary()}
        beside["found"] = await changing.found()
        print(json.dumps({"beside_work": beside}), flush=True)
        async with changing.people_at_work() as seen, asyncio.TaskGroup() as group:
            group.create_task(changing.kill_in_the_middle())
            changed = group.create_task(changing.change("redundancy"))
        killed = {"per_s": round(tasks / changed.result()), **seen.summary()}
        killed["restarts"] = suite.services["queue"].restarts
        killed["found"] = await changing.found()
    finally:
        await queue.close()
    return {"name": "project_change", "tasks": tasks, "alone": alone, "beside_work": beside, "killed": killed}


async def run(tasks: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        settings = SuiteSettings(
            data_dir=Path(folder),
            first_port=0,
            services=("ingest", "queue"),
            postgres={"log_line_prefix": "%d ", "log_parameter_max_length": "0"},
        )
        async with Suite(settings) as suite, httpx.AsyncClient(headers=admin(suite), timeout=WAIT_S) as client:
            return await measure(suite, client, tasks)


def faults(result: Mapping[str, Any], given: argparse.Namespace) -> list[str]:
    """What is not as it must be, in words."""
    found = []
    for name in ("alone", "beside_work", "killed"):
        wrong = {
            what: count
            for what, count in result[name]["found"].items()
            if what in {"behind", "lost", "wrongly_moved", "annotations_lost", "annotations_twice"} and count
        }
        if wrong:
            found.append(f"{name}: {wrong}")
    if result["alone"]["per_s"] < given.least:
        found.append("A change takes longer than it may.")
    if result["alone"]["statements"] > given.most_statements:
        found.append("A change takes more statements than it may.")
    beside = result["beside_work"]
    if beside["lease_ms"]["median"] > given.most_slower * beside["before"]["lease_ms"]["median"]:
        found.append("A lease takes longer beside a change than it may.")
    if not result["killed"]["restarts"]:
        found.append("Queue was not killed.")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=200_000, help="1,000,000 take some minutes")
    parser.add_argument("--least", type=float, default=5_000, help="tasks a second, while nobody works")
    parser.add_argument("--most-statements", type=float, default=0.1, help="for each task")
    parser.add_argument(
        "--most-slower", type=float, default=4.0, help="times that a lease takes longer beside a change"
    )
    given = parser.parse_args()
    result = asyncio.run(run(given.tasks))
    print(json.dumps(result))
    if wrong := faults(result, given):
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
