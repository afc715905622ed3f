"""A lease as its holder sees it. Nothing in it, and nothing missing from it, distinguishes gold or an audit from any other.

So a record's id is not in it: it would show when the record came in. `task_id` names what is worked on.

What PostgreSQL keeps as JSON goes out as it is, without being parsed.
"""

from typing import Any
from urllib.parse import urljoin

import orjson
from starlette.responses import Response

from services.queue.domain.leases import why
from services.queue.domain.project import Project
from services.queue.operations.leasing import Granted
from services.queue.resources import QueueRuntime
from services.queue.storage.claims import Leased

_MEDIA = '"asset_id"'


async def leases_json(runtime: QueueRuntime, granted: Granted) -> dict[str, Any]:
    if granted.nothing is not None:
        return {"leases": [], "reason": granted.nothing.reason, "retry_after_s": granted.nothing.retry_after_s}
    return {"leases": [await _lease_json(runtime, granted.project, leased) for leased in granted.leases]}


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


async def _fields(runtime: QueueRuntime, fields: str) -> Any:
    if _MEDIA not in fields:
        return orjson.Fragment(fields)
    resources = runtime.resources
    parsed: dict[str, Any] = orjson.loads(fields)
    for value in parsed.values():
        if isinstance(value, dict):
            url = await runtime.objects.signed_url(
                f"assets/{value['asset_id']}", resources.asset_url_ttl_s, media_type=value["media_type"]
            )
            value["url"] = _absolute(resources.asset_base_url, url)
    return parsed


def _absolute(base: str, url: str) -> str:
    """A store that signs itself gives whole URLs; ours are relative to ingest."""
    if not base or "://" in url:
        return url
    return urljoin(base.rstrip("/") + "/", url.lstrip("/"))


def answer(content: Any, status: int = 200) -> Response:
    """JSON, made in one step."""
    return Response(orjson.dumps(content, option=orjson.OPT_UTC_Z), status_code=status, media_type="application/json")
