"""`/live`, `/ready` and `/metrics`: for whoever runs the service."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field
from starlette.responses import Response

from shared.kit.endpoints import edge_router
from shared.kit.problems import Problem, ProblemError, responses
from shared.kit.runtime import Runtime, RuntimeDep

log = structlog.get_logger()
router = edge_router("operations", prefix="")
metrics_router = edge_router("operations", prefix="")
"""Left out of the main port where metrics have a port of their own."""

_CHECK_TIMEOUT_S = 3.0

Check = Callable[[Runtime], Awaitable[None]]
"""Raises when what it looked at isn't there."""


ESSENTIAL = frozenset({"database", "schema"})
"""The checks without which no request can be served."""


class Health(BaseModel):
    status: Literal["ok"] = "ok"


class Readiness(Health):
    degraded: bool = Field(description="Some check fails; requests are served all the same.")
    checks: dict[str, Literal["ok", "failing"]] = Field(description="What was looked at, by name.")


@router.get("/live")
async def live() -> Health:
    """The process answers. Touches nothing else: a service whose database is away must not be killed for it."""
    return Health()


@router.get("/ready", responses=responses(503))
async def ready(runtime: RuntimeDep) -> Readiness:
    """Requests can be served: the database and its schema are there. What else fails makes the service `degraded`.

    While the bus is away requests are served and their events wait in the outbox; others' events come when it is back.
    """
    # Nobody needs a token to ask, and each look takes connections.
    fine = await runtime.readiness.take(lambda: _look(runtime))
    broken = [name for name in fine if name in ESSENTIAL and not fine[name]]
    if broken:
        raise Problem(
            503,
            "not-ready",
            "The service can't serve requests now.",
            errors=[ProblemError(rule=name, detail=f"The check of {name} fails.") for name in broken],
            headers={"Retry-After": "2"},
        )
    checks: dict[str, Literal["ok", "failing"]] = {name: "ok" if good else "failing" for name, good in fine.items()}
    return Readiness(degraded=not all(fine.values()), checks=checks)


async def _look(runtime: Runtime) -> dict[str, bool]:
    """Whether each check is fine, by name."""
    names = sorted(runtime.checks)
    outcomes = await asyncio.gather(*(_try(name, runtime.checks[name], runtime) for name in names))
    return dict(zip(names, outcomes, strict=True))


async def _try(name: str, check: Check, runtime: Runtime) -> bool:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT_S):
            await check(runtime)
    except Exception as error:
        log.warning("not_ready", check=name, exc_info=error)
        return False
    return True


@metrics_router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus's text format."}
    },
)
async def metrics() -> Response:
    """The service's metrics, for Prometheus."""
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
