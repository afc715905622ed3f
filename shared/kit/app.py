"""From a `ServiceSpec` to an ASGI application that behaves like all the others."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match

from shared import __version__
from shared.kit import (
    backlog,
    documentation,
    erasures,
    event_routes,
    health,
    idempotency,
    job_routes,
    jobs,
    migrations,
    object_routes,
    openapi,
    telemetry,
)
from shared.kit.auth import Authenticator
from shared.kit.bus import Bus, connect_bus
from shared.kit.consuming import Handlers, attach
from shared.kit.content_coding import ContentCoding
from shared.kit.database import DatabaseErrorKind, database_error_kind
from shared.kit.edge import Edge, request_id_of
from shared.kit.endpoints import EdgeRoute
from shared.kit.jobs import JobWorker
from shared.kit.loops import LoopRunner, pause_s
from shared.kit.problem_mapping import problem_of
from shared.kit.rate_limits import RateLimit
from shared.kit.relay import Relay
from shared.kit.runner import Runner
from shared.kit.runtime import (
    JobHandler,
    Loop,
    Runtime,
    RuntimeDep,
    ServiceSpec,
    SessionDep,
    package_of,
    runtime_of,
)
from shared.kit.tracebacks import forget_origin

__all__ = [
    "JobHandler",
    "Loop",
    "Runtime",
    "RuntimeDep",
    "ServiceSpec",
    "SessionDep",
    "create_service_app",
    "runtime_of",
]

log = structlog.get_logger()

_PATIENCE_S = 60.0
_LEAVE_S = 10.0
_METHOD_NOT_ALLOWED = 405


def create_service_app(spec: ServiceSpec) -> FastAPI:
    """Wire a service. Nothing is opened before the application's lifespan begins."""
    settings, runtime = spec.settings, Runtime(spec)
    app = FastAPI(
        title=spec.title,
        description=spec.description,
        version=__version__,
        lifespan=_lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        routes=_routes(spec),
        middleware=_middleware(spec, runtime),
    )
    app.root_path = (
        settings.root_path
    )  # as an argument it is deprecated: servers set it, but ours learns it from settings
    app.state.runtime = runtime
    app.state.authenticator = Authenticator(settings)
    app.state.subject_rate = (
        RateLimit("subject", settings.requests_per_s_of_subject) if settings.requests_per_s_of_subject else None
    )
    app.state.background = True
    runtime.checks.update(database=_database_answers, schema=_schema_check)
    answer = _answer_with(spec.problems)
    app.add_exception_handler(HTTPException, answer)
    app.add_exception_handler(RequestValidationError, answer)
    openapi.install(app)
    documentation.install(app)
    return app


def _routes(spec: ServiceSpec) -> list[BaseRoute]:
    """The endpoints in the order in which they are tried: the service's own are the ones that must be fast.

    They are complete in themselves, so the application takes them as they are: a router that is included is matched twice
    for every request.
    """
    routers = [*spec.routers, event_routes.router, job_routes.router, object_routes.router, health.router]
    if spec.settings.metrics_port is None:
        routers.append(health.metrics_router)
    routes = [route for router in routers for route in router.routes]
    if nested := [route for route in routes if not isinstance(route, EdgeRoute)]:
        raise TypeError(f"{nested[0]}: a service's routers hold endpoints alone; make them with `edge_router`")
    return routes


def _middleware(spec: ServiceSpec, runtime: Runtime) -> list[Middleware]:
    """From the outermost in."""
    stack = [
        Middleware(
            Edge,
            service=spec.name,
            max_body_bytes=spec.settings.max_body_bytes,
            body_timeout_s=spec.settings.body_timeout_s,
            bodies=runtime.bodies,
            parsed=runtime.parsed_bodies,
            problems=spec.problems,
            watch=runtime.loop_watch,
            address_rate=spec.settings.requests_per_s_of_address,
            trusted_proxies=[str(each) for each in spec.settings.trusted_proxies],
        ),
        Middleware(ContentCoding),
    ]
    if spec.settings.cors_origins:
        cors = Middleware(
            CORSMiddleware,
            allow_origins=spec.settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=[
                "Authorization",
                "Content-Type",
                "Idempotency-Key",
                "If-Match",
                "If-None-Match",
                "traceparent",
            ],
            expose_headers=["ETag", "Location", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID"],
            max_age=600,
        )
        stack.insert(0, cors)
    return stack


def _answer_with(problems: Mapping[type[Exception], int]) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, error: Exception) -> Response:
        problem = problem_of(error, problems)
        forget_origin(error)
        if problem.status == _METHOD_NOT_ALLOWED:
            problem.headers = {**(problem.headers or {}), "Allow": ", ".join(allowed_methods(request))}
        return problem.response(request_id_of(request.scope))

    return answer


def allowed_methods(request: Request) -> list[str]:
    """Every method that some route takes at this path, and HEAD wherever there is GET."""
    methods: set[str] = set()
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            methods |= getattr(route, "methods", None) or set()
    if "GET" in methods:
        methods.add("HEAD")
    return sorted(methods)


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    runtime: Runtime = app.state.runtime
    spec = runtime.spec
    telemetry.configure(spec.settings, spec.name)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(runtime.loop_watch.close)
        stack.push_async_callback(app.state.authenticator.close)
        stack.push_async_callback(runtime.database.close)
        stack.push_async_callback(runtime.compute.close)
        await _schema_is_current(runtime)
        if spec.setup is not None:
            runtime.resources = await stack.enter_async_context(spec.setup(runtime))
        handlers = Handlers(spec.name, spec.subscriptions(runtime))
        attach(runtime.database, handlers)
        if app.state.background:
            await _start_background(runtime, handlers, stack)
        log.info("started", version=app.version)
        yield
        log.info("stopping")


async def _schema_is_current(runtime: Runtime) -> None:
    """Wait a while for the database, then refuse to start on another schema than this version's."""
    until = asyncio.get_running_loop().time() + _PATIENCE_S
    attempt = 0
    while True:
        try:
            await migrations.check(runtime.database, package_of(runtime.spec))
        except Exception as error:
            if database_error_kind(error) is not DatabaseErrorKind.AWAY or asyncio.get_running_loop().time() > until:
                raise
            attempt += 1
            log.warning("database_away_at_start", exc_info=error)
            await asyncio.sleep(pause_s(attempt))
        else:
            return


async def _database_answers(runtime: Runtime) -> None:
    async with runtime.database.transaction() as session:
        await session.raw.fetchval("SELECT 1")


async def _schema_check(runtime: Runtime) -> None:
    await migrations.check(runtime.database, package_of(runtime.spec))


async def _start_background(runtime: Runtime, handlers: Handlers, stack: contextlib.AsyncExitStack) -> None:
    """Start the relay, the consumer, the loops and the job workers; they are stopped in the opposite order."""
    settings, name = runtime.settings, runtime.spec.name
    bus = connect_bus(
        settings.bus_url.get_secret_value(), prefix=settings.topic_prefix, session_s=settings.bus_session_s
    )
    stack.push_async_callback(bus.close)
    runtime.checks["bus"] = lambda _: bus.check()
    runtime.replica.start()
    stack.push_async_callback(runtime.replica.close)
    relay = Relay(
        runtime.database,
        bus,
        name,
        replica=runtime.replica,
        retention_days=settings.event_retention_days,
        working=runtime.loop_watch,
    )
    _run_until_closed(relay.run(), "relay", stack)
    _run_until_closed(backlog.keep_measuring(runtime.database, name, runtime.spec.erasure), "backlog", stack)
    if handlers.topics:
        runner = Runner(
            runtime.database,
            bus,
            handlers,
            lanes=settings.consumer_lanes,
            retention_days=settings.event_retention_days,
            handled=runtime.note_activity,
            working=runtime.loop_watch,
        )
        consuming = asyncio.create_task(runner.run(), name="consumer")
        stack.push_async_callback(_stop_consuming, runner, consuming)
    if runtime.spec.compute_kept_ready:
        _run_until_closed(runtime.compute.keep_ready(), "compute", stack)
    loops = LoopRunner(runtime, (*runtime.spec.loops, *_erasing(runtime, bus), HOUSEKEEPING))
    loops.start()
    stack.push_async_callback(loops.close)
    if runtime.spec.jobs:
        worker = JobWorker(runtime)
        worker.start()
        stack.push_async_callback(worker.close)


def _run_until_closed(work: Coroutine[Any, Any, None], name: str, stack: contextlib.AsyncExitStack) -> None:
    task = asyncio.create_task(work, name=name)

    async def close() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(close)


async def _stop_consuming(runner: Runner, consuming: "asyncio.Task[None]") -> None:
    """Let it finish what it has in hand and leave the group, but not for ever."""
    await runner.stop()
    await asyncio.wait({consuming}, timeout=_LEAVE_S)
    consuming.cancel()
    await asyncio.gather(consuming, return_exceptions=True)


async def _forget_what_is_old(runtime: Runtime) -> None:
    async with runtime.database.transaction() as session:
        await idempotency.forget_old(session)
        await jobs.forget_old(session)


def _erasing(runtime: Runtime, bus: Bus) -> list[Loop]:
    if runtime.spec.erasure is None:
        return []
    return [Loop(erasures.ERASURES, 2.0, lambda running: erasures.work(running, bus))]


HOUSEKEEPING = Loop("housekeeping", 600.0, _forget_what_is_old)
