"""Topic `quality`: what qa concludes about annotators, models and releases, and the seals of lineage. Keyed by project."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from shared.contracts.envelope import Payload
from shared.contracts.values import AssessmentStatus, Frozen, Probability, Version


class AnnotatorAssessed(Payload):
    """`accuracy` on gold with its 95 % confidence interval; None until the first gold answer.

    `assessment_revision` counts the assessments of this annotator in this project.
    """

    annotator_id: UUID
    assessment_revision: int = Field(ge=1)
    status: AssessmentStatus
    accuracy: Probability | None
    interval_low: Probability
    interval_high: Probability
    gold_answers: int = Field(ge=0)
    answers: int = Field(ge=0)
    reason: str | None = None


class ThresholdEvidence(Frozen):
    """The last step of the fixed-sequence test that passed: `tested` records at or above the threshold, `errors` wrong.

    `upper_bound` of the error at `level`, which is what the confidence level leaves one test once it is shared among looks
    and groups of classes. `tested_with`: the other classes that were tested together with this one; `class_*` are of this
    one's records alone. Without a threshold all of it is of the class's records that were sure enough to be accepted ever.

    `check_share` of the records on which people and the model agree were drawn for an expert, who has `checked` so many and
    found `wrong_agreements` of them wrong, which are among the errors; `not_checked` were drawn in vain.
    """

    tested: int = Field(ge=0)
    errors: int = Field(ge=0)
    held_out_labels: int = Field(ge=0)
    upper_bound: Probability
    level: Probability | None = None
    tested_with: list[str] = Field(default_factory=list)
    class_tested: int | None = Field(default=None, ge=0)
    class_errors: int | None = Field(default=None, ge=0)
    class_upper_bound: Probability | None = None
    check_share: Probability = 1.0
    checked: int = Field(default=0, ge=0)
    wrong_agreements: int = Field(default=0, ge=0)
    not_checked: int = Field(default=0, ge=0)


class AutoAcceptThresholdSet(Payload):
    """From now on this model's answers of `label` (None: of every class without its own) are accepted from `threshold` up.

    `threshold` None: nothing is accepted (no evidence yet, or withdrawn). `threshold_revision` grows per model.
    """

    model_id: UUID
    schema_version: Version
    question: str
    label: str | None = None
    threshold_revision: int = Field(ge=1)
    threshold: Probability | None
    error_budget: Probability
    confidence_level: Probability
    evidence: ThresholdEvidence | None = None
    reason: str


class DriftEvidence(Frozen):
    """What one source of outcomes says of answers since the change: `wrong` of `answers`, each by its worth as evidence,
    where the error rate before was `error_before`.
    """

    answers: float = Field(ge=0.0)
    wrong: float = Field(ge=0.0)
    error_before: Probability
    log_likelihood_ratio: float


class DriftDetected(Payload):
    """An annotator's or a model's error rate rose. `statistic` is the CUSUM value at the alarm.

    Of annotators `chart` names what gave the alarm: `fast` for a rise by at least .25, `slow` for a doubled error. `gold` and
    `consensus`: what it stands on.
    """

    subject: Literal["annotator", "model"]
    subject_id: UUID
    statistic: float
    baseline_error: Probability
    changed_at: AwareDatetime | None = None
    answers_since_change: int | None = None
    chart: str | None = None
    gold: DriftEvidence | None = None
    consensus: DriftEvidence | None = None


class ReleasePublished(Payload):
    release_id: UUID
    name: str
    records: int = Field(ge=0)
    manifest_sha256: str
    supersedes: UUID | None = None


_Hash = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


class ChainSealed(Payload):
    """A signed Merkle root (RFC 9162) over new links of the project's chains: whoever keeps it can check every release.

    `number` counts from 1. `hash` covers the project, `number`, `leaves`, `root`, `sealed_at` and `previous`, the hash of
    the seal before. `signature` (Ed25519) is made over `touchstone-seal/1`, a line feed and the bytes of `hash`; `key_id`
    is the SHA-256 of the public key.
    """

    number: int = Field(ge=1)
    leaves: int = Field(ge=1)
    root: _Hash
    previous: _Hash
    hash: _Hash
    sealed_at: AwareDatetime
    key_id: _Hash
    signature: Annotated[str, StringConstraints(pattern="^[0-9a-f]{128}$")]
