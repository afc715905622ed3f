"""The demo's figures are computed as they are defined."""

from dataclasses import replace
from uuid import UUID

from deploy.demo.outcome import Acknowledged, Ending, Observations, figures, missed

KEYS = [
    "records",
    "annotations",
    "auto_accepted",
    "disputes",
    "label_accuracy",
    "auto_accept_accuracy",
    "model_accuracy_first",
    "model_accuracy_last",
    "annotations_saved",
    "spammer_found",
    "drift_found",
    "false_alarms",
    "lost",
    "doubled",
    "seconds",
]


def record(number: int) -> UUID:
    return UUID(int=number)


def given(number: int, of: int, kind: str = "annotation") -> Acknowledged:
    return Acknowledged(UUID(int=1000 + number), record(of), UUID(int=5000), kind)


ACKNOWLEDGED = [given(1, 1), given(2, 1), given(3, 2), given(4, 3, "arbitration"), given(5, 4)]
SEEN = Observations(
    truth={record(1): 7, record(2): 3, record(3): 4, record(4): 5},
    gold={record(4)},
    acknowledged=ACKNOWLEDGED,
    counted={one.annotation_id: 1 for one in ACKNOWLEDGED},
    endings={
        record(1): [Ending("finalized", "7", "consensus")],
        record(2): [Ending("finalized", "8", "auto_accept")],
        record(3): [Ending("finalized", "4", "decision")],
        record(4): [Ending("gold")],
    },
    disputes=1,
    model_accuracy_first=0.9,
    model_accuracy_last=0.97,
    paused={UUID(int=1)},
    drifted={UUID(int=2), UUID(int=9)},
    spammer=UUID(int=1),
    drifter=UUID(int=2),
    seconds=100.04,
)


def test_the_last_line_has_exactly_its_keys() -> None:
    assert list(figures(SEEN)) == KEYS


def test_figures_leave_gold_out() -> None:
    reached = figures(SEEN)
    assert reached["label_accuracy"] == round(2 / 3, 4)
    assert reached["auto_accept_accuracy"] == 0.0
    assert reached["annotations"] == 5
    assert reached["annotations_saved"] == round(1 - 3 / 9, 4)


def test_alarms_on_others_are_false() -> None:
    reached = figures(SEEN)
    assert (reached["spammer_found"], reached["drift_found"], reached["false_alarms"]) == (True, True, 1)


def test_an_uncounted_annotation_and_an_open_record_are_lost() -> None:
    counted = {one.annotation_id: 1 for one in ACKNOWLEDGED[1:]}
    endings = {**SEEN.endings, record(3): [Ending("open")]}
    assert figures(replace(SEEN, counted=counted, endings=endings))["lost"] == 2


def test_a_record_that_ends_twice_is_lost() -> None:
    endings = {**SEEN.endings, record(3): [Ending("finalized", "4"), Ending("gold")]}
    assert figures(replace(SEEN, endings=endings))["lost"] == 1


def test_an_annotation_that_counts_twice_is_doubled() -> None:
    counted = {**SEEN.counted, ACKNOWLEDGED[0].annotation_id: 2}
    assert figures(replace(SEEN, counted=counted))["doubled"] == 1


def test_goals_that_are_missed_are_named() -> None:
    assert missed(figures(SEEN)) == ["label_accuracy", "auto_accept_accuracy"]
