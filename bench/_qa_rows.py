"""Rows in qa's tables without the loop that makes them: as many as a bench or a test of plans asks for."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from shared.contracts.answers import LabelSchema
from shared.contracts.events import GuidelineVersion, PolicyVersion, ProjectChanged, SchemaVersion
from shared.contracts.policies import Policies
from shared.contracts.values import ProjectStatus
from shared.kit.clock import new_id, utc_now

PROJECT = "INSERT INTO projects (project_id, revision, digest, content) VALUES ($1, 1, $2, $3)"
SCHEMA = LabelSchema.model_validate(
    {
        "fields": [{"name": "text", "kind": "text"}],
        "questions": [{"name": "animal", "kind": "choice", "labels": ["cat", "dog", "bird", "fish"]}],
    }
)

_ID = "('0190' || substr(md5($1::uuid::text), 1, 4) || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid"
"""Ids of one project in the order of `n`, as those of records that came one after the other."""

RECORDS = f"""
INSERT INTO records (record_id, project_id, known, state, split, origin, fields, slice, entry_schema_version,
    schema_version, guideline_version, label_revision, purposes, salt, chain_length, due_total, due_without_model)
SELECT {_ID}, $1::uuid, true, CASE WHEN n % 50 = 0 THEN 'open' ELSE 'finalized' END,
    CASE WHEN n % 5 < 3 THEN 'train' WHEN n % 5 = 3 THEN 'validation' ELSE 'test' END, 'collected',
    jsonb_build_object('text', 'Message ' || n || ': ' || repeat($4::text, 5)),
    jsonb_build_object('channel', CASE n % 2 WHEN 0 THEN 'mail' ELSE 'chat' END, 'year', 2020 + n % 7),
    1, 1, 1, 1, '{{}}', sha256(n::text::bytea), 1, 2, true
FROM generate_series($2::integer, $3::integer) AS one (n)
"""
LABELS = f"""
INSERT INTO labels (label_id, record_id, label_revision, project_id, round, method, answers, confidence, schema_version,
    guideline_version, split, trainable, measures, annotations, parameters, finalized_at)
SELECT gen_random_uuid(), {_ID}, 1, $1::uuid, 1, CASE WHEN n % 10 = 0 THEN 'decision' ELSE 'consensus' END,
    jsonb_build_object('animal', jsonb_build_object('label', ('{{cat,dog,bird,fish}}'::text[])[1 + n % 4])),
    0.9 + (n % 100) / 1000.0, 1, 1,
    CASE WHEN n % 5 < 3 THEN 'train' WHEN n % 5 = 3 THEN 'validation' ELSE 'test' END, n % 5 < 3, false, 2,
    jsonb_build_object('posterior_target', 0.95, 'annotations', jsonb_build_array(gen_random_uuid(), gen_random_uuid())),
    now() - interval '1 day'
FROM generate_series($2::integer, $3::integer) AS one (n) WHERE n % 50 <> 0
"""
LINKS = f"""
INSERT INTO chain_links (record_id, position, project_id, kind, reference, text_to_hash, content_hmac, hash, linked_at)
SELECT {_ID}, 0, $1::uuid, 'label', '1', jsonb_build_object('kind', 'label', 'reference', '1', 'position', 0,
    'commitment', 'own_key', 'parameters', jsonb_build_object('posterior_target', 0.95))::text,
    sha256({_ID}::text::bytea), sha256(n::text::bytea), now() - interval '1 day'
FROM generate_series($2::integer, $3::integer) AS one (n) WHERE n % 50 <> 0
"""
"""As many links as labels; their hashes are as long as real ones, and verify nothing."""

ANNOTATIONS = f"""
INSERT INTO annotations (annotation_id, annotation_revision, record_id, project_id, role, round, slot, task_id, task_kind,
    annotator_id, answers, schema_version, guideline_version, leased_at, submitted_at, active_s)
SELECT gen_random_uuid(), 1, {_ID}, $1::uuid, 'vote', 1, slot, gen_random_uuid(), 'annotation',
    ('00000000-0000-7000-8000-' || lpad(to_hex((n * 7 + slot * 13) % 200), 12, '0'))::uuid,
    jsonb_build_object('animal', jsonb_build_object('label',
        ('{{cat,dog,bird,fish}}'::text[])[1 + (n + CASE WHEN n % 5 = 0 THEN slot ELSE 0 END) % 4])),
    1, 1, now() - interval '2 days', now() - interval '1 day', 5.0
FROM generate_series($2::integer, $3::integer) AS one (n), generate_series(1, 2) AS each (slot)
"""
SENTENCE = "the lamp that was ordered for the kitchen never came and nobody at the desk knows where it went. "
_AT_ONCE = 50_000


async def add_project(connection: Any, schema: LabelSchema = SCHEMA) -> UUID:
    """Make a project with one schema, guideline and policy."""
    project_id, now = new_id(), utc_now()
    content = ProjectChanged(
        name="Bench",
        status=ProjectStatus.ACTIVE,
        draw_salt="salt",
        schemas=[SchemaVersion(version=1, label_schema=schema, created_at=now)],
        guidelines=[GuidelineVersion(version=1, markdown="Look closely.", created_at=now)],
        policies=[PolicyVersion(version=1, policies=Policies(), created_at=now)],
        active_schema=1,
        active_guideline=1,
        active_policy=1,
    )
    await connection.execute(PROJECT, project_id, str(project_id), content.model_dump_json())
    return project_id


def _parts(records: int) -> Iterator[tuple[int, int]]:
    for first in range(1, records + 1, _AT_ONCE):
        yield first, min(first + _AT_ONCE - 1, records)


async def add_records(connection: Any, project_id: UUID, records: int, sentence: str = SENTENCE) -> None:
    """Fill `records`; one in fifty is open."""
    for first, last in _parts(records):
        await connection.execute(RECORDS, project_id, first, last, sentence)


async def add_labels(connection: Any, project_id: UUID, records: int) -> None:
    """Fill `labels`, with their links, for the finalized ones of so many records."""
    for first, last in _parts(records):
        await connection.execute(LABELS, project_id, first, last)
        await connection.execute(LINKS, project_id, first, last)


async def add_answers(connection: Any, project_id: UUID, records: int) -> None:
    """Fill `annotations`: two answers a record by two of 200 annotators, who differ on every fifth record."""
    for first, last in _parts(records):
        await connection.execute(ANNOTATIONS, project_id, first, last)
