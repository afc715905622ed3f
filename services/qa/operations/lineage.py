"""How a label came to be, put together from the facts that were kept: of each kind the newest, and how many there are."""

from typing import Any

from services.qa.domain.record import Record
from services.qa.operations import chain as chains
from services.qa.storage import (
    annotations,
    chain,
    feedback,
    gold,
    label_doubts,
    labels,
    predictions,
    projects,
    records,
    routes,
)
from services.qa.storage import lineage as stored
from shared.contracts.draws import draw
from shared.kit.database import Session
from shared.kit.signatures import KeyRing

_NEWEST_PREDICTIONS = 20
_NEWEST = 100
"""So many of each list are shown: products report, and gold measures, as often as they like."""


async def of_record(session: Session, keys: KeyRing, record: Record, *, with_exposures: bool) -> dict[str, Any]:
    """What was erased is null. The gold answer is in it, for auditors and managers; its exposures are for managers alone.

    The chain is whole, and verified against all that is kept.
    """
    record_id = record.record_id
    decided = await routes.of_record(session, record_id, _NEWEST)
    given = await annotations.for_lineage(session, record_id, _NEWEST)
    shown = {one["prediction_shown"] for one in given if one["prediction_shown"]}
    used = {route.prediction_id for _, route in decided if route.prediction_id}
    links = await chain.of_record(session, record_id)
    verification = await chains.verify(session, keys, record, links)
    return {
        "record": await records.entry_of(session, record_id),
        "state": {
            "state": record.state,
            "reason": record.state_reason,
            "since": record.state_at,
            "round": record.round,
            "label_revision": record.label_revision,
            "under_review": record.under_review,
            "review_reason": record.review_reason,
            "ever_gold": record.ever_gold,
        },
        "draws": await _draws(session, record),
        "routes": [{**when, **route.model_dump(mode="json")} for when, route in decided],
        "predictions": [
            {**one, "shown": one["prediction_id"] in shown, "routed_by": one["prediction_id"] in used}
            for one in await predictions.for_lineage(session, record_id, list(shown | used), _NEWEST_PREDICTIONS)
        ],
        "annotations": given,
        "skips": await annotations.skips_of(session, record_id, _NEWEST),
        "gold": [
            {name: value for name, value in one.items() if with_exposures or name != "exposures"}
            for one in (await gold.revisions(session, record_id))[-_NEWEST:]
        ],
        "labels": (await labels.revisions(session, record_id))[-_NEWEST:],
        "disputes": await labels.disputes_of(session, record_id, _NEWEST),
        "decisions": (await labels.decisions_of(session, record_id))[-_NEWEST:],
        "feedback": await feedback.of_record(session, record_id, _NEWEST),
        "label_doubts": await label_doubts.of_record(session, record_id),
        "counts": await stored.counts(session, record_id),
        "chain": {
            "links": [
                {
                    "position": one.position,
                    "kind": one.kind,
                    "reference": one.reference,
                    "metadata": one.text_to_hash,
                    "content_hmac": one.content_hmac.hex(),
                    "hash": one.hash.hex(),
                    "linked_at": one.linked_at,
                    "seal_number": one.seal_number,
                    "leaf": one.leaf,
                }
                for one in links
            ],
            "verified": verification.broken_at is None,
            "broken_at": verification.broken_at,
            "contents_checked": verification.contents,
            "sealed": verification.sealed,
            "head": verification.head,
        },
    }


async def _draws(session: Session, record: Record) -> dict[str, float] | None:
    """The dice of the record, thrown again: each is a keyed hash, so anybody with the salt can check them."""
    project = await projects.load(session, record.project_id)
    if project is None:
        return None
    salt = project.content.draw_salt
    return {purpose: draw(salt, purpose, record.record_id) for purpose in ("split", "audit", "blind", "explore")}
