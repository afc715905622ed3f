"""Copies are found, and people who err on the same hard records are not taken for copiers."""

from dataclasses import dataclass

import numpy as np
import pytest

from services.qa.compute.copies import CopyFinding, copied_from_others, copied_from_predictions
from services.qa.domain.arrays import Integers
from services.qa.domain.estimates import Estimates, VoteArrays, estimate
from services.qa.domain.vote_scores import VoteScores
from tests.gates.qa.test_attention import CROWDS
from tests.gates.qa.test_real_crowds import crowd

PEOPLE, GOLD_SHARE, TEMPTED = 12, 0.08, 0.8


@dataclass
class CopyWorld:
    """Three answers a record, everybody's on gold. On `hard` records everybody errs four times as often, mostly alike."""

    items: Integers
    voters: Integers
    classes: Integers
    truth: Integers
    gold: np.ndarray
    predicted: Integers

    @classmethod
    def of(cls, generator: np.random.Generator, records: int, classes: int, hard: float) -> "CopyWorld":
        truth = generator.integers(0, classes, records)
        tempting = (truth + generator.integers(1, classes, records)) % classes
        is_hard, gold = generator.random(records) < hard, generator.random(records) < GOLD_SHARE
        who = [generator.permutation(PEOPLE)[: PEOPLE if one else 3] for one in gold]
        items = np.repeat(np.arange(records), [len(one) for one in who])
        voters = np.concatenate(who)

        def answers(errors: np.ndarray, of: Integers) -> Integers:
            errors = np.where(is_hard[of], np.minimum(4 * errors, 0.6), errors)
            wrong = (truth[of] + generator.integers(1, classes, len(of))) % classes
            wrong = np.where(is_hard[of] & (generator.random(len(of)) < TEMPTED), tempting[of], wrong)
            return np.where(generator.random(len(of)) < errors, wrong, truth[of])

        given = answers(generator.uniform(0.03, 0.2, PEOPLE)[voters], items)
        predicted = answers(np.full(records, 0.12), np.arange(records))
        return cls(items, voters, given, truth, gold, predicted)

    def copy(self, generator: np.random.Generator, source: int, copier: int, share: float) -> None:
        """Some of the copier's answers to what both answered become the source's."""
        of_source = {self.items[at]: self.classes[at] for at in np.flatnonzero(self.voters == source)}
        for at in np.flatnonzero(self.voters == copier):
            if self.items[at] in of_source and generator.random() < share:
                self.classes[at] = of_source[self.items[at]]

    def scores(self, classes: int) -> VoteScores:
        votes = VoteArrays(
            items=self.items,
            voters=self.voters,
            classes=self.classes,
            item_count=len(self.truth),
            voter_names=tuple(str(one) for one in range(PEOPLE)),
            clamps=np.where(self.gold, self.truth, -1),
        )
        found = VoteScores.of(estimate(Estimates.unknown([str(one) for one in range(classes)]), votes), votes)
        assert found is not None
        return found


def pairs(findings: list[tuple[str, CopyFinding]]) -> set[frozenset[str]]:
    return {frozenset([name, found.other or ""]) for name, found in findings}


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("hard", [0.0, 0.2, 0.4])
def test_honest_people_are_not_taken_for_copiers(classes: int, hard: float) -> None:
    """In at most one project of a hundred; here of 30."""
    projects_with_one = 0
    for seed in range(30):
        generator = np.random.default_rng([5, seed])
        scores = CopyWorld.of(generator, 900, classes, hard).scores(classes)
        projects_with_one += bool(copied_from_others("topic", scores))
    assert projects_with_one <= 1


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("hard", [0.0, 0.2])
def test_a_copier_is_found(classes: int, hard: float) -> None:
    """Who takes over four answers of five, of about 220 that both gave."""
    found, accused = 0, 0
    for seed in range(15):
        generator = np.random.default_rng([6, seed])
        world = CopyWorld.of(generator, 1_800, classes, hard)
        world.copy(generator, 0, 1, 0.8)
        copiers = pairs(copied_from_others("topic", world.scores(classes)))
        found += frozenset("01") in copiers
        accused += bool(copiers - {frozenset("01")})
    assert found >= 13
    assert accused <= 1


@pytest.mark.parametrize("hard", [0.0, 0.2])
def test_who_copies_predictions_is_found(hard: float) -> None:
    """Nine of ten ordinary answers are given beside a prediction; one of twelve people takes over four of five."""
    classes, found, accused = 4, 0, 0
    for seed in range(15):
        generator = np.random.default_rng([7, seed])
        world = CopyWorld.of(generator, 900, classes, hard)
        shown = generator.random(len(world.items)) < 0.9
        predicted = world.predicted[world.items]
        copies = (world.voters == 0) & shown & (generator.random(len(shown)) < 0.8)
        world.classes[copies] = predicted[copies]
        names = {name for name, _ in copied_from_predictions("topic", world.scores(classes), predicted, shown)}
        found += "0" in names
        accused += bool(names - {"0"})
    assert found >= 13
    assert accused <= 1


def test_real_crowds_hardly_copy() -> None:
    """One pair of a thousand at most is reported of crowds of which nobody knows that they copied."""
    tested = reported = 0
    for name in CROWDS:
        data = crowd(name)
        order = np.argsort(data.items, kind="stable")
        votes = VoteArrays(
            data.items[order],
            data.voters[order],
            data.classes[order],
            data.shape[0],
            tuple(str(one) for one in range(data.shape[1])),
        )
        facet = estimate(Estimates.unknown([str(one) for one in range(data.shape[2])]), votes)
        scores = VoteScores.of(facet, votes)
        assert scores is not None
        reported += len(pairs(copied_from_others("question", scores)))
        answered = np.zeros((data.shape[1], data.shape[0]), np.float32)
        answered[data.voters, data.items] = 1.0
        common = answered @ answered.T
        tested += int((np.triu(common, 1) >= 20).sum())
    assert tested > 5_000
    assert reported <= 0.001 * tested
