"""Topic `requests`: what qa asks queue to collect. Targets, never increments."""

from pydantic import Field

from shared.contracts.answers.examples import AnswersInCodePoints
from shared.contracts.envelope import Payload
from shared.contracts.values import Pool, Version


class AnnotationsRequested(Payload):
    """The round should collect `slots_total` annotations in all."""

    round: int = Field(ge=1)
    slots_total: int = Field(ge=1)
    reason: str


class ArbitrationRequested(Payload):
    """An arbiter decides. `disputed` are the differing answers, without names, in an order without meaning."""

    round: int = Field(ge=1)
    schema_version: Version
    disputed: list[AnswersInCodePoints]
    reason: str


class RelabelRequested(Payload):
    """Open the next round with `slots_total` annotations, from `pool` alone when given; `blind` hides the prediction."""

    round: int = Field(ge=2)
    slots_total: int = Field(ge=1)
    pool: Pool | None = None
    blind: bool = False
    reason: str
