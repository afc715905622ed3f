"""What records a project holds, counted by what is known of them; and the estimates that were made of the counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.qa.domain.population import CONFIDENCE_BINS, DrawnAs, PopulationCell, PopulationPart
from shared.contracts.values import RecordState
from shared.kit.database import Session
from shared.kit.jsonb import dump, load

STATES = (RecordState.OPEN, RecordState.FINALIZED)
"""A population's records are in these. Gold is chosen, nobody could label what is unlabelable, of erased ones nothing is known."""

_PREDICTED = "answers->$4::text->>'label' AS predicted, confidence"
# One page of the records of one state, in the order of their ids. Of each: who labelled it, what the champion answers (of what
# was accepted, what was accepted; of an audit, what would have been), and how it was drawn. Then it is counted, once for the
# project and once for each slice it is in. A held-out record's probability is the share that was held out when its id was made:
# ids are UUIDv7. LATERAL with a limit: a look into an index for each record of the page, whatever statistics there are.
_COUNT = f"""
WITH page AS (
    SELECT record_id, split, slice, audit, collected_by_chance, ever_gold, routed_prediction_id FROM records
    WHERE project_id = $1 AND known AND state = $2 AND record_id > $3 ORDER BY record_id LIMIT $9
), answered AS (
    SELECT page.*, label.method, label.measures, label.answers->$4::text->>'label' AS answer, label.prediction_id
    FROM page LEFT JOIN LATERAL (
        SELECT method, measures, answers, prediction_id FROM labels
        WHERE labels.record_id = page.record_id AND labels.current
            AND labels.schema_version = $5 AND labels.answers->$4::text->>'label' IS NOT NULL LIMIT 1
    ) AS label ON true
    WHERE page.collected_by_chance AND NOT page.ever_gold
), placed AS (
    SELECT record_id, slice, routed_prediction_id, prediction_id, answer,
        CASE WHEN method IS NULL THEN 'waiting' WHEN method = 'auto_accept' THEN 'accepted' ELSE 'seen' END AS part,
        CASE WHEN method IS NULL OR method = 'auto_accept' OR NOT measures THEN NULL
            WHEN split <> 'train' THEN 'held_out' WHEN audit THEN 'audit' END AS drawn_as
    FROM answered
), machine AS (
    SELECT placed.*, made.predicted, made.confidence FROM placed
    LEFT JOIN LATERAL (
        SELECT {_PREDICTED} FROM predictions
        WHERE (part = 'waiting' OR drawn_as = 'held_out') AND predictions.model_id = $6
            AND predictions.record_id = placed.record_id AND predictions.schema_version = $5
            AND predictions.answers->$4::text->>'label' IS NOT NULL AND confidence IS NOT NULL
        ORDER BY revision DESC LIMIT 1
    ) AS by_champion ON true
    LEFT JOIN LATERAL (
        SELECT {_PREDICTED} FROM predictions
        WHERE predictions.prediction_id = CASE WHEN part = 'accepted' THEN placed.prediction_id
            WHEN drawn_as = 'audit' THEN placed.routed_prediction_id END LIMIT 1
    ) AS by_route ON true
    CROSS JOIN LATERAL (
        SELECT coalesce(by_champion.predicted, by_route.predicted) AS predicted,
            coalesce(by_champion.confidence, by_route.confidence) AS confidence
    ) AS made
), drawn AS (
    SELECT machine.*, CASE drawn_as
        WHEN 'audit' THEN (
            SELECT coalesce(selection_probability, (content->>'selection_probability')::float8) FROM routes
            WHERE routes.record_id = machine.record_id AND coalesce(audit, (content->>'audit')::boolean)
            ORDER BY revision DESC LIMIT 1
        )
        WHEN 'held_out' THEN (
            SELECT share FROM unnest($7::bigint[], $8::float8[]) AS held_out (since_ms, share)
            WHERE since_ms <= ('x' || left(replace(record_id::text, '-', ''), 12))::bit(48)::bigint
            ORDER BY since_ms DESC LIMIT 1
        )
    END AS probability
    FROM machine
), sliced AS (
    SELECT '' AS slice_key, '' AS slice_value, drawn.* FROM drawn
    UNION ALL
    SELECT key, value, drawn.* FROM drawn CROSS JOIN LATERAL jsonb_each_text(coalesce(slice, '{{}}')) AS of (key, value)
    WHERE key <> ALL ($10::text[])
)
SELECT slice_key, slice_value, part, drawn_as, predicted,
    CASE WHEN predicted IS NOT NULL THEN width_bucket(confidence, $11::float8[]) END AS bin,
    CASE WHEN part = 'seen' THEN answer END AS answer, coalesce(nullif(probability, 0), 1) AS probability,
    count(*)::integer AS records, coalesce(sum(confidence), 0) AS confidence
FROM sliced GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
"""  # noqa: S608  our own column names
_END_OF_PAGE = """
SELECT record_id FROM (
    SELECT record_id FROM records WHERE project_id = $1 AND known AND state = $2 AND record_id > $3
    ORDER BY record_id LIMIT $4
) AS page ORDER BY record_id DESC LIMIT 1
"""
_DELETE = "DELETE FROM population_estimates WHERE project_id = $1 AND schema_version = $2 AND question = $3"
_ADD = """
INSERT INTO population_estimates (project_id, schema_version, question, slice_key, slice_value, cells, content, counted_at)
SELECT $1, $2, $3, *, $8 FROM unnest($4::text[], $5::text[], $6::jsonb[], $7::jsonb[])
"""
_OF_QUESTION = """
SELECT question, slice_key, slice_value, cells, content, counted_at FROM population_estimates
WHERE project_id = $1 AND schema_version = $2 AND question = ANY($3::text[]) AND slice_key = ANY($4::text[])
ORDER BY question, slice_key, slice_value
"""
_SLICE_KEYS = """
SELECT slice_key FROM population_estimates WHERE project_id = $1 AND schema_version = $2 AND slice_key <> ''
GROUP BY slice_key ORDER BY slice_key
"""
_OUTDATED = "SELECT EXISTS (SELECT FROM marks WHERE project_id = $1 AND kind = $2)"


@dataclass(frozen=True, slots=True)
class HeldOutShares:
    """Which share of records was held out from when on: ms since the epoch, the first 0, in order."""

    since_ms: Sequence[int]
    shares: Sequence[float]


@dataclass(frozen=True, slots=True)
class CountedQuestion:
    """What is counted: the answers of a schema version to a question, beside those of its champion, if it has one."""

    project_id: UUID
    schema_version: int
    question: str
    champion_id: UUID | None
    held_out: HeldOutShares


class SliceCells(dict[tuple[str, str], list[PopulationCell]]):
    """Cells by slice: ("", "") is the whole project."""


@dataclass(frozen=True, slots=True)
class StoredPopulation:
    """What was estimated of the project or a slice: `content` as `operations.population_updates` made it of the cells."""

    question: str
    slice_key: str
    slice_value: str
    cells: list[PopulationCell]
    content: dict[str, Any]
    counted_at: datetime


async def end_of_page(session: Session, project_id: UUID, state: RecordState, after: UUID, limit: int) -> UUID | None:
    """Return the last of the next records of a state, None where there are no more."""
    found: UUID | None = await session.raw.fetchval(_END_OF_PAGE, project_id, state, after, limit)
    return found


async def count(
    session: Session,
    question: CountedQuestion,
    state: RecordState,
    after: UUID,
    limit: int,
    without_keys: Sequence[str],
) -> SliceCells:
    """Count the next records of a state, but not by the slices of `without_keys`."""
    rows = await session.raw.fetch(
        _COUNT,
        question.project_id,
        state,
        after,
        question.question,
        question.schema_version,
        question.champion_id,
        question.held_out.since_ms,
        question.held_out.shares,
        limit,
        list(without_keys),
        list(CONFIDENCE_BINS),
    )
    found = SliceCells()
    for row in rows:
        cell = PopulationCell(
            PopulationPart(row["part"]),
            None if row["drawn_as"] is None else DrawnAs(row["drawn_as"]),
            row["predicted"],
            row["bin"],
            row["answer"],
            row["probability"],
            row["records"],
            row["confidence"],
        )
        found.setdefault((row["slice_key"], row["slice_value"]), []).append(cell)
    return found


async def replace(
    session: Session,
    question: CountedQuestion,
    cells: Mapping[tuple[str, str], Sequence[PopulationCell]],
    contents: Mapping[tuple[str, str], Mapping[str, Any]],
    now: datetime,
) -> None:
    """Put these counts and estimates in the place of those that there were of the question."""
    key = (question.project_id, question.schema_version, question.question)
    await session.raw.execute(_DELETE, *key)
    await session.raw.execute(
        _ADD,
        *key,
        [slice_key for slice_key, _ in cells],
        [value for _, value in cells],
        [dump([list(cell) for cell in one]) for one in cells.values()],
        [dump(contents[one]) for one in cells],
        now,
    )


async def of_questions(
    session: Session, project_id: UUID, schema_version: int, questions: Sequence[str], slice_keys: Sequence[str]
) -> list[StoredPopulation]:
    """Return what was estimated of these questions, of the slices by these keys; by "" of the whole project."""
    rows = await session.raw.fetch(_OF_QUESTION, project_id, schema_version, list(questions), list(slice_keys))
    return [
        StoredPopulation(
            row["question"],
            row["slice_key"],
            row["slice_value"],
            [_cell(one) for one in load(row["cells"])],
            load(row["content"]),
            row["counted_at"],
        )
        for row in rows
    ]


def _cell(stored: Sequence[Any]) -> PopulationCell:
    part, drawn_as, *rest = stored
    return PopulationCell(PopulationPart(part), None if drawn_as is None else DrawnAs(drawn_as), *rest)


async def slice_keys(session: Session, project_id: UUID, schema_version: int) -> list[str]:
    """Return by what records are sliced."""
    return [row["slice_key"] for row in await session.raw.fetch(_SLICE_KEYS, project_id, schema_version)]


async def is_outdated(session: Session, project_id: UUID, kind: str) -> bool:
    """Whether anything changed since the last count."""
    found: bool = await session.raw.fetchval(_OUTDATED, project_id, kind)
    return found
