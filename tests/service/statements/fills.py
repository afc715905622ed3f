"""SQL that fills a service's tables as 100,000 records would, by service: what is to be EXPLAINed needs its fill here.

A table that gets 10,000 rows or more counts as one that grows. Each of the others is in `BOUNDED`, with what bounds it.
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
    "INSERT INTO gold_exposures (task_id, record_id, exposures) SELECT task_id, record_id, 100 FROM tasks LIMIT 20000",
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
    INSERT INTO returned_work (annotator_id, project_id, task_id, kind)
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
    "INSERT INTO arrivals (annotator_id) SELECT annotator_id FROM annotators",
    """
    INSERT INTO withdrawals (annotator_id, project_id, due_at)
    SELECT annotator_id, project_id, now() + random() * interval '1 day' FROM memberships
    """,
    """
    INSERT INTO threshold_changes (project_id, model_id, after_confidence, below)
    SELECT project_id, model_id, 0, 1 FROM thresholds, generate_series(1, 500)
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
    "INSERT INTO asset_deletions (asset_id, due_at) SELECT asset_id, now() FROM assets LIMIT 20000",
    """
    INSERT INTO feedback (feedback_id, project_id, report_hash, body_hash, record_id, schema_version, verdict, observed_at)
    SELECT gen_random_uuid(), project_id, sha256(record_id::text::bytea), 'b', record_id, 1, 'confirmed', now()
    FROM records LIMIT 50000
    """,
    """
    INSERT INTO feedback_deltas (project_id, model, verdict, reports)
    SELECT project_id, 'model', 'confirmed', 1 FROM records LIMIT 2000
    """,
    """
    INSERT INTO erasure_reports (record_id, service, revision, erased_at, places)
    SELECT record_id, service, 1, now(),
        CASE WHEN random() < 0.05 THEN '[{"place": "bus", "state": "pending"}]' ELSE '[]' END::jsonb
    FROM records, unnest(ARRAY['ingest', 'prelabel', 'queue', 'qa']) AS service WHERE state = 'erased'
    """,
    """
    INSERT INTO erased_files (record_id, asset_id)
    SELECT record_id, asset_id FROM record_assets JOIN records USING (record_id) LIMIT 20000
    """,
)

QA = (
    """
    INSERT INTO projects (project_id, revision, digest, content)
    SELECT gen_random_uuid(), 1, 'digest-' || number, '{}' FROM generate_series(1, 20) AS number
    """,
    """
    INSERT INTO annotators (annotator_id, revision, pool, status, skills, languages)
    SELECT gen_random_uuid(), 1, (ARRAY['crowd', 'in_house', 'expert'])[1 + number % 3], 'active', '{}', '{}'
    FROM generate_series(1, 10000) AS number
    """,
    """
    INSERT INTO models (model_id, project_id, revision, version, stage, schema_version, question, content)
    SELECT gen_random_uuid(), project_id, 1, number, 'retired', 1, 'tone', '{}'
    FROM projects, generate_series(1, 10) AS number
    """,
    """
    INSERT INTO records (record_id, project_id, known, state, split, origin, fields, slice, round, label_revision,
        revision, under_review, routed_prediction_id)
    SELECT gen_random_uuid(), p.project_id, true, CASE WHEN number % 4 = 0 THEN 'finalized' ELSE 'open' END,
        CASE WHEN number % 5 = 0 THEN 'test' ELSE 'train' END, 'collected', '{}', '{}', 1, 1, 1, number % 200 = 0,
        gen_random_uuid()
    FROM generate_series(1, 100000) AS number
    JOIN (SELECT project_id, row_number() OVER () AS place FROM projects) p ON p.place = 1 + number % 20
    """,
    """
    INSERT INTO annotations (annotation_id, annotation_revision, record_id, project_id, role, round, slot, task_id,
        task_kind, annotator_id, answers, schema_version, guideline_version, leased_at, submitted_at)
    SELECT gen_random_uuid(), 1, r.record_id, r.project_id, CASE WHEN r.place % 50 = 0 THEN 'gold' ELSE 'vote' END, 1, slot,
        gen_random_uuid(), 'annotation', a.annotator_id, '{"tone": {"label": "good"}}', 1, 1,
        now() - r.place * interval '1 second', now() - r.place * interval '1 second'
    FROM (SELECT record_id, project_id, row_number() OVER () AS place FROM records) r
    JOIN (SELECT annotator_id, row_number() OVER () AS place FROM annotators) a ON a.place = 1 + r.place % 10000,
    generate_series(1, 2) AS slot
    """,
    """
    INSERT INTO predictions (prediction_id, record_id, project_id, revision, model_id, model_version, schema_version,
        answers, confidence, scored_for, predicted_at)
    SELECT routed_prediction_id, record_id, project_id, 1, m.model_id, 1, 1, '{"tone": {"label": "good"}}', random(), 'routing',
        now()
    FROM records JOIN (SELECT DISTINCT ON (project_id) project_id, model_id FROM models) m USING (project_id)
    """,
    "INSERT INTO superseded_predictions (record_id, revision) SELECT record_id, 2 FROM records",
    """
    INSERT INTO routes (record_id, revision, routed_at, route, task_kind, round, slots_total, schema_version, policy_version,
        audit, blind, explored, selection_probability)
    SELECT record_id, 1, now(), 'people', 'annotation', 1, 2, 1, 1, false, false, false, 1 FROM records
    """,
    """
    INSERT INTO labels (label_id, record_id, label_revision, project_id, round, method, answers, confidence,
        schema_version, guideline_version, split, trainable, measures, annotations, parameters, finalized_at)
    SELECT gen_random_uuid(), record_id, 1, project_id, 1, 'consensus', '{}', 0.9, 1, 1, split, true, split <> 'train', 2,
        '{}', now() FROM records
    """,
    """
    INSERT INTO decisions (decision_id, record_id, project_id, round, annotator_id, answers, schema_version, decided_at)
    SELECT gen_random_uuid(), record_id, project_id, 1, gen_random_uuid(), '{}', 1, now() FROM records
    """,
    """
    INSERT INTO disputes (dispute_id, record_id, project_id, round, schema_version, reason, status, opened_at)
    SELECT gen_random_uuid(), record_id, project_id, 1, 1, 'disagreement',
        CASE WHEN random() < 0.1 THEN 'open' ELSE 'decided' END, now() FROM records
    """,
    """
    INSERT INTO gold (record_id, gold_revision, project_id, schema_version, answers, exposures, placed_by, placed_at)
    SELECT record_id, 1, project_id, 1, '{}', 50, 'tester', now() FROM records
    """,
    """
    INSERT INTO assessments (project_id, annotator_id, assessment_revision, status, interval_low, interval_high,
        gold_answers, answers, assessed_at)
    SELECT project_id, annotator_id, 1, 'active', 0, 1, 0, 0, now() FROM annotators, projects WHERE random() < 0.2
    """,
    """
    INSERT INTO assessment_log (project_id, annotator_id, assessment_revision, content, assessed_at)
    SELECT project_id, annotator_id, 1, '{}', now() FROM assessments
    """,
    """
    INSERT INTO eras (project_id, annotator_id, era, since)
    SELECT project_id, annotator_id, 1, now() FROM assessments
    """,
    """
    INSERT INTO drifts (drift_id, project_id, subject, subject_id, number, content, detected_at)
    SELECT gen_random_uuid(), project_id, 'annotator', annotator_id, 1, '{}', now() FROM assessments
    """,
    """
    INSERT INTO annotator_estimates (project_id, schema_version, question, voter, content)
    SELECT project_id, 1, 'tone', annotator_id::text, '{}' FROM assessments
    """,
    """
    INSERT INTO thresholds (model_id, threshold_revision, project_id, schema_version, question, error_budget,
        confidence_level, reason, set_at)
    SELECT model_id, number, project_id, 1, 'tone', 0.02, 0.95, 'fixed_sequence_test', now()
    FROM models, generate_series(1, 100) AS number
    """,
    """
    INSERT INTO threshold_tests (test_id, project_id, model_id, number, kind, labels, content, tested_at)
    SELECT gen_random_uuid(), project_id, model_id, threshold_revision, 'audit', 100, '{}', now() FROM thresholds
    """,
    """
    INSERT INTO feedback (feedback_id, record_id, project_id, schema_version, verdict, observed_at)
    SELECT gen_random_uuid(), record_id, project_id, 1, 'confirmed', now() FROM records
    """,
    """
    INSERT INTO work (event_id, project_id, annotator_id, task_id, task_kind, activity, leased_at, ended_at)
    SELECT gen_random_uuid(), project_id, annotator_id, task_id, task_kind, 'submitted', now(), now() FROM annotations
    """,
    """
    INSERT INTO skips (event_id, record_id, project_id, round, task_kind, annotator_id, skipped_at)
    SELECT gen_random_uuid(), record_id, project_id, 1, 'annotation', gen_random_uuid(), now() FROM records
    """,
    """
    INSERT INTO chain_links (record_id, position, project_id, kind, reference, text_to_hash, content_hmac, hash, linked_at,
        signed_seal, signed_leaf, proof)
    SELECT record_id, 0, project_id, 'label', '1', '{}', '', '', now(), CASE WHEN random() < 0.9 THEN 1 END, 1, ''
    FROM records
    """,
    """
    INSERT INTO signed_seals (project_id, number, leaves, root, previous, hash, sealed_at, key_id, signature)
    SELECT project_id, number, 1, '', '', '', now(), '', '' FROM projects, generate_series(1, 1000) AS number
    """,
    """
    INSERT INTO counter_deltas (project_id, name, delta)
    SELECT project_id, 'records.open', 1 FROM projects, generate_series(1, 1000)
    """,
    """
    INSERT INTO marks (project_id, kind) SELECT project_id, 'estimates' FROM projects, generate_series(1, 1000)
    """,
    """
    INSERT INTO releases (release_id, project_id, name, options, status, requested_by, requested_at)
    SELECT gen_random_uuid(), project_id, 'release ' || number, '{}', CASE WHEN number < 5 THEN 'building' ELSE 'published' END,
        'tester', now()
    FROM projects, generate_series(1, 1000) AS number
    """,
    """
    INSERT INTO release_records (release_id, record_id, label_id, split)
    SELECT r.release_id, record_id, label_id, split
    FROM labels JOIN (SELECT DISTINCT ON (project_id) project_id, release_id FROM releases) r USING (project_id)
    """,
    """
    INSERT INTO agreement_changes (project_id, record_id) SELECT project_id, record_id FROM records
    """,
    """
    INSERT INTO agreement_records (project_id, generation, record_id, draw, contributions)
    SELECT project_id, 1, record_id, 1, '{}' FROM records
    """,
    """
    INSERT INTO agreement_patterns (project_id, generation, schema_version, question, pattern, records, units)
    SELECT project_id, 1, 1, 'tone', number::text, 1, 0 FROM projects, generate_series(1, 1000) AS number
    """,
    """
    INSERT INTO agreement_pairs (project_id, generation, schema_version, question, first_id, second_id, first_label,
        second_label, records)
    SELECT project_id, 1, 1, 'tone', gen_random_uuid(), gen_random_uuid(), 'good', 'bad', 1 FROM records
    """,
    """
    INSERT INTO agreement_results (project_id, schema_version, question, changes, measured_changes)
    SELECT project_id, number, 'tone', 1, CASE WHEN number < 5 THEN 0 ELSE 1 END
    FROM projects, generate_series(1, 1000) AS number
    """,
    """
    INSERT INTO pending_verdicts (record_id, project_id, attempts)
    SELECT record_id, project_id, CASE WHEN random() < 0.1 THEN 1 ELSE 0 END FROM records LIMIT 50000
    """,
    """
    INSERT INTO work_attempts (project_id, kind, subject, attempts, failure, retry_at)
    SELECT project_id, 'verdict', record_id, 1, 'slow', now() FROM pending_verdicts LIMIT 20000
    """,
    """
    INSERT INTO seals (project_id, number, leaves, root, previous, hash, sealed_at)
    SELECT project_id, number, leaves, '', '', '', sealed_at FROM signed_seals
    """,
    "INSERT INTO bias_audits (project_id, schema_version, content, measured_at) SELECT project_id, 1, '{}', now() FROM projects",
    """
    INSERT INTO label_looks (project_id, question, schema_version, training_run_id, examined, estimated_wrong, found_at,
        review_at)
    SELECT project_id, 'tone', 1, gen_random_uuid(), 100, 0.1, now(), now() FROM projects
    """,
    """
    INSERT INTO label_doubts (record_id, question, project_id, schema_version, training_run_id, label_revision, given,
        suggested, given_probability, suggested_probability, model_score, score, rank, reason, event_id, requested_at)
    SELECT record_id, question, project_id, 1, training_run_id, 1, 'good', 'bad', 0.1, 0.9, 0.9, random(), 1, 'unlikely',
        gen_random_uuid(), CASE WHEN random() < 0.3 THEN now() - random() * interval '10 days' END
    FROM records JOIN label_looks USING (project_id)
    """,
)

# The fifth project has one class only, and labels of three versions of its schema: few, and the oldest, of the first one.
PRELABEL = (
    """
    INSERT INTO projects (project_id, revision, state)
    SELECT gen_random_uuid(), 1, '{"status": "active"}' FROM generate_series(1, 20)
    """,
    """
    INSERT INTO models (model_id, project_id, version, revision, stage, manifest, sha256, size_bytes, reason, created_by,
        created_at, training_run_id)
    SELECT gen_random_uuid(), project_id, number, 1, CASE WHEN number = 20 THEN 'champion' ELSE 'retired' END, '{}',
        md5(random()::text), 1, '', '', now(), gen_random_uuid()
    FROM projects, generate_series(1, 20) AS number
    """,
    """
    INSERT INTO records (record_id, project_id, revision, split, held_out, explored, draw, score, scored_epoch, state,
        label, label_schema_version, label_by_people, trainable, label_seq, batch, prediction_revision,
        first_prediction_id, first_schema_version)
    SELECT gen_random_uuid(), p.project_id, 1, CASE WHEN number % 5 = 0 THEN 'test' ELSE 'train' END, number % 5 = 0,
        number % 7 = 0, random(), random(), CASE WHEN number % 10 = 0 THEN -1 ELSE 0 END,
        CASE WHEN number % 4 = 0 THEN 'finalized' ELSE 'open' END,
        CASE WHEN number % 20 = 4 OR number % 40 < 20 THEN 'a' ELSE 'b' END,
        CASE WHEN number % 20 <> 4 OR number <= 1000 THEN 1 WHEN number <= 80000 THEN 2 ELSE 3 END, number % 7 > 0,
        number % 5 > 0, number, CASE WHEN number % 3 = 0 THEN number % 100 END, 3, gen_random_uuid(), 1
    FROM generate_series(1, 100000) AS number
    JOIN (SELECT project_id, row_number() OVER () AS place FROM projects) p ON p.place = 1 + number % 20
    """,
    "INSERT INTO contents (record_id, fields) SELECT record_id, '{}' FROM records",
    """
    INSERT INTO predictions (record_id, revision, event_id, body)
    SELECT record_id, number, gen_random_uuid(), '{}' FROM records, generate_series(2, 3) AS number
    """,
    "INSERT INTO superseded_predictions (record_id, revision) SELECT record_id, 2 FROM records",
    """
    INSERT INTO batches (project_id, batch, size, created_at)
    SELECT project_id, number, 50, now() FROM projects, generate_series(1, 100) AS number
    """,
    """
    INSERT INTO training_runs (run_id, project_id, model_id, state, started_by, reason, created_at)
    SELECT training_run_id, project_id, model_id, 'promoted', '', '', now() FROM models
    """,
    """
    INSERT INTO training_examples (run_id, record_id)
    SELECT t.run_id, r.record_id FROM training_runs t JOIN models m USING (model_id) JOIN records r ON r.project_id = t.project_id
    WHERE r.state = 'finalized' AND m.version % 4 = 0
    """,
    "INSERT INTO contaminations (run_id, record_id, counted) SELECT run_id, record_id, true FROM training_examples",
    """
    INSERT INTO unregistered_files (model_id, due_at)
    SELECT gen_random_uuid(), now() + number * interval '1 second' FROM generate_series(1, 20000) AS number
    """,
    """
    INSERT INTO feedback (feedback_id, project_id, model_id, verdict, counted)
    SELECT gen_random_uuid(), r.project_id, m.model_id, 'confirmed', random() < 0.99
    FROM records r JOIN models m ON m.project_id = r.project_id AND m.stage = 'champion'
    """,
    """
    INSERT INTO quality_notes (project_id, kind, subject_id, part, revision, body, occurred_at)
    SELECT project_id, 'threshold', model_id, number::text, 1, '{}', now() FROM models, generate_series(1, 40) AS number
    """,
    """
    INSERT INTO unlearnings (run_id, record_id, erased_at)
    SELECT run_id, record_id, now() FROM training_examples WHERE get_byte(uuid_send(record_id), 15) < 40
    """,
)

# What is filled here is thrown away: it needs no log, and is filled the sooner without one.
UNLOGGED = """
DO $$
DECLARE
    name regclass;
BEGIN
    FOR name IN SELECT oid FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
            AND oid NOT IN (SELECT confrelid FROM pg_constraint WHERE contype = 'f')
    LOOP
        EXECUTE format('ALTER TABLE %s SET UNLOGGED', name);
    END LOOP;
END $$
"""

KIT = (
    """
    INSERT INTO outbox (topic, project_id, events, frame)
    SELECT 'topic-' || number % 10, gen_random_uuid(), 1, '' FROM generate_series(1, 100000) AS number
    """,
    """
    INSERT INTO outbox (topic, project_id, events, frame, created_at)
    SELECT topic, project_id, events, frame, created_at - interval '40 days' FROM outbox LIMIT 20000
    """,
    """
    INSERT INTO outbox_queue (seq, created_at, key, event_id, set_aside)
    SELECT seq, created_at, gen_random_uuid(), gen_random_uuid(), CASE WHEN seq % 1000 = 0 THEN 'too large' END
    FROM outbox ORDER BY seq DESC LIMIT 20000
    """,
    """
    INSERT INTO outbox_positions (topic, last_position, positions, seqs, created_at, projects, sent_at)
    SELECT topic, seq, ARRAY[seq], ARRAY[seq], ARRAY[created_at], ARRAY[project_id], created_at
    FROM outbox ORDER BY seq LIMIT 50000
    """,
    """
    INSERT INTO inbox (event_id, consumer_group)
    SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0') || lpad(number::text, 20, '0'))::uuid, 'tiny'
    FROM generate_series(1, 100000) AS number
    """,
    "INSERT INTO inbox (event_id, consumer_group) SELECT gen_random_uuid(), 'tiny' FROM generate_series(1, 20000)",
    """
    INSERT INTO parked (consumer_group, event_id, kind, key, topic, event_key, envelope, parked_at)
    SELECT 'tiny', lpad(number::text, 32, '0')::uuid, 'kind-' || number % 5, lpad(number::text, 32, '0')::uuid, 'topic', lpad(number::text, 16, '0')::bytea, '',
        now() - number * interval '20 seconds'
    FROM generate_series(1, 100000) AS number
    """,
    "INSERT INTO parked_releases (consumer_group, kind, key) SELECT 'tiny', kind, key FROM parked LIMIT 20000",
    """
    INSERT INTO jobs (id, kind, project_id, arguments, subject, state, run_at, finished_at)
    SELECT lpad(number::text, 32, '0')::uuid, 'kind-' || number % 5, lpad((number % 100)::text, 32, '0')::uuid, '{}', 'tester',
        CASE WHEN number % 100 = 0 THEN 'queued' ELSE 'succeeded' END, now(),
        CASE WHEN number % 100 > 0 THEN now() - number * interval '20 seconds' END
    FROM generate_series(1, 100000) AS number
    """,
    """
    INSERT INTO idempotency_keys (subject, key, request_hash, created_at)
    SELECT 'tester', lpad(number::text, 6, '0'), '', now() - number * interval '1 second' FROM generate_series(1, 100000) AS number
    """,
    """
    INSERT INTO erasures (record_id, project_id, erased_at, outbox_at, bus_at, revision, look_at)
    SELECT lpad(number::text, 32, '0')::uuid, gen_random_uuid(), now(), now(), now(), 1, CASE WHEN number % 20 = 0 THEN now() END
    FROM generate_series(1, 100000) AS number
    """,
)

FILLS: Mapping[str, Sequence[str]] = {"ingest": INGEST, "qa": QA, "queue": QUEUE, "prelabel": PRELABEL}

EXAMPLES: Mapping[str, Sequence[str]] = {
    "ingest": ("SELECT record_id FROM records ORDER BY record_id LIMIT 2",),
    "qa": ("SELECT record_id FROM records ORDER BY record_id LIMIT 2",),
    "queue": ("SELECT record_id FROM records ORDER BY record_id LIMIT 2",),
    "prelabel": (
        "SELECT record_id FROM records ORDER BY record_id LIMIT 2",
        "SELECT record_id FROM records WHERE label_seq % 20 = 4 AND label_schema_version = 1 AND label_by_people LIMIT 1",
    ),
}
"""Which records the statements are run with, by service: any, and such as are rare of their kind."""

_OF_PROJECT = "a few for each project"
_OF_MODEL = "a few for each model"
BOUNDED: Mapping[str, Mapping[str, str]] = {
    "kit": {
        "event_attempts": "what replicas that ended had in hand; a row goes when its event has had its effect",
        "leases": "one for each thing that only one replica may do",
        "partition_holders": "one for each partition",
        "relay": "one row",
    },
    "ingest": {
        "doomed_assets": "used by no release after 0.1.0",
        "feedback_deltas": "folded into the totals every few seconds",
        "feedback_totals": _OF_MODEL,
        "project_guidelines": _OF_PROJECT,
        "project_policies": _OF_PROJECT,
        "project_schemas": _OF_PROJECT,
        "projects": "tens",
    },
    "prelabel": {
        "batches": "fifty and more records make one",
        "comparison_attempts": _OF_MODEL,
        "drift_findings": _OF_MODEL,
        "drift_watches": _OF_MODEL,
        "feedback_counts": _OF_MODEL,
        "models": "some for each project",
        "projects": "tens",
        "retired_files": _OF_MODEL,
        "scoring_leases": _OF_PROJECT,
        "training_runs": _OF_MODEL,
    },
    "qa": {
        "agreement_generations": _OF_PROJECT,
        "counters": _OF_PROJECT,
        "bias_audits": _OF_PROJECT,
        "label_looks": _OF_PROJECT,
        "estimates": "one for each question of a schema",
        "models": "some for each project",
        "population_estimates": "one for each slice of a project, which are some tens",
        "projects": "tens",
    },
    "queue": {
        "given_back": "used by no release after 0.1.0",
        "progress": _OF_PROJECT,
        "progress_deltas": "folded into the progress every few seconds",
        "project_changes": "one for each project, while it is being carried out",
        "projects": "tens",
        "thresholds": _OF_MODEL,
    },
}
"""Tables that don't grow with the records, by whose they are, and what bounds each."""
