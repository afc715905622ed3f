"""SQL that fills a service's tables as 100,000 records would, by service: what is to be EXPLAINed needs its fill here.

A table that gets 10,000 rows or more counts as one that grows.
"""

from collections.abc import Mapping, Sequence

QUEUE = (
    """
    INSERT INTO projects (project_id, revision, status, servable, holds, content)
    SELECT gen_random_uuid(), 1, 'active', true, number % 2 = 0, '{}' FROM generate_series(1, 20) AS number
    """,
    """
    INSERT INTO annotators (annotator_id, subject, pool, skills, languages, status, revision, created_at)
    SELECT gen_random_uuid(), 'person-' || number, (ARRAY['crowd', 'in_house', 'expert'])[1 + number % 3], '{}', '{}',
        CASE WHEN number % 10 = 0 THEN 'retired' ELSE 'active' END, 1, now()
    FROM generate_series(1, 10000) AS number
    """,
    """
    INSERT INTO memberships (annotator_id, project_id)
    SELECT annotator_id, project_id FROM annotators, projects WHERE random() < 0.2
    """,
    """
    INSERT INTO thresholds (project_id, model_id, schema_version, question, label, revision, threshold)
    SELECT project_id, gen_random_uuid(), 1, 'tone', '', 1, 0.9 FROM projects
    """,
    """
    INSERT INTO records (record_id, project_id, known, state, split, fields)
    SELECT gen_random_uuid(), p.project_id, true, CASE WHEN number % 4 = 0 THEN 'finalized' ELSE 'open' END, 'train', '{}'
    FROM generate_series(1, 100000) AS number
    JOIN (SELECT project_id, row_number() OVER () AS place FROM projects) p ON p.place = 1 + number % 20
    """,
    """
    INSERT INTO routes (record_id, project_id, prediction_id, model_id, prediction_revision, prediction_schema, confidence,
        revision, round, slots_total, waiting, route)
    SELECT r.record_id, r.project_id, gen_random_uuid(), t.model_id, 1, 1, random(), 1, 1, 2, random() < 0.2, 'people'
    FROM records r JOIN thresholds t USING (project_id)
    """,
    """
    INSERT INTO tasks (task_id, project_id, record_id, round, purpose, kind, state, schema_version, guideline_version, lane,
        pool, blind, suspect_at, unserved, opened_at)
    SELECT gen_random_uuid(), project_id, record_id, 1, 'annotation', 'annotation',
        CASE WHEN state = 'open' THEN 'open' ELSE 'closed' END, 1, 1,
        CASE WHEN random() < 0.2 THEN 'random' WHEN random() < 0.1 THEN 'gold' ELSE 'learning' END, 'any', false,
        CASE WHEN random() < 0.1 THEN now() END, state <> 'open' AND random() < 0.5, now()
    FROM records
    """,
    """
    INSERT INTO slots (task_id, slot, project_id, record_id, kind, round, schema_version, guideline_version, lane, pool,
        blind, rank, sort_key, state)
    SELECT task_id, number, project_id, record_id, kind, 1, 1, 1, lane, pool, blind, 0, random(),
        CASE WHEN random() < 0.2 THEN 'held' ELSE 'free' END
    FROM tasks, generate_series(1, 2) AS number
    """,
    """
    UPDATE slots s SET state = CASE WHEN random() < 0.3 THEN 'leased' ELSE 'submitted' END, token = gen_random_uuid(),
        annotator_id = m.annotator_id, leased_at = now(), until = now()
    FROM (SELECT task_id, row_number() OVER () AS place FROM tasks) t
    JOIN (SELECT annotator_id, row_number() OVER () AS place FROM annotators) m ON m.place = 1 + t.place % 10000
    WHERE s.task_id = t.task_id AND s.slot = 1 AND t.place % 2 = 0
    """,
    """
    INSERT INTO annotations (task_id, slot, annotation_id, token, project_id, record_id, annotator_id, kind, round,
        schema_version, guideline_version, answers, leased_at, submitted_at)
    SELECT task_id, slot, gen_random_uuid(), token, project_id, record_id, annotator_id, kind, 1, 1, 1, '{}', now(), now()
    FROM slots WHERE state = 'submitted'
    """,
    """
    INSERT INTO ended_leases (token, task_id, slot, project_id, record_id, annotator_id, kind, round, activity, reason,
        leased_at, ended_at)
    SELECT gen_random_uuid(), task_id, slot, project_id, record_id, annotator_id, kind, 1, 'skipped', 'dark', now(), now()
    FROM slots WHERE annotator_id IS NOT NULL
    """,
    """
    INSERT INTO given_back (annotator_id, project_id, task_id, kind)
    SELECT annotator_id, project_id, task_id, kind FROM slots WHERE annotator_id IS NOT NULL
    """,
    """
    INSERT INTO drafts (task_id, annotator_id, answers, saved_at)
    SELECT task_id, annotator_id, '{}', now() FROM slots WHERE annotator_id IS NOT NULL
    """,
    """
    INSERT INTO progress (project_id, counter, amount)
    SELECT project_id, counter, 1 FROM projects, unnest(ARRAY['records.open', 'annotations', 'skips']) AS counter
    """,
    """
    INSERT INTO progress_deltas (project_id, counter, amount)
    SELECT project_id, 'annotations', 1 FROM projects, generate_series(1, 100)
    """,
)

INGEST = (
    """
    INSERT INTO projects (project_id, name, status, draw_salt, dedup_key, revision, active_policy, created_at, updated_at)
    SELECT gen_random_uuid(), 'p', 'active', 's', 'k', 1, 1, now(), now() FROM generate_series(1, 20) AS number
    """,
    """
    INSERT INTO records (record_id, project_id, external_id, external_hash, content_hash, schema_version, fields, split,
        origin, priority, collected_by_chance, state)
    SELECT gen_random_uuid(), p.project_id, number, sha256(number::text::bytea), sha256(('c' || number)::bytea), 1, '{}',
        (ARRAY['train', 'train', 'train', 'validation', 'test'])[1 + number % 5],
        (ARRAY['collected', 'collected', 'collected', 'deployment'])[1 + number % 4], 0, true,
        (ARRAY['open', 'finalized', 'finalized', 'gold', 'unlabelable', 'erased'])[1 + number % 6]
    FROM generate_series(1, 100000) AS number
    JOIN (SELECT project_id, row_number() OVER () AS place FROM projects) p ON p.place = 1 + number % 20
    """,
    """
    INSERT INTO external_aliases (project_id, external_hash, record_id)
    SELECT project_id, sha256(('alias' || external_id)::bytea), record_id FROM records LIMIT 20000
    """,
    """
    INSERT INTO assets (asset_id, project_id, media_type, sha256, size_bytes, width, height, original_hash)
    SELECT gen_random_uuid(), project_id, 'image/png', 's', 1, 1, 1, 'h' FROM records LIMIT 50000
    """,
    """
    INSERT INTO record_assets (record_id, asset_id)
    SELECT r.record_id, a.asset_id FROM (SELECT record_id, row_number() OVER () AS place FROM records) r
    JOIN (SELECT asset_id, row_number() OVER () AS place FROM assets) a USING (place)
    """,
    "INSERT INTO doomed_assets (asset_id, due_at) SELECT asset_id, now() FROM assets LIMIT 20000",
    """
    INSERT INTO feedback (feedback_id, project_id, report_hash, body_hash, record_id, schema_version, verdict, observed_at)
    SELECT gen_random_uuid(), project_id, sha256(record_id::text::bytea), 'b', record_id, 1, 'confirmed', now()
    FROM records LIMIT 50000
    """,
    """
    INSERT INTO feedback_deltas (project_id, model, verdict, reports)
    SELECT project_id, 'model', 'confirmed', 1 FROM records LIMIT 2000
    """,
)

FILLS: Mapping[str, Sequence[str]] = {"ingest": INGEST, "queue": QUEUE}
