"""Slots and leases as a state machine: whatever happens in whatever order, exactly N, and nobody's work is taken."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.queue.domain.leases import Lease, TokenStatus, token_status
from services.queue.domain.slots import LIVE, Slot, SlotState, all_untouched, fit_slots
from shared.contracts.values import RecordState, TaskKind

TOKEN, OTHER = UUID(int=1), UUID(int=2)
slots = st.lists(st.builds(Slot, st.just(0), st.sampled_from(SlotState), st.none() | st.just(TOKEN)), max_size=8).map(
    lambda found: [replace(slot, number=number) for number, slot in enumerate(found, start=1)]
)


@settings(max_examples=60)
@given(slots, st.integers(0, 8))
def test_settling_reaches_the_target_without_taking_work(found: list[Slot], target: int) -> None:
    changes = fit_slots(found, target)
    live = [slot for slot in found if slot.state in LIVE]
    after = len(live) + len(changes.add) - len(changes.void)
    kept = sum(not slot.untouched for slot in live)
    assert after == max(target, kept)
    assert not set(changes.add) & {slot.number for slot in found}
    assert all(slot.untouched for slot in found if slot.number in changes.void)
    assert not (changes.add and changes.void)


@settings(max_examples=60)
@given(slots)
def test_what_somebody_works_on_is_touched(found: list[Slot]) -> None:
    worked = any(slot.state in {SlotState.LEASED, SlotState.SUBMITTED, SlotState.SKIPPED} for slot in found)
    expired = any(slot.state in {SlotState.FREE, SlotState.HELD} and slot.token for slot in found)
    assert all_untouched(found) is not (worked or expired)


def lease(**changes: Any) -> Lease:
    facts: dict[str, Any] = {
        "task_id": UUID(int=3),
        "slot": 1,
        "record_id": UUID(int=4),
        "project_id": UUID(int=5),
        "kind": TaskKind.ANNOTATION,
        "round": 1,
        "schema_version": 1,
        "guideline_version": 1,
        "annotator_id": UUID(int=6),
        "leased_at": datetime(2026, 11, 21, tzinfo=UTC),
        "token": TOKEN,
        "state": SlotState.LEASED,
        "record_state": RecordState.OPEN,
    }
    return Lease(**(facts | changes))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, TokenStatus.VALID),
        ({"record_state": RecordState.GOLD}, TokenStatus.VALID),
        ({"record_state": RecordState.FINALIZED}, TokenStatus.VALID),  # a relabelling is under way
        ({"record_state": RecordState.ERASED}, TokenStatus.GONE),
        ({"token": OTHER}, TokenStatus.STALE),
        ({"token": None}, TokenStatus.STALE),
        ({"state": SlotState.FREE}, TokenStatus.VALID),
        ({"state": SlotState.FREE, "holds_another": True}, TokenStatus.STALE),
        ({"state": SlotState.SUBMITTED}, TokenStatus.DONE),
        ({"state": SlotState.SUBMITTED, "token": OTHER}, TokenStatus.STALE),
        ({"state": SlotState.SKIPPED}, TokenStatus.RETURNED),
        ({"token": None, "released": True}, TokenStatus.RETURNED),
        ({"state": SlotState.VOID}, TokenStatus.CLOSED),
    ],
)
def test_what_a_token_is_good_for(changes: dict[str, Any], expected: TokenStatus) -> None:
    assert token_status(lease(**changes), TOKEN) is expected


PEOPLE = st.integers(0, 3)


class TaskMachine(RuleBasedStateMachine):
    """One task and four people, who lease, let expire, submit (also late), skip and release; qa asks for more."""

    def __init__(self) -> None:
        super().__init__()
        self.slots: list[dict[str, Any]] = [self.free(1), self.free(2)]
        self.target = 2
        self.tokens: dict[int, list[int]] = {person: [] for person in range(4)}
        self.issued = 0
        self.accepted: list[int] = []

    @staticmethod
    def free(number: int) -> dict[str, Any]:
        return {"number": number, "state": SlotState.FREE, "token": None, "person": None}

    def mine(self, person: int) -> bool:
        taken = {SlotState.LEASED, SlotState.SUBMITTED, SlotState.SKIPPED}
        return any(slot["person"] == person and slot["state"] in taken for slot in self.slots)

    @rule(person=PEOPLE)
    def claim(self, person: int) -> None:
        found = next((slot for slot in self.slots if slot["state"] is SlotState.FREE), None)
        if found is not None and not self.mine(person):
            self.issued += 1
            self.tokens[person].append(self.issued)
            found.update(state=SlotState.LEASED, token=self.issued, person=person)

    @rule()
    def run_out(self) -> None:
        for slot in self.slots:
            if slot["state"] is SlotState.LEASED:
                slot["state"] = SlotState.FREE

    def use(self, person: int, data: st.DataObject) -> tuple[dict[str, Any] | None, TokenStatus, int]:
        token = data.draw(st.sampled_from(self.tokens[person]))
        slot = next((one for one in self.slots if one["token"] == token), None)
        if slot is None:
            return None, TokenStatus.STALE, token
        seen = lease(
            token=UUID(int=token),
            state=slot["state"],
            holds_another=slot["state"] is SlotState.FREE and self.mine(person),
        )
        return slot, token_status(seen, UUID(int=token)), token

    @precondition(lambda self: any(self.tokens.values()))
    @rule(data=st.data())
    def submit(self, data: st.DataObject) -> None:
        person = data.draw(st.sampled_from([one for one, tokens in self.tokens.items() if tokens]))
        slot, found, token = self.use(person, data)
        if found is TokenStatus.VALID:
            assert slot is not None
            slot["state"] = SlotState.SUBMITTED
            self.accepted.append(token)
        else:
            assert found is not TokenStatus.DONE or token in self.accepted

    @precondition(lambda self: any(self.tokens.values()))
    @rule(data=st.data(), skip=st.booleans())
    def give_back(self, data: st.DataObject, skip: bool) -> None:
        person = data.draw(st.sampled_from([one for one, tokens in self.tokens.items() if tokens]))
        slot, found, _ = self.use(person, data)
        if found is TokenStatus.VALID:
            assert slot is not None
            if skip:
                slot["state"] = SlotState.SKIPPED
                self.slots.append(self.free(len(self.slots) + 1))
            else:
                slot.update(self.free(slot["number"]))

    @rule(total=st.integers(1, 4))
    def request(self, total: int) -> None:
        self.target = max(self.target, total)
        found = [Slot(one["number"], one["state"], TOKEN if one["token"] else None) for one in self.slots]
        self.slots += [self.free(number) for number in fit_slots(found, self.target).add]

    @invariant()
    def exactly_n(self) -> None:
        assert sum(slot["state"] in LIVE for slot in self.slots) == self.target
        assert len(self.accepted) == len(set(self.accepted)) <= self.target

    @invariant()
    def nobody_has_it_twice(self) -> None:
        taken = {SlotState.LEASED, SlotState.SUBMITTED, SlotState.SKIPPED}
        holders = [slot["person"] for slot in self.slots if slot["state"] in taken]
        assert len(holders) == len(set(holders))

    @invariant()
    def what_was_accepted_stays(self) -> None:
        submitted = {slot["token"] for slot in self.slots if slot["state"] is SlotState.SUBMITTED}
        assert submitted == set(self.accepted)


TestTask = TaskMachine.TestCase
TestTask.settings = settings(max_examples=20, stateful_step_count=25)
