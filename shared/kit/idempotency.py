"""`Idempotency-Key`: a request that is sent again gets the first answer again, and has no second effect.

The key's row is inserted first and its answer is written in the same transaction as the effect. So a second request
waits for the first one's commit, and a first one that fails leaves nothing behind.
"""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Header
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from shared.kit.auth import Principal
from shared.kit.database import Session
from shared.kit.problems import Problem

KEPT_HOURS = 48
"""How long an answer is kept."""

MAX_KEY_LENGTH = 255

IdempotentDep = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=MAX_KEY_LENGTH,
        pattern=r"^[\x21-\x7e]+$",
        description="Drawn by the client once per intent; a repeated request with it gets the first answer again.",
    ),
]

_CLAIM = """
INSERT INTO idempotency_keys (subject, key, request_hash) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING true
"""
_FIND = "SELECT request_hash, status, body FROM idempotency_keys WHERE subject = $1 AND key = $2"
_KEEP = "UPDATE idempotency_keys SET status = $3, body = $4 WHERE subject = $1 AND key = $2"
_FORGET = "DELETE FROM idempotency_keys WHERE created_at < now() - make_interval(hours => $1)"


async def replay_or_run(
    session: Session,
    request: Request,
    principal: Principal,
    run: Callable[[], Awaitable[BaseModel]],
    status: int,
    shown: Callable[[bytes], Awaitable[BaseModel]] | None = None,
) -> Response:
    """Run the operation, or answer again what it answered to the same request with the same key.

    Where the answer holds what no other table may keep, `run` returns a reference, which is kept as JSON, and `shown` makes
    the answer of it each time.

    Raises:
        Problem: 422, the key came before with another request.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        return _answer(await _shown((await run()).model_dump_json().encode(), shown), status)
    if not key.isascii() or not key.isprintable() or not 0 < len(key) <= MAX_KEY_LENGTH:
        raise Problem(422, "malformed-idempotency-key", "An Idempotency-Key has 1 to 255 printable ASCII characters.")
    fingerprint = await _fingerprint(request)
    if await session.raw.fetchval(_CLAIM, principal.actor, key, fingerprint):
        body = (await run()).model_dump_json().encode()
        await session.raw.execute(_KEEP, principal.actor, key, status, body)
        return _answer(await _shown(body, shown), status)
    first = await session.raw.fetchrow(_FIND, principal.actor, key)
    if first is None:  # swept away between the two statements
        raise Problem(
            503, "lost-a-race", "Another request came between; nothing was changed.", headers={"Retry-After": "1"}
        )
    if bytes(first["request_hash"]) != fingerprint:
        raise Problem(422, "idempotency-key-reused", "The Idempotency-Key came before with another request.")
    return _answer(await _shown(bytes(first["body"]), shown), first["status"], replayed=True)


async def _shown(kept: bytes, shown: Callable[[bytes], Awaitable[BaseModel]] | None) -> bytes:
    return kept if shown is None else (await shown(kept)).model_dump_json().encode()


async def _fingerprint(request: Request) -> bytes:
    digest = hashlib.sha256()
    for part in (request.method.encode(), request.url.path.encode(), request.url.query.encode(), await request.body()):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


def _answer(body: bytes, status: int, *, replayed: bool = False) -> Response:
    headers = {"Idempotency-Replayed": "true"} if replayed else None
    return Response(body, status_code=status, media_type="application/json", headers=headers)


async def forget_old(session: Session) -> None:
    """Delete answers that were kept long enough."""
    await session.raw.execute(_FORGET, KEPT_HOURS)
