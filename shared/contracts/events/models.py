"""Topic `models`: the whole state of a model version, latest per key."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.contracts.envelope import Payload
from shared.contracts.values import Frozen, ModelStage, Probability, Version


class ModelManifest(Frozen):
    """What a model reads and answers.

    Input of `image_classification`: float32 [n, height * width * channels] or [n, channels, height, width] by `layout`,
    pixel value / `scale`. Input of `text_classification`: strings [n, 1], lower-cased and with every run of white space
    made one space if `collapse_whitespace`. Numbers may be float64, too.

    The output has one column per label in the order of `labels`, or is a mapping from the labels as scikit-learn's ZipMap
    makes it; of two labels the second one's column is enough. It holds probabilities that sum to 1, or what a softmax (of
    one column: a sigmoid) makes them of, if `output` is logits.
    """

    task: Literal["text_classification", "image_classification"]
    schema_version: Version
    question: str
    field: str
    labels: list[str] = Field(min_length=2)
    input_name: str
    output_name: str
    width: int | None = Field(default=None, ge=1, le=4096)
    height: int | None = Field(default=None, ge=1, le=4096)
    channels: Literal[1, 3] = 1
    layout: Literal["flat", "nchw"] = "flat"
    scale: float = Field(default=255.0, gt=0)
    lowercase: bool = False
    collapse_whitespace: bool = False
    output: Literal["probabilities", "logits"] | None = None


class ModelTempering(Frozen):
    """Whether a model's confidences are tempered: only where held-out labels show that it gains.

    `gain`: in log-likelihood, nats a label, by temperatures that were fitted on other labels. `p_value`: how often so much
    would be gained on labels of a model that needs no tempering. `error_gain`: by how much the mean squared error of the
    confidence falls, less one standard error; it must be above 0, too. `applied` False: the temperature is 1.
    """

    applied: bool
    gain: float
    p_value: Probability
    error_gain: float


class ModelEvaluation(Frozen):
    """What a model was chosen by: `held_out` labels of `split` made by people; `against_*` is the champion on the same.

    `split` None: an older release compared on the validation and the test split together.
    `calibration_error` is the root mean square of confidence minus accuracy, without the noise of few labels, and
    `calibration_error_low` to `calibration_error_high` its 95 % interval; without them it is an older release's, which is
    the mean over bins and is too high for few labels.
    `temperature` is fitted on all of the labels where tempering gains; then `log_loss` and `calibration_error` are
    cross-fitted, each label judged by a temperature that was fitted on others. Those of older releases are of the labels
    that `temperature` was fitted on.
    """

    held_out: int = Field(ge=0)
    accuracy: Probability
    log_loss: float = Field(ge=0)
    calibration_error: Probability
    temperature: float = Field(gt=0)
    against: UUID | None = None
    against_accuracy: Probability | None = None
    split: Literal["validation"] | None = None
    calibration_error_low: Probability | None = None
    calibration_error_high: Probability | None = None
    tempering: ModelTempering | None = None


class ModelTest(Frozen):
    """How good a promoted model is on labels of the test split made by people, read once after its promotion.

    `untouched`: the model was not chosen on the test split, as older releases did.
    The interval of `accuracy` is Wilson's at 95 %. `calibration_error` and its interval are as in `ModelEvaluation`.
    `failure`: why the reading was given up; the figures are None then.
    """

    records: int = Field(ge=0)
    accuracy: Probability | None = None
    interval_low: Probability | None = None
    interval_high: Probability | None = None
    log_loss: float | None = Field(default=None, ge=0)
    calibration_error: Probability | None = None
    untouched: bool
    failure: str | None = None
    read_at: AwareDatetime
    calibration_error_low: Probability | None = None
    calibration_error_high: Probability | None = None


class ClassShares(Frozen):
    """How often a class occurred before and now."""

    label: str
    before: Probability
    now: Probability


class ModelDrift(Frozen):
    """What one look at a model's inputs, predictions, labels or live error saw; of an alarm, what gave it.

    `p_value` at or below `level` is an alarm; the levels of all looks add up to the rate of false alarms. `size`: how large
    the difference is: of `input` the root mean square shift of the features, in standard deviations, of `prediction` and
    `label` the share of records that would have to change their class (of `prediction` the largest difference of the distribution functions of
    the confidence, if that is larger), of `live_error` by how much it exceeds the promised error. `before` and `now`: so
    many records or reports are compared. `since`: when the first record or report of those now came.
    `shares`: of the classes that differ most.
    """

    kind: Literal["input", "prediction", "label", "live_error"]
    since: AwareDatetime
    seen_at: AwareDatetime
    look: int = Field(ge=1)
    p_value: Probability
    level: Probability
    size: Probability
    before: int = Field(ge=0)
    now: int = Field(ge=0)
    shares: list[ClassShares] = Field(default=[])
    confidence_before: Probability | None = None
    confidence_now: Probability | None = None


class ModelChanged(Payload):
    """The key is `model_id`. `version` counts a project's models. `contaminated_by`: gold records it was trained on.

    `evaluation` is what the model was chosen by, `test` what nothing was chosen by. `drift`: what has changed since it was
    made, one alarm of a kind.
    """

    model_id: UUID
    version: Version
    stage: ModelStage
    manifest: ModelManifest
    sha256: str
    evaluation: ModelEvaluation | None = None
    test: ModelTest | None = None
    training_run_id: UUID | None = None
    trained_on: int | None = Field(default=None, ge=0)
    contaminated_by: int = Field(default=0, ge=0)
    reason: str
    created_at: AwareDatetime
    drift: list[ModelDrift] = Field(default=[])
