"""The demo from an empty data directory to its figures."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import Any

from deploy.demo.audit import Audit, audit
from deploy.demo.client import Client
from deploy.demo.deployed import DeployedModel, accuracy, deploy_model, report_feedback
from deploy.demo.digits import load_digits
from deploy.demo.outcome import Observations, figures
from deploy.demo.people import Crowd, make_crowd
from deploy.demo.project import QUESTION, Stage, set_stage
from deploy.demo.show import Display
from deploy.demo.watch import Watch
from deploy.demo.work import SimulatedAnnotator, WorkLog
from deploy.embedded.supervisor import Suite
from shared.contracts.values import Role

PACE = 8.0
_DEADLINE_S = 900.0
_QUIET_S = 2.0


class DemoStuck(Exception):
    """The loop did not come to its end in time."""


@dataclass(frozen=True)
class Result:
    figures: dict[str, Any]
    extra: list[tuple[str, str]]


async def run(suite: Suite, display: Display, seed: int, pace: float = PACE) -> Result:
    digits = load_digits()
    random.Random(f"order-{seed}").shuffle(digits)  # noqa: S311  a simulation, no secret
    crowd = make_crowd(seed)
    manager = suite.token(Role.MANAGER, Role.AUDITOR, Role.TRAINER, subject="manager")
    product = suite.token(Role.PRODUCT, subject="product")
    log = WorkLog()
    started = time.monotonic()
    async with Client(suite.urls) as client:
        display.say("Sending 1,797 digits and placing 60 gold records")
        stage = await set_stage(client, digits, crowd, manager, product, seed)
        watch = Watch(client, stage)
        display.say("20 annotators and 2 experts start to work")
        async with _at_work(client, stage, crowd, suite, log, watch, display, pace) as wait_for:
            await wait_for("every record has ended")
            labelled = dict(watch.labels)
            deployed = await _models(client, stage, watch)
            display.say("Deploying the champion; the product reports what it got right and wrong")
            reports = await report_feedback(client, stage, deployed[-1], product, seed)
            await asyncio.sleep(_QUIET_S)
            await wait_for("every contradicted record was labelled again")
        seconds = time.monotonic() - started
        display.say("Comparing what people were told with what qa counted")
        await watch.catch_up()
        found = await audit(client, stage.project_id, QUESTION, stage.manager)
        accuracies = [accuracy(model, stage) for model in deployed]
        seen = _observe(stage, crowd, log, watch, found, accuracies, seconds)
        models = " → ".join(
            f"v{model.version} {reached:.3f}" for model, reached in zip(deployed, accuracies, strict=True)
        )
        extra = [("models promoted", models), *_extra(stage, watch, log, labelled, reports, crowd)]
        extra.append(
            ("annotations count as", ", ".join(f"{role} {count}" for role, count in found.roles.most_common()))
        )
        return Result(figures(seen), extra)


@contextlib.asynccontextmanager
async def _at_work(
    client: Client, stage: Stage, crowd: Crowd, suite: Suite, log: WorkLog, watch: Watch, display: Display, pace: float
) -> AsyncIterator[Any]:
    """Everybody works and the display follows, while the body runs; gives the body a way to wait for the end."""
    done = asyncio.Event()

    def worker(subject: str, *roles: Role) -> str:
        return suite.token(*roles, subject=subject, projects=[stage.project_id])

    workers = [
        SimulatedAnnotator(
            client, stage, person,
            worker(person.subject, *((Role.ANNOTATOR, Role.ARBITER) if person.expert else (Role.ANNOTATOR,))),
            log, pace,
        )
        for person in crowd.everyone
    ]  # fmt: skip
    work: list[Awaitable[None]] = [one.work(done) for one in workers]
    tasks = [asyncio.ensure_future(part) for part in (*work, watch.follow(done))]

    async def wait_for(what: str) -> None:
        until = time.monotonic() + _DEADLINE_S
        quiet_since: float | None = None
        while True:
            display.refresh(watch, log)
            for task in tasks:
                if task.done() and task.exception() is not None:
                    raise DemoStuck("A simulated person or the watch failed.") from task.exception()
            quiet_since = (quiet_since or time.monotonic()) if watch.all_ended else None
            if quiet_since is not None and time.monotonic() - quiet_since > _QUIET_S:
                return
            if time.monotonic() > until:
                raise DemoStuck(f"After {_DEADLINE_S:.0f} s not yet: {what}. {len(watch.ended)} records ended.")
            await asyncio.sleep(0.25)

    try:
        yield wait_for
    finally:
        done.set()
        finished = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in finished:
        if isinstance(outcome, BaseException):
            raise DemoStuck("A simulated person or the watch failed.") from outcome


async def _models(client: Client, stage: Stage, watch: Watch) -> list[DeployedModel]:
    """Every model that was ever champion, in order."""
    await watch.look_at_models()
    promoted = sorted(
        (model for model in watch.models if model["stage"] in {"champion", "retired"}),
        key=lambda model: model["version"],
    )
    if not promoted:
        raise DemoStuck("No model was ever promoted.")
    return [await deploy_model(client, stage, model) for model in promoted]


def _observe(
    stage: Stage, crowd: Crowd, log: WorkLog, watch: Watch, found: Audit, accuracies: list[float], seconds: float
) -> Observations:
    ids = stage.annotator_ids
    return Observations(
        truth=stage.truth,
        gold=stage.gold,
        acknowledged=log.acknowledged,
        counted=found.counted,
        endings=found.endings,
        disputes=len(watch.disputes),
        model_accuracy_first=accuracies[0],
        model_accuracy_last=accuracies[-1],
        paused=watch.paused.keys(),
        drifted=watch.drifted.keys(),
        spammer=ids[crowd.spammer.subject],
        drifter=ids[crowd.drifter.subject],
        seconds=seconds,
    )


def _extra(stage: Stage, watch: Watch, log: WorkLog, before: Any, reports: int, crowd: Crowd) -> list[tuple[str, str]]:
    """More than the figures: how it came about."""
    relabelled = watch.relabels
    fixed = [
        record_id
        for record_id, (label, _) in watch.labels.items()
        if record_id in before and before[record_id][0] != label
    ]
    better = sum(watch.labels[record_id][0] == str(stage.truth[record_id]) for record_id in fixed)
    by_subject = {annotator_id: subject for subject, annotator_id in stage.annotator_ids.items()}
    methods = Counter(method for _, method in watch.labels.values())
    return [
        ("labels by consensus, decision, machine", " / ".join(str(methods[m]) for m in ("consensus", "decision", "auto_accept"))),
        ("feedback reports", str(reports)),
        *((f"labelled again: {reason}", str(len(records))) for reason, records in sorted(relabelled.items())),
        ("labels that feedback changed (to the truth)", f"{len(fixed)} ({better})"),
        ("the guesser was", f"{crowd.spammer.subject}, {crowd.spammer.answered} answers"),
        ("the drifter was", f"{crowd.drifter.subject}, {crowd.drifter.answered} answers"),
        ("paused by qa", ", ".join(f"{by_subject[a]} ({why})" for a, why in watch.paused.items()) or "nobody"),
        ("drift reported by qa", ", ".join(by_subject[a] for a in watch.drifted) or "nobody"),
        ("skipped, too late", f"{log.skipped}, {log.too_late}"),
    ]  # fmt: skip
