"""`/live`, `/ready` and `/metrics`: for whoever runs the service."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from starlette.responses import Response

from shared.kit.endpoints import edge_router
from shared.kit.problems import Problem, ProblemError, responses
from shared.kit.runtime import Runtime, RuntimeDep

log = structlog.get_logger()
router = edge_router("operations", prefix="")

_CHECK_TIMEOUT_S = 3.0

Check = Callable[[Runtime], Awaitable[None]]
"""Raises when the service can't do without what it looked at."""


class Health(BaseModel):
    status: Literal["ok"] = "ok"


@router.get("/live")
async def live() -> Health:
    """The process answers. Touches nothing else: a service whose database is away must not be killed for it."""
    return Health()


@router.get("/ready", responses=responses(503))
async def ready(runtime: RuntimeDep) -> Health:
    """Requests can be served: the database, its schema, the bus and whatever else the service needs are there."""
    names = list(runtime.checks)
    outcomes = await asyncio.gather(*(_try(name, runtime.checks[name], runtime) for name in names))
    broken = [name for name, fine in zip(names, outcomes, strict=True) if not fine]
    if broken:
        raise Problem(
            503,
            "not-ready",
            "The service can't serve requests now.",
            errors=[ProblemError(rule=name, detail=f"The check of {name} fails.") for name in broken],
            headers={"Retry-After": "2"},
        )
    return Health()


async def _try(name: str, check: Check, runtime: Runtime) -> bool:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT_S):
            await check(runtime)
    except Exception as error:
        log.warning("not_ready", check=name, exc_info=error)
        return False
    return True


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus's text format."}
    },
)
async def metrics() -> Response:
    """The service's metrics, for Prometheus."""
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
