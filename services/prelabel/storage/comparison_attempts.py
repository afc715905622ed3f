"""Attempts at comparing a challenger, or at testing a champion, that had no end yet.

Each is counted before it begins, whatever ends it. `models.move` and `models.keep_test` forget them.
"""

from typing import Final, NamedTuple
from uuid import UUID

from shared.contracts.values import ModelStage
from shared.kit.database import Session

_PAUSE_S: Final = 5.0

# An attempt that left no word was interrupted. The lock keeps the model as it is until the attempt is counted: whoever
# gives it another stage deletes its attempts, and none is counted after that.
_BEGIN: Final = """
INSERT INTO comparison_attempts AS a (model_id, attempts, retry_at)
SELECT model_id, 1, now() + make_interval(secs => $2 * 2.0) FROM models
WHERE model_id = $1 AND stage = $3 AND (stage = 'challenger' AND NOT compared OR stage = 'champion' AND test IS NULL)
FOR SHARE
ON CONFLICT (model_id) DO UPDATE SET attempts = a.attempts + 1,
    failure = coalesce(a.failure, 'The service was interrupted.'),
    retry_at = now() + make_interval(secs => $2 * power(2.0, a.attempts + 1))
RETURNING attempts, failure
"""
_FAIL: Final = """
UPDATE comparison_attempts SET failure = $2, retry_at = now() + make_interval(secs => $3 * power(2.0, attempts))
WHERE model_id = $1
"""
_POSTPONE: Final = """
UPDATE comparison_attempts SET attempts = attempts - 1, retry_at = now() + make_interval(secs => $2) WHERE model_id = $1
"""
_NEXT: Final = """
SELECT extract(epoch FROM min(retry_at) - now())::float8 FROM comparison_attempts WHERE retry_at > now()
"""


class ComparisonAttempt(NamedTuple):
    """`number` counts from 1; `failure` is why the one before failed, None for the first."""

    number: int
    failure: str | None


async def begin(session: Session, model_id: UUID, stage: ModelStage) -> ComparisonAttempt | None:
    """Count an attempt at a model of that stage; None when it has been compared, tested or replaced meanwhile.

    If it leaves no word, the next one is due after a pause that doubles with each.
    """
    row = await session.raw.fetchrow(_BEGIN, model_id, _PAUSE_S, stage)
    return None if row is None else ComparisonAttempt(*row)


async def fail(session: Session, model_id: UUID, failure: str) -> None:
    """Keep why the attempt failed; the pause begins now."""
    await session.raw.execute(_FAIL, model_id, failure, _PAUSE_S)


async def postpone(session: Session, model_id: UUID, pause_s: float) -> None:
    """What the attempt needed was out of reach, or changed under it: that is no failure, so it doesn't count."""
    await session.raw.execute(_POSTPONE, model_id, pause_s)


async def next_in_s(session: Session) -> float | None:
    """In how many seconds the next attempt is due that is due at a time."""
    seconds: float | None = await session.raw.fetchval(_NEXT)
    return seconds
