"""Setting the stage through the API: the project, its people, its records and the gold."""

import asyncio
import base64
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

from deploy.demo.client import Client
from deploy.demo.digits import LABELS, Digit, seen_in
from deploy.demo.people import Crowd, Person

GOLD_RECORDS = 60
QUESTION = "digit"
FIELD = "image"
_GOLD_AMONG = 130  # gold is chosen among the first records sent, before anybody is served
_AT_ONCE = 8

SCHEMA = {
    "fields": [{"name": FIELD, "kind": "image", "title": "A handwritten digit"}],
    "questions": [{"name": QUESTION, "kind": "choice", "title": "Which digit is it?", "labels": list(LABELS)}],
}
GUIDELINE = """# Which digit is it?

Choose the digit the writer meant. A 1 may have a foot and a 7 a bar; a 4 may be closed like a 9. Skip what is no digit.
"""
POLICIES: dict[str, Any] = {
    "split": {"train": 0.7, "validation": 0.15, "test": 0.15},
    "redundancy": {"without_model": 2, "with_model": 1, "held_out": 2, "maximum": 5, "posterior_target": 0.95},
    "learning": {
        "cold_start": 100,
        "batch_size": 80,
        "random_share": 0.1,
        "random_rate": 0.8,
        "promotion_held_out": 50,
    },
    # Two experts could not see some 400 agreements in the minutes of a demo, and its people err without regard to the model.
    "auto_accept": {"error_budget": 0.02, "confidence_level": 0.95, "audit_share": 0.05, "check_share": 0.0},
    "gold": {"entry_test": 5, "share": 0.08, "warned_share": 0.3, "exposures": 30},
    "serving": {"lease_ttl_s": 60, "leases_per_annotator": 4, "blind_share": 0.1},
}


@dataclass
class Stage:
    """What the demo knows of its project: ids given by the services, and the truth that only the demo knows."""

    project_id: UUID
    manager: str
    truth: dict[UUID, int] = field(default_factory=dict)
    digits: dict[UUID, Digit] = field(default_factory=dict)
    by_sight: dict[bytes, UUID] = field(default_factory=dict)
    """Which record shows these pixels: a lease doesn't name its record."""
    assets: dict[str, UUID] = field(default_factory=dict)
    """Which record an image belongs to, once somebody has looked: as if all shared one cache."""
    held_out: set[UUID] = field(default_factory=set)
    gold: set[UUID] = field(default_factory=set)
    annotator_ids: dict[str, UUID] = field(default_factory=dict)


async def create_project(client: Client, manager: str) -> Stage:
    made = await client.call("ingest", "POST", "/projects", manager, body={"name": "Handwritten digits"})
    project_id = UUID(made["project_id"])
    path = f"/projects/{project_id}"
    await client.call("ingest", "POST", f"{path}/schemas", manager, body=SCHEMA)
    await client.call("ingest", "POST", f"{path}/guidelines", manager, body={"markdown": GUIDELINE})
    await client.call("ingest", "PUT", f"{path}/policies", manager, body=POLICIES)
    return Stage(project_id=project_id, manager=manager)


async def register_people(client: Client, stage: Stage, crowd: Crowd) -> None:
    async def register(person: Person) -> None:
        body = {"subject": person.subject, "pool": "expert" if person.expert else "crowd"}
        made = await client.call("queue", "POST", "/annotators", stage.manager, body=body)
        stage.annotator_ids[person.subject] = UUID(made["annotator_id"])

    await _all([register(person) for person in crowd.everyone])


async def send_records(client: Client, stage: Stage, digits: Sequence[Digit], product: str) -> None:
    """Send records as one NDJSON stream and learn their ids and splits."""
    lines = [
        orjson.dumps({"external_id": digit.external_id, "fields": {FIELD: _data_url(digit.png)}}) for digit in digits
    ]
    path = f"/projects/{stage.project_id}/records"
    report = await client.call(
        "ingest", "POST", path, product, content=b"\n".join(lines), media_type="application/x-ndjson"
    )
    if report["accepted"] != len(digits):
        raise RuntimeError(f"ingest accepted {report['accepted']} of {len(digits)} records: {report['rejected'][:3]}")


async def learn_records(client: Client, stage: Stage, digits: Sequence[Digit]) -> None:
    """Ask ingest which id and split each record got."""
    by_external_id = {digit.external_id: digit for digit in digits}
    async for item in pages(client, "ingest", f"/projects/{stage.project_id}/records", stage.manager):
        digit = by_external_id.get(item["external_id"])
        if digit is not None:
            record_id = UUID(item["record_id"])
            stage.truth[record_id] = digit.value
            stage.digits[record_id] = digit
            stage.by_sight[seen_in(digit.png)] = record_id
            if item["split"] != "train" and record_id not in stage.gold:
                stage.held_out.add(record_id)


async def place_gold(client: Client, stage: Stage, seed: int) -> None:
    """60 of the records known so far become gold, as equally many of each digit as there are."""
    dice = random.Random(f"gold-{seed}")  # noqa: S311  a simulation, no secret
    candidates = sorted(stage.truth)
    dice.shuffle(candidates)
    turn: Counter[int] = Counter()
    places: dict[UUID, int] = {}
    for record_id in candidates:
        value = stage.truth[record_id]
        places[record_id] = turn[value]
        turn[value] += 1
    chosen = sorted(candidates, key=places.__getitem__)[:GOLD_RECORDS]
    stage.gold.update(chosen)
    stage.held_out -= stage.gold

    async def place(record_id: UUID) -> None:
        body = {"answers": {QUESTION: {"label": str(stage.truth[record_id])}}}
        path = f"/projects/{stage.project_id}/records/{record_id}/gold"
        await client.call("qa", "PUT", path, stage.manager, body=body)

    await _all([place(record_id) for record_id in chosen])


async def set_stage(
    client: Client, digits: Sequence[Digit], crowd: Crowd, manager: str, product: str, seed: int
) -> Stage:
    """Everything up to the moment when people start. Gold comes first, so that nobody is served it as ordinary work."""
    stage = await create_project(client, manager)
    await register_people(client, stage, crowd)
    first, rest = digits[:_GOLD_AMONG], digits[_GOLD_AMONG:]
    await send_records(client, stage, first, product)
    await learn_records(client, stage, first)
    await place_gold(client, stage, seed)
    await send_records(client, stage, rest, product)
    await learn_records(client, stage, digits)
    return stage


async def pages(client: Client, service: str, path: str, token: str, **params: Any) -> Any:
    """Every item of a list, page by page."""
    after: str | None = None
    while True:
        query = {"limit": 1000, **params, **({"after": after} if after else {})}
        page = await client.call(service, "GET", path, token, params=query)
        for item in page["items"]:
            yield item
        after = page.get("next")
        if after is None:
            return


def _data_url(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


async def _all(work: Sequence[Any]) -> None:
    """Await all, a few at a time."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(part: Any) -> None:
        async with gate:
            await part

    await asyncio.gather(*(one(part) for part in work))
