"""A project's policies: one versioned value, read whole by every service."""

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, ValidationError, model_validator

from shared.contracts.fields import Name
from shared.contracts.personal_data import Kind, RecogniserName
from shared.contracts.values import BrokenRule, Frozen, Probability

_T = TypeVar("_T", bound=StrEnum)


def _each_once(names: list[_T]) -> list[_T]:
    return sorted(set(names))


_KindByForm = Literal[
    Kind.EMAIL, Kind.PHONE, Kind.CARD, Kind.IBAN, Kind.IP, Kind.MAC, Kind.CREDENTIALS, Kind.SECRET, Kind.SSN
]
"""What may be kept: the kinds of `patterns`. A service of an older release reads the policy, too, and knows no others."""


def _with_patterns(names: list[RecogniserName]) -> list[RecogniserName]:
    if RecogniserName.PATTERNS not in names:
        raise BrokenRule("`patterns` are always asked; `kept` says which kinds are not masked")
    return names


class SplitShares(Frozen):
    """Shares of records drawn into each split; they sum to 1."""

    train: Probability = 0.8
    validation: Probability = 0.1
    test: Probability = 0.1

    @model_validator(mode="after")
    def _sum_to_one(self) -> Self:
        if not math.isclose(self.train + self.validation + self.test, 1.0, abs_tol=1e-9):
            raise BrokenRule("the shares of train, validation and test must sum to 1")
        return self


class VotingCosts(Frozen):
    """What a vote, an arbiter's decision and a wrong label cost, in any unit: only their ratios count."""

    vote: float = Field(default=1.0, gt=0.0, le=1e9)
    arbiter: float = Field(gt=0.0, le=1e9)
    error: float = Field(gt=0.0, le=1e9)


class RedundancyPolicy(Frozen):
    """How many annotations a record gets: a number to start with, more while consensus is unsure, then an arbiter.

    Unsure is a posterior below `posterior_target`: of labels that reach it so many are right, as far as posteriors are
    calibrated. With `costs` instead, the next vote is asked for while it is expected to save more than it costs, and an
    arbiter where that costs less; the target then says nothing.
    """

    without_model: int = Field(default=2, ge=1, le=20)
    with_model: int = Field(default=1, ge=1, le=20)
    held_out: int = Field(default=2, ge=1, le=20)
    maximum: int = Field(default=5, ge=1, le=50)
    posterior_target: float = Field(default=0.98, gt=0.5, lt=1.0)
    costs: VotingCosts | None = None

    @model_validator(mode="after")
    def _maximum_is_the_largest(self) -> Self:
        if self.maximum < max(self.without_model, self.with_model, self.held_out):
            raise BrokenRule("maximum must not be below the numbers to start with")
        return self


class LearningPolicy(Frozen):
    """Active learning: a cold start of `cold_start` records (half by k-means, half by chance), then batches.

    `random_share` of the records is drawn by chance into the random share: served whatever their score.
    `random_rate` is the rate at which held-out records and the random share are served beside selected ones.
    A challenger is compared once `promotion_held_out` labels of the validation split made by people are there, and a
    promoted model is tested once there are as many of the test split.
    """

    enabled: bool = True
    cold_start: int = Field(default=100, ge=2, le=100_000)
    batch_size: int = Field(default=80, ge=1, le=100_000)
    random_share: Probability = 0.1
    random_rate: Probability = 0.5
    promotion: Literal["automatic", "by_hand"] = "automatic"
    promotion_held_out: int = Field(default=50, ge=1)
    promotion_margin: float = Field(default=0.0, ge=0.0, le=1.0)
    admit_machine_labels: bool = False
    machine_label_weight: Probability = 0.5


class AutoAcceptPolicy(Frozen):
    """Accept without a person while the error stays below `error_budget`, shown at `confidence_level`.

    `audit_share` of what would be accepted is annotated blind instead. `check_share` of the held-out records on which
    people and the model agree are labelled again by an expert, blind, since people may share its mistakes. None: as many
    as the evidence needs. 0: where they agree, people's labels are taken for the truth.
    """

    enabled: bool = True
    error_budget: float = Field(default=0.02, gt=0.0, lt=0.5)
    confidence_level: float = Field(default=0.95, ge=0.5, lt=1.0)
    audit_share: Probability = 0.05
    check_share: Probability | None = None


class GoldPolicy(Frozen):
    """How gold is mixed in: `entry_test` gold tasks early on, then `share` of tasks, `warned_share` while warned.

    Who is warned is never served less: a `warned_share` below `share` counts as `share`.
    """

    entry_test: int = Field(default=5, ge=0, le=100)
    share: Probability = 0.08
    warned_share: Probability = 0.3
    exposures: int = Field(default=50, ge=1, le=10_000)


class ServingPolicy(Frozen):
    """How tasks are leased. `blind_share` of ordinary tasks shows no prediction. Times in seconds."""

    lease_ttl_s: int = Field(default=600, ge=1, le=86_400)
    leases_per_annotator: int = Field(default=20, ge=1, le=1_000)
    annotations_per_annotator: int | None = Field(default=None, ge=1)
    blind_share: Probability = 0.1
    expert_below: Probability = 0.0
    skill: Name | None = None
    minimum_skill: int = Field(default=0, ge=0, le=100)


class LabelErrorPolicy(Frozen):
    """Which labels models doubt, and what becomes of them.

    After each training the labels that may be learnt from are ranked by how likely they are wrong, as models say that did not
    learn from them; the `share` at the top is listed, one at least. With `relabel`, those of them with a score of `threshold`
    or more are labelled again, blind, by `annotations` people who have not seen the record, the likeliest first and at most
    `per_day` in 24 hours. The label stands until they have answered.
    """

    enabled: bool = True
    share: Probability = 0.05
    threshold: Probability = 0.5
    relabel: bool = False
    per_day: int = Field(default=20, ge=1, le=10_000)
    annotations: int = Field(default=2, ge=1, le=20)


class DeidentificationPolicy(Frozen):
    """What is masked in the texts of records and in answers that come in from now on: all kinds of personal data that the
    `recognisers` know, but `kept`. `patterns` know numbers and addresses that have a form, and no names; `names` needs a
    model that a service may lack.

    A project that keeps any, or once did, holds personal data: its content is only for tokens with the role `personal_data`.
    """

    kept: Annotated[list[_KindByForm], AfterValidator(_each_once)] = Field(default=[], max_length=50)

    recognisers: Annotated[list[RecogniserName], AfterValidator(_each_once), AfterValidator(_with_patterns)] = Field(
        default=[RecogniserName.PATTERNS], min_length=1, max_length=10
    )

    @property
    def reads_context(self) -> bool:
        """Whether masking takes a model, so that even a short text takes milliseconds."""
        return RecogniserName.NAMES in self.recognisers

    @property
    def not_recognised(self) -> list[Kind]:
        """Kinds of personal data that nothing looks for."""
        known = frozenset[Kind]().union(*(name.kinds for name in self.recognisers))
        return [kind for kind in Kind if kind not in known]


class BiasPolicy(Frozen):
    """Cells of a bias audit with fewer than `least_records` records are hidden."""

    least_records: int = Field(default=10, ge=10, le=10_000)


class Policies(Frozen):
    """All policies of a project, as one version. `purposes_required`: what a record's consent must cover to be taken in."""

    split: SplitShares = SplitShares()
    redundancy: RedundancyPolicy = RedundancyPolicy()
    learning: LearningPolicy = LearningPolicy()
    auto_accept: AutoAcceptPolicy = AutoAcceptPolicy()
    gold: GoldPolicy = GoldPolicy()
    serving: ServingPolicy = ServingPolicy()
    label_errors: LabelErrorPolicy = LabelErrorPolicy()
    bias: BiasPolicy = BiasPolicy()
    deidentification: DeidentificationPolicy = DeidentificationPolicy()
    purposes_required: list[str] = Field(default=[], max_length=50)


PresetName = Literal["label_everything", "learn", "high_stakes"]


class PolicyPreset(Frozen):
    """Policies for a usual purpose, as a whole. `summary` is what they do, for people."""

    name: PresetName
    summary: str
    policies: Policies


PRESETS: Mapping[PresetName, PolicyPreset] = {
    preset.name: preset
    for preset in (
        PolicyPreset(
            name="label_everything",
            summary="Every record is open to everybody at once, and one answer is enough unless its annotator is known to err"
            " often; no model learns or accepts anything.",
            policies=Policies(
                split=SplitShares(train=1.0, validation=0.0, test=0.0),
                redundancy=RedundancyPolicy(without_model=1, with_model=1, held_out=1, posterior_target=0.51),
                learning=LearningPolicy(enabled=False, random_share=0.0),
                auto_accept=AutoAcceptPolicy(enabled=False),
                serving=ServingPolicy(blind_share=0.0),
            ),
        ),
        PolicyPreset(
            name="learn",
            summary="A model learns from batches that it chooses, one record in five measures it (two blind answers each),"
            " and what it is sure of is accepted within the error budget.",
            policies=Policies(),
        ),
        PolicyPreset(
            name="high_stakes",
            summary="Three blind answers a record, more until they agree for certain, then an arbiter; models show nothing"
            " and accept nothing.",
            policies=Policies(
                redundancy=RedundancyPolicy(
                    without_model=3, with_model=3, held_out=3, maximum=7, posterior_target=0.995
                ),
                learning=LearningPolicy(enabled=False, random_share=0.0),
                auto_accept=AutoAcceptPolicy(enabled=False),
                gold=GoldPolicy(entry_test=10, share=0.1),
                serving=ServingPolicy(blind_share=1.0),
            ),
        ),
    )
}


def from_preset(name: PresetName | None, policies: Policies | None) -> Policies:
    """The preset's policies, but for what is set in `policies`; without a preset these with their defaults.

    Raises BrokenRule where the two contradict each other.
    """
    if name is None:
        return policies or Policies()
    base = PRESETS[name].policies.model_dump()
    for group, value in (policies.model_dump(exclude_unset=True) if policies else {}).items():
        base[group] = base[group] | value if isinstance(value, dict) else value
    try:
        return Policies.model_validate(base)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise BrokenRule(f"with the preset {name}: {first['msg']}", *first["loc"], rule="preset") from None
