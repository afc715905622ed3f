"""Labels as prelabel uses them: to train, and to measure."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from services.prelabel.storage.records import _CONTENT, Content, content_of
from shared.contracts.values import Split
from shared.kit.database import Session
from shared.kit.statements import Statement, columns


@dataclass(frozen=True, slots=True)
class Example:
    """A record with its label. `by_people` is False for a label that a machine gave."""

    record_id: UUID
    label: str
    by_people: bool
    split: Split
    content: Content


class LabelsWanted(NamedTuple):
    """Labels of a project that are of a schema version, to be counted up to `bound`."""

    project_id: UUID
    schema_version: int
    bound: int


class TrainableLabels(NamedTuple):
    """Labels of a project that are of a schema version and may be trained on; with `machine` also those that machines gave."""

    project_id: UUID
    schema_version: int
    machine: bool


_TRAINABLE = """r.trainable AND r.state = 'finalized' AND NOT r.held_out AND NOT r.gold_ever AND r.label IS NOT NULL"""
_MEASURING = """
r.held_out AND r.state = 'finalized' AND r.label_by_people AND NOT r.gold_ever AND r.label IS NOT NULL
"""
# Labels that people gave, and, where they are admitted, those that machines gave: two ranges of each index, since one
# condition for both would be compared with each label.
_GIVEN = "(VALUES (true), (false)) AS given (by_people)"
_COUNT_NEW = Statement(f"""
SELECT least(sum(found.labels), :bound::bigint)::bigint
FROM {_GIVEN}, LATERAL (
    SELECT count(*) AS labels FROM (
        SELECT FROM records r
        WHERE r.project_id = :project_id AND r.label_schema_version = :schema_version
            AND r.label_by_people = given.by_people AND r.label_seq > :after AND {_TRAINABLE}
        ORDER BY r.label_seq LIMIT :bound::bigint
    ) bounded
) found
WHERE given.by_people OR :machine
""")  # noqa: S608
# The first and the last class in their order: two classes are there if these differ, however many labels one of them has.
_CLASSES = f"""FROM records r WHERE r.project_id = wanted.project_id AND r.label_schema_version = wanted.schema_version
    AND r.label_by_people = given.by_people AND {_TRAINABLE}"""
_TWO_CLASSES = f"""
SELECT wanted.project_id
FROM unnest($1::uuid[], $2::int[], $3::boolean[]) AS wanted (project_id, schema_version, machine), LATERAL (
    SELECT min(ends.first) AS first, max(ends.last) AS last
    FROM {_GIVEN}, LATERAL (
        SELECT (SELECT r.label {_CLASSES} ORDER BY r.label LIMIT 1) AS first,
            (SELECT r.label {_CLASSES} ORDER BY r.label DESC LIMIT 1) AS last
    ) ends
    WHERE given.by_people OR wanted.machine
) classes
WHERE classes.first < classes.last
"""  # noqa: S608
# Shared locks: a record can't become gold between the reading of its label and the note that it was learnt from.
_TRAINING_LABELS = Statement(f"""
SELECT r.record_id, r.label, r.label_by_people, r.split, r.label_seq FROM records r
WHERE r.record_id IN (
    SELECT newest.record_id FROM {_GIVEN}, LATERAL (
        SELECT r.record_id, r.label_seq FROM records r
        WHERE r.project_id = :project_id AND r.label_schema_version = :schema_version
            AND r.label_by_people = given.by_people AND {_TRAINABLE}
        ORDER BY r.label_seq DESC LIMIT :most::bigint
    ) newest
    WHERE given.by_people OR :machine
    ORDER BY newest.label_seq DESC LIMIT :most::bigint
) AND r.project_id = :project_id AND r.label_schema_version = :schema_version AND (r.label_by_people OR :machine)
    AND {_TRAINABLE}
ORDER BY r.record_id FOR SHARE OF r
""")  # noqa: S608
_COUNT_MEASURING = f"""
SELECT (
    SELECT count(*) FROM (
        SELECT 1 FROM records r
        WHERE r.project_id = w.project_id AND r.label_schema_version = w.schema_version AND r.split = $1 AND {_MEASURING}
        ORDER BY r.label_seq LIMIT w.bound
    ) bounded
) AS have
FROM unnest($2::uuid[], $3::int[], $4::bigint[]) WITH ORDINALITY AS w (project_id, schema_version, bound, place)
ORDER BY w.place
"""  # noqa: S608
_MEASURING_LABELS = f"""
SELECT r.record_id, r.label, r.label_by_people, r.split, r.label_seq FROM records r
WHERE r.project_id = $1 AND r.label_schema_version = $2 AND r.split = $3 AND {_MEASURING}
ORDER BY r.label_seq DESC LIMIT $4
"""  # noqa: S608
_CONTENTS = f"SELECT c.record_id, {_CONTENT} FROM contents c WHERE c.record_id = ANY($1::uuid[])"  # noqa: S608
_CONTENTS_AT_ONCE = 200


async def count_new(
    session: Session, project_id: UUID, schema_version: int, after: int, bound: int, *, machine: bool
) -> int:
    """How many labels that may be trained on came after `after`, counted up to `bound`."""
    count: int = await session.raw.fetchval(
        *_COUNT_NEW(project_id=project_id, schema_version=schema_version, after=after, bound=bound, machine=machine)
    )
    return count


async def with_two_classes(session: Session, wanted: Sequence[TrainableLabels]) -> set[UUID]:
    """Those of the projects whose labels are of two classes at least."""
    return {row["project_id"] for row in await session.raw.fetch(_TWO_CLASSES, *columns(wanted))} if wanted else set()


async def training_set(
    session: Session, project_id: UUID, schema_version: int, most: int, most_bytes: int, *, machine: bool
) -> tuple[Sequence[Example], int]:
    """The newest labels to train on, locked against change, and the sequence number of the newest one.

    No more than `most`, and no more than have `most_bytes` of content together.
    """
    rows = await session.raw.fetch(
        *_TRAINING_LABELS(project_id=project_id, schema_version=schema_version, most=most, machine=machine)
    )
    newest = sorted(rows, key=itemgetter("label_seq"), reverse=True)
    return await _with_contents(session, newest, most_bytes), max((row["label_seq"] for row in rows), default=0)


async def count_measuring(session: Session, project_id: UUID, schema_version: int, split: Split, bound: int) -> int:
    """How many labels of a held-out split made by people there are, counted up to `bound`."""
    [count] = await count_measuring_sets(session, split, [LabelsWanted(project_id, schema_version, bound)])
    return count


async def count_measuring_sets(session: Session, split: Split, wanted: Sequence[LabelsWanted]) -> list[int]:
    """How many labels of a held-out split made by people there are of each, counted up to its bound."""
    rows = await session.raw.fetch(_COUNT_MEASURING, split, *columns(wanted))
    return [row["have"] for row in rows]


async def measuring_set(
    session: Session, project_id: UUID, schema_version: int, split: Split, most: int, most_bytes: int
) -> Sequence[Example]:
    """The newest labels of a held-out split made by people.

    No more than `most`, and no more than have `most_bytes` of content together.
    """
    rows = await session.raw.fetch(_MEASURING_LABELS, project_id, schema_version, split, most)
    return await _with_contents(session, rows, most_bytes)


async def _with_contents(session: Session, labelled: Sequence[Any], most_bytes: int) -> list[Example]:
    """The first of the records, as long as they have no more than `most_bytes` of content; in the order of their ids."""
    examples: list[Example] = []
    size = 0
    for start in range(0, len(labelled), _CONTENTS_AT_ONCE):
        some = labelled[start : start + _CONTENTS_AT_ONCE]
        ids = [row["record_id"] for row in some]
        contents = {row["record_id"]: row for row in await session.raw.fetch(_CONTENTS, ids)}
        for row in some:
            record_id = row["record_id"]
            content = contents.get(record_id)
            if content is None:
                continue
            size += len(content["fields"]) + len(content["thumbnail"] or b"")
            if size > most_bytes:
                return sorted(examples, key=attrgetter("record_id"))
            examples.append(
                Example(
                    record_id, row["label"], row["label_by_people"], Split(row["split"]), content_of(record_id, content)
                )
            )
    return sorted(examples, key=attrgetter("record_id"))
