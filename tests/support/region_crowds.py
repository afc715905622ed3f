"""Synthetic truth of spans and boxes, and crowds that miss, invent, misplace and misname: what consensus is measured on.

Nothing here is shared with the model that is measured: spurious regions may lie on objects, edges slip by words or by
characters, boxes by a mixture of small and large errors, wrong labels fall on neighbours, hard objects are missed by
everybody more often.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from services.qa.domain.votes import ItemVotes, Vote

WIDTH, HEIGHT = 1000.0, 800.0


@dataclass(frozen=True)
class Manner:
    """How one annotator draws. `invents`: regions per record; `slips`: P(an edge is off), or a side's relative error."""

    misses: float
    invents: float
    slips: float
    misnames: float


CLEAN = Manner(0.05, 0.1, 0.05, 0.02)
ORDINARY = Manner(0.12, 0.3, 0.10, 0.05)
MIDDLING = Manner(0.22, 0.5, 0.20, 0.10)
BAD = Manner(0.50, 1.5, 0.40, 0.30)


@dataclass(frozen=True)
class CrowdSetting:
    """One crowd at one sort of record. `hard`: the share of objects that everybody misses `hard_factor` times as often."""

    people: Sequence[tuple[float, Manner]]
    votes: int
    records: int = 300
    annotators: int = 16
    objects: float = 3.0
    uneven: float = 0.5
    labels: int = 4
    hard: float = 0.0
    by_words: bool = False


QUALITIES: Mapping[str, Sequence[tuple[float, Manner]]] = {
    "clean": [(1.0, CLEAN)],
    "ordinary": [(1.0, ORDINARY)],
    "middling": [(1.0, MIDDLING)],
    "30 % bad": [(0.7, ORDINARY), (0.3, BAD)],
}


@dataclass(frozen=True)
class Drawn:
    """Records with their votes (`truth` left out), and what is true of each."""

    items: list[ItemVotes]
    truths: list[dict[str, Any]]


def draw_spans(setting: CrowdSetting, seed: int) -> Drawn:
    """Texts of words; spans of one to four words."""
    chance = np.random.default_rng(seed)
    return _draw(setting, chance, _Texts(setting, chance))


def draw_boxes(setting: CrowdSetting, seed: int) -> Drawn:
    """Pictures of `WIDTH` by `HEIGHT` with boxes of 3 to 25 % of a side."""
    chance = np.random.default_rng(seed)
    return _draw(setting, chance, _Pictures(setting, chance))


def _draw(setting: CrowdSetting, chance: np.random.Generator, scenes: Any) -> Drawn:
    manners = []
    for share, manner in setting.people:
        manners += [manner] * round(share * setting.annotators)
    manners = [_varied(manner, chance) for manner in manners]
    items, truths = [], []
    for _ in range(setting.records):
        count = chance.poisson(setting.objects * chance.gamma(1 / setting.uneven, setting.uneven))
        scene = scenes.scene(count)
        hard = chance.random(len(scene)) < setting.hard
        votes = []
        for who in chance.choice(len(manners), setting.votes, replace=False):
            manner = manners[who]
            missed = chance.random(len(scene)) < np.where(hard, 0.75, manner.misses)
            seen = [scenes.slipped(one, manner) for one, gone in zip(scene, missed, strict=True) if not gone]
            seen = [scenes.renamed(one) if chance.random() < manner.misnames else one for one in seen]
            seen += scenes.invented(chance.poisson(manner.invents))
            votes.append(Vote(f"p{who}", scenes.answer(seen)))
        items.append(ItemVotes(votes))
        truths.append(scenes.answer(scene))
    return Drawn(items, truths)


def _varied(manner: Manner, chance: np.random.Generator) -> Manner:
    """Nobody is like another: rates vary by about a third."""
    factor = np.exp(chance.normal(0, 0.3, 4))
    return Manner(
        min(manner.misses * factor[0], 0.8),
        manner.invents * factor[1],
        min(manner.slips * factor[2], 0.7),
        min(manner.misnames * factor[3], 0.5),
    )


class _Texts:
    def __init__(self, setting: CrowdSetting, chance: np.random.Generator) -> None:
        self._setting, self._chance = setting, chance
        self._words: list[tuple[int, int]] = []

    def scene(self, count: int) -> list[tuple[int, int, int]]:
        chance = self._chance
        sizes = chance.integers(2, 10, max(30, count * 8))
        starts = np.cumsum(sizes + 1) - sizes - 1
        self._words = [(int(start), int(start + size)) for start, size in zip(starts, sizes, strict=True)]
        at = np.sort(chance.choice(len(sizes) // 5, min(count, len(sizes) // 5), replace=False)) * 5
        spans = []
        for place in at.tolist():
            last = place + int(chance.integers(0, 4))
            spans.append((self._words[place][0], self._words[last][1], int(chance.integers(self._setting.labels))))
        return spans

    def slipped(self, one: tuple[int, int, int], manner: Manner) -> tuple[int, int, int]:
        start, end, label = one
        if self._chance.random() < manner.slips:
            start = self._moved(start, 0)
        if self._chance.random() < manner.slips:
            end = self._moved(end, 1)
        return (start, end, label) if start < end else one

    def _moved(self, value: int, side: int) -> int:
        chance, direction = self._chance, 1 if self._chance.random() < 0.5 else -1
        if not self._setting.by_words:
            return max(value + direction * int(chance.integers(1, 4)), side)
        edges = [word[side] for word in self._words]
        at = edges.index(value) + direction
        return edges[min(max(at, 0), len(edges) - 1)]

    def renamed(self, one: tuple[int, int, int]) -> tuple[int, int, int]:
        return (*one[:2], _other(one[2], self._setting.labels, self._chance))

    def invented(self, count: int) -> list[tuple[int, int, int]]:
        found = []
        for place in self._chance.integers(0, len(self._words) - 3, count).tolist():
            last = place + int(self._chance.integers(0, 3))
            found.append(
                (self._words[place][0], self._words[last][1], int(self._chance.integers(self._setting.labels)))
            )
        return found

    def answer(self, spans: Sequence[tuple[int, int, int]]) -> dict[str, Any]:
        return {"spans": [{"start": a, "end": b, "label": f"l{label}"} for a, b, label in sorted(set(spans))]}


class _Pictures:
    def __init__(self, setting: CrowdSetting, chance: np.random.Generator) -> None:
        self._setting, self._chance = setting, chance

    def scene(self, count: int) -> list[tuple[float, ...]]:
        return self.invented(count)

    def invented(self, count: int) -> list[tuple[float, ...]]:
        chance = self._chance
        found: list[tuple[float, ...]] = []
        for _ in range(count):
            width, height = chance.uniform(0.03, 0.25, 2) * (WIDTH, HEIGHT)
            x, y = chance.random(2) * (WIDTH - width, HEIGHT - height)
            found.append((float(x), float(y), float(width), float(height), int(chance.integers(self._setting.labels))))
        return found

    def slipped(self, one: tuple[float, ...], manner: Manner) -> tuple[float, ...]:
        chance = self._chance
        x, y, width, height, label = one
        spread = manner.slips / 2 * (3.0 if chance.random() < 0.05 else 1.0)
        left, right = chance.normal(0, spread, 2) * width
        top, low = chance.normal(0, spread, 2) * height
        width, height = max(width + right - left, 4.0), max(height + low - top, 4.0)
        return (max(x + left, 0.0), max(y + top, 0.0), float(width), float(height), label)

    def renamed(self, one: tuple[float, ...]) -> tuple[float, ...]:
        return (*one[:4], _other(int(one[4]), self._setting.labels, self._chance))

    def answer(self, boxes: Sequence[tuple[float, ...]]) -> dict[str, Any]:
        names = ("x", "y", "width", "height")
        return {"boxes": [{**dict(zip(names, box, strict=False)), "label": f"l{box[4]}"} for box in boxes]}


def _other(label: int, count: int, chance: np.random.Generator) -> int:
    return int((label + chance.integers(1, count)) % count) if count > 1 else label


def token_majority(votes: Sequence[Vote]) -> dict[str, Any]:
    """Spans of the stretches of characters that more than half of the voters give one label."""
    marks: dict[int, dict[str, set[int]]] = {}
    for who, vote in enumerate(votes):
        spans: Any = vote.answer["spans"]
        for span in spans:
            for at in range(span["start"], span["end"]):
                marks.setdefault(at, {}).setdefault(span["label"], set()).add(who)
    chosen = {}
    for at, given in marks.items():
        label = max(sorted(given), key=lambda name: len(given[name]))
        if 2 * len(given[label]) > len(votes):
            chosen[at] = label
    found: list[dict[str, Any]] = []
    for at in sorted(chosen):
        if found and found[-1]["end"] == at and found[-1]["label"] == chosen[at]:
            found[-1]["end"] = at + 1
        else:
            found.append({"start": at, "end": at + 1, "label": chosen[at]})
    return {"spans": found}


def weighted_box_fusion(votes: Sequence[Vote], same: float = 0.55) -> dict[str, Any]:
    """Solovyev et al. 2021 with equal scores: each box joins the fused box of its label that it overlaps most.

    A fused box that at least half of the voters drew is kept.
    """
    groups: list[list[dict[str, Any]]] = []
    for vote in votes:
        boxes: Any = vote.answer["boxes"]
        for box in boxes:
            like = [
                (overlap(_mean(group), box), at) for at, group in enumerate(groups) if group[0]["label"] == box["label"]
            ]
            most, at = max(like, default=(0.0, -1))
            if most > same:
                groups[at].append(box)
            else:
                groups.append([box])
    return {"boxes": [_mean(group) for group in groups if 2 * len(group) >= len(votes)]}


def _mean(group: Sequence[dict[str, Any]]) -> dict[str, Any]:
    sides = {name: sum(box[name] for box in group) / len(group) for name in ("x", "y", "width", "height")}
    return {**sides, "label": group[0]["label"]}


def overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """Intersection over union of upright boxes."""
    across = min(one["x"] + one["width"], other["x"] + other["width"]) - max(one["x"], other["x"])
    along = min(one["y"] + one["height"], other["y"] + other["height"]) - max(one["y"], other["y"])
    shared = max(across, 0.0) * max(along, 0.0)
    return float(shared / (one["width"] * one["height"] + other["width"] * other["height"] - shared))


def matched_spans(answer: Mapping[str, Any], truth: Mapping[str, Any]) -> tuple[int, int, int]:
    """Exact spans in common, spans of the answer, of the truth."""
    mine, theirs = ({(one["start"], one["end"], one["label"]) for one in side["spans"]} for side in (answer, truth))
    return len(mine & theirs), len(answer["spans"]), len(truth["spans"])


def matched_boxes(answer: Mapping[str, Any], truth: Mapping[str, Any]) -> tuple[int, int, int]:
    """Boxes of one label that overlap by half, matched greedily; boxes of the answer, of the truth."""
    pairs = sorted(
        (
            (-overlap(one, other), at, to)
            for at, one in enumerate(answer["boxes"])
            for to, other in enumerate(truth["boxes"])
            if one["label"] == other["label"]
        ),
    )
    left, right = set[int](), set[int]()
    for minus, at, to in pairs:
        if minus <= -0.5 and at not in left and to not in right:
            left.add(at)
            right.add(to)
    return len(left), len(answer["boxes"]), len(truth["boxes"])


@dataclass(frozen=True)
class Scored:
    """`f1` over all records; `confidence` and `right` (the answer is the truth in all its parts) by record."""

    f1: float
    confidence: np.ndarray
    right: np.ndarray


def score(
    answers: Sequence[Mapping[str, Any]],
    truths: Sequence[Mapping[str, Any]],
    matched: Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[int, int, int]],
    confidence: Sequence[float] = (),
) -> Scored:
    """Score answers by their matches with the truth."""
    counts = np.array([matched(answer, truth) for answer, truth in zip(answers, truths, strict=True)])
    right = (counts[:, 0] == counts[:, 1]) & (counts[:, 0] == counts[:, 2])
    total = counts.sum(axis=0)
    return Scored(float(2 * total[0] / max(total[1] + total[2], 1)), np.array(confidence), right)


def settings_of(votes: int, **more: Any) -> dict[str, CrowdSetting]:
    """The four qualities with so many votes a record."""
    return {name: replace(CrowdSetting(people, votes), **more) for name, people in QUALITIES.items()}
