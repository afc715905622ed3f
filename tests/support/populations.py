"""A project's records as arrays, and the counts that qa would make of them."""

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np

from services.qa.domain.population import CONFIDENCE_BINS, DrawnAs, PopulationCell, PopulationPart

Alike = tuple[PopulationPart, DrawnAs | None, str | None, int | None, str | None, float]


@dataclass(frozen=True)
class SimulatedProject:
    """All of shape [records]; `truth` and `predicted` are numbers of classes. What isn't in any set waits.

    `by_batch`: people labelled them because the model was unsure; `audit_share` of what was `accepted` was drawn as `audits`.
    """

    truth: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray
    held_out: np.ndarray
    by_batch: np.ndarray
    accepted: np.ndarray
    audits: np.ndarray
    audit_share: float = 0.05

    @property
    def seen(self) -> np.ndarray:
        return np.asarray(self.held_out | self.by_batch | self.audits)


def run_project(
    generator: np.random.Generator,
    truth: np.ndarray,
    probabilities: np.ndarray,
    *,
    held_out: float,
    batch: float,
    accept_from: float = 2.0,
    audit_share: float = 0.05,
) -> SimulatedProject:
    """Hold out a share by chance, let people label a share of the others with the smallest margins, accept what is sure.

    `probabilities`: what the model gives each class, shape [records, classes].
    """
    ordered = np.sort(probabilities, axis=1)
    margin = ordered[:, -1] - ordered[:, -2]
    predicted, confidence = probabilities.argmax(axis=1), ordered[:, -1]
    held = generator.random(len(truth)) < held_out
    train = np.flatnonzero(~held)
    chosen = train[np.argsort(margin[train] + generator.normal(0.0, 0.02, len(train)))][: round(batch * len(truth))]
    by_batch = np.zeros(len(truth), bool)
    by_batch[chosen] = True
    sure = ~held & ~by_batch & (confidence >= accept_from)
    audits = sure & (generator.random(len(truth)) < audit_share)
    return SimulatedProject(truth, predicted, confidence, held, by_batch, sure & ~audits, audits, audit_share)


def cells_of(project: SimulatedProject) -> list[PopulationCell]:
    places = np.searchsorted(CONFIDENCE_BINS, project.confidence, side="right")
    records: Counter[Alike] = Counter()
    confidence: dict[Alike, float] = defaultdict(float)
    for place, sure in enumerate(project.confidence.tolist()):
        key = _alike(project, place, int(places[place]))
        records[key] += 1
        confidence[key] += sure
    return [PopulationCell(*key, count, confidence[key]) for key, count in records.items()]


def _alike(project: SimulatedProject, record: int, place: int) -> Alike:
    predicted, answer = str(project.predicted[record]), str(project.truth[record])
    if project.held_out[record]:
        return PopulationPart.SEEN, DrawnAs.HELD_OUT, predicted, place, answer, 0.1
    if project.audits[record]:
        return PopulationPart.SEEN, DrawnAs.AUDIT, predicted, place, answer, project.audit_share
    if project.by_batch[record]:
        return PopulationPart.SEEN, None, None, None, answer, 1.0
    part = PopulationPart.ACCEPTED if project.accepted[record] else PopulationPart.WAITING
    return part, None, predicted, place, None, 1.0
