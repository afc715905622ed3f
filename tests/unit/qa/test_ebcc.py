"""The mean-field updates and the bound against a plain version of the paper's, and what subtypes are for."""

import numpy as np
import pytest
from scipy.special import digamma, gammaln

from services.qa.domain.dawid_skene import fit
from services.qa.domain.ebcc import EbccFit, fit_ebcc
from services.qa.domain.vote_matrix import VoteMatrix

Array = np.ndarray


def small_crowd(seed: int, classes: int = 3) -> tuple[tuple[Array, Array, Array], tuple[int, int, int]]:
    generator = np.random.default_rng(seed)
    truth = generator.integers(classes, size=20)
    items = np.repeat(np.arange(20), 4)
    voters = np.concatenate([generator.choice(6, 4, replace=False) for _ in range(20)])
    answered = np.where(generator.random(80) < 0.7, truth[items], generator.integers(classes, size=80))
    return (items, voters, answered), (20, 6, classes)


class Reference:
    """Li, Rubinstein & Cohn 2019, equations 8 to 13, vote by vote."""

    def __init__(self, votes: tuple[Array, Array, Array], shape: tuple[int, int, int], spread: Array) -> None:
        self.votes, (self.items, self.voters, self.classes), self.groups = votes, shape, spread.shape[2]
        shares = np.zeros((self.items, self.classes))
        for item, _, answered in zip(*votes, strict=True):
            shares[item, answered] += 1
        shares /= shares.sum(axis=1, keepdims=True)
        self.alpha = shares.sum(axis=0) + 1e-9
        self.beta = np.ones((self.classes, self.classes)) + 3 * np.eye(self.classes)
        self.z = spread * shares[:, :, None]

    def round(self) -> None:
        self.eta = self.z.sum(axis=0) + 0.1 / self.groups
        self.nu = self.alpha + self.z.sum(axis=(0, 2))
        self.mu = np.repeat(np.tile(self.beta[None, :, None, :], (self.voters, 1, 1, 1)), self.groups, axis=2)
        for item, voter, answered in zip(*self.votes, strict=True):
            self.mu[voter, :, :, answered] += self.z[item]
        self.log_pi, self.log_tau, self.log_v = expected_log(self.eta), expected_log(self.nu), expected_log(self.mu)
        scores = np.tile(self.log_tau[:, None] + self.log_pi, (self.items, 1, 1))
        for item, voter, answered in zip(*self.votes, strict=True):
            scores[item] += self.log_v[voter, :, :, answered]
        scores = np.exp(scores - scores.max(axis=(1, 2), keepdims=True))
        self.z = scores / scores.sum(axis=(1, 2), keepdims=True)

    def elbo(self) -> float:
        """E log p - E log q, term by term."""
        bound = float((self.z * (self.log_tau[:, None] + self.log_pi)).sum())
        for item, voter, answered in zip(*self.votes, strict=True):
            bound += float((self.z[item] * self.log_v[voter, :, :, answered]).sum())
        bound -= float((self.z * np.log(np.maximum(self.z, 1e-300))).sum())
        priors = (
            np.full_like(self.eta, 0.1 / self.groups),
            self.alpha,
            np.repeat(self.beta[None, :, None], self.groups, 2),
        )
        for counts, prior, logs in zip(
            (self.eta, self.nu, self.mu), priors, (self.log_pi, self.log_tau, self.log_v), strict=True
        ):
            bound += expected_density(np.broadcast_to(prior, counts.shape), logs) - expected_density(counts, logs)
        return bound


def expected_log(counts: Array) -> Array:
    return np.asarray(digamma(counts) - digamma(counts.sum(axis=-1, keepdims=True)))


def expected_density(counts: Array, logs: Array) -> float:
    """E log Dirichlet(x; counts) where E log x is `logs`, summed over all but the last axis."""
    normaliser = gammaln(counts.sum(axis=-1)) - gammaln(counts).sum(axis=-1)
    return float(normaliser.sum() + ((counts - 1) * logs).sum())


def fitted(seed: int, groups: int, iterations: int, classes: int = 3) -> EbccFit:
    votes, shape = small_crowd(seed, classes)
    generators = [np.random.default_rng(seed)]
    return fit_ebcc(VoteMatrix(*votes, shape), groups, generators, iterations=iterations, tolerance=0.0)


@pytest.mark.parametrize(("classes", "groups", "rounds"), [(2, 3, 1), (2, 1, 7), (3, 2, 7), (4, 3, 12)])
def test_it_is_the_papers(classes: int, groups: int, rounds: int) -> None:
    votes, shape = small_crowd(groups, classes)
    reference = Reference(votes, shape, np.random.default_rng(groups).dirichlet(np.ones(groups), (20, classes)))
    for _ in range(rounds):
        reference.round()
    found = fitted(groups, groups, rounds, classes)
    assert np.allclose(found.posteriors, reference.z.sum(axis=2), atol=1e-10)
    assert found.elbo == pytest.approx(reference.elbo())
    assert found.class_prior == pytest.approx(reference.nu / reference.nu.sum())


def test_the_bound_only_grows() -> None:
    bounds = [fitted(3, 3, rounds).elbo for rounds in range(1, 12)]
    assert (np.diff(bounds) >= -1e-9).all()


def test_everything_is_a_probability() -> None:
    found = fitted(5, 4, 10)
    for values in (found.posteriors, found.confusions, found.class_prior):
        assert np.all(values >= 0)
        assert np.allclose(values.sum(axis=-1), 1.0)
    assert np.bincount(found.subtype_classes, weights=found.subtype_weights) == pytest.approx(np.ones(3))
    assert found.confusions.shape == (6, len(found.subtype_classes), 3)


def test_the_start_with_the_best_bound_is_followed() -> None:
    votes, shape = small_crowd(0, 2)
    matrix = VoteMatrix(*votes, shape)
    alone = [fit_ebcc(matrix, 3, [np.random.default_rng(seed)], iterations=15).elbo for seed in range(5)]
    together = fit_ebcc(matrix, 3, [np.random.default_rng(seed) for seed in range(5)], iterations=15)
    assert together.elbo == pytest.approx(max(alone))


def people_who_err_together(seed: int) -> tuple[tuple[Array, Array, Array], Array, tuple[int, int, int]]:
    """Class 0 has hard items, which six of nine people mostly take for class 1 and three see through."""
    generator = np.random.default_rng(seed)
    truth = (generator.random(300) < 0.4).astype(np.int64)
    hard = (truth == 0) & (generator.random(300) < 0.4)
    items, voters = np.repeat(np.arange(300), 9), np.tile(np.arange(9), 300)
    right = np.where(hard[items], np.where(voters < 3, 0.9, 0.3), 0.95)
    answered = np.where(generator.random(len(items)) < right, truth[items], 1 - truth[items])
    return (items, voters, answered), truth, (300, 9, 2)


def test_people_who_err_together_are_not_so_many_witnesses() -> None:
    ours, classic = [], []
    for seed in (1, 2):
        votes, truth, shape = people_who_err_together(seed)
        generators = [np.random.default_rng(start) for start in range(4)]
        found = fit_ebcc(VoteMatrix(*votes, shape), 3, generators)
        ours.append((found.posteriors.argmax(axis=1) == truth).mean())
        classic.append((fit(*votes, shape=shape).posteriors.argmax(axis=1) == truth).mean())
    assert np.mean(ours) > np.mean(classic) + 0.05


def test_what_is_known_stays_and_teaches() -> None:
    votes, shape = small_crowd(1, 2)
    clamps = np.full(20, -1, np.int64)
    clamps[:5] = [0, 1, 0, 1, 0]
    prior = np.full((20, 2), np.nan)
    prior[10] = [0.999, 0.001]
    generators = [np.random.default_rng(0)]
    found = fit_ebcc(VoteMatrix(*votes, shape), 2, generators, clamps=clamps, item_prior=prior)
    assert found.posteriors[:5].argmax(axis=1).tolist() == [0, 1, 0, 1, 0]
    assert found.posteriors[:5].max(axis=1) == pytest.approx(np.ones(5))
    without = fit_ebcc(VoteMatrix(*votes, shape), 2, [np.random.default_rng(0)], clamps=clamps)
    assert found.posteriors[10, 0] > without.posteriors[10, 0]
