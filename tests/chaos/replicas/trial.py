"""Two replicas of each service on a real broker: work goes on while they hang, die and leave, and loses nothing.

`python -m tests.chaos.replicas.trial` imports and labels 20,000 records meanwhile, lets each replica hang, die and end by
itself, and ends with one line of JSON. `--short`, which is a test, has the same faults of every service in three minutes:
several of them at once.
"""

import argparse
import asyncio
import contextlib
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from deploy.embedded.processes import ServiceProcess
from deploy.embedded.supervisor import Suite, SuiteSettings
from shared.contracts.services import SERVICE_NAMES
from tests.chaos.replicas import evidence
from tests.chaos.replicas.evidence import Evidence, Outage, Sent
from tests.chaos.replicas.traffic import PEOPLE, Crowd, EndlessImport, Gateway, Importer, Project
from tests.support.waiting import until

TAKE_OVER_S = 10.0
"""Within so long another replica does what one did that hangs, dies or ends."""

PREFIX = "trial."
_HANG_S = 14.0
_HELD_UP_S = 4.0
_BROKER_AWAY_S = 24.0
_MEASURED_EVERY_S = 15.0  # by each service, of what waits in its outbox
_READY_S = 60.0
_LAST = timedelta(seconds=1)
_END_S = 60.0
_CUT_LINES = re.compile(r"(\d+) lines are committed")


@dataclass(frozen=True)
class Plan:
    """`singly`: replicas hang and end one by one, not one of each service at a time; `rest_s` is between two faults."""

    records: int = 0  # at least: they come as long as the faults go on
    records_per_s: float = 10.0
    pace_s: float = 0.3
    singly: bool = False
    redundancy: int = 2
    take_over_s: float = TAKE_OVER_S
    rest_s: float = 2.0


@dataclass
class Window:
    """A fault: what was done, from when to when; `back_at` is when the broker or the database was there again."""

    name: str
    began: datetime
    ended: datetime
    back_at: datetime


@dataclass
class Trial:
    suite: Suite
    project: Project
    plan: Plan
    importer: Importer
    crowd: Crowd
    windows: list[Window] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    async def run(self) -> Evidence:
        """Do all of it; returns what is found afterwards."""
        faults_done, all_done = asyncio.Event(), asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            importing = tasks.create_task(self.importer.run(faults_done.is_set))
            working = tasks.create_task(self.crowd.run(all_done.is_set))
            await self._all_faults()
            faults_done.set()
            await importing
            _note("until all ended")
            await self._all_ended()
            all_done.set()
            await working
        sent = Sent(
            UUID(self.project.project_id), self.importer.acknowledged, self.plan.redundancy, self.crowd.acknowledged
        )
        _note("look at everything")
        found = await evidence.gather(self.suite, PREFIX, sent)
        self._judge(found)
        found.faults[:0] = self.faults
        await self._chains_verify(found)
        return found

    async def _all_faults(self) -> None:
        await self._rest()
        await (self._one_by_one() if self.plan.singly else self._together())
        await self._broker_away()
        await self._kill_postgres()

    async def _one_by_one(self) -> None:
        """Each replica hangs, dies and ends; a third one of each service joins and leaves."""
        each = [process for place in (0, 1) for process in self._of_each_service(place)]
        third = await self._join()
        with self._window("leave " + self._names(third)):
            await asyncio.gather(*(self.suite.remove_replica(process) for process in third))
            await self._rest()
        for process in each:
            await self._hang_and_kill([process], [])
        for process in each:
            await self._hang_and_kill([], [process])
        for process in each:
            await self._end([process])

    async def _together(self) -> None:
        """The second replicas join; of each service one replica hangs, then the other dies or the other way round; the
        second ones leave and come back.
        """
        second = await self._join()
        ingest, prelabel, queue, qa = self._of_each_service(0)
        await self._hang_and_kill([ingest, queue], [prelabel, qa])
        ingest, prelabel, queue, qa = second
        await self._hang_and_kill([prelabel, qa], [ingest, queue])
        await self._end(second)

    def _of_each_service(self, place: int) -> list[ServiceProcess]:
        return [self.suite.replicas_of(service)[place] for service in SERVICE_NAMES]

    async def _join(self) -> list[ServiceProcess]:
        """One more replica of each service."""
        with self._window("join"):
            group = [await self.suite.add_replica(service) for service in SERVICE_NAMES]
            await self._ready(group)
            await self._rest()
        return group

    async def _hang_and_kill(self, hanging: list[ServiceProcess], killed: list[ServiceProcess]) -> None:
        names = [f"{what} {self._names(group)}" for what, group in (("hang", hanging), ("kill", killed)) if group]
        with self._window(", ".join(names)):
            for process in hanging:
                process.pause()
            for process in killed:
                process.kill(hold=True)
            await asyncio.sleep(_HANG_S)
            for process in hanging:
                process.resume()
            for process in killed:
                process.release()
            await self._ready(killed)
            await self._rest()

    async def _end(self, group: list[ServiceProcess]) -> None:
        """SIGTERM, and a new start. Meanwhile an endless import is sent to a replica of ingest that ends."""
        cut: EndlessImport | None = None
        with self._window("end " + self._names(group)):
            for process in group:
                if process.name == "ingest":
                    project = await Project.create(self.suite, self.project.gateway, self.plan.redundancy)
                    cut = EndlessImport(project, process.url)
                    await cut.begin()
            await asyncio.gather(*(process.stop() for process in group))
            await asyncio.sleep(1.0)
            await asyncio.gather(*(process.start() for process in group))
            await self._ready(group)
        if cut is not None:
            await self._was_cut(cut)

    async def _was_cut(self, cut: EndlessImport) -> None:
        """An import that the end of its replica cuts says how much is committed, and can be sent again elsewhere."""
        status, headers, text = await cut.answer()
        said = _CUT_LINES.search(text)
        kept = await self._count("ingest", cut.project.project_id)
        self._demand(
            status == httpx.codes.SERVICE_UNAVAILABLE and "Retry-After" in headers,
            f"a stream that SIGTERM cut was answered {status} {text[:200]}",
        )
        self._demand(
            said is not None and int(said[1]) == kept > 0,
            f"a stream that SIGTERM cut: {kept} lines are committed, the answer is {text[:200]}",
        )
        again = Importer(cut.project, a_request=cut.sent, per_s=cut.sent, timeout_s=30.0)
        report = await again.send_next()
        self._demand(report["duplicates"] == kept, f"sent again, {report['duplicates']} of {kept} lines are duplicates")

    async def _rest(self) -> None:
        await asyncio.sleep(self.plan.rest_s)

    async def _broker_away(self) -> None:
        """Requests are served meanwhile, and what waits is measured on every replica."""
        assert self.suite.broker is not None
        await self._work_waits()
        before = self.importer.acknowledged, len(self.crowd.acknowledged)
        with self._window("broker away") as window:
            away = time.monotonic()
            await asyncio.to_thread(self.suite.broker.kill)
            self.crowd.at_work.set()
            await asyncio.sleep(_BROKER_AWAY_S / 2)
            await self._all_are_degraded()
            await asyncio.sleep(max(0.0, away + _BROKER_AWAY_S - time.monotonic()))
            await self._backlogs_are_measured()
            self._demand(self.importer.acknowledged > before[0], "no record was taken in while the broker was away")
            self._demand(
                len(self.crowd.acknowledged) > before[1], "no annotation was taken in while the broker was away"
            )
            await asyncio.to_thread(self.suite.broker.start)
            window.back_at = datetime.now(UTC)
            await self._recovered()

    async def _work_waits(self) -> None:
        """Hold the crowd up until tasks wait for it: without the broker no new ones come to queue."""
        self.crowd.at_work.clear()
        await until(self._tasks_wait, _READY_S)

    async def _tasks_wait(self) -> bool:
        queue = await asyncpg.connect(self.suite.database_url("queue"))
        try:
            waiting: int = await queue.fetchval(
                "SELECT count(*) FROM slots WHERE project_id = $1 AND state = 'free'", UUID(self.project.project_id)
            )
        finally:
            await queue.close()
        return waiting >= 2 * PEOPLE

    async def _all_are_degraded(self) -> None:
        for process in self.suite.processes:
            answer = await self.project.gateway.probe(f"{process.url}/ready")
            fine = (
                answer is not None
                and answer.status_code == httpx.codes.OK
                and answer.json()["degraded"] is True
                and {name for name, state in answer.json()["checks"].items() if state == "failing"} == {"bus"}
            )
            self._demand(fine, f"{process.name} without the broker: /ready is {answer and answer.text}")

    async def _backlogs_are_measured(self) -> None:
        """The gauge is what the database holds, at most one measuring interval old, on every replica."""
        for process in self.suite.processes:
            age_s = await self._unsent_s(process.name)
            answer = await self.project.gateway.probe(f"{process.url}/metrics")
            measured_s = _gauge(answer, "touchstone_outbox_oldest_unsent_seconds")
            self._demand(
                age_s - _MEASURED_EVERY_S - 2 <= measured_s <= age_s + 1,
                f"{process.name}: the oldest unsent event is {age_s:.1f} s old, the gauge {measured_s:.1f}",
            )
            self.figures.setdefault("unsent_s", {})[process.url] = [round(age_s, 1), round(measured_s, 1)]

    async def _kill_postgres(self) -> None:
        with self._window("kill PostgreSQL") as window:
            await self.suite.kill_postgres()
            window.back_at = datetime.now(UTC)
            await self._recovered()

    @contextlib.contextmanager
    def _window(self, name: str) -> Iterator[Window]:
        _note(name)
        now = datetime.now(UTC)
        window = Window(name, now, now, now)
        self.windows.append(window)
        yield window
        window.ended = datetime.now(UTC)

    def _names(self, group: list[ServiceProcess]) -> str:
        """As "ingest 1": the first replica of ingest."""
        numbers = [self.suite.replicas_of(process.name).index(process) + 1 for process in group]
        return ", ".join(f"{process.name} {number}" for process, number in zip(group, numbers, strict=True))

    async def _ready(self, group: list[ServiceProcess]) -> None:
        end = time.monotonic() + _READY_S
        for process in group:
            while True:
                answer = await self.project.gateway.probe(f"{process.url}/ready")
                if answer is not None and answer.status_code == httpx.codes.OK and not answer.json()["degraded"]:
                    break
                if time.monotonic() > end:
                    self._demand(False, f"{process.name} was not ready again in {_READY_S:.0f} s")
                    return
                await asyncio.sleep(0.2)

    async def _recovered(self) -> None:
        """Until what waited for the broker or the database has gone on, so that the next fault stands alone."""
        await self._rest()
        await self._ready(self.suite.processes)
        await until(self._nothing_is_held_up, _READY_S)
        await self._rest()

    async def _nothing_is_held_up(self) -> bool:
        return max([await self._unsent_s(service) for service in SERVICE_NAMES]) < _HELD_UP_S

    async def _unsent_s(self, service: str) -> float:
        """The age of the oldest event that the bus does not have."""
        connection = await asyncpg.connect(self.suite.database_url(service))
        try:
            age_s: float = await connection.fetchval(
                "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 FROM outbox_queue"
            )
        finally:
            await connection.close()
        return age_s

    async def _all_ended(self) -> None:
        """Until every record that was taken in has its label, and all have heard of it; or nothing moves any more."""
        ended, moved_at = -1, time.monotonic()
        while not await self._is_done():
            now = await self._count("qa", self.project.project_id, "finalized")
            if now != ended:
                ended, moved_at = now, time.monotonic()
            if time.monotonic() - moved_at > _END_S:
                self._demand(False, f"{ended} of {self.importer.acknowledged} records ended, and no more do")
                return
            await asyncio.sleep(0.5)

    async def _is_done(self) -> bool:
        for service in ("qa", "queue", "ingest"):
            if await self._count(service, self.project.project_id, "finalized") < self.importer.acknowledged:
                return False
        for service in SERVICE_NAMES:
            connection = await asyncpg.connect(self.suite.database_url(service))
            try:
                if await connection.fetchval("SELECT EXISTS (SELECT FROM outbox_queue) OR EXISTS (SELECT FROM parked)"):
                    return False
            finally:
                await connection.close()
        return True

    async def _count(self, service: str, project_id: str, state: str | None = None) -> int:
        connection = await asyncpg.connect(self.suite.database_url(service))
        try:
            found: int = await connection.fetchval(
                "SELECT count(*) FROM records WHERE project_id = $1 AND state = coalesce($2, state)",
                UUID(project_id), state,
            )  # fmt: skip
        finally:
            await connection.close()
        return found

    async def _chains_verify(self, found: Evidence) -> None:
        """Every record's chain is computed again by qa."""
        after = None
        verified = 0
        while True:
            page = await self.project.gateway.call(
                "qa", "GET", self.project.records_path, self.project.admin,
                params={"limit": 50, **({"after": after} if after else {})},
            )  # fmt: skip
            chains = await asyncio.gather(*(self._chain(record["record_id"]) for record in page["items"]))
            verified += sum(chain["verified"] and bool(chain["links"]) for chain in chains)
            after = page.get("next")
            if after is None:
                break
        found.demand(
            verified == self.importer.acknowledged, f"{verified} of {self.importer.acknowledged} chains verify"
        )

    async def _chain(self, record_id: str) -> dict[str, Any]:
        path = f"/records/{record_id}/lineage"
        lineage = await self.project.gateway.call("qa", "GET", path, self.project.admin, timeout_s=60.0)
        chain: dict[str, Any] = lineage["chain"]
        return chain

    def _judge(self, found: Evidence) -> None:
        """No event waited longer than a replica may be missed."""
        slowest = {}
        outages = [Outage(window.began, window.back_at) for window in self.windows if window.back_at > window.began]
        for window in self.windows:
            # What was published in the last second may be held up by the fault that comes next.
            hop = found.slowest(window.began - _LAST, window.ended - _LAST, outages)
            if hop is None:
                self._demand(False, f"{window.name}: no event was published")
                continue
            waited_s = round(hop.waited_s(outages), 2)
            slowest[window.name] = [waited_s, hop.event.type, hop.reader]
            self._demand(
                waited_s <= self.plan.take_over_s,
                f"{window.name}: {hop.event.type} of {hop.event.committed_at:%H:%M:%S} had its effect in {hop.reader} after "
                f"{waited_s} s",
            )
            if waited_s > self.plan.take_over_s:
                self._show_logs(window.began, hop.handled_at)
        self.figures |= {
            "slowest_hop_s": slowest,
            "longest_request_s": {name: round(value, 2) for name, value in self.project.gateway.longest_s.items()},
            "refused": dict(self.crowd.refused),
        }

    def _show_logs(self, began: datetime, ended: datetime) -> None:
        """Print what the services said of their groups, loops and faults meanwhile: the suite's files go with it."""
        for file in sorted((self.suite.data_dir / "logs").glob("*.log")):
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                at = re.search(r'"timestamp":"([^"]+)"', line)
                if at and began <= datetime.fromisoformat(at[1]) <= ended and not line.startswith('{"method"'):
                    sys.stderr.write(f"{file.stem}: {line[:500]}\n")

    def _demand(self, true: bool, otherwise: str) -> None:
        if not true:
            _note(otherwise)
            self.faults.append(otherwise)


def _note(what: str) -> None:
    """It takes long, so it says how far it is."""
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {what}\n")


def _gauge(answer: httpx.Response | None, name: str) -> float:
    lines = "" if answer is None else answer.text
    found = re.search(rf"^{name}{{[^}}]*}} (\S+)$", lines, re.MULTILINE)
    return -1.0 if found is None else float(found[1])


async def hold(
    data_dir: Path, plan: Plan, environment: Mapping[str, str] | None = None
) -> tuple[list[str], dict[str, Any]]:
    """Hold a trial in a suite of its own; returns what failed and what was measured."""
    settings = SuiteSettings(
        data_dir=data_dir,
        bus="kafka",
        first_port=0,
        replicas=2 if plan.singly else 1,  # or the second ones join later
        postgres=evidence.POSTGRES,
        environment={"TOUCHSTONE_TOPIC_PREFIX": PREFIX, **(environment or {})},
    )
    async with Suite(settings) as suite, Gateway(suite) as gateway:
        project = await Project.create(suite, gateway, plan.redundancy)
        await project.register_people()
        importer = Importer(project, a_request=20, per_s=plan.records_per_s, least=plan.records)
        trial = Trial(suite, project, plan, importer, Crowd(project, plan.pace_s))
        began = time.monotonic()
        found = await trial.run()
    figures = {"wall_s": round(time.monotonic() - began), **found.figures, **trial.figures}
    return found.faults, figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000, help="at least; they come as long as the faults go on")
    parser.add_argument("--short", action="store_true", help="as the test does it")
    given = parser.parse_args()
    plan = (
        Plan()
        if given.short
        else Plan(records=given.records, records_per_s=55.0, pace_s=0.02, singly=True, redundancy=1, rest_s=4.0)
    )
    with tempfile.TemporaryDirectory() as folder:
        faults, figures = asyncio.run(hold(Path(folder), plan))
    sys.stdout.write(json.dumps({"name": "replicas", "faults": faults, **figures}) + "\n")
    if faults:
        sys.exit("Replicas did not keep what they promise.")


if __name__ == "__main__":
    main()
