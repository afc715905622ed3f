"""What qa answers on what a project's records hold."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.qa.api.shapes import MOMENT, example
from services.qa.domain.population import PopulationEstimate, PopulationSize
from services.qa.domain.prediction_powered import interval_of
from services.qa.operations.population_estimates import QuestionEstimates, SliceEstimates
from shared.contracts.values import Probability

STANDS_FOR: Final = (
    "All records of the project, or of the slice, that were collected by chance, are open or labelled, and never were gold. "
    "What people have labelled is known; the rest is estimated from labels that were drawn by chance and made blind: of "
    "held-out records, and of audits for what was accepted by machine."
)
MANY_SLICES: Final = (
    "Each interval holds with its level by itself: of twenty slices at .9, two are expected to miss the truth."
)


class EstimatedShareOut(BaseModel):
    """A share with its interval. Null where too few labels were drawn to say anything.

    `labels_alone` is the interval by the labels of held-out records alone, without any prediction and what else people have
    labelled, where such labels say something by themselves; `reliance` (lambda) how far predictions are used, 0 where they
    are worth nothing. `labels_needed`: how many more labels of records drawn by chance
    an interval of ± `half_width` takes, 0 when it is that narrow.
    """

    value: Probability | None
    low: Probability | None
    high: Probability | None
    drawn: int
    reliance: float | None = Field(ge=0, le=1)
    labels_alone: tuple[float, float] | None
    labels_needed: int | None

    @classmethod
    def of(cls, estimate: PopulationEstimate, level: float, half_width: float) -> "EstimatedShareOut":
        others, alone = estimate.others, estimate.labels_alone
        of_labels = None if alone is None else interval_of(alone, level)
        labels_alone = None if of_labels is None else (of_labels.low, of_labels.high)
        if not estimate.is_known:
            return cls(
                value=None,
                low=None,
                high=None,
                drawn=0,
                reliance=None,
                labels_alone=labels_alone,
                labels_needed=None,
            )
        interval = estimate.interval(level)
        return cls(
            value=estimate.value,
            low=interval.low,
            high=interval.high,
            drawn=0 if others is None else others.drawn,
            reliance=None if others is None else others.reliance,
            labels_alone=labels_alone,
            labels_needed=estimate.labels_needed(half_width, level),
        )


class LabelShareOut(EstimatedShareOut):
    """The share of the records whose answer is this label."""

    label: str


class PopulationSizeOut(BaseModel):
    """For how many records an estimate stands. `seen`: people labelled them; `accepted`: a machine's answer is the label;
    `waiting`: neither. Of those seen, `held_out` and `audits` were drawn by chance and labelled blind.
    """

    model_config = ConfigDict(from_attributes=True)

    records: int
    seen: int
    accepted: int
    waiting: int
    held_out: int
    audits: int

    @classmethod
    def of(cls, size: PopulationSize) -> "PopulationSizeOut":
        return cls(**asdict(size))


class PopulationEstimatesOut(BaseModel):
    """`accuracy`: how often the machine's answer is right, the champion's or the accepted one, of records that no person
    has labelled. `pass_rate`: the share of the labels that were asked for as passing.
    """

    population: PopulationSizeOut
    shares: list[LabelShareOut]
    pass_rate: EstimatedShareOut | None
    accuracy: EstimatedShareOut | None

    @classmethod
    def of(cls, found: SliceEstimates, level: float, half_width: float) -> "PopulationEstimatesOut":
        return cls(**_estimates(found, level, half_width))


class SliceEstimatesOut(PopulationEstimatesOut):
    """Of the records whose metadata has this value of this key."""

    slice_key: str
    slice_value: str


def _estimates(found: SliceEstimates, level: float, half_width: float) -> dict[str, Any]:
    def one(estimate: PopulationEstimate | None) -> EstimatedShareOut | None:
        return None if estimate is None else EstimatedShareOut.of(estimate, level, half_width)

    shares = [(label, EstimatedShareOut.of(estimate, level, half_width)) for label, estimate in found.shares]
    return {
        "population": PopulationSizeOut.of(found.size),
        "shares": [LabelShareOut(label=label, **share.model_dump()) for label, share in shares],
        "pass_rate": one(found.pass_rate),
        "accuracy": one(found.accuracy),
    }


class QuestionEstimatesOut(BaseModel):
    """Of one question. `counted_at` null: nothing was counted yet. `current`: nothing has changed since.

    `hidden_slices`: of so many slices too few labels were drawn.
    """

    question: str
    schema_version: int
    counted_at: AwareDatetime | None
    current: bool
    project: PopulationEstimatesOut | None
    slices: list[SliceEstimatesOut]
    hidden_slices: int

    @classmethod
    def of(cls, found: QuestionEstimates, level: float, half_width: float) -> "QuestionEstimatesOut":
        return cls(
            question=found.question,
            schema_version=found.schema_version,
            counted_at=found.counted_at,
            current=found.current,
            project=None if found.project is None else PopulationEstimatesOut.of(found.project, level, half_width),
            slices=[
                SliceEstimatesOut(
                    slice_key=one.slice_key or "",
                    slice_value=one.slice_value or "",
                    **_estimates(one, level, half_width),
                )
                for one in found.slices
            ],
            hidden_slices=found.hidden,
        )


_SHARE: Final = {
    "value": 0.31,
    "low": 0.28,
    "high": 0.34,
    "drawn": 412,
    "reliance": 0.94,
    "labels_alone": [0.27, 0.35],
    "labels_needed": 520,
}


class EstimatesOut(BaseModel):
    """Intervals hold the truth with the probability `level`. `slice_keys`: by what the records may be sliced. `failure`: why the
    newest count failed; it is tried again.
    """

    model_config = example(
        level=0.9,
        half_width=0.02,
        stands_for=STANDS_FOR,
        note=None,
        slice_keys=["channel"],
        failure=None,
        items=[
            {
                "question": "topic",
                "schema_version": 1,
                "counted_at": MOMENT,
                "current": True,
                "project": {
                    "population": {
                        "records": 20_000,
                        "seen": 1_500,
                        "accepted": 9_000,
                        "waiting": 9_500,
                        "held_out": 300,
                        "audits": 112,
                    },
                    "shares": [{"label": "billing", **_SHARE}],
                    "pass_rate": None,
                    "accuracy": {**_SHARE, "value": 0.95, "low": 0.93, "high": 0.96},
                },
                "slices": [],
                "hidden_slices": 0,
            }
        ],
    )

    level: float
    half_width: float
    stands_for: str
    note: str | None
    slice_keys: list[str]
    failure: str | None
    items: list[QuestionEstimatesOut]

    @classmethod
    def of(
        cls,
        found: Sequence[QuestionEstimates],
        slice_keys: Sequence[str],
        failure: str | None,
        *,
        level: float,
        half_width: float,
    ) -> "EstimatesOut":
        return cls(
            level=level,
            half_width=half_width,
            stands_for=STANDS_FOR,
            note=MANY_SLICES if any(len(one.slices) > 1 for one in found) else None,
            slice_keys=list(slice_keys),
            failure=failure,
            items=[QuestionEstimatesOut.of(one, level, half_width) for one in found],
        )
