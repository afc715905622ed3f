"""What the loop achieved, computed from what the services answer through their APIs and the true digits."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

THREE_EACH = 3
SECONDS_ALLOWED = 240
END_STATES = frozenset({"finalized", "gold", "unlabelable", "erased"})


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """An annotation that queue answered with success; from then on it must count exactly once."""

    annotation_id: UUID
    record_id: UUID
    annotator_id: UUID
    kind: str


@dataclass(frozen=True, slots=True)
class Ending:
    """The state of a record in qa. `label` and `method` are those of its current label, if it has one."""

    state: str
    label: str | None = None
    method: str | None = None


@dataclass(frozen=True)
class Observations:
    """Everything the figures are computed from; nothing here was measured twice.

    `counted` holds, for every annotation that qa counted, how often; `endings` the end of every record in qa, a
    list because a record must not have two.
    """

    truth: Mapping[UUID, int]
    gold: Collection[UUID]
    acknowledged: Sequence[Acknowledged]
    counted: Mapping[UUID, int]
    endings: Mapping[UUID, Sequence[Ending]]
    disputes: int
    model_accuracy_first: float
    model_accuracy_last: float
    paused: Collection[UUID]
    drifted: Collection[UUID]
    spammer: UUID
    drifter: UUID
    seconds: float


def figures(seen: Observations) -> dict[str, Any]:
    """The demo's last line. An annotator is falsely alarmed when qa pauses or reports anyone but the two."""
    final = {
        record_id: endings[0]
        for record_id, endings in seen.endings.items()
        if len(endings) == 1 and endings[0].state == "finalized" and record_id not in seen.gold
    }
    right = {record_id for record_id, ending in final.items() if ending.label == str(seen.truth[record_id])}
    automatic = {record_id for record_id, ending in final.items() if ending.method == "auto_accept"}
    ordinary = [given for given in seen.acknowledged if given.kind == "annotation" and given.record_id not in seen.gold]
    non_gold = len(seen.truth) - len(seen.gold)
    lost, doubled = lost_and_doubled(seen.truth, seen.endings, seen.acknowledged, seen.counted)
    return {
        "records": len(seen.truth),
        "annotations": len(seen.acknowledged),
        "auto_accepted": len(automatic),
        "disputes": seen.disputes,
        "label_accuracy": _share(len(right), len(final)),
        "auto_accept_accuracy": _share(len(automatic & right), len(automatic)),
        "model_accuracy_first": round(seen.model_accuracy_first, 4),
        "model_accuracy_last": round(seen.model_accuracy_last, 4),
        "annotations_saved": round(1 - len(ordinary) / (THREE_EACH * non_gold), 4) if non_gold else 0.0,
        "spammer_found": seen.spammer in seen.paused,
        "drift_found": seen.drifter in seen.drifted,
        "false_alarms": len((set(seen.paused) | set(seen.drifted)) - {seen.spammer, seen.drifter}),
        "lost": lost,
        "doubled": doubled,
        "seconds": round(seen.seconds, 1),
    }


def lost_and_doubled(
    records: Collection[UUID],
    endings: Mapping[UUID, Sequence[Ending]],
    given: Sequence[Acknowledged],
    counted: Mapping[UUID, int],
) -> tuple[int, int]:
    """Lost: records without exactly one end state, and acknowledged annotations that count nowhere.

    Doubled: annotations that count twice; also ones that count though no submit of them was acknowledged.
    """
    astray = sum(
        1 for record_id in records if len(found := endings.get(record_id, ())) != 1 or found[0].state not in END_STATES
    )
    acknowledged = Counter(one.annotation_id for one in given)
    uncounted = sum(1 for annotation_id in acknowledged if counted.get(annotation_id, 0) == 0)
    twice = sum(1 for count in counted.values() if count > 1)
    unacknowledged = sum(1 for annotation_id in counted if annotation_id not in acknowledged)
    return astray + uncounted, twice + unacknowledged


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure and its bounds, which it may reach. `gain` is how far the last model must be above the first."""

    figure: str
    at_least: float | None = None
    at_most: float | None = None
    gain: float | None = None

    @property
    def wanted(self) -> str:
        bounds = [f"≥ {self.at_least:g}" if self.at_least is not None else None]
        bounds.append(f"≤ {self.at_most:g}" if self.at_most is not None else None)
        bounds.append(f"{self.gain:g} above the first" if self.gain is not None else None)
        return ", ".join(filter(None, bounds))

    def reached_by(self, reached: Mapping[str, Any]) -> bool:
        value = reached[self.figure]
        return (
            (self.at_least is None or value >= self.at_least)
            and (self.at_most is None or value <= self.at_most)
            and (self.gain is None or value >= reached["model_accuracy_first"] + self.gain)
        )


GOALS = (
    Goal("label_accuracy", at_least=0.985),
    Goal("auto_accept_accuracy", at_least=0.99),
    Goal("annotations_saved", at_least=0.5),
    Goal("model_accuracy_last", at_least=0.96, gain=0.02),
    Goal("spammer_found", at_least=True),
    Goal("drift_found", at_least=True),
    Goal("false_alarms", at_most=1),
    Goal("lost", at_most=0),
    Goal("doubled", at_most=0),
    Goal("seconds", at_most=SECONDS_ALLOWED),
)


def missed(reached: Mapping[str, Any]) -> list[str]:
    return [goal.figure for goal in GOALS if not goal.reached_by(reached)]


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
