"""Whatever people, managers and the clock do in whichever order: queue gives what a small model of it says.

The model knows of each record who answered, skipped or holds it, and under which versions; nothing of slots, lines or locks.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

import httpx
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.service.queue.world import LABELS, SCHEMA, Person, World, policies, sentiment, shown
from tests.support.service import ServiceUnderTest, service_under_test

T = TypeVar("T")

PEOPLE = 3
EXAMPLES, STEPS = 80, 40
# What is drawn must not depend on what queue gives, which is drawn by ids that are random.
WANTED = st.sampled_from(["running", "expired", "expired", "submitted", "over"])
PICK = st.integers(0, 10_000)


@dataclass(eq=False)
class ModelLease:
    """A lease as its holder knows it; `status` is running, expired, submitted, skipped or over."""

    person: int
    record: "ModelRecord"
    token: str
    versions: tuple[int, int]
    status: str = "running"
    annotation_id: str | None = None
    following: tuple[str, ...] = ()


@dataclass(eq=False)
class ModelRecord:
    record_id: str
    versions: tuple[int, int]
    gold: bool = False
    leases: list[ModelLease] = field(default_factory=list)

    def of(self, *statuses: str) -> list[ModelLease]:
        return [lease for lease in self.leases if lease.status in statuses]

    @property
    def in_hand(self) -> bool:
        return bool(self.of("running", "submitted"))


class QueueMachine(RuleBasedStateMachine):
    """Three people in one project of their own."""

    def __init__(self, runner: asyncio.Runner, service: ServiceUnderTest) -> None:
        super().__init__()
        self.runner, self.service = runner, service
        self.records: dict[str, ModelRecord] = {}
        self.known: dict[str, ModelLease] = {}
        self.paused = [False] * PEOPLE
        self.versions = (1, 1)
        self.redundancy = 1

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize(redundancy=st.integers(1, 2), records=st.integers(1, 3))
    def begin(self, redundancy: int, records: int) -> None:
        self.redundancy = redundancy
        chosen = policies(
            redundancy={"without_model": redundancy, "with_model": redundancy}, serving={"leases_per_annotator": 50}
        )
        self.world: World = self.do(World(self.service, policies=chosen).open())
        self.people: list[Person] = self.do(self.world.people(PEOPLE))
        for _ in range(records):
            self.add_record()

    # What happens to the project.

    @rule()
    def add_record(self) -> None:
        record_id = str(self.do(self.world.record()))
        self.records[record_id] = ModelRecord(record_id, self.versions)

    @rule(new_schema=st.booleans())
    def change_project(self, new_schema: bool) -> None:
        """A new guideline, perhaps a new schema, too; and what nobody has in hand follows."""
        world = self.world
        if new_schema:
            world.schemas = [*world.schemas, SCHEMA]
        self.do(world.change(guidelines=world.guidelines + 1))
        self.versions = (len(world.schemas), world.guidelines)
        self.follow()

    @rule(pick=PICK)
    def place_gold(self, pick: int) -> None:
        """Nobody starts the record any more; who holds it may finish. The policies serve no gold."""
        ordinary = [one for one in self.records.values() if not one.gold]
        if ordinary:
            record = ordinary[pick % len(ordinary)]
            self.do(self.world.gold(UUID(record.record_id)))
            record.gold = True
            for lease in record.of("expired"):
                lease.status = "over"

    @rule()
    def let_leases_run_out(self) -> None:
        self.do(self.world.expire_leases())
        for lease in self.known.values():
            if lease.status == "running":
                lease.status = "over" if lease.record.gold else "expired"
        self.follow()

    @rule(number=st.integers(0, PEOPLE - 1))
    def pause_or_resume(self, number: int) -> None:
        person, paused = self.people[number], not self.paused[number]
        path = f"/v1/annotators/{person.annotator_id}"
        body = {"status": "paused" if paused else "active"}
        self.do(self.world.client.patch(path, headers=self.world.manager, json=body)).raise_for_status()
        self.do(self.service.run_loop("take_back"))
        self.paused[number] = paused
        for lease in self.known.values():
            if paused and lease.person == number and lease.status in {"running", "expired"}:
                lease.status = "over"
        self.follow()

    # What people do.

    @rule(number=st.integers(0, PEOPLE - 1), count=st.integers(1, 3))
    def lease(self, number: int, count: int) -> None:
        self.granted(number, self.do(self.people[number].lease(count)), count)

    def some_lease(self, wanted: str, pick: int) -> ModelLease | None:
        """One of this status, if there is one; else any. None before the first."""
        found = [lease for lease in self.known.values() if lease.status == wanted] or list(self.known.values())
        return found[pick % len(found)] if found else None

    @rule(wanted=WANTED, pick=PICK, following=st.integers(0, 1), label=st.sampled_from(LABELS))
    def submit(self, wanted: str, pick: int, following: int, label: str) -> None:
        lease = self.some_lease(wanted, pick)
        if lease is None:
            return
        more = {"next": following} if following else {}
        answer = self.do(self.people[lease.person].submit(lease.token, sentiment(LABELS[0]), **more))
        if lease.status == "submitted":  # a retry: the first answer again
            assert answer.status_code == 200, answer.text
            assert answer.json()["annotation_id"] == lease.annotation_id
            self.followed(lease, answer, following)
        elif self.takes_work(lease, answer):
            lease.status, lease.annotation_id = "submitted", answer.json()["annotation_id"]
            self.followed(lease, answer, following)
        if lease.status == "submitted" and label != LABELS[0]:
            other = self.do(self.people[lease.person].submit(lease.token, sentiment(label)))
            assert (other.status_code, other.json()["type"]) == (409, "answers-differ")

    @rule(wanted=WANTED, pick=PICK)
    def renew(self, wanted: str, pick: int) -> None:
        lease = self.some_lease(wanted, pick)
        if lease is None:
            return
        person = self.people[lease.person]
        answer = self.do(
            self.world.client.patch(f"/v1/leases/{lease.token}", headers=person.headers, json={"ttl_s": 60})
        )
        if lease.status == "submitted":
            assert answer.status_code == 409
        elif self.takes_work(lease, answer):
            lease.status = "running"

    @rule(wanted=WANTED, pick=PICK)
    def skip(self, wanted: str, pick: int) -> None:
        lease = self.some_lease(wanted, pick)
        if lease is None:
            return
        answer = self.do(self.people[lease.person].skip(lease.token))
        if lease.status == "skipped":
            assert answer.status_code == 200
        elif lease.status == "submitted":
            assert answer.status_code == 409
        elif self.takes_work(lease, answer):
            lease.status = "skipped"
            self.follow()

    @rule(wanted=WANTED, pick=PICK)
    def give_back(self, wanted: str, pick: int) -> None:
        lease = self.some_lease(wanted, pick)
        if lease is None:
            return
        answer = self.do(self.people[lease.person].release(lease.token))
        assert answer.status_code == 204
        if lease.status in {"running", "expired"}:
            lease.status = "over"
            self.follow()

    # What the model says.

    def follow(self) -> None:
        """What is in nobody's hand has the active versions; and a lease that ran out is void where they are others."""
        self.do(self.service.run_loop("route_waiting"))
        for record in self.records.values():
            if not record.gold and not record.in_hand and record.versions != self.versions:
                record.versions = self.versions
                for lease in record.of("expired"):
                    lease.status = "over"

    def open_to(self, number: int) -> list[ModelRecord]:
        """The records of which this person may have a lease."""
        if self.paused[number]:
            return []
        return [
            record
            for record in self.records.values()
            if not record.gold
            and len(record.of("running", "submitted")) < self.redundancy
            and all(lease.person != number for lease in record.of("running", "submitted", "skipped"))
        ]

    def granted(self, number: int, found: list[dict[str, Any]], count: int) -> list[ModelLease]:
        """Check new leases, and note them."""
        possible = {record.record_id: record for record in self.open_to(number)}
        assert len(found) == min(count, len(possible)), (found, possible)
        new = []
        for lease in found:
            record = possible.pop(shown(lease))
            assert (lease["schema_version"], lease["guideline_version"]) == record.versions
            one = ModelLease(number, record, lease["token"], record.versions)
            for before in record.of("expired"):
                if before.person == number or self.redundancy == 1:
                    before.status = "over"
            record.leases.append(one)
            self.known[one.token] = one
            new.append(one)
        return new

    def followed(self, lease: ModelLease, answer: httpx.Response, count: int) -> None:
        """What came next with a submit: leased once for an annotation, whatever is repeated."""
        if not count:
            return
        found = answer.json()["next"]
        if lease.following:
            running = [token for token in lease.following if self.known[token].status == "running"]
            assert [one["token"] for one in found] == running
        else:
            lease.following = tuple(one.token for one in self.granted(lease.person, found, count))

    def takes_work(self, lease: ModelLease, answer: httpx.Response) -> bool:
        """Check whether a lease that has not ended by its holder's work takes more."""
        taken = answer.is_success
        if lease.status == "running":
            assert taken, answer.text
        elif lease.status in {"over", "skipped"}:
            assert answer.status_code in {404, 409}, answer.text
        elif self.redundancy == 1 or len(lease.record.of("running", "submitted")) == 0:
            assert taken, answer.text
        elif not taken:  # of two slots somebody may have been given the one that had run out
            assert answer.status_code == 409, answer.text
            lease.status = "over"
        return taken

    @invariant()
    @precondition(lambda self: hasattr(self, "world"))
    def counts_agree(self) -> None:
        found = self.do(self._counts())
        for number, person in enumerate(self.people):
            held = [
                one for one in self.known.values() if one.person == number and one.status in {"running", "submitted"}
            ]
            assert found.get(person.annotator_id, (0, 0, 0)) == (len(held), len(held), 0), (number, found)
        assert all(len(one.of("running", "submitted")) <= self.redundancy for one in self.records.values())

    async def _counts(self) -> dict[Any, tuple[int, int, int]]:
        async with self.service.database.transaction() as session:
            rows = await session.raw.fetch(
                "SELECT m.annotator_id, m.granted - m.returned AS counted, (m.returned < 0)::int AS below, ("
                "   SELECT count(*) FROM slots s WHERE s.project_id = m.project_id AND s.annotator_id = m.annotator_id"
                "       AND s.state IN ('leased', 'submitted')"
                " ) AS held FROM memberships m WHERE m.project_id = $1",
                self.world.project_id,
            )
        return {row["annotator_id"]: (row["counted"], row["held"], row["below"]) for row in rows}


def test_queue_gives_what_the_model_says() -> None:
    with asyncio.Runner() as runner:
        running = service_under_test("queue", unservable_after_s=3600)
        service = runner.run(running.__aenter__())
        try:
            run_state_machine_as_test(
                lambda: QueueMachine(runner, service),  # type: ignore[arg-type]
                settings=settings(
                    max_examples=EXAMPLES,
                    stateful_step_count=STEPS,
                    deadline=None,
                    derandomize=True,
                    phases=[Phase.generate],  # tokens are random, so a failure can't be made smaller by repeating it
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(running.__aexit__(None, None, None))
