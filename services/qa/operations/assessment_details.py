"""What an assessment stands on, as its `details` show it: the evidence behind drift, attention and copies."""

from dataclasses import asdict
from typing import Any

from services.qa.compute.copies import CopyFinding
from services.qa.compute.estimation import AnnotatorFinding
from services.qa.domain.attention import Attention
from services.qa.domain.drift import SourceEvidence
from shared.contracts.events import DriftEvidence

_DIGITS = 6
_MOST_COPIES = 20
"""A ring of many who copy from each other has a finding for each two."""


def evidence_of(found: AnnotatorFinding) -> dict[str, Any]:
    """The details that the last estimation gives; a part without evidence is left out."""
    drift = found.drift
    sources = {
        name: evidence.model_dump()
        for name, evidence in (("gold", drift_evidence(drift.gold)), ("consensus", drift_evidence(drift.consensus)))
        if evidence is not None
    }
    details: dict[str, Any] = {
        "diagonal": None if found.diagonal is None else round(found.diagonal, _DIGITS),
        "drift_statistic": round(drift.statistic, _DIGITS),
        "baseline_error": round(drift.baseline_error, _DIGITS),
    }
    if drift.chart is not None and sources:
        details["drift"] = {"chart": drift.chart, **sources}
    if found.attention is not None:
        details["attention"] = _attention(found.attention)
    if found.copies:
        strongest = sorted(found.copies, key=lambda one: one.p_value)[:_MOST_COPIES]
        details["copies"] = [_copies(one) for one in strongest]
    return details


def drift_evidence(source: SourceEvidence | None) -> DriftEvidence | None:
    """As it is published."""
    if source is None:
        return None
    return DriftEvidence(
        answers=round(source.answers, _DIGITS),
        wrong=round(source.wrong, _DIGITS),
        error_before=round(min(source.before, 1.0), _DIGITS),
        log_likelihood_ratio=round(source.evidence, _DIGITS),
    )


def _attention(one: Attention) -> dict[str, Any]:
    return {
        "share": round(one.share, _DIGITS),
        "low": round(one.low, _DIGITS),
        "high": round(one.high, _DIGITS),
        "answers": one.answers,
        "likely_wrong": round(one.likely_wrong, 1),
    }


def _copies(one: CopyFinding) -> dict[str, Any]:
    shown = {name: value for name, value in asdict(one).items() if value is not None}
    return {name: round(value, _DIGITS) if isinstance(value, float) else value for name, value in shown.items()} | {
        "p_value": one.p_value
    }
