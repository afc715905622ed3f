"""Ring 2: one service on real PostgreSQL, with a list for a bus."""

import contextlib
import importlib
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from typing import Any, TypeVar, overload
from uuid import UUID

import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from shared.contracts.envelope import Event, Payload
from shared.contracts.topics import TOPIC_OF
from shared.kit.actors import Actors
from shared.kit.clock import new_id, utc_now
from shared.kit.consuming import Delivery, Handlers, consume, consume_batch
from shared.kit.database import Database
from shared.kit.jobs import JobWorker
from shared.kit.outbox import event_model
from shared.kit.parking import release_some
from shared.kit.runtime import Runtime
from shared.kit.settings import Settings, settings_class
from shared.kit.token_keys import mint_token
from tests.support.outbox import outbox_events
from tests.support.postgres import drop_database, migrated_database
from tests.support.tokens import ACTOR_SECRET, KEY, KEYS_FILE

P = TypeVar("P", bound=Payload)


class ServiceUnderTest:
    """A running service without a bus: events are delivered by hand, what it publishes is read from its outbox."""

    def __init__(self, app: FastAPI, client: httpx.AsyncClient) -> None:
        self.app = app
        self.client = client
        self.runtime: Runtime = app.state.runtime
        self.database: Database = self.runtime.database
        self.settings = self.runtime.settings
        self.handlers = Handlers(self.runtime.spec.name, self.runtime.spec.subscriptions(self.runtime))

    def token(self, *roles: str, subject: str = "tester", projects: Collection[UUID] | None = None) -> dict[str, str]:
        """Headers that carry a token."""
        return {"Authorization": f"Bearer {mint_token(KEY, subject, roles, projects)}"}

    def actor(self, subject: str) -> str:
        """The opaque id of who has tokens of this subject."""
        return Actors(self.settings).id_of(subject)

    async def deliver(
        self,
        given: Event[Any] | Payload,
        *,
        project_id: UUID | None = None,
        record_id: UUID | None = None,
        revision: int = 1,
        key: UUID | None = None,
        event_id: UUID | None = None,
    ) -> UUID:
        """Give the service one event, through its inbox and handlers, as its consumer would. Answers the event's id."""
        event = given if isinstance(given, Event) else envelope(given, project_id, record_id, revision, event_id)
        topic = TOPIC_OF[type(event.payload)]
        key = key or getattr(event, topic.key, None) or getattr(event.payload, topic.key)
        raw = event.model_dump_json().encode()
        await consume(self.database, self.handlers, Delivery(topic.name, key.bytes, raw, event))
        await self._release()
        return event.id

    async def deliver_many(self, events: Sequence[Event[Any]]) -> None:
        """Give the service a batch of events, as its consumer would; none of them may fail."""
        batch = []
        for event in events:
            topic = TOPIC_OF[type(event.payload)]
            key = getattr(event, topic.key, None) or getattr(event.payload, topic.key)
            batch.append(Delivery(topic.name, key.bytes, event.model_dump_json().encode(), event))
        aside = await consume_batch(self.database, self.handlers, batch)
        for failed in aside:
            raise failed.error or AssertionError("an event was set aside without a reason")
        await self._release()

    async def _release(self) -> None:
        while await release_some(self.database, self.handlers):
            pass

    @overload
    async def published(self, payload: type[P], project_id: UUID | None = None) -> list[Event[P]]: ...
    @overload
    async def published(self, payload: None = None, project_id: UUID | None = None) -> list[Event[Any]]: ...
    async def published(self, payload: type[P] | None = None, project_id: UUID | None = None) -> list[Any]:
        """What the service has published so far, of one type or all, of one project or all, in order.

        Name the project where many tests share the service: what all of them published takes long to read.
        """
        wanted = None if payload is None else payload.event_type()
        topic = None if payload is None else TOPIC_OF[payload].name
        async with self.database.transaction() as session:
            events = await outbox_events(session.raw, topic, project_id)
        by_name = {each.event_type(): each for each in TOPIC_OF}
        return [
            event_model(by_name[event.type]).model_validate_json(event.envelope)
            for event in events
            if wanted in {None, event.type}
        ]

    async def run_loop(self, name: str) -> None:
        """One round of a background loop."""
        loop = next(each for each in self.runtime.spec.loops if each.name == name)
        await loop.run(self.runtime)

    async def run_jobs(self) -> int:
        """Do the jobs that wait, until none is left; answers how many."""
        worker = JobWorker(self.runtime)
        done = 0
        while await worker.run_one():
            done += 1
        return done


def envelope(
    payload: P,
    project_id: UUID | None = None,
    record_id: UUID | None = None,
    revision: int = 1,
    event_id: UUID | None = None,
) -> Event[P]:
    return event_model(type(payload))(
        id=event_id or new_id(),
        type=payload.event_type(),
        version=payload.event_version,
        occurred_at=utc_now(),
        project_id=project_id,
        record_id=record_id,
        revision=revision,
        payload=payload,
    )


def settings_for(cls: type[Settings], database_url: str, **overrides: Any) -> Settings:
    """Settings of a test: nothing from the environment is needed."""
    values: dict[str, Any] = {
        "environment": "embedded",
        "database_url": SecretStr(database_url),
        "bus_url": SecretStr(database_url),
        "objects_url": "memory://",
        "objects_secret": SecretStr(secrets.token_hex(32)),
        "token_keys_file": KEYS_FILE,
        "actor_secret": SecretStr(ACTOR_SECRET),
        "database_pool_size": 10,
        "log_level": "error",
        "requests_per_s_of_address": 0,
        "requests_per_s_of_subject": 0,
    }
    return cls(**(values | dict(cls.placeholders) | overrides))


@contextlib.asynccontextmanager
async def service_under_test(
    service: str, *, background: bool = False, database_url: str | None = None, **overrides: Any
) -> AsyncIterator[ServiceUnderTest]:
    """Start `services.<service>` on a fresh database; `overrides` are settings. No loops or consumers run by themselves."""
    package = service if "." in service else f"services.{service}"
    create_app: Callable[[Settings], FastAPI] = importlib.import_module(f"{package}.main").create_app
    url = database_url or migrated_database(service)
    try:
        app = create_app(settings_for(settings_class(package), url, **overrides))
        async with running(app, background=background) as under_test:
            yield under_test
    finally:
        if database_url is None:
            drop_database(url)


@contextlib.asynccontextmanager
async def running(app: FastAPI, *, background: bool = False) -> AsyncIterator[ServiceUnderTest]:
    """Enter an application's lifespan."""
    app.state.background = background
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service") as client,
    ):
        yield ServiceUnderTest(app, client)
