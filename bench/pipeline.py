"""CPU of the whole suite and PostgreSQL for what a record and a label go through, from the first byte to the last effect.

Three measures: an import until every record can be leased, without a model and with an ONNX text model, and the cycle of
lease, submit and `LabelFinalized`. CPU is that of all processes until they are at rest again, so nothing that is put off
is left out. The floor in the same run: the rows that the services keep of the records, by COPY, and the same events through the bus
once, appended, fetched by as many groups as read them, and acknowledged. `ratio` is the floor by the import without a
model; the bench fails below `--least-ratio` and above `--most-statements` a record.

`statements` come from another import, with PostgreSQL's `log_statement`: everything that the services execute, BEGIN and
COMMIT apart.
"""

import argparse
import asyncio
import io
import itertools
import json
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson

from bench import _messages
from bench._cpu import Family
from bench._waiting import until
from deploy.embedded.supervisor import Suite, SuiteSettings
from shared.contracts.values import Role
from shared.kit.bus import Outbound, Partition, TopicSettings, connect_bus
from shared.kit.clock import new_id

TEXT_BYTES = 500
LABELS = ("ham", "spam")
SCHEMA = {
    "fields": [{"name": "text", "kind": "text"}],
    "questions": [{"name": "topic", "kind": "choice", "labels": list(LABELS)}],
}
POLICIES: dict[str, Any] = {
    "redundancy": {"without_model": 1, "with_model": 1, "held_out": 1, "posterior_target": 0.6},
    "learning": {"enabled": False},
    "serving": {"leases_per_annotator": 50, "lease_ttl_s": 600},
    "gold": {"entry_test": 0, "share": 0},
}
PIECE = 256 * 1024
PEOPLE = 8
KEPT = {"ingest": ["records"], "prelabel": ["records", "contents"], "queue": ["records"], "qa": ["records"]}
READERS = {"records": 3, "predictions": 2, "annotations": 1}  # how many services read the events of an import
WAIT_S = 900.0
MOST_REST_S = 180.0
_AT_REST_S = 0.5
_SUBMIT_TO_LABEL = """
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM r.state_at - a.submitted_at)::float8)
FROM records r JOIN annotations a USING (record_id) WHERE r.project_id = $1 AND r.state = 'finalized'
"""
_STATEMENT = re.compile(r"^(touchstone_\w+) LOG:  (?:statement|execute [^:]*):\s*(\w+)", re.MULTILINE)


def messages() -> tuple[str, list[tuple[str, str]]]:
    """Messages with their labels, and what they are called: from the world where they are beside the checkout."""
    found = _messages.messages("sms_spam")
    if found is not None:
        return "sms_spam", [(message.text, message.label) for message in found]
    lamps = (f"the lamp number {number} never came and nobody knows where it went" for number in range(1_000))
    return "made up", list(zip(lamps, itertools.cycle(LABELS), strict=False))


def texts(count: int) -> tuple[str, list[str]]:
    """Some 500 bytes each, no two alike: `messages` one after the other."""
    name, found = messages()
    made = []
    place = 0
    for number in range(count):
        parts = [f"{number}:"]
        while sum(map(len, parts)) < TEXT_BYTES:
            parts.append(found[place % len(found)][0])
            place += 1
        made.append(" ".join(parts))
    return name, made


class Meter:
    """CPU of the services and of PostgreSQL, from one moment to another."""

    def __init__(self, suite: Suite) -> None:
        pids = [(process.name, process.pid) for process in suite.processes]
        pids.append(("postgres", suite.postgres.pid))
        if suite.broker is not None:
            pids.append(("broker", suite.broker.pid))
        self._families = [(name, Family(pid)) for name, pid in pids if pid is not None]
        self._before = self.read()

    def read(self) -> dict[str, float]:
        """CPU seconds so far, by service, of all its replicas."""
        found: dict[str, float] = {}
        for name, family in self._families:
            found[name] = found.get(name, 0.0) + family.read()
        return found

    def start(self) -> None:
        self._before = self.read()

    def ms_each(self, count: int) -> dict[str, float]:
        """CPU milliseconds for one of `count`, by service and in all; the broker's own are not in `all`."""
        spent = {name: 1000 * (now - self._before[name]) / count for name, now in self.read().items()}
        everything = sum(value for name, value in spent.items() if name != "broker")
        return {"all": round(everything, 3)} | {name: round(value, 3) for name, value in spent.items()}

    async def rest(self) -> None:
        """Wait until the suite does little more than it does when it is idle; no longer than vacuums may take."""
        quiet, end = 0, time.monotonic() + MOST_REST_S
        while quiet < 3 and time.monotonic() < end:
            before, began = sum(self.read().values()), time.perf_counter()
            await asyncio.sleep(_AT_REST_S)
            share = (sum(self.read().values()) - before) / (time.perf_counter() - began)
            quiet = quiet + 1 if share < 0.25 else 0


class Project:
    """A project of the suite, made for one measure."""

    def __init__(self, suite: Suite, client: httpx.AsyncClient, project_id: str) -> None:
        self.suite = suite
        self.client = client
        self.project_id = project_id
        self._queue: Any = None

    @classmethod
    async def create(
        cls, suite: Suite, client: httpx.AsyncClient, policies: Mapping[str, Any] | None = None
    ) -> "Project":
        policies = POLICIES | dict(policies or {})
        body = {"name": f"Bench {new_id()}", "schema": SCHEMA, "policies": policies, "guideline": "Be fair."}
        made = (await client.post(f"{suite.urls['ingest']}/v1/projects", json=body)).raise_for_status().json()
        return cls(suite, client, made["project_id"])

    async def send(self, lines: Sequence[str], first: int = 0) -> None:
        """One NDJSON stream to each replica of ingest."""
        replicas = self.suite.replicas_of("ingest")
        each = -(-len(lines) // len(replicas))
        parts = ((process.url, number * each) for number, process in enumerate(replicas))
        await asyncio.gather(*(self._stream(url, lines[at : at + each], first + at) for url, at in parts))

    async def _stream(self, url: str, lines: Sequence[str], first: int) -> None:
        body = b"\n".join(
            orjson.dumps({"external_id": f"r{number}", "fields": {"text": text}})
            for number, text in enumerate(lines, start=first)
        )

        async def pieces() -> Any:
            for start in range(0, len(body), PIECE):
                yield body[start : start + PIECE]

        path = f"/v1/projects/{self.project_id}/records"
        answer = await self.client.post(url + path, content=pieces(), headers={"Content-Type": "application/x-ndjson"})
        report = answer.raise_for_status().json()
        assert report["accepted"] == len(lines), {**report, "rejected": report["rejected"][:3]}

    async def until_leasable(self, count: int, most_s: float = WAIT_S) -> None:
        """Wait until so many slots are free."""
        if self._queue is None:
            self._queue = await asyncpg.connect(self.suite.database_url("queue"))
        statement = "SELECT count(*) FROM slots WHERE project_id = $1 AND state = 'free'"

        async def there() -> bool:
            return bool(await self._queue.fetchval(statement, UUID(self.project_id)) >= count)

        await until(there, most_s=most_s, look_s=0.02 if count == 1 else 0.2)

    async def close(self) -> None:
        if self._queue is not None:
            await self._queue.close()


async def written(suite: Suite) -> tuple[int, int]:
    """Bytes of WAL so far, and bytes of all databases on disk."""
    connection = await asyncpg.connect(suite.database_url("queue"))
    try:
        row = await connection.fetchrow(
            "SELECT pg_current_wal_lsn() - '0/0', (SELECT sum(pg_database_size(oid)) FROM pg_database)"
        )
    finally:
        await connection.close()
    return int(row[0]), int(row[1])


async def measure_import(
    suite: Suite, client: httpx.AsyncClient, lines: Sequence[str], model: bytes | None = None
) -> tuple[Project, dict[str, Any]]:
    """Records in, until all of them can be leased and everything is at rest."""
    project = await Project.create(suite, client)
    if model is not None:
        await upload_champion(suite, client, project.project_id, model)
    meter = Meter(suite)
    await meter.rest()
    wal, disk = await written(suite)
    meter.start()
    began = time.perf_counter()
    first_lease = asyncio.create_task(project.until_leasable(1))
    sending = asyncio.create_task(project.send(lines))
    await first_lease
    first_s = time.perf_counter() - began
    await sending
    await project.until_leasable(len(lines))
    all_s = time.perf_counter() - began
    await meter.rest()
    cpu_ms = meter.ms_each(len(lines))
    wal_after, disk_after = await written(suite)
    return project, {
        "records": len(lines),
        "first_leasable_s": round(first_s, 2),
        "records_per_s": round(len(lines) / all_s),
        "cpu_ms": cpu_ms,
        "wal_kb": round((wal_after - wal) / 1024 / len(lines), 2),
        "disk_kb": round((disk_after - disk) / 1024 / len(lines), 2),
    }


async def upload_champion(suite: Suite, client: httpx.AsyncClient, project_id: str, model: bytes) -> None:
    manifest = {
        "task": "text_classification", "schema_version": 1, "question": "topic", "field": "text",
        "labels": list(LABELS), "input_name": "input", "output_name": "probabilities", "lowercase": True,
        "collapse_whitespace": True,
    }  # fmt: skip
    base = f"{suite.urls['prelabel']}/v1"
    end = time.monotonic() + 30
    while True:
        answer = await client.post(
            f"{base}/projects/{project_id}/models",
            files={"model": ("model.onnx", model)},
            data={"manifest": json.dumps(manifest)},
        )
        if answer.status_code != httpx.codes.NOT_FOUND or time.monotonic() > end:
            break
        await asyncio.sleep(0.2)
    model_id = answer.raise_for_status().json()["model_id"]
    promoted = await client.post(f"{base}/models/{model_id}/promotion", json={"reason": "bench"})
    promoted.raise_for_status()


def text_model(lines: Sequence[str], answers: Sequence[str] = LABELS) -> bytes:
    """A TF-IDF model with logistic regression, as scikit-learn exports it; it has learnt these answers, again and again."""
    import skl2onnx
    from skl2onnx.common.data_types import StringTensorType
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    pipeline = make_pipeline(TfidfVectorizer(lowercase=False, max_features=5_000), LogisticRegression(max_iter=200))
    pipeline.fit(lines, [LABELS.index(answer) for answer, _ in zip(itertools.cycle(answers), lines, strict=False)])
    converted = skl2onnx.to_onnx(
        pipeline,
        initial_types=[("input", StringTensorType([None, 1]))],
        options={"zipmap": False},
        target_opset=17,
    )
    exported: bytes = converted.SerializeToString()
    return exported


class People:
    """Annotators of the suite, who lease and submit over HTTP."""

    def __init__(self, project: Project) -> None:
        self._project = project
        replicas = project.suite.replicas_of("queue")
        self._queues = [f"{replicas[number % len(replicas)].url}/v1" for number in range(PEOPLE)]
        self._headers = [
            {"Authorization": f"Bearer {project.suite.token(Role.ANNOTATOR, subject=f'{project.project_id}-{number}')}"}
            for number in range(PEOPLE)
        ]

    async def register(self) -> None:
        for number in range(PEOPLE):
            body = {"subject": f"{self._project.project_id}-{number}"}
            url = f"{self._queues[number]}/annotators"
            (await self._project.client.post(url, json=body)).raise_for_status()

    async def cycle(self, person: int) -> None:
        """Lease one task and submit its annotation."""
        url = f"{self._queues[person]}/projects/{self._project.project_id}/leases"
        leased = await self._project.client.post(url, headers=self._headers[person], json={"count": 1})
        [lease] = leased.raise_for_status().json()["leases"]
        body = {"answers": {"topic": {"label": "ham"}}, "active_s": 3.0}
        url = f"{self._queues[person]}/leases/{lease['token']}/annotation"
        (await self._project.client.put(url, headers=self._headers[person], json=body)).raise_for_status()


async def labels_of(database: Any, project_id: str) -> int:
    found: int = await database.fetchval(
        "SELECT count(*) FROM records WHERE project_id = $1 AND state = 'finalized'", UUID(project_id)
    )
    return found


async def measure_cycles(project: Project, cycles: int) -> dict[str, Any]:
    """Lease, submit, label: under load, then one by one on an idle suite. Latencies are medians."""
    people = People(project)
    await people.register()
    qa = await asyncpg.connect(project.suite.database_url("qa"))
    try:
        meter = Meter(project.suite)
        await meter.rest()
        meter.start()
        began = time.perf_counter()

        async def work(person: int) -> None:
            for _ in range(cycles // PEOPLE):
                await people.cycle(person)

        await asyncio.gather(*(work(person) for person in range(PEOPLE)))
        done = cycles // PEOPLE * PEOPLE
        while await labels_of(qa, project.project_id) < done:  # noqa: ASYNC110  another process makes them
            await asyncio.sleep(0.05)
        labels_per_s = done / (time.perf_counter() - began)
        loaded_s = await qa.fetchval(_SUBMIT_TO_LABEL, UUID(project.project_id))
        await meter.rest()
        spent = meter.ms_each(done)
        latencies = []
        for turn in range(30):
            await people.cycle(turn % PEOPLE)
            began = time.perf_counter()
            while await labels_of(qa, project.project_id) < done + turn + 1:  # noqa: ASYNC110  as above
                await asyncio.sleep(0.005)
            latencies.append(time.perf_counter() - began)
            await asyncio.sleep(0.3)
    finally:
        await qa.close()
    return {
        "cycles": done,
        "labels_per_s": round(labels_per_s),
        "cpu_ms": spent,
        "loaded_submit_to_label_ms": round(1000 * loaded_s),
        "idle_submit_to_label_ms": round(1000 * statistics.median(latencies)),
    }


async def floor(project: Project, lines: Sequence[str]) -> dict[str, float]:
    """CPU ms a record of COPY into four databases, and of the project's own events once through the bus.

    What this process spends on them counts, too.
    """
    suite = project.suite
    rows = 0.0
    for service, tables in KEPT.items():
        rows += await copied_again(suite, service, tables, UUID(project.project_id), len(lines))
    events = await published(project, len(lines))
    meter, own = Meter(suite), time.process_time()
    await through_bus(suite, events)
    carried = meter.ms_each(len(lines))["postgres"] + 1000 * (time.process_time() - own) / len(lines)
    return {"copy_ms": round(rows, 3), "bus_ms": round(carried, 3), "all_ms": round(rows + carried, 3)}


async def copied_again(suite: Suite, service: str, tables: Sequence[str], project_id: UUID, most: int) -> float:
    """CPU ms a record of COPY for the rows that a service keeps of the project, into tables with the same indexes."""
    connection = await asyncpg.connect(suite.database_url(service))
    spent = 0.0
    try:
        for table in tables:
            held = io.BytesIO()
            of_project = (
                f"SELECT t.* FROM {table} t JOIN records r USING (record_id) WHERE r.project_id = '{project_id}'"
            )
            if table == "records":
                of_project = f"SELECT * FROM records WHERE project_id = '{project_id}'"
            await connection.copy_from_query(f"{of_project} LIMIT {most}", output=held, format="binary")
            await connection.execute(f"CREATE TABLE bench_floor (LIKE {table} INCLUDING ALL)")
            held.seek(0)
            meter, own = Meter(suite), time.process_time()
            await connection.copy_to_table("bench_floor", source=held, format="binary")
            spent += meter.ms_each(most)["postgres"] + 1000 * (time.process_time() - own) / most
            await connection.execute("DROP TABLE bench_floor")
    finally:
        await connection.close()
    return spent


async def published(project: Project, records: int) -> list[Outbound]:
    """The three events of each of so many of the project's records."""
    found: list[Outbound] = []
    for service, topic in (("ingest", "records"), ("prelabel", "predictions"), ("queue", "annotations")):
        after, left = 0, records
        while left:
            url = f"{project.suite.urls[service]}/v1/events"
            page = await project.client.get(url, params={"topic": topic, "after": after, "limit": 200})
            items = page.raise_for_status().json()["items"]
            assert items, f"{service} has published too few events"
            found.extend(
                Outbound(topic, UUID(item["event"]["record_id"]).bytes, orjson.dumps(item["event"]))
                for item in items[:left]
            )
            left -= min(left, len(items))
            after = items[-1]["position"]
    return found


async def through_bus(suite: Suite, events: Sequence[Outbound]) -> None:
    """Append the events in batches of 500; as many groups as read each topic fetch and acknowledge them."""
    bus = connect_bus(suite.bus_url, prefix=f"floor{new_id().hex}.")
    await bus.ensure_topics([TopicSettings(name, "retention", 3600) for name in READERS])
    for start in range(0, len(events), 500):
        await bus.publish(events[start : start + 500])

    async def revoked(_: frozenset[Partition]) -> None:
        return

    for group in range(max(READERS.values())):
        names = [name for name, readers in READERS.items() if readers > group]
        consumer = bus.consumer(f"floor{group}", names, revoked)
        await consumer.start()
        left = sum(event.topic in names for event in events)
        while left:
            found = await consumer.fetch(500, 1.0)
            left -= len(found)
            if found:
                await consumer.acknowledge({Partition(one.topic, one.partition): one.position for one in found})
        await consumer.stop()
    await bus.close()


async def count_statements(suite: Suite, client: httpx.AsyncClient, lines: Sequence[str]) -> dict[str, float]:
    """Statements a record that the services execute for an import, by service; the bus's own are apart."""
    project = await Project.create(suite, client)
    meter = Meter(suite)
    await meter.rest()
    log = suite.data_dir / "postgres" / "server.log"
    connection = await asyncpg.connect(suite.database_url("queue"))
    began = log.stat().st_size
    try:
        await connection.execute("ALTER SYSTEM SET log_line_prefix = '%d '")
        await connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        await connection.execute("SELECT pg_reload_conf()")
        await project.send(lines)
        await project.until_leasable(len(lines))
        await meter.rest()
        await connection.execute("ALTER SYSTEM RESET ALL")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()
        await project.close()
    with log.open("rb") as file:
        file.seek(began)
        found = Counter(match.groups() for match in _STATEMENT.finditer(file.read().decode(errors="replace")))
    bounds = {"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "START"}
    of_service = {
        service: sum(
            times
            for (database, word), times in found.items()
            if database == f"touchstone_{service}" and word.upper() not in bounds
        )
        for service in suite.services
    }
    transactions = sum(times for (database, word), times in found.items() if word.upper() == "COMMIT")
    return {
        "a_record": round(sum(of_service.values()) / len(lines), 2),
        "transactions_a_record": round(transactions / len(lines), 3),
        **{service: round(count / len(lines), 3) for service, count in of_service.items()},
    }


def admin(suite: Suite) -> dict[str, str]:
    return {"Authorization": f"Bearer {suite.token(Role.ADMIN)}"}


async def run(given: argparse.Namespace) -> dict[str, Any]:
    name, lines = texts(given.records)
    with tempfile.TemporaryDirectory() as folder:
        settings = SuiteSettings(data_dir=Path(folder), first_port=0, bus=given.bus, replicas=given.replicas)
        async with (
            Suite(settings) as suite,
            httpx.AsyncClient(headers=admin(suite), timeout=WAIT_S) as client,
        ):
            warm, _ = await measure_import(suite, client, lines[:1000])
            await warm.close()
            project, imported = await measure_import(suite, client, lines)
            base = await floor(project, lines[:5_000])
            cycled = await measure_cycles(project, given.cycles)
            await project.close()
            with_model = None
            if given.model:
                model = await asyncio.to_thread(text_model, lines[:2000])
                project, with_model = await measure_import(suite, client, lines, model)
                await project.close()
            statements = await count_statements(suite, client, lines[:4_000])
    return {
        "name": "pipeline",
        "ratio": round(base["all_ms"] / imported["cpu_ms"]["all"], 3),
        "statements": statements,
        "import": imported,
        "import_with_model": with_model,
        "cycle": cycled,
        "floor": base,
        "texts": name,
        "bus": given.bus,
        "replicas": given.replicas,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--cycles", type=int, default=2_000)
    parser.add_argument("--bus", choices=("postgres", "kafka"), default="postgres")
    parser.add_argument("--replicas", type=int, default=1, help="of each service")
    parser.add_argument("--no-model", dest="model", action="store_false")
    parser.add_argument("--most-statements", type=float, default=2.0)
    parser.add_argument("--least-ratio", type=float, default=0.12)
    given = parser.parse_args()
    result = asyncio.run(run(given))
    print(json.dumps(result))
    if result["statements"]["a_record"] > given.most_statements or result["ratio"] < given.least_ratio:
        sys.exit("The import costs more than the limits allow.")


if __name__ == "__main__":
    main()
