"""A project's records as arrays, and the counts that qa would make of them."""

from dataclasses import dataclass

import numpy as np

from services.qa.domain.population import CONFIDENCE_BINS, DrawnAs, PopulationCell, PopulationPart


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


_KINDS = (
    (PopulationPart.WAITING, None),
    (PopulationPart.ACCEPTED, None),
    (PopulationPart.SEEN, None),
    (PopulationPart.SEEN, DrawnAs.HELD_OUT),
    (PopulationPart.SEEN, DrawnAs.AUDIT),
)


def cells_of(project: SimulatedProject, held_out: float = 0.1) -> list[PopulationCell]:
    places = np.searchsorted(CONFIDENCE_BINS, project.confidence, side="right")
    kind = project.accepted + 2 * project.by_batch + 3 * project.held_out + 4 * project.audits
    predicted = np.where(kind == 2, -1, project.predicted)
    columns = (kind, predicted, np.where(kind == 2, -1, places), np.where(kind >= 2, project.truth, -1))
    shape = (5, *(int(column.max()) + 2 for column in columns[1:]))
    alike, inverse, counts = np.unique(
        np.ravel_multi_index((kind, *(column + 1 for column in columns[1:])), shape),
        return_inverse=True,
        return_counts=True,
    )
    confidence = np.bincount(inverse, project.confidence)
    found = []
    for key, count, sure in zip(alike, counts.tolist(), confidence.tolist(), strict=True):
        number, label, place, answer = (int(one) for one in np.unravel_index(key, shape))
        part, drawn_as = _KINDS[number]
        probability = {DrawnAs.HELD_OUT: held_out, DrawnAs.AUDIT: project.audit_share, None: 1.0}[drawn_as]
        found.append(
            PopulationCell(
                part,
                drawn_as,
                str(label - 1) if label else None,
                place - 1 if place else None,
                str(answer - 1) if answer else None,
                probability,
                count,
                sure,
            )
        )
    return found
