"""What the endpoints on agreement answer."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from services.qa.api.shapes import ANNOTATOR_ID, MOMENT, OTHER_ID


class CoefficientOut(BaseModel):
    """With the 95 % interval; null where it is not defined: nothing varies, or nothing is compared."""

    model_config = ConfigDict(from_attributes=True)

    value: float | None
    low: float | None
    high: float | None
    standard_error: float | None = Field(
        default=None, description="By linearisation, over records drawn from many; the interval is not made from it."
    )
    records: int | None = Field(
        default=None, description="How many records it compares answers of; null: measured by an earlier release."
    )
    annotations: int | None = Field(
        default=None, description="How many answers it uses. Fleiss' kappa and Gwet's AC1 use single answers, too."
    )


class PairOut(BaseModel):
    """Two annotators on the records that both answered. The weighted kappas are of classes in order."""

    model_config = ConfigDict(from_attributes=True)

    annotators: tuple[UUID, UUID]
    records: int = Field(description="How many records both answered.")
    kappa: CoefficientOut = Field(description="Cohen's kappa.")
    scott_pi: CoefficientOut | None = Field(
        default=None, description="Chance agreement from the shares of both together."
    )
    gwet_ac1: CoefficientOut | None = None
    kappa_linear: CoefficientOut | None = Field(default=None, description="Cohen's kappa with linear weights.")
    kappa_quadratic: CoefficientOut | None = Field(default=None, description="Cohen's kappa with quadratic weights.")


class OrderedAgreementOut(BaseModel):
    """Agreement on classes that have an order: the further apart two are, the less they agree."""

    model_config = ConfigDict(from_attributes=True)

    krippendorff_alpha_ordinal: CoefficientOut
    gwet_ac2_linear: CoefficientOut
    gwet_ac2_quadratic: CoefficientOut
    gwet_ac2_ordinal: CoefficientOut
    fleiss_kappa_linear: CoefficientOut
    fleiss_kappa_quadratic: CoefficientOut


class SampledDistancesOut(BaseModel):
    """What the disagreement by chance rests on, of a question that is measured by distances."""

    records: int = Field(description="Records whose answers were compared with those to all others of the sample.")
    relative_error: float = Field(
        description="Standard error of their mean distance, as a share of it; in the interval."
    )


def _coefficient(value: float, low: float, high: float, error: float, annotations: int, records: int = 120) -> JsonDict:
    return {
        "value": value,
        "low": low,
        "high": high,
        "standard_error": error,
        "records": records,
        "annotations": annotations,
    }


class AgreementOut(BaseModel):
    """Agreement on one question. All but alpha is for questions that choose one class, `ordered` for those in order."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "question": "topic",
                    "kind": "choice",
                    "schema_version": 1,
                    "measured_at": MOMENT,
                    "current": True,
                    "records": 120,
                    "annotations": 240,
                    "basis": "due",
                    "records_left_out": 14,
                    "annotations_left_out": 43,
                    "percent_agreement": _coefficient(0.91, 0.84, 0.95, 0.026, 240),
                    "fleiss_kappa": _coefficient(0.86, 0.76, 0.92, 0.04, 251),
                    "krippendorff_alpha": _coefficient(0.86, 0.76, 0.92, 0.04, 240),
                    "gwet_ac1": _coefficient(0.87, 0.77, 0.93, 0.037, 251),
                    "brennan_prediger": _coefficient(0.87, 0.76, 0.93, 0.039, 251),
                    "ordered": None,
                    "single_annotations": 11,
                    "cohen_kappa": [
                        {
                            "annotators": [ANNOTATOR_ID, OTHER_ID],
                            "records": 40,
                            "kappa": _coefficient(0.9, 0.74, 0.97, 0.055, 80, 40),
                            "scott_pi": _coefficient(0.9, 0.74, 0.97, 0.055, 80, 40),
                            "gwet_ac1": _coefficient(0.91, 0.77, 0.97, 0.051, 80, 40),
                        }
                    ],
                }
            ]
        },
    )

    question: str
    kind: str
    schema_version: int
    measured_at: AwareDatetime | None = Field(default=None, description="Null: nothing was counted yet.")
    current: bool = Field(
        description="False: answers came or changed that are not counted yet. Of classes they are within seconds; comparing "
        "thousands of regions takes longer."
    )
    records: int = Field(description="Records with at least two answers that were due.")
    annotations: int = Field(description="The answers to them that agreement rests on.")
    basis: Literal["due", "all"] = Field(
        default="all",
        description="Which answers count. `due`: those that were asked for before anything was known about the record, of "
        "held-out records and of those that were routed without a model. `all`: it was measured by an earlier release, with"
        " those that were requested because others differed, which distorts it.",
    )
    single_annotations: int = Field(
        default=0,
        description="Due answers to records with no other one. Nothing is compared with them; they count where a coefficient"
        " asks how common each class is.",
    )
    records_left_out: int = Field(default=0, description="Records with at least two answers of which no two are due.")
    annotations_left_out: int = Field(
        default=0, description="Answers that are not compared, of all records with at least two."
    )
    percent_agreement: CoefficientOut | None
    fleiss_kappa: CoefficientOut | None = Field(
        description="Of two annotators who answered everything it is Scott's pi."
    )
    krippendorff_alpha: CoefficientOut = Field(
        description="Nominal where the question chooses one class, else by the distance of the question's kind."
    )
    gwet_ac1: CoefficientOut | None = Field(
        default=None, description="Keeps its meaning where one class is very common and the kappas fall towards 0."
    )
    brennan_prediger: CoefficientOut | None = Field(default=None, description="By chance every class is as likely.")
    ordered: OrderedAgreementOut | None = None
    sampled_distances: SampledDistancesOut | None = None
    cohen_kappa: list[PairOut] = Field(description="The pairs with most records in common.")


class AgreementReport(BaseModel):
    items: list[AgreementOut]
