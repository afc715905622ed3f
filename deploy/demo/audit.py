"""What qa counted, asked for through its API: every record's end, and every annotation that is part of it."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from uuid import UUID

from deploy.demo.client import Client
from deploy.demo.outcome import Ending
from deploy.demo.project import QUESTION, Stage, pages


@dataclass
class Audit:
    endings: dict[UUID, list[Ending]] = field(default_factory=lambda: defaultdict(list))
    counted: Counter[UUID] = field(default_factory=Counter)


async def audit(client: Client, stage: Stage) -> Audit:
    found = Audit()
    async for record in pages(client, "qa", f"/projects/{stage.project_id}/records", stage.manager):
        label = record.get("label")
        answer = label["answers"][QUESTION]["label"] if label else None
        ending = Ending(record["state"], answer, label["method"] if label else None)
        found.endings[UUID(record["record_id"])].append(ending)
        found.counted.update(UUID(annotation_id) for annotation_id in record["annotations"])
    return found
