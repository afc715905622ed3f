"""Two projects on real messages, SMS and questions, from the first record to the last label, through the API alone.

Six simulated annotators, who err on 5 to 15 % of what they read, each at a rate of their own and mostly onto what it looks
like, and an arbiter label `--records` messages of each set side by side, while models learn from them. What came of it is
compared with the classes that the sets give: prints one JSON line, and ends with 1 when a goal was missed. A set that is
not beside the checkout is left out, and named in `left_out`.
"""

import argparse
import asyncio
import json
import random
import shutil
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from bench._messages import LOOK_ALIKES, Message, SetName, messages
from bench._waiting import until
from deploy.demo.audit import audit
from deploy.demo.client import Client, Refused
from deploy.demo.outcome import Acknowledged, lost_and_doubled
from deploy.demo.project import pages
from deploy.embedded.supervisor import Suite, SuiteSettings
from shared.contracts.values import Role

SETS: tuple[SetName, ...] = ("sms_spam", "trec_qc")
ERRORS = (0.05, 0.07, 0.09, 0.11, 0.13, 0.15)
ARBITERS_ERROR = 0.01
SKIPPED = 0.01
GOLD = 40
BATCH = 250
HELD_AT_ONCE = 4
MOST_S = 900.0
QUESTION = "topic"
ERROR_BUDGET = 0.05
POLICIES = {
    "auto_accept": {"error_budget": ERROR_BUDGET},
    "learning": {"random_rate": 0.8},
    "serving": {"lease_ttl_s": 120},
}
LEAST_ACCURACY = 0.95
MOST_OF_MAJORITYS_ERROR = 0.5
"""A model errs at most so often as who always names the commonest class, times this."""
_TROUBLE = frozenset({"warning", "error", "critical"})
_GONE = frozenset({404, 409, 410})
_QUIET_LOOKS = 4
_EVENTS = 1000


class Stuck(Exception):
    """The loop did not come to its end in time."""


@dataclass
class Person:
    """Somebody who errs on this share of messages, as classes are distributed in `truth`."""

    subject: str
    error: float
    confused: Mapping[str, Mapping[str, float]]
    dice: random.Random
    scale: float
    arbiter: bool = False

    def skips(self) -> bool:
        """An arbiter never does: nobody is there to take over."""
        return not self.arbiter and self.dice.random() < SKIPPED

    def answer(self, truth: str) -> str:
        confused = self.confused[truth]
        if self.dice.random() >= self.error * self.scale * sum(confused.values()):
            return truth
        return self.dice.choices(list(confused), weights=list(confused.values()))[0]


def people(name: SetName, given: Sequence[Message], seed: int) -> list[Person]:
    confused = LOOK_ALIKES[name]
    mean = sum(sum(confused[message.label].values()) for message in given) / len(given)

    def person(subject: str, error: float, *, arbiter: bool = False) -> Person:
        dice = random.Random(f"{seed}-{name}-{subject}")
        return Person(subject, error, confused, dice, 1 / mean, arbiter)

    annotators = [person(f"annotator-{number}", error) for number, error in enumerate(ERRORS, start=1)]
    return [*annotators, person("arbiter", ARBITERS_ERROR, arbiter=True)]


@dataclass
class Project:
    """A project of the suite, and what only this program knows of it: the true classes."""

    client: Client
    suite: Suite
    manager: str
    name: SetName
    project_id: UUID
    truth: dict[UUID, str] = field(default_factory=dict)
    shown: dict[str, UUID] = field(default_factory=dict)
    """Which record reads so, de-identified: a lease doesn't name its record."""
    texts: dict[UUID, str] = field(default_factory=dict)
    held_out: set[UUID] = field(default_factory=set)
    gold: set[UUID] = field(default_factory=set)
    acknowledged: list[Acknowledged] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    async def call(self, service: str, method: str, path: str, **more: Any) -> Any:
        return await self.client.call(service, method, path, self.manager, **more)

    @property
    def path(self) -> str:
        return f"/projects/{self.project_id}"


async def create(client: Client, suite: Suite, name: SetName, labels: Collection[str]) -> Project:
    manager = suite.token(Role.MANAGER, Role.AUDITOR, Role.TRAINER, subject="manager")
    body = {
        "name": name,
        "schema": {
            "fields": [{"name": "text", "kind": "text"}],
            "questions": [{"name": QUESTION, "kind": "choice", "labels": sorted(labels)}],
        },
        "guideline": "Read it whole, then choose.",
        "preset": "learn",
        "policies": POLICIES,
    }
    made = await client.call("ingest", "POST", "/projects", manager, body=body)
    return Project(client, suite, manager, name, UUID(made["project_id"]))


async def send(project: Project, given: Sequence[Message]) -> None:
    """Send the messages in batches, and learn which record each became and how it reads."""
    for start in range(0, len(given), BATCH):
        part = given[start : start + BATCH]
        body = {
            "records": [
                {"external_id": f"{project.name}-{number}", "fields": {"text": message.text}}
                for number, message in enumerate(part, start=start)
            ]
        }
        report = await project.call("ingest", "POST", f"{project.path}/records", body=body)
        if report["accepted"] != len(part):
            raise Stuck(f"ingest accepted {report['accepted']} of {len(part)} messages: {report['rejected'][:3]}")
        for message, taken in zip(part, report["records"], strict=True):
            project.truth[UUID(taken["record_id"])] = message.label
    await _read_accepted(project)


async def _read_accepted(project: Project) -> None:
    """Read the records as ingest published them: their de-identified texts and their splits."""
    after = 0

    async def all_read() -> bool:
        nonlocal after
        query = {"topic": "records", "after": after, "limit": _EVENTS}
        page = await project.call("ingest", "GET", "/events", params=query)
        for item in page["items"]:
            after = item["position"]
            _take(project, item["event"])
        return len(project.texts) >= len(project.truth)

    await until(all_read, most_s=MOST_S)


def _take(project: Project, event: Mapping[str, Any]) -> None:
    if event["project_id"] != str(project.project_id) or event["type"] != "RecordAccepted":
        return
    record_id, text = UUID(event["record_id"]), event["payload"]["fields"]["text"]
    project.texts[record_id] = text
    project.shown[text] = record_id
    if event["payload"]["split"] != "train":
        project.held_out.add(record_id)


async def place_gold(project: Project, seed: int) -> None:
    """Some records become gold, before anybody is served."""

    async def known() -> bool:
        summary = await project.call("qa", "GET", f"{project.path}/summary")
        return sum(map(int, summary["records"].values())) >= len(project.truth)

    await until(known, most_s=MOST_S)
    dice = random.Random(f"gold-{seed}")
    project.gold = set(dice.sample(sorted(project.truth), GOLD))
    gold = [
        {"record_id": str(record_id), "answers": {QUESTION: {"label": project.truth[record_id]}}}
        for record_id in sorted(project.gold)
    ]
    report = await project.call("qa", "POST", f"{project.path}/gold", body={"gold": gold})
    if report["rejected"]:
        raise Stuck(f"qa refused gold: {report['rejected'][:3]}")


@dataclass
class Worker:
    """A person at work in a project."""

    project: Project
    person: Person
    annotator_id: UUID
    token: str

    async def work(self, done: asyncio.Event) -> None:
        wait_s = 0.1
        while not done.is_set():
            body = {"count": HELD_AT_ONCE}
            path = f"{self.project.path}/leases"
            granted = await self.project.client.call("queue", "POST", path, self.token, body=body)
            for lease in granted["leases"]:
                await self._answer(lease)
            if granted["leases"]:
                wait_s = 0.1
                continue
            self.project.reasons[granted["reason"]] += 1
            await asyncio.sleep(wait_s)
            wait_s = min(1.5 * wait_s, 1.0)

    async def _answer(self, lease: Mapping[str, Any]) -> None:
        try:
            if self.person.skips():
                await self._call("POST", lease, "skip", {"reason": "I cannot tell."})
                return
            record_id = self.project.shown[lease["record"]["fields"]["text"]]
            answer = self.person.answer(self.project.truth[record_id])
            body: dict[str, Any] = {"answers": {QUESTION: {"label": answer}}, "active_s": 3.0}
            if lease["kind"] == "arbitration":
                body["reason"] = "I read it twice."
            given = await self._call("PUT", lease, "annotation", body)
        except Refused as refused:
            if refused.status not in _GONE:
                raise
            return
        annotation_id = UUID(given["annotation_id"])
        self.project.acknowledged.append(Acknowledged(annotation_id, record_id, self.annotator_id, lease["kind"]))

    async def _call(self, method: str, lease: Mapping[str, Any], what: str, body: Mapping[str, Any]) -> Any:
        path = f"/leases/{lease['token']}/{what}"
        return await self.project.client.call("queue", method, path, self.token, body=body)


async def register(project: Project, crowd: Sequence[Person]) -> list[Worker]:
    workers = []
    for person in crowd:
        subject = f"{project.name}-{person.subject}"
        body = {"subject": subject, "pool": "expert" if person.arbiter else "crowd"}
        made = await project.call("queue", "POST", "/annotators", body=body)
        roles = (Role.ANNOTATOR, Role.ARBITER) if person.arbiter else (Role.ANNOTATOR,)
        token = project.suite.token(*roles, subject=subject, projects=[project.project_id])
        workers.append(Worker(project, person, UUID(made["annotator_id"]), token))
    return workers


async def label(project: Project, workers: Sequence[Worker]) -> None:
    """Let people work until every record has ended and learning has nothing more to do."""
    done = asyncio.Event()
    tasks = [asyncio.ensure_future(worker.work(done)) for worker in workers]
    deadline, quiet = time.monotonic() + MOST_S, 0
    try:
        while quiet < _QUIET_LOOKS:
            await asyncio.sleep(0.5)
            for task in tasks:
                if task.done():
                    await task
            quiet = quiet + 1 if await _at_rest(project) else 0
            if time.monotonic() > deadline:
                stands = await project.call("qa", "GET", f"{project.path}/summary")
                learning = await project.call("prelabel", "GET", f"{project.path}/learning")
                raise Stuck(f"{project.name}: {stands['records']}, {learning}, nothing to lease: {project.reasons}")
    finally:
        done.set()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _at_rest(project: Project) -> bool:
    if (await project.call("qa", "GET", f"{project.path}/summary"))["records"]["open"]:
        return False
    query = {"under_review": "true", "limit": 1}
    if (await project.call("qa", "GET", f"{project.path}/labels", params=query))["items"]:
        return False
    learning = await project.call("prelabel", "GET", f"{project.path}/learning")
    return not (learning["training"] or learning["comparing"] or learning["rescoring"])


async def figures(project: Project) -> dict[str, Any]:
    """What came of a project, compared with the true classes."""
    found = await audit(project.client, project.project_id, QUESTION, project.manager)
    final = {
        record_id: endings[0]
        for record_id, endings in found.endings.items()
        if len(endings) == 1 and endings[0].state == "finalized"
    }
    wrong: defaultdict[str, list[bool]] = defaultdict(list)
    for record_id, ending in final.items():
        wrong[str(ending.method)].append(ending.label != project.truth[record_id])
    automatic = wrong["auto_accept"]
    lost, doubled = lost_and_doubled(project.truth, found.endings, project.acknowledged, found.counted)
    runs = [run async for run in pages(project.client, "prelabel", f"{project.path}/training-runs", project.manager)]
    return {
        "records": len(project.truth),
        "annotations": len(project.acknowledged),
        "finalized": len(final),
        "label_accuracy": _share(sum(map(sum, wrong.values())), len(final), of_errors=True),
        "by_people": len(final) - len(automatic),
        "auto_accepted": len(automatic),
        "auto_accept_error": _share(sum(automatic), len(automatic)),
        "error_budget": ERROR_BUDGET,
        "training_runs": len(runs),
        "failed_runs": [run["failure_reason"] for run in runs if run["state"] == "failed" or run["failure"]],
        **await _models(project),
        "ends": dict(Counter(ending.state for endings in found.endings.values() for ending in endings)),
        "roles": dict(found.roles),
        "nothing_to_lease": dict(project.reasons),
        "lost": lost,
        "doubled": doubled,
    }


async def _models(project: Project) -> dict[str, Any]:
    """How many models became champion, and how well the last one answers on held-out records, as who names one class."""
    models = [model async for model in pages(project.client, "prelabel", f"{project.path}/models", project.manager)]
    promoted = [model for model in models if model["stage"] in {"champion", "retired"}]
    record_ids = sorted(project.held_out - project.gold)
    commonest, count = Counter(project.truth[record_id] for record_id in record_ids).most_common(1)[0]
    right = 0
    for start in range(0, len(record_ids) if promoted else 0, BATCH):
        part = record_ids[start : start + BATCH]
        body = {"items": [{"fields": {"text": project.texts[record_id]}} for record_id in part]}
        answer = await project.call("prelabel", "POST", f"{project.path}/predictions", body=body)
        right += sum(
            one["answers"][QUESTION]["label"] == project.truth[record_id]
            for record_id, one in zip(part, answer["predictions"], strict=True)
        )
    return {
        "promoted": len(promoted),
        "held_out": len(record_ids),
        "model_accuracy": _share(right, len(record_ids)),
        "majority_accuracy": _share(count, len(record_ids)),
        "commonest": commonest,
    }


def _share(part: int, whole: int, *, of_errors: bool = False) -> float:
    share = part / whole if whole else 0.0
    return round(1 - share if of_errors else share, 4)


def missed(reached: Mapping[str, Any]) -> list[str]:
    """The figures of a project that are not as they should be."""
    models_error, majoritys_error = 1 - reached["model_accuracy"], 1 - reached["majority_accuracy"]
    goals = {
        "training_runs": reached["training_runs"] > 0,
        "failed_runs": not reached["failed_runs"],
        "promoted": reached["promoted"] > 0,
        "label_accuracy": reached["label_accuracy"] >= LEAST_ACCURACY,
        "auto_accept_error": reached["auto_accept_error"] <= reached["error_budget"],
        "model_accuracy": models_error <= MOST_OF_MAJORITYS_ERROR * majoritys_error,
        "lost": reached["lost"] == 0,
        "doubled": reached["doubled"] == 0,
    }
    return [figure for figure, there in goals.items() if not there]


def trouble(logs: Path) -> list[str]:
    """What the services logged as warnings or worse, and what is no log line at all."""
    found: Counter[str] = Counter()
    for file in sorted(logs.glob("*.log")):
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:
                found[f"{file.stem}: {line[:200]}"] += 1
                continue
            if entry.get("level") in _TROUBLE:
                found[f"{file.stem}: {entry['level']} {entry.get('event')}"] += 1
    return [f"{what} ({times} times)" for what, times in found.most_common()]


async def run(name: SetName, suite: Suite, client: Client, given: Sequence[Message], seed: int) -> dict[str, Any]:
    started = time.monotonic()
    project = await create(client, suite, name, {message.label for message in given})
    workers = await register(project, people(name, given, seed))
    await send(project, given)
    await place_gold(project, seed)
    await label(project, workers)
    reached = await figures(project)
    return reached | {"missed": missed(reached), "seconds": round(time.monotonic() - started, 1)}


def chosen(name: SetName, count: int, seed: int) -> list[Message] | None:
    """So many messages of the set by chance, no two of the same text."""
    found = messages(name)
    if found is None:
        return None
    distinct = list({message.text.strip(): message for message in found}.values())
    random.Random(f"messages-{seed}").shuffle(distinct)
    return distinct[:count]


async def main(data_dir: Path, records: int, seed: int) -> dict[str, Any]:
    given = {name: chosen(name, records, seed) for name in SETS}
    there = {name: found for name, found in given.items() if found is not None}
    result: dict[str, Any] = {"left_out": [name for name in SETS if name not in there], "seed": seed}
    if there:
        async with Suite(SuiteSettings(data_dir=data_dir, first_port=0)) as suite, Client(suite.urls) as client:
            reached = await asyncio.gather(*(run(name, suite, client, found, seed) for name, found in there.items()))
        result |= dict(zip(there, reached, strict=True))
        result["trouble"] = trouble(data_dir / "logs")
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1500, help="of each set; the goals are those of 1,500")
    parser.add_argument("--seed", type=int, default=1, help="draws other messages, errors and gold")
    parser.add_argument("--data", type=Path, default=Path(".touchstone/real-text"), help="begun anew with every run")
    asked = parser.parse_args()
    shutil.rmtree(asked.data, ignore_errors=True)
    outcome = asyncio.run(main(asked.data, asked.records, asked.seed))
    print(json.dumps(outcome))
    failed = [name for name in SETS if outcome.get(name, {}).get("missed")]
    sys.exit(1 if failed or outcome.get("trouble") else 0)
