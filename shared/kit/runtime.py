"""What a service is made of, and what it holds while it runs."""

import asyncio
import importlib.util
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.requests import Request
from typing_extensions import TypeVar

from shared.contracts import services
from shared.contracts.values import Role
from shared.kit.auth import Principal
from shared.kit.budgets import ByteBudget
from shared.kit.compute.pool import ComputePool
from shared.kit.consuming import Subscription
from shared.kit.database import Database, Session
from shared.kit.endpoints import OPENED
from shared.kit.erasures import ErasureSpec
from shared.kit.jobs import Job
from shared.kit.loop_watch import LoopWatch
from shared.kit.objects import Objects
from shared.kit.one_look import OneLook
from shared.kit.outbox import Outgoing
from shared.kit.replica import Replica
from shared.kit.settings import Settings
from shared.kit.waits import Waits

_MEBIBYTE = 1024 * 1024
_PARSED_MB = 128
"""How much of what is made of large JSON bodies a process holds at a time: four of the costliest that are read here."""

R = TypeVar("R", default=Any)
"""What a service's `setup` makes; None for a service that needs nothing of its own."""

JobHandler = Callable[["Runtime[Any]", Job], Awaitable[dict[str, Any]]]
"""Does one kind of job; what it returns is the job's result. It may run again after a crash: see `shared.kit.jobs`."""

JobCancellation = Callable[[Session, Mapping[str, Any]], Awaitable[None]]
"""Ends what a job with these arguments only waits for, in the transaction in which it is cancelled."""


@dataclass(frozen=True, slots=True)
class Loop:
    """Work done again and again in the background: when it is woken (`Runtime.wake`), and within `interval_s` of activity.

    While nothing happens its pauses grow to half a minute. `run` returns in how many seconds something is due that no
    activity announces, such as the end of a lease; None where nothing is.

    A `leader` loop runs on one replica only, the one that holds its lease. When that replica hangs in the middle of a
    round, another one may begin its own: what must not happen twice needs row locks.
    """

    name: str
    interval_s: float
    run: Callable[["Runtime[Any]"], Awaitable[float | None]]
    leader: bool = True


def no_subscriptions(_: "Runtime") -> Sequence[Subscription[Any]]:
    return ()


@dataclass(frozen=True, kw_only=True)
class ServiceSpec(Generic[R]):
    """Everything that distinguishes one service from another.

    `setup` opens what the service holds while it runs, beside what every service holds, and closes it in the end; what
    it yields is `Runtime.resources`.
    """

    name: str
    title: str
    description: str
    settings: Settings
    routers: Sequence[APIRouter] = ()
    problems: Mapping[type[Exception], int] = field(default_factory=dict)
    subscriptions: Callable[["Runtime"], Sequence[Subscription[Any]]] = no_subscriptions
    loops: Sequence[Loop] = ()
    jobs: Mapping[str, JobHandler] = field(default_factory=dict)
    job_cancellations: Mapping[str, JobCancellation] = field(default_factory=dict)
    republish: Callable[[Session], AsyncIterator[Outgoing]] | None = None
    erasure: ErasureSpec | None = None  # None for a service that keeps nothing of records
    setup: Callable[["Runtime[R]"], AbstractAsyncContextManager[R]] | None = None
    checks: Mapping[str, Callable[["Runtime"], Awaitable[None]]] = field(
        default_factory=dict
    )  # what `/ready` asks, too
    compute_kept_ready: bool = False  # somebody waits for what worker processes compute
    holding_personal_data: str | None = None  # the statement that selects those of the projects $1 that hold any
    package: str | None = None  # where the migrations are, if not in `services.<name>`


def package_of(spec: ServiceSpec) -> str:
    """The service's package, where its migrations are."""
    return spec.package or services.package_of(spec.name)


class Runtime(Generic[R]):
    """What a running service holds: `resources` are its own, made by its `setup`, and there while the service runs.

    `stopping` is set when the process is asked to end: streams without an end end then. `note_activity` is called when a
    request opens a transaction, when events had their effect, and when a job ended: loops run seldom while nothing
    happens.
    """

    resources: R

    def __init__(self, spec: ServiceSpec[R]) -> None:
        self.spec = spec
        self.settings = spec.settings
        self.database = Database(spec.settings, self._wake_waiting)
        self.objects = Objects(spec.settings)
        self.compute = _compute_pool(spec)
        wait_s = spec.settings.in_hand_wait_s
        self.bodies = ByteBudget("bodies", spec.settings.bodies_in_hand_mb * _MEBIBYTE, wait_s)
        self.parsed_bodies = ByteBudget("parsed bodies", _PARSED_MB * _MEBIBYTE, wait_s)
        self.waits = Waits()
        self.loop_watch = LoopWatch(spec.name)
        self.stopping = asyncio.Event()
        self.replica = Replica(self.database)
        self.note_activity: Callable[[], None] = lambda: None
        self.readiness: OneLook[dict[str, bool]] = OneLook()
        self.checks: dict[str, Callable[[Runtime], Awaitable[None]]] = dict(spec.checks)

    async def check_content(self, principal: Principal, project_id: UUID, session: Session | None = None) -> None:
        """Raises the 403 problem when the project holds personal data and the token has no role for that.

        Without a session that is open already it takes a connection of its own.
        """
        if not principal.has(Role.PERSONAL_DATA) and await self.holding_personal_data({project_id}, session):
            principal.check_personal_data()

    async def holding_personal_data(self, project_ids: Collection[UUID], session: Session | None = None) -> set[UUID]:
        """Those of the projects whose content takes the role for personal data."""
        statement = self.spec.holding_personal_data
        if statement is None or not project_ids:
            return set()
        if session is None:
            async with self.database.autocommit() as own:
                return await self.holding_personal_data(project_ids, own)
        return {row["project_id"] for row in await session.raw.fetch(statement, list(project_ids))}

    def wake(self, loop_name: str) -> None:
        """Run that loop now instead of at its next time: here, or on the replica that leads it."""
        self.replica.wake(wake_name(loop_name))

    def _wake_waiting(self, name: str) -> None:
        self.replica.wake(name)


def wake_name(loop_name: str) -> str:
    """What a loop is called among all that a replica may lead or be woken for."""
    return f"loop:{loop_name}"


def _compute_pool(spec: ServiceSpec[Any]) -> ComputePool:
    """Its workers have imported `services.<name>.compute`, if there is one."""
    settings, package = spec.settings, f"{package_of(spec)}.compute"
    return ComputePool(
        workers=settings.compute_workers,
        timeout_s=settings.compute_timeout_s,
        memory_mb=settings.compute_memory_mb,
        idle_s=settings.compute_idle_s,
        shared_mb=settings.pictures_in_hand_mb,
        preload=[] if importlib.util.find_spec(package) is None else [package],
    )


def runtime_of(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


async def current_runtime(request: Request) -> Runtime:
    """For `Depends`, with the service's own type: `Annotated[Runtime[Resources], Depends(current_runtime)]`.

    Asynchronous, because FastAPI takes what isn't to a thread, for every request.
    """
    return runtime_of(request)


async def _session(request: Request) -> Session:
    # Not a generator: the route closes the stack, and FastAPI's own way costs twice what the transaction does.
    opened: AsyncExitStack = request.scope[OPENED]
    runtime = runtime_of(request)
    runtime.note_activity()
    return await opened.enter_async_context(runtime.database.transaction())


# The transaction is committed before the answer is sent, so a failing commit is an error, never a 201.
SessionDep = Annotated[Session, Depends(_session)]
RuntimeDep = Annotated[Runtime, Depends(current_runtime)]
