"""What goes out over HTTP about drift."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.prelabel.api.shapes import MODEL, PROJECT, of_answer
from services.prelabel.domain import drift, drift_next_step
from services.prelabel.domain.drift import DriftKind
from services.prelabel.domain.live_error import LiveState
from services.prelabel.operations.drift import LiveReports
from services.prelabel.storage.drift import KeptFinding, WatchProgress
from services.prelabel.storage.models import Model
from shared.contracts.events import ModelDrift
from shared.contracts.values import Probability

_COMPARED: Final = (DriftKind.INPUT, DriftKind.PREDICTION, DriftKind.LABEL)
_LOOK_EXAMPLE: Final[dict[str, Any]] = {
    "kind": "prediction",
    "since": "2026-11-05T08:00:00Z",
    "seen_at": "2026-11-05T15:40:00Z",
    "look": 3,
    "p_value": 0.00002,
    "level": 0.00069,
    "size": 0.31,
    "before": 500,
    "now": 100,
    "shares": [{"label": "delivery", "before": 0.32, "now": 0.61}],
    "confidence_before": 0.91,
    "confidence_now": 0.83,
}


class DriftWatch(BaseModel):
    """One kind of drift: what the looks found."""

    kind: Literal["input", "prediction", "label"] = Field(
        description="`input`: what models read. `prediction`: what this model answers, and how sure it is. `label`: the"
        " classes that people give."
    )
    state: Literal["not_looked", "none_found", "drifted"]
    looks: int = Field(ge=0, description="Windows of a hundred held-out records or labels that were compared.")
    alarm: ModelDrift | None = Field(description="What gave the alarm; it stays until another model is champion.")
    newest: ModelDrift | None = Field(description="What the newest look saw.")
    next_step: str = Field(description="What to do, or what the next look waits for.")

    @classmethod
    def of(cls, kind: DriftKind, found: KeptFinding | None, *, bounded: bool) -> "DriftWatch":
        alarm = None if found is None else found.alarm
        state = "drifted" if alarm is not None else "not_looked" if found is None else "none_found"
        return cls.model_validate(
            {
                "kind": kind.value,
                "state": state,
                "looks": 0 if found is None else found.looks,
                "alarm": alarm,
                "newest": None if found is None else found.newest,
                "next_step": drift_next_step.of_kind(kind, bounded=bounded, drifted=alarm is not None),
            }
        )


class LiveErrorOut(BaseModel):
    """How often the champion errs in use, by what product systems report, against what was promised."""

    state: LiveState = Field(
        description="`within`: the reports don't contradict the promise. `worse`: they do. `only_errors`: no right answer was"
        " ever reported, so the error can't be known. `no_reports`, `no_promise`: there is nothing to compare."
    )
    promised_error: Probability | None = Field(description="The share of wrong answers among held-out labels.")
    promised_by: Literal["test", "validation"] | None = Field(description="The split that these labels are of.")
    reports: int = Field(
        ge=0, description="Answers that were reported as right or wrong in this period of about 1,000."
    )
    wrong: int = Field(ge=0)
    interval_low: Probability = Field(
        description="The 95 % interval of the error. It holds at all times of the period together, however often it is"
        " looked at, if what is reported is a fair sample."
    )
    interval_high: Probability
    since: datetime = Field(description="When the period began.")
    explained_by: float | None = Field(
        description="If it is worse: how many times as often wrong answers would have to be reported as right ones for the"
        " promise to hold nevertheless."
    )
    alarm: ModelDrift | None = Field(description="The first contradiction that was seen; it stays.")
    next_step: str

    @classmethod
    def of(cls, live: LiveReports, found: KeptFinding | None) -> "LiveErrorOut":
        error, promised = live.error, live.promised
        return cls(
            state=error.state,
            promised_error=None if promised is None else promised.error,
            promised_by=None if promised is None else "test" if live.promised_by_test else "validation",
            reports=error.reports,
            wrong=error.wrong,
            interval_low=error.low,
            interval_high=error.high,
            since=live.since,
            explained_by=error.explained_by,
            alarm=None if found is None else found.alarm,
            next_step=drift_next_step.of_live_error(error.state),
        )


class ModelDriftOut(BaseModel):
    """What has changed since the champion was made."""

    model_config = of_answer(
        {
            "project_id": PROJECT,
            "model_id": MODEL,
            "model_version": 3,
            "false_alarm_rate": 0.01,
            "watches": [
                {
                    "kind": "prediction",
                    "state": "drifted",
                    "looks": 3,
                    "alarm": _LOOK_EXAMPLE,
                    "newest": _LOOK_EXAMPLE,
                    "next_step": drift_next_step.of_kind(DriftKind.PREDICTION, bounded=True, drifted=True),
                }
            ],
            "live": {
                "state": "within",
                "promised_error": 0.07,
                "promised_by": "test",
                "reports": 412,
                "wrong": 31,
                "interval_low": 0.046,
                "interval_high": 0.115,
                "since": "2026-11-02T09:00:00Z",
                "explained_by": None,
                "alarm": None,
                "next_step": drift_next_step.of_live_error(LiveState.WITHIN),
            },
            "next_step": drift_next_step.of_kind(DriftKind.PREDICTION, bounded=True, drifted=True),
        }
    )

    project_id: UUID
    model_id: UUID | None = Field(description="The champion; the rest is about it.")
    model_version: int | None
    false_alarm_rate: float = Field(
        description="For each kind of drift: the probability that a model for which nothing changes ever gets an alarm."
    )
    watches: list[DriftWatch]
    live: LiveErrorOut | None
    next_step: str = Field(description="What to do first, as a sentence for people.")

    @classmethod
    def without_champion(cls, project_id: UUID) -> "ModelDriftOut":
        return cls(
            project_id=project_id,
            model_id=None,
            model_version=None,
            false_alarm_rate=drift.FALSE_ALARMS,
            watches=[],
            live=None,
            next_step=drift_next_step.NO_CHAMPION,
        )

    @classmethod
    def of(
        cls, champion: Model, watched: WatchProgress | None, found: Mapping[DriftKind, KeptFinding], live: LiveReports
    ) -> "ModelDriftOut":
        bounded = watched is not None and watched.boundary is not None
        watches = [DriftWatch.of(kind, found.get(kind), bounded=bounded) for kind in _COMPARED]
        shown = LiveErrorOut.of(live, found.get(DriftKind.LIVE_ERROR))
        first = next((each.next_step for each in watches if each.alarm is not None), None)
        if first is None or shown.state is LiveState.WORSE:
            first = shown.next_step if shown.state is LiveState.WORSE else watches[0].next_step
        return cls(
            project_id=champion.project_id,
            model_id=champion.model_id,
            model_version=champion.version,
            false_alarm_rate=drift.FALSE_ALARMS,
            watches=watches,
            live=shown,
            next_step=first,
        )
