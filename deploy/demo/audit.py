"""What qa counted, asked for through its API: every record's end, and in which role every annotation counts."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from uuid import UUID

from deploy.demo.client import Client
from deploy.demo.outcome import Ending
from deploy.demo.project import pages

_SUPERSEDED = "superseded"  # by a correction of the same annotation, which counts in its place


@dataclass
class Audit:
    """`counted`: how often each annotation counts; `roles`: as what (a vote, a gold answer, a decision, …)."""

    endings: dict[UUID, list[Ending]] = field(default_factory=lambda: defaultdict(list))
    counted: Counter[UUID] = field(default_factory=Counter)
    roles: Counter[str] = field(default_factory=Counter)


async def audit(client: Client, project_id: UUID, question: str, token: str) -> Audit:
    found = Audit()
    path = f"/projects/{project_id}"
    labels: dict[UUID, tuple[str, str]] = {}
    async for label in pages(client, "qa", f"{path}/labels", token):
        labels[UUID(label["record_id"])] = (label["answers"][question]["label"], label["method"])
    async for record in pages(client, "qa", f"{path}/records", token):
        record_id = UUID(record["record_id"])
        found.endings[record_id].append(Ending(record["state"], *labels.get(record_id, (None, None))))
    async for annotation in pages(client, "qa", f"{path}/annotations", token):
        if annotation["role"] != _SUPERSEDED:
            found.counted[UUID(annotation["annotation_id"])] += 1
            found.roles[annotation["role"]] += 1
    return found
