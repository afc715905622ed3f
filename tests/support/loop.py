"""One project's way round the loop, through the public API of a running suite."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from uuid import UUID

from deploy.demo.client import Client, Refused
from deploy.embedded.supervisor import Suite
from shared.contracts.values import Role

_SERVED_S = 20.0


@dataclass
class Loop:
    """A project, its people and how the right answer to a text is known."""

    client: Client
    suite: Suite
    manager: str
    product: str
    project_id: UUID
    question: str
    right: Callable[[str], str]
    tokens: dict[str, str] = field(default_factory=dict)

    async def call(self, service: str, method: str, path: str, token: str | None = None, **more: Any) -> Any:
        return await self.client.call(service, method, path, token or self.manager, **more)

    async def register(self, subject: str, pool: str = "crowd", *roles: Role) -> None:
        try:
            await self.call("queue", "POST", "/annotators", body={"subject": subject, "pool": pool})
        except Refused as refused:
            if refused.status != HTTPStatus.CONFLICT:  # known from another project
                raise
        self.tokens[subject] = self.suite.token(Role.ANNOTATOR, *roles, subject=subject)

    async def lease(self, subject: str) -> Mapping[str, Any] | None:
        path = f"/projects/{self.project_id}/leases"
        leases = (await self.call("queue", "POST", path, self.tokens[subject], body={"count": 1}))["leases"]
        return leases[0] if leases else None

    async def submit(self, subject: str, lease: Mapping[str, Any], label: str, **more: Any) -> Any:
        return await self.submit_answer(subject, lease, {"label": label}, **more)

    async def submit_answer(
        self, subject: str, lease: Mapping[str, Any], answer: Mapping[str, Any], **more: Any
    ) -> Any:
        body = {"answers": {self.question: answer}, "active_s": 1.0, **more}
        return await self.call("queue", "PUT", f"/leases/{lease['token']}/annotation", self.tokens[subject], body=body)

    async def label(self, record_id: str) -> Mapping[str, Any] | None:
        try:
            found: Mapping[str, Any] = await self.call("qa", "GET", f"/records/{record_id}/label")
        except Refused as refused:
            if refused.type != "no-label":
                raise
            return None
        return found

    async def champion(self) -> Mapping[str, Any] | None:
        page = await self.call("prelabel", "GET", f"/projects/{self.project_id}/models")
        return next((model for model in page["items"] if model["stage"] == "champion"), None)

    async def send(self, *given: str) -> list[str]:
        body = {"records": [{"external_id": text[:100], "fields": {"text": text}} for text in given]}
        report = await self.call("ingest", "POST", f"/projects/{self.project_id}/records", self.product, body=body)
        assert report["rejected_total"] == 0
        return [one["record_id"] for one in report["records"]]

    async def answer_everything(self, *subjects: str) -> None:
        """Everybody answers rightly what they are served, until nothing more is served to anybody."""
        served = True
        while served:
            served = False
            for subject in subjects:
                lease = await self.lease(subject)
                if lease is not None:
                    served = True
                    more = {"reason": "I read it twice."} if lease["kind"] == "arbitration" else {}
                    await self.submit(subject, lease, self.right(lease["record"]["fields"]["text"]), **more)

    async def served(self, record_id: str, subjects: tuple[str, ...], until_s: float = _SERVED_S) -> tuple[str, Any]:
        """Who is served the record, known by its text, and the lease; others' leases are answered rightly."""
        fields = (await self.call("ingest", "GET", f"/records/{record_id}"))["fields"]
        end = time.monotonic() + until_s
        while time.monotonic() < end:
            for subject in subjects:
                lease = await self.lease(subject)
                if lease is None:
                    continue
                if lease["record"]["fields"] == fields:
                    return subject, lease
                more = {"reason": "I read it twice."} if lease["kind"] == "arbitration" else {}
                await self.submit(subject, lease, self.right(lease["record"]["fields"]["text"]), **more)
        raise AssertionError(f"record {record_id} was served to nobody within {until_s} s")


CROWD = ("ann", "ben", "cid", "dot")


async def open_project(
    client: Client, suite: Suite, body: Mapping[str, Any], question: str, right: Callable[[str], str]
) -> Loop:
    """A project with its people; `eve` is the arbiter."""
    manager = suite.token(Role.MANAGER, Role.AUDITOR, subject="mia")
    project = await client.call("ingest", "POST", "/projects", manager, body=body)
    made = Loop(
        client, suite, manager, suite.token(Role.PRODUCT, subject="shop"), UUID(project["project_id"]), question, right
    )
    for subject in CROWD:
        await made.register(subject)
    await made.register("eve", "expert", Role.ARBITER)
    return made


async def returned_to(client: Client, suite: Suite, question: str, right: Callable[[str], str]) -> Loop:
    """The only project of a suite and its people, who were there before."""
    manager = suite.token(Role.MANAGER, Role.AUDITOR, subject="mia")
    [project] = (await client.call("ingest", "GET", "/projects", manager))["items"]
    tokens = {subject: suite.token(Role.ANNOTATOR, subject=subject) for subject in CROWD}
    tokens["eve"] = suite.token(Role.ANNOTATOR, Role.ARBITER, subject="eve")
    product = suite.token(Role.PRODUCT, subject="shop")
    return Loop(client, suite, manager, product, UUID(project["project_id"]), question, right, tokens)
