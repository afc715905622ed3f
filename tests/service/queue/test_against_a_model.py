"""Whatever people, managers and the clock do in whichever order: queue gives what a small model of it says.

The model knows of each record who answered, skipped or holds it, under which versions, and how many are wanted; nothing of
slots, lines or locks. Gold is served in the second of two machines.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

import httpx
import pytest
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

from shared.contracts.policies import Policies
from tests.service.queue.world import LABELS, SCHEMA, Person, World, policies, sentiment, shown
from tests.support.service import ServiceUnderTest, service_under_test

T = TypeVar("T")

PEOPLE = 3
STEPS = 40
GOLD_EXPOSURES = 2
# What is drawn must not depend on what queue gives, which is drawn by ids that are random.
WANTED = st.sampled_from(["running", "expired", "expired", "submitted", "over"])
PICK = st.integers(0, 10_000)


@dataclass(eq=False)
class ModelLease:
    """A lease as its holder knows it; `status` is running, expired, submitted, skipped or over.

    `gold`: it was granted of a record that was gold. `contested`: it ran out, and somebody may have been given its slot.
    """

    person: int
    record: "ModelRecord"
    token: str
    versions: tuple[int, int]
    status: str = "running"
    gold: bool = False
    contested: bool = False
    annotation_id: str | None = None
    following: tuple[str, ...] = ()


@dataclass(eq=False)
class ModelRecord:
    """`policy` is the version by which it was routed; `gold`, the schema version that it is gold of."""

    record_id: str
    versions: tuple[int, int]
    policy: int
    redundancy: int
    gold: int | None = None
    leases: list[ModelLease] = field(default_factory=list)

    def of(self, *statuses: str, gold: bool = False) -> list[ModelLease]:
        return [lease for lease in self.leases if lease.status in statuses and lease.gold is gold]

    def had_by(self, person: int) -> bool:
        """Whether the person never starts it any more, as gold or not."""
        return any(
            lease.person == person and lease.status in {"running", "submitted", "skipped"} for lease in self.leases
        )

    @property
    def in_hand(self) -> bool:
        return bool(self.of("running", "submitted"))


class QueueMachine(RuleBasedStateMachine):
    """Three people in one project of their own, which serves them no gold."""

    gold_share = 0.0
    gold_at_start = 0

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

    @initialize(
        redundancy=st.integers(1, 2), records=st.integers(1, 3), leased=st.tuples(*[st.integers(0, 2)] * PEOPLE)
    )
    def begin(self, redundancy: int, records: int, leased: tuple[int, ...]) -> None:
        self.redundancy = redundancy
        self.world: World = self.do(World(self.service, policies=self.policies()).open())
        self.people: list[Person] = self.do(self.world.people(PEOPLE))
        for _ in range(self.gold_at_start):
            self.add_record()
            self.place_gold(0)
        for _ in range(records):
            self.add_record()
        for number, count in enumerate(leased):
            if count:
                self.lease(number, count)

    def policies(self) -> Policies:
        return policies(
            redundancy={"without_model": self.redundancy, "with_model": self.redundancy},
            serving={"leases_per_annotator": 50},
            gold={"entry_test": 0, "share": self.gold_share},
        )

    @property
    def policy(self) -> int:
        return len(self.world.policy_versions)

    # What happens to the project.

    @rule()
    def add_record(self) -> None:
        record_id = str(self.do(self.world.record()))
        self.records[record_id] = ModelRecord(record_id, self.versions, self.policy, self.redundancy)

    @rule(new_schema=st.booleans())
    def change_project(self, new_schema: bool) -> None:
        """A new guideline, perhaps a new schema, too; and what nobody has in hand follows."""
        world = self.world
        if new_schema:
            world.schemas = [*world.schemas, SCHEMA]
        self.do(world.change(guidelines=world.guidelines + 1))
        self.versions = (len(world.schemas), world.guidelines)
        self.follow()

    @rule()
    def change_redundancy(self) -> None:
        """What nobody has in hand follows; who holds a record, or has answered it, finds as many wanted as before."""
        self.redundancy = 3 - self.redundancy
        self.do(self.world.change(policies=self.policies()))
        self.follow()

    @rule(pick=PICK)
    def place_gold(self, pick: int) -> None:
        """Nobody starts the record as an ordinary one any more; who holds it may finish."""
        ordinary = [one for one in self.records.values() if one.gold is None]
        if ordinary:
            record = ordinary[pick % len(ordinary)]
            record.gold = self.versions[0]
            self.do(self.world.gold(UUID(record.record_id), GOLD_EXPOSURES, record.gold))
            for lease in record.of("expired"):
                lease.status = "over"

    @rule(pick=PICK)
    def withdraw_gold(self, pick: int) -> None:
        """The record is an ordinary one again, which wants what it wanted; who has it as gold may not finish."""
        golden = [one for one in self.records.values() if one.gold is not None]
        if golden:
            record = golden[pick % len(golden)]
            self.do(self.world.withdraw_gold(UUID(record.record_id)))
            record.gold = None
            for lease in record.of("running", "expired", gold=True):
                lease.status = "over"
            self.follow()

    @rule()
    def let_leases_run_out(self) -> None:
        self.do(self.world.expire_leases())
        for lease in self.known.values():
            if lease.status == "running":
                closed = lease.record.gold is not None and not lease.gold
                lease.status, lease.contested = ("over" if closed else "expired"), False
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
        """What is in nobody's hand has the active versions and policies; a lease that ran out is void where they are others."""
        self.do(self.service.run_loop("route_waiting"))
        active = (self.versions, self.policy, self.redundancy)
        for record in self.records.values():
            if (
                record.gold is not None
                or record.in_hand
                or (record.versions, record.policy, record.redundancy) == active
            ):
                continue
            record.versions, record.policy, record.redundancy = active
            for lease in record.of("expired"):
                lease.status = "over"

    def open_to(self, number: int) -> list[ModelRecord]:
        """The records of which this person may have a lease."""
        if self.paused[number]:
            return []
        return [
            record
            for record in self.records.values()
            if record.gold is None
            and len(record.of("running", "submitted")) < record.redundancy
            and not record.had_by(number)
        ]

    def gold_for(self, number: int) -> list[ModelRecord]:
        """The gold that this person may be served, each once."""
        if self.paused[number] or not self.gold_share:
            return []
        return [record for record in self.records.values() if record.gold is not None and not record.had_by(number)]

    def granted(self, number: int, found: list[dict[str, Any]], count: int) -> list[ModelLease]:
        """Check new leases, and note them.

        Gold takes the place of ordinary tasks that are there. It comes without one only to who had it and let it go.
        """
        ordinary = {record.record_id: record for record in self.open_to(number)}
        gold = {record.record_id: record for record in self.gold_for(number)}
        possible = ordinary | gold
        stands_for = {record.versions for record in ordinary.values()}
        new = []
        for lease in found:
            record = possible.pop(shown(lease))
            versions = (lease["schema_version"], lease["guideline_version"])
            one = ModelLease(number, record, lease["token"], versions, gold=record.gold is not None)
            if not one.gold:
                assert versions == record.versions
            elif not any(before.person == number for before in record.leases):
                assert versions in stands_for
            assert record.gold in {None, versions[0]}
            for before in record.of("expired", gold=one.gold):
                if before.person == number or (record.redundancy == 1 and not one.gold):
                    before.status = "over"
                before.contested = True
            record.leases.append(one)
            self.known[one.token] = one
            new.append(one)
        assert len(found) == count or not ordinary.keys() & possible.keys(), (found, possible)
        assert len(found) <= count
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
        elif not lease.contested:
            assert taken, answer.text
        elif not taken:  # of several slots somebody may have been given the one that had run out
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
        for record in self.records.values():
            assert len(record.of("running", "submitted")) <= record.redundancy
            exposed = Counter(lease.versions[0] for lease in record.of("running", "submitted", gold=True))
            assert all(count <= GOLD_EXPOSURES for count in exposed.values())
            as_gold = [lease.person for lease in record.of("submitted", "skipped", gold=True)]
            assert len(as_gold) == len(set(as_gold))

    @invariant()
    @precondition(lambda self: hasattr(self, "world"))
    def open_tasks_agree(self) -> None:
        """Served or not, a task has the versions, and collects as many annotations, as the model says."""
        ordinary = [record for record in self.records.values() if record.gold is None]
        assert self.do(self._open_tasks()) == {one.record_id: (*one.versions, one.redundancy) for one in ordinary}

    async def _open_tasks(self) -> dict[str, tuple[int, int, int]]:
        async with self.service.database.transaction() as session:
            rows = await session.raw.fetch(
                "SELECT t.record_id, t.schema_version, t.guideline_version, count(*) AS wanted"
                " FROM tasks t JOIN slots s ON s.task_id = t.task_id AND s.state NOT IN ('skipped', 'void')"
                " WHERE t.project_id = $1 AND t.purpose = 'annotation' AND t.state = 'open' GROUP BY t.task_id",
                self.world.project_id,
            )
        return {str(row["record_id"]): (row["schema_version"], row["guideline_version"], row["wanted"]) for row in rows}

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


class GoldMachine(QueueMachine):
    """Half of what people get is gold, as long as there is some."""

    gold_share = 0.5
    gold_at_start = 2


@pytest.mark.parametrize(("machine", "examples"), [(QueueMachine, 50), (GoldMachine, 30)])
def test_queue_gives_what_the_model_says(machine: type[QueueMachine], examples: int) -> None:
    with asyncio.Runner() as runner:
        running = service_under_test("queue", unservable_after_s=3600)
        service = runner.run(running.__aenter__())
        try:
            run_state_machine_as_test(
                lambda: machine(runner, service),  # type: ignore[arg-type]
                settings=settings(
                    max_examples=examples,
                    stateful_step_count=STEPS,
                    deadline=None,
                    derandomize=True,
                    phases=[Phase.generate],  # tokens are random, so a failure can't be made smaller by repeating it
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(running.__aexit__(None, None, None))
