"""The live error's interval holds the truth at all times, alarms are as seldom as is said, and a rise is found."""

import numpy as np
import pytest

from services.prelabel.domain import live_error
from services.prelabel.domain.drift import FALSE_ALARMS, REPORTS_A_PERIOD, level_of
from services.prelabel.domain.live_error import LiveState

LIVES = 150
EVERY = 50
"""Reports after which somebody looks."""
LOOKED_AT = sorted({round(each) for each in np.geomspace(5, REPORTS_A_PERIOD, 40)})


@pytest.mark.parametrize("error", [0.01, 0.08, 0.4])
def test_the_interval_holds_the_truth_at_all_times_together(error: float) -> None:
    generator = np.random.default_rng([1, int(error * 100)])
    missed = 0
    for _ in range(LIVES):
        wrong = np.cumsum(generator.random(REPORTS_A_PERIOD) < error)
        missed += any(
            not low <= error <= high
            for reports in LOOKED_AT
            for low, high in [live_error.interval(int(wrong[reports - 1]), reports, 0.05)]
        )
    assert missed / LIVES <= 0.05


def alarm_after(
    generator: np.random.Generator, promised_error: float, labels: int, live: float, reports: int
) -> int | None:
    """After how many reports there is an alarm; the promise is itself measured on labels."""
    measured = int(generator.binomial(labels, promised_error))
    promised = live_error.promise(measured, labels, FALSE_ALARMS / 4)
    confirmed, corrected, begun, period = 0, 0, (0, 0), 1
    for wrong in map(int, generator.binomial(EVERY, live, reports // EVERY)):
        confirmed, corrected = confirmed + EVERY - wrong, corrected + wrong
        right, bad = confirmed - begun[0], corrected - begun[1]
        found = live_error.judge(
            promised, bad, right + bad, level_of(period, FALSE_ALARMS / 2), ever_confirmed=confirmed > 0
        )
        if found.state is LiveState.WORSE:
            return confirmed + corrected
        if right + bad >= REPORTS_A_PERIOD:
            begun, period = (confirmed, corrected), period + 1
    return None


@pytest.mark.parametrize(("error", "labels"), [(0.02, 50), (0.1, 50), (0.1, 400)])
def test_a_model_that_keeps_its_promise_gives_an_alarm_as_seldom_as_is_said(error: float, labels: int) -> None:
    generator = np.random.default_rng([2, labels, int(error * 100)])
    alarms = sum(alarm_after(generator, error, labels, error, 2_500) is not None for _ in range(LIVES))
    assert alarms / LIVES <= 0.027


@pytest.mark.parametrize(("live", "labels", "within"), [(0.2, 400, 1_500), (0.3, 400, 150), (0.3, 100, 400)])
def test_an_error_that_is_a_multiple_of_the_promised_is_found(live: float, labels: int, within: int) -> None:
    """The promised error is .1."""
    generator = np.random.default_rng([3, labels, int(live * 100)])
    found = [alarm_after(generator, 0.1, labels, live, 3_000) for _ in range(60)]
    assert np.median([each or 10_000 for each in found]) <= within
