"""People at work: lease, look, answer, and get the next task in the same call."""

import asyncio
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from deploy.demo.client import Client, Refused
from deploy.demo.digits import seen_in
from deploy.demo.outcome import Acknowledged
from deploy.demo.people import Person
from deploy.demo.project import FIELD, QUESTION, Stage

PREFETCH = 2
_FIRST_WAIT_S, _LONGEST_WAIT_S, _EXPERTS_LONGEST_WAIT_S, _WAIT_GROWS = 0.25, 1.5, 0.5, 1.5
_GONE = frozenset({404, 409, 410})


@dataclass
class WorkLog:
    """What the services acknowledged, and what they refused because it came too late."""

    acknowledged: list[Acknowledged] = field(default_factory=list)
    skipped: int = 0
    too_late: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    paused: set[str] = field(default_factory=set)


@dataclass
class SimulatedAnnotator:
    """One person with a browser tab. `pace` is how many times faster than life they are."""

    client: Client
    stage: Stage
    person: Person
    token: str
    log: WorkLog
    pace: float
    leases: deque[Mapping[str, Any]] = field(default_factory=deque)
    wait_s: float = _FIRST_WAIT_S

    async def work(self, done: asyncio.Event) -> None:
        while not done.is_set():
            if not self.leases and not await self._lease():
                continue
            lease = self.leases.popleft()
            seconds = self.person.seconds()
            await asyncio.sleep(seconds / self.pace)
            try:
                if self.person.skips():
                    await self._skip(lease)
                else:
                    await self._submit(lease, seconds)
            except Refused as error:
                if error.status not in _GONE:
                    raise
                self.log.too_late += 1
        await asyncio.gather(*(self._release(lease) for lease in self.leases))

    async def _lease(self) -> bool:
        path = f"/projects/{self.stage.project_id}/leases"
        answer = await self.client.call("queue", "POST", path, self.token, body={"count": PREFETCH})
        self.leases.extend(answer["leases"])
        if self.leases:
            self.wait_s = _FIRST_WAIT_S
            return True
        reason = answer["reason"]
        self.log.reasons[reason] += 1
        if reason == "paused":
            self.log.paused.add(self.person.subject)
        await asyncio.sleep(self.wait_s)  # `retry_after_s` is for people who live at their own pace
        longest_s = _EXPERTS_LONGEST_WAIT_S if self.person.expert else _LONGEST_WAIT_S
        self.wait_s = min(self.wait_s * _WAIT_GROWS, longest_s)
        return False

    async def _submit(self, lease: Mapping[str, Any], seconds: float) -> None:
        record_id = await self._look(lease)
        kind = lease["kind"]
        answer = self.person.answer(self.stage.truth[record_id])
        body: dict[str, Any] = {"answers": {QUESTION: {"label": str(answer)}}, "active_s": round(seconds, 2), "next": 1}
        if kind == "arbitration":
            body["reason"] = "I looked at the strokes again."
        given = await self.client.call("queue", "PUT", f"/leases/{lease['token']}/annotation", self.token, body=body)
        annotator_id = self.stage.annotator_ids[self.person.subject]
        self.log.acknowledged.append(Acknowledged(UUID(given["annotation_id"]), record_id, annotator_id, kind))
        self.leases.extend(given.get("next") or ())

    async def _look(self, lease: Mapping[str, Any]) -> UUID:
        image = lease["record"]["fields"][FIELD]
        if image["asset_id"] not in self.stage.assets:
            png = await self.client.fetch("ingest", image["url"])
            self.stage.assets[image["asset_id"]] = self.stage.by_sight[seen_in(png)]
        return self.stage.assets[image["asset_id"]]

    async def _skip(self, lease: Mapping[str, Any]) -> None:
        await self.client.call(
            "queue", "POST", f"/leases/{lease['token']}/skip", self.token, body={"reason": "I cannot tell."}
        )
        self.log.skipped += 1

    async def _release(self, lease: Mapping[str, Any]) -> None:
        try:
            await self.client.call("queue", "DELETE", f"/leases/{lease['token']}", self.token)
        except Refused as error:
            if error.status not in _GONE:
                raise
