"""What votes lead to."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.qa.domain.decisions import (
    Arbitrate,
    AskMore,
    Decision,
    Finalize,
    Relabel,
    Wait,
    after_feedback,
    decide,
    held_out_check,
)
from services.qa.domain.votes import Consensus
from shared.contracts.policies import RedundancyPolicy

POLICY = RedundancyPolicy(maximum=5, posterior_target=0.98)


def consensus_with(confidence: float, *, tied: bool = False) -> Consensus:
    return Consensus({"label": "3"}, confidence, tied, "dawid_skene")


SURE, UNSURE, TIED = consensus_with(0.99), consensus_with(0.9), consensus_with(0.5, tied=True)


@pytest.mark.parametrize(
    ("consensus", "counted", "voided", "slots_total", "expected"),
    [
        ([SURE], 1, 0, 2, Wait()),
        ([SURE], 1, 1, 3, Wait()),
        ([SURE], 2, 0, 2, Finalize({"q0": {"label": "3"}}, 0.99)),
        ([UNSURE], 2, 0, 2, AskMore(3, "unsure")),
        ([TIED], 2, 0, 2, AskMore(3, "tie")),
        ([consensus_with(0.99, tied=True)], 2, 0, 2, AskMore(3, "tie")),
        ([UNSURE], 4, 0, 4, AskMore(5, "unsure")),
        ([UNSURE], 5, 0, 5, Arbitrate("unsure")),
        ([TIED], 5, 0, 5, Arbitrate("tie")),
        ([UNSURE], 4, 1, 5, AskMore(6, "unsure")),  # a void vote does not count towards the maximum
        ([UNSURE], 5, 1, 6, Arbitrate("unsure")),
        ([], 0, 2, 2, AskMore(3, "votes_voided")),
        ([SURE, UNSURE], 2, 0, 2, AskMore(3, "unsure")),
        ([SURE, consensus_with(0.985)], 2, 0, 2, Finalize({"q0": {"label": "3"}, "q1": {"label": "3"}}, 0.985)),
        ([], 2, 0, 2, Finalize({}, 1.0)),  # nobody answered any of the optional questions
    ],
)
def test_votes_lead_to(
    consensus: list[Consensus], counted: int, voided: int, slots_total: int, expected: Decision
) -> None:
    by_question = {f"q{at}": one for at, one in enumerate(consensus)}
    assert decide(by_question, counted=counted, voided=voided, slots_total=slots_total, policy=POLICY) == expected


@settings(max_examples=40)
@given(st.floats(0, 1), st.booleans(), st.integers(0, 8), st.integers(0, 8), st.integers(0, 8))
def test_every_record_gets_on(confidence: float, tied: bool, counted: int, voided: int, slots_total: int) -> None:
    found = decide(
        {"q": consensus_with(confidence, tied=tied)},
        counted=counted,
        voided=voided,
        slots_total=slots_total,
        policy=POLICY,
    )
    if isinstance(found, Wait):
        assert counted + voided < slots_total
    if isinstance(found, AskMore):
        assert found.slots_total == slots_total + 1
        assert counted < POLICY.maximum
    if isinstance(found, Finalize):
        assert not tied
        assert found.confidence >= POLICY.posterior_target


def test_an_expert_looks_at_a_held_out_record_once() -> None:
    expected = Relabel(slots_total=1, experts_only=True, blind=True, reason="champion_differs")
    assert held_out_check("champion_differs", checked_before=False) == expected
    assert held_out_check("champion_differs", checked_before=True) is None


@pytest.mark.parametrize(
    ("contradicts", "reopened", "arbitrated", "expected"),
    [
        (False, False, False, None),
        (True, False, False, Relabel),
        (True, True, False, Arbitrate),
        (True, True, True, None),
        (True, False, True, None),
        (False, True, False, None),
    ],
)
def test_a_products_report_leads_to(
    contradicts: bool, reopened: bool, arbitrated: bool, expected: type[Relabel | Arbitrate] | None
) -> None:
    found = after_feedback(contradicts=contradicts, reopened=reopened, arbitrated_since=arbitrated)
    assert found is None if expected is None else isinstance(found, expected)
