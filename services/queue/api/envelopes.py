"""A lease as its holder sees it. Nothing in it, and nothing missing from it, distinguishes gold or an audit from any other.

So a record's id is not in it: it would show when the record came in. `task_id` names what is worked on.

What PostgreSQL keeps as JSON goes out as it is, without being parsed.
"""

import asyncio
from dataclasses import replace
from typing import Any

import orjson
from starlette.responses import Response

from services.queue.domain.leases import why
from services.queue.domain.project import Project
from services.queue.operations.leasing import Granted
from services.queue.resources import QueueRuntime
from services.queue.storage.claims import Leased
from shared.contracts.answers import OffsetUnit, from_code_points
from shared.contracts.fields import parse_fields
from shared.contracts.values import Answers

_MEDIA = '"asset_id"'


async def leases_json(runtime: QueueRuntime, granted: Granted, unit: OffsetUnit) -> dict[str, Any]:
    """The leases, with offsets in `unit` in the answers that they show."""
    if granted.nothing is not None:
        none = granted.nothing
        return {"leases": [], "reason": none.reason, "retry_after_s": none.retry_after_s, "next_step": none.next_step}
    leases = granted.leases
    if unit is not OffsetUnit.CODE_POINTS:
        leases = [await asyncio.to_thread(_converted, granted.project, leased, unit) for leased in leases]
    return {"leases": [await _lease_json(runtime, granted.project, leased) for leased in leases]}


async def _lease_json(runtime: QueueRuntime, project: Project, leased: Leased) -> dict[str, Any]:
    envelope = {
        "token": str(leased.token),
        "until": leased.until,
        "task_id": str(leased.task_id),
        "kind": leased.kind,
        "why": why(leased.kind, prediction_shown=leased.prediction is not None),
        "record": {"fields": await _fields(runtime, leased.fields)},
        "questions": orjson.Fragment(project.questions[leased.schema_version]),
        "schema_version": leased.schema_version,
        "guideline_version": leased.guideline_version,
    }
    if leased.prediction is not None:
        envelope["prediction"] = orjson.Fragment(leased.prediction)
    if leased.disputed is not None:
        envelope["disputed"] = orjson.Fragment(leased.disputed)
    return envelope


def _converted(project: Project, leased: Leased, unit: OffsetUnit) -> Leased:
    """The lease with offsets in `unit`. CPU work: reads the texts."""
    if leased.prediction is None and leased.disputed is None:
        return leased
    schema, content = project.schemas[leased.schema_version], parse_fields(orjson.loads(leased.fields))

    def convert(answers: Answers) -> Answers:
        return from_code_points(schema, content, answers, unit)

    prediction, disputed = leased.prediction, leased.disputed
    if prediction is not None:
        prediction = orjson.dumps(convert(orjson.loads(prediction))).decode()
    if disputed is not None:
        disputed = orjson.dumps([convert(answers) for answers in orjson.loads(disputed)]).decode()
    return replace(leased, prediction=prediction, disputed=disputed)


async def _fields(runtime: QueueRuntime, fields: str) -> Any:
    if _MEDIA not in fields:
        return orjson.Fragment(fields)
    resources = runtime.resources
    parsed: dict[str, Any] = orjson.loads(fields)
    for value in parsed.values():
        if isinstance(value, dict):
            value["url"] = await runtime.objects.signed_url(
                f"assets/{value['asset_id']}",
                resources.asset_url_ttl_s,
                media_type=value["media_type"],
                base_url=resources.asset_base_url,
            )
    return parsed


def answer(content: Any, status: int = 200) -> Response:
    """JSON, made in one step."""
    return Response(orjson.dumps(content, option=orjson.OPT_UTC_Z), status_code=status, media_type="application/json")
