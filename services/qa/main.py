"""Wires qa."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI

from services.qa import api, consumers, loops
from services.qa.exceptions import (
    AnswersRefused,
    GoldContradicted,
    GoldTooLarge,
    NotGold,
    NotPaused,
    ProjectArchived,
    RecordErased,
    ReleaseNameTaken,
    UnknownLabel,
    UnknownQuestion,
    UnknownSchemaVersion,
)
from services.qa.operations import agreement_recount, bias, erased_places, release_job, releases, republication
from services.qa.operations.pending_verdicts import PendingJudge
from services.qa.operations.verdicts import VERDICT_PENDING
from services.qa.resources import EstimationLimits, QaResources, QaRuntime
from services.qa.settings import QaSettings
from services.qa.storage import projects as projects_storage
from shared.contracts.events import LabelsErased
from shared.kit.app import ServiceSpec, create_service_app
from shared.kit.clock import utc_now
from shared.kit.erasures import ErasureSpec
from shared.kit.jobs import Job
from shared.recognition.choice import RecogniserNotInstalled

DESCRIPTION = """
Measures what people and models answer, arbitrates, and finalizes labels with their whole lineage.

A record ends in exactly one state: `finalized`, `gold`, `unlabelable` or `erased`; until then it is `open`.
"""

PROBLEMS: dict[type[Exception], int] = {
    AnswersRefused: 422,
    GoldContradicted: 409,
    GoldTooLarge: 413,
    NotGold: 404,
    NotPaused: 409,
    ProjectArchived: 409,
    RecordErased: 410,
    ReleaseNameTaken: 409,
    UnknownLabel: 422,
    UnknownQuestion: 404,
    UnknownSchemaVersion: 404,
    RecogniserNotInstalled: 503,
}


def create_app(settings: QaSettings | None = None) -> FastAPI:
    settings = settings or QaSettings()

    @contextlib.asynccontextmanager
    async def setup(runtime: QaRuntime) -> AsyncIterator[QaResources]:
        changed = asyncio.Event()

        def wake() -> None:
            changed.set()
            runtime.wake(loops.JUDGE)

        pending = PendingJudge(runtime.database, runtime.compute, utc_now, changed)
        runtime.replica.on_wake(VERDICT_PENDING, wake)
        try:
            yield QaResources(
                EstimationLimits(settings.estimation_share, settings.estimation_annotations),
                settings.seal_keys,
                settings.download_ttl_s,
                pending,
            )
        finally:
            runtime.replica.off_wake(VERDICT_PENDING)

    async def build_release(runtime: QaRuntime, job: Job) -> dict[str, Any]:
        return await release_job.build(runtime.database, runtime.objects, runtime.resources.seal_keys, job)

    async def recount_agreement(runtime: QaRuntime, job: Job) -> dict[str, Any]:
        return await agreement_recount.recount(runtime.database, runtime.compute, job, utc_now())

    async def audit_bias(runtime: QaRuntime, job: Job) -> dict[str, Any]:
        return await bias.run(runtime.database, runtime.compute, job, utc_now())

    return create_service_app(
        ServiceSpec(
            name="qa",
            title="Touchstone qa",
            description=DESCRIPTION,
            settings=settings,
            routers=api.ROUTERS,
            problems=PROBLEMS,
            subscriptions=consumers.subscriptions,
            loops=loops.loops_of(
                estimation_interval_s=settings.estimation_interval_s, seal_interval_s=settings.seal_interval_s
            ),
            jobs={releases.BUILD: build_release, agreement_recount.RECOUNT: recount_agreement, bias.AUDIT: audit_bias},
            job_cancellations={releases.BUILD: releases.cancel},
            compute_kept_ready=True,
            republish=republication.current_state,
            holding_personal_data=projects_storage.HOLDING_PERSONAL_DATA,
            erasure=ErasureSpec(erased_places.places, LabelsErased),
            setup=setup,
        )
    )
