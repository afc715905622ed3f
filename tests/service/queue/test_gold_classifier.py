"""Whoever collects all that the API shows of leases, and how long it takes, can't tell gold from ordinary work."""

import hashlib
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter
from typing import Any, TypeVar
from uuid import UUID

import httpx
import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from shared.contracts.envelope import Event
from shared.contracts.events import GoldPlaced
from shared.contracts.values import Split
from shared.kit.clock import new_id, utc_now
from tests.service.queue.world import LABELS, Person, World, policies, sentiment, shown
from tests.support.service import ServiceUnderTest

POLICIES = policies(
    gold={"entry_test": 0, "share": 0.3, "warned_share": 0.5, "exposures": 50},
    serving={"blind_share": 0.3, "leases_per_annotator": 1000},
    learning={"enabled": True, "random_share": 0.1, "random_rate": 0.5},
    redundancy={"without_model": 1, "with_model": 1, "held_out": 2},
    auto_accept={"audit_share": 0.5},
)
RECORDS, GOLD = 2_250, 800
LEASES = 2_350
EVENTS_AT_ONCE = 500
THRESHOLD = 0.9
CHANCE = 0.5
MOST = 0.55
"""What an AUC may be. With so many leases it is three standard errors above chance."""
TIMES = re.compile(r"(?:\w+\.)?s|leases|place|by_next")
"""How long each request took, and how many leases were had by it."""

T = TypeVar("T")


@dataclass
class Observer:
    """A person who notes all they see of each lease, by its token."""

    person: Person
    rows: dict[str, dict[str, float]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    had: set[str] = field(default_factory=set)

    async def lease(self, count: int) -> list[str]:
        asked_at, begun = utc_now(), perf_counter()
        answer = await self.person.ask(count)
        return self._note("leases", answer, asked_at, perf_counter() - begun, count)

    async def submit(self, token: str, following: int) -> list[str]:
        return await self._end("submit", token, self.person.submit(token, sentiment(), next=following), following)

    async def skip(self, token: str, following: int) -> list[str]:
        return await self._end("skip", token, self.person.skip(token, next=following), following)

    async def give_back(self, token: str) -> None:
        await self._end("give_back", token, self.person.release(token), 0)

    async def renew(self, token: str) -> None:
        await self._end("renew", token, self._call("PATCH", token, "", {"ttl_s": 60}), 0)

    async def save_draft(self, token: str) -> None:
        await self._end("draft", token, self._call("PUT", token, "/draft", {"answers": sentiment()}), 0)

    async def blunder(self, token: str) -> None:
        """An answer that the schema doesn't allow."""
        await self._end("blunder", token, self.person.submit(token, sentiment("purple")), 0)

    async def _call(self, method: str, token: str, path: str, body: Any) -> httpx.Response:
        return await self.person.world.client.request(
            method, f"/v1/leases/{token}{path}", headers=self.person.headers, json=body
        )

    async def _end(self, name: str, token: str, call: Any, following: int) -> list[str]:
        asked_at, begun = utc_now(), perf_counter()
        answer: httpx.Response = await call
        took = perf_counter() - begun
        self.rows[token][f"{name}.s"] = took
        self.rows[token][f"{name}.status"] = answer.status_code
        self.rows[token][f"{name}.bytes"] = len(answer.content) if not following else 0.0
        return self._note("next", answer, asked_at, took, following) if following else []

    def _note(self, where: str, answer: httpx.Response, asked_at: datetime, took: float, count: int) -> list[str]:
        assert answer.status_code == 200, answer.text
        leases = answer.json()[where]
        for place, lease in enumerate(leases):
            token, task_id = lease["token"], lease["task_id"]
            self.texts[token] = shown(lease)
            self.rows[token] = {
                "place": place,
                "count": count,
                "leases": len(leases),
                "s": took / len(leases),
                "by_next": where == "next",
                "had_before": task_id in self.had,
                "headers": len(answer.headers),
                **dict(flattened(lease, asked_at)),
            }
            self.had.add(task_id)
        return [lease["token"] for lease in leases]


def flattened(value: Any, asked_at: datetime, path: str = "") -> Iterator[tuple[str, float]]:
    """Every scalar of an envelope as numbers, its keys and their order; not the words of the record, which is the work."""
    if isinstance(value, dict):
        yield f"{path}#", len(value)
        yield f"{path}order", _bucket(",".join(value))
        for key, item in value.items():
            yield from flattened(item, asked_at, f"{path}{key}.")
    elif isinstance(value, list):
        yield f"{path}#", len(value)
        for place, item in enumerate(value):
            yield from flattened(item, asked_at, f"{path}{place}.")
    elif isinstance(value, str):
        yield f"{path}length", len(value)
        if not path.startswith("record."):
            yield from _of_text(value, asked_at, path)
    else:
        yield path, float(value)


def _of_text(value: str, asked_at: datetime, path: str) -> Iterator[tuple[str, float]]:
    identifier, moment = _read(UUID, value), _read(datetime.fromisoformat, value)
    if identifier is not None:
        yield f"{path}high", identifier.int >> 96
        yield f"{path}low", identifier.int & 0xFFFFFFFF
        yield f"{path}version", identifier.version or 0
    elif moment is not None:
        yield f"{path}after", (moment - asked_at).total_seconds()
        yield f"{path}microsecond", moment.microsecond
    else:
        yield f"{path}word", _bucket(value)


def _read(kind: Callable[[str], T], value: str) -> T | None:
    try:
        return kind(value)
    except ValueError:
        return None


def _bucket(text: str) -> float:
    return float(hashlib.sha256(text.encode()).digest()[0])


async def fill(world: World, dice: random.Random) -> set[str]:
    """Records of all splits, most of them with a prediction, a part of them gold; return the gold."""
    accepted: list[Event[Any]] = []
    predicted: list[Event[Any]] = []
    placed: list[Event[Any]] = []
    gold = set(dice.sample(range(RECORDS), GOLD))
    names = set[str]()
    for number in range(RECORDS):
        record_id = new_id()
        split = Split.TRAIN if dice.random() < 0.7 else Split.TEST
        label = dice.choice(LABELS) if dice.random() < 0.8 else None
        accepted.append(world.event(world.accepted(split, text=str(record_id)), record_id))
        prediction = world.predicted(label, dice.random(), selected=dice.random() < 0.8)
        predicted.append(world.event(prediction, record_id))
        if number in gold:
            names.add(str(record_id))
            payload = GoldPlaced(schema_version=1, exposures=50)
            placed.append(world.event(payload, record_id, world.next("qa", record_id)))
    for events in (accepted, predicted, placed[: GOLD // 2]):
        for first in range(0, len(events), EVENTS_AT_ONCE):
            await world.service.deliver_many(events[first : first + EVENTS_AT_ONCE])
    world.guidelines += 1  # the rest of the gold is placed under a newer guideline
    await world.open()
    await world.service.deliver_many(placed[GOLD // 2 :])
    await world.service.run_loop("reroute")
    return names


async def work(observer: Observer, dice: random.Random) -> None:
    """One turn: lease one or several, do this and that with them, and let some come again."""
    held = await observer.lease(dice.choice((1, 1, 3, 8)))
    while held:
        token = held.pop(dice.randrange(len(held)))
        if dice.random() < 0.2:
            await observer.renew(token)
        if dice.random() < 0.2:
            await observer.save_draft(token)
        if dice.random() < 0.1:
            await observer.blunder(token)
        act, following = dice.random(), dice.choice((0, 0, 1, 2))
        if act < 0.1:
            await observer.give_back(token)
        elif act < 0.17:
            held += await observer.skip(token, 0 if len(held) > 8 else following)
        else:
            held += await observer.submit(token, 0 if len(held) > 8 else following)


def matrix(rows: Sequence[dict[str, float]], wanted: re.Pattern[str] = re.compile(".*")) -> np.ndarray[Any, Any]:
    """A column for each wanted feature that occurs, NaN where it is missing."""
    names = sorted({name for row in rows for name in row if wanted.fullmatch(name)})
    return np.array([[row.get(name, np.nan) for name in names] for row in rows], dtype=float)


def score(features: np.ndarray[Any, Any], is_gold: Sequence[bool], tasks: Sequence[str]) -> float:
    """The AUC of a cross-validated classifier that never guesses at a task that it learnt from."""
    model = HistGradientBoostingClassifier(max_iter=60, max_depth=4, min_samples_leaf=20, random_state=1)
    with threadpool_limits(1):  # threads that wait for each other take minutes where there is other work
        guessed = cross_val_predict(model, features, is_gold, groups=tasks, cv=GroupKFold(5), method="predict_proba")[
            :, 1
        ]
    return float(roc_auc_score(is_gold, guessed))


@pytest.mark.timeout(900)
async def test_a_classifier_on_all_that_leases_show_and_how_long_they_take_cannot_find_gold(
    service: ServiceUnderTest,
) -> None:
    """Neither on everything nor on the times alone."""
    dice = random.Random(7)
    world = await World(service, policies=POLICIES).open()
    await world.publish(world.threshold_of(THRESHOLD))
    gold = await fill(world, dice)
    observers = [Observer(person) for person in await world.people(10)]
    while sum(len(one.rows) for one in observers) < LEASES:
        for observer in observers:
            await work(observer, dice)
        await service.run_loop("top_up_gold")
        await service.run_loop("route_waiting")
    seen = [(row, one.texts[token]) for one in observers for token, row in one.rows.items()]
    rows, tasks = [row for row, _ in seen], [text for _, text in seen]
    is_gold = [text in gold for text in tasks]
    with_prediction = [row["#"] for row in rows]
    for shows in sorted(set(with_prediction)):
        share = float(np.mean([flag for flag, one in zip(is_gold, with_prediction, strict=True) if one == shows]))
        assert share == pytest.approx(float(np.mean(is_gold)), abs=0.05), "gold shows predictions as often"

    positives, negatives = len(gold.intersection(tasks)), len(set(tasks) - gold)
    # The standard error of an AUC of 0.5 (Hanley and McNeil 1982), for as many guesses as there are tasks.
    error = ((positives + negatives + 1) / (12 * positives * negatives)) ** 0.5
    features, times = matrix(rows), matrix(rows, TIMES)
    found = {"all": score(features, is_gold, tasks), "times": score(times, is_gold, tasks)}
    longer = roc_auc_score(is_gold, [row["s"] for row in rows])
    print({"leases": len(rows), "gold": positives, "other": negatives, "error": error, "longer": longer} | found)  # noqa: T201
    assert CHANCE + 3 * error <= MOST, "too few tasks for the limit"
    assert max(found.values()) <= MOST, found
    assert abs(longer - CHANCE) <= MOST - CHANCE, "gold takes neither longer nor less long"

    slower = np.array([dice.gauss(1.0 if flag else 0.0, 1.5) for flag in is_gold])
    for known in (features, times):
        assert score(np.column_stack([known, slower]), is_gold, tasks) > MOST, (
            "two thirds of a standard deviation would be found"
        )
