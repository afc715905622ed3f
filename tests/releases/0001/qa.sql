
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE public.annotations (
    annotation_id uuid NOT NULL,
    annotation_revision integer NOT NULL,
    record_id uuid NOT NULL,
    project_id uuid NOT NULL,
    role text NOT NULL,
    round integer NOT NULL,
    slot integer NOT NULL,
    task_id uuid NOT NULL,
    task_kind text NOT NULL,
    annotator_id uuid NOT NULL,
    answers jsonb,
    reason text,
    schema_version integer NOT NULL,
    guideline_version integer NOT NULL,
    prediction_shown uuid,
    leased_at timestamp with time zone NOT NULL,
    submitted_at timestamp with time zone NOT NULL,
    active_s double precision,
    CONSTRAINT annotations_role_check CHECK ((role = ANY (ARRAY['vote'::text, 'gold'::text, 'decision'::text, 'void'::text, 'late'::text, 'superseded'::text])))
);

CREATE TABLE public.annotator_estimates (
    project_id uuid NOT NULL,
    schema_version integer NOT NULL,
    question text NOT NULL,
    voter text NOT NULL,
    content jsonb NOT NULL
)
WITH (fillfactor='70');

CREATE TABLE public.annotators (
    annotator_id uuid NOT NULL,
    revision integer NOT NULL,
    pool text NOT NULL,
    status text NOT NULL,
    skills jsonb NOT NULL,
    languages text[] NOT NULL
);

CREATE TABLE public.assessment_log (
    project_id uuid NOT NULL,
    annotator_id uuid NOT NULL,
    assessment_revision integer NOT NULL,
    content jsonb NOT NULL,
    assessed_at timestamp with time zone NOT NULL
);

CREATE TABLE public.assessments (
    project_id uuid NOT NULL,
    annotator_id uuid NOT NULL,
    assessment_revision integer NOT NULL,
    status text NOT NULL,
    reason text,
    accuracy double precision,
    interval_low double precision NOT NULL,
    interval_high double precision NOT NULL,
    gold_answers integer NOT NULL,
    answers integer NOT NULL,
    changed_at timestamp with time zone,
    era integer DEFAULT 0 NOT NULL,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    assessed_at timestamp with time zone NOT NULL,
    CONSTRAINT assessments_status_check CHECK ((status = ANY (ARRAY['active'::text, 'warned'::text, 'paused'::text])))
);

CREATE TABLE public.chain_links (
    record_id uuid NOT NULL,
    "position" integer NOT NULL,
    project_id uuid NOT NULL,
    kind text NOT NULL,
    reference text NOT NULL,
    text_to_hash text NOT NULL,
    content_hmac bytea NOT NULL,
    hash bytea NOT NULL,
    linked_at timestamp with time zone NOT NULL,
    seal_number integer,
    leaf integer
);

CREATE TABLE public.counter_deltas (
    delta_seq bigint NOT NULL,
    project_id uuid NOT NULL,
    name text NOT NULL,
    delta bigint NOT NULL
);

ALTER TABLE public.counter_deltas ALTER COLUMN delta_seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.counter_deltas_delta_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.counters (
    project_id uuid NOT NULL,
    name text NOT NULL,
    value bigint NOT NULL
);

CREATE TABLE public.decisions (
    decision_id uuid NOT NULL,
    record_id uuid NOT NULL,
    project_id uuid NOT NULL,
    round integer NOT NULL,
    annotator_id uuid NOT NULL,
    answers jsonb,
    reason text,
    schema_version integer NOT NULL,
    dispute_id uuid,
    decided_at timestamp with time zone NOT NULL
);

CREATE TABLE public.disputes (
    dispute_id uuid NOT NULL,
    record_id uuid NOT NULL,
    project_id uuid NOT NULL,
    round integer NOT NULL,
    schema_version integer NOT NULL,
    reason text NOT NULL,
    disputed jsonb,
    status text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    CONSTRAINT disputes_status_check CHECK ((status = ANY (ARRAY['open'::text, 'unservable'::text, 'decided'::text, 'withdrawn'::text])))
);

CREATE TABLE public.drifts (
    drift_id uuid NOT NULL,
    project_id uuid NOT NULL,
    subject text NOT NULL,
    subject_id uuid NOT NULL,
    number integer NOT NULL,
    content jsonb NOT NULL,
    detected_at timestamp with time zone NOT NULL,
    CONSTRAINT drifts_subject_check CHECK ((subject = ANY (ARRAY['annotator'::text, 'model'::text])))
);

CREATE TABLE public.eras (
    project_id uuid NOT NULL,
    annotator_id uuid NOT NULL,
    era integer NOT NULL,
    since timestamp with time zone NOT NULL
);

CREATE TABLE public.estimates (
    project_id uuid NOT NULL,
    schema_version integer NOT NULL,
    question text NOT NULL,
    estimate_id uuid NOT NULL,
    votes integer NOT NULL,
    content jsonb NOT NULL,
    estimated_at timestamp with time zone NOT NULL
);

CREATE TABLE public.feedback (
    feedback_id uuid NOT NULL,
    record_id uuid NOT NULL,
    project_id uuid NOT NULL,
    model_id uuid,
    schema_version integer NOT NULL,
    verdict text NOT NULL,
    prediction jsonb,
    correction jsonb,
    confidence double precision,
    observed_at timestamp with time zone NOT NULL,
    effect text DEFAULT 'pending'::text NOT NULL,
    label_revision integer
);

CREATE TABLE public.gold (
    record_id uuid NOT NULL,
    gold_revision integer NOT NULL,
    project_id uuid NOT NULL,
    schema_version integer NOT NULL,
    answers jsonb,
    note text,
    exposures integer NOT NULL,
    placed_by text NOT NULL,
    placed_at timestamp with time zone NOT NULL,
    current boolean DEFAULT true NOT NULL,
    ended_at timestamp with time zone,
    ended_reason text
);

CREATE TABLE public.idempotency_keys (
    subject text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    status integer,
    body bytea,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.inbox (
    event_id uuid NOT NULL,
    consumer_group text NOT NULL
);

CREATE TABLE public.jobs (
    id uuid NOT NULL,
    kind text NOT NULL,
    project_id uuid,
    arguments jsonb NOT NULL,
    subject text NOT NULL,
    state text DEFAULT 'queued'::text NOT NULL,
    done bigint DEFAULT 0 NOT NULL,
    total bigint,
    errors bigint DEFAULT 0 NOT NULL,
    checkpoint jsonb,
    result jsonb,
    failure text,
    attempts integer DEFAULT 0 NOT NULL,
    run_at timestamp with time zone DEFAULT now() NOT NULL,
    lease uuid,
    lease_until timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    CONSTRAINT jobs_state CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'succeeded'::text, 'failed'::text])))
);

CREATE TABLE public.labels (
    label_id uuid NOT NULL,
    record_id uuid NOT NULL,
    label_revision integer NOT NULL,
    project_id uuid NOT NULL,
    round integer NOT NULL,
    method text NOT NULL,
    answers jsonb,
    confidence double precision NOT NULL,
    schema_version integer NOT NULL,
    guideline_version integer,
    split text NOT NULL,
    trainable boolean NOT NULL,
    measures boolean NOT NULL,
    annotations integer NOT NULL,
    model_id uuid,
    prediction_id uuid,
    decision_id uuid,
    parameters jsonb NOT NULL,
    finalized_at timestamp with time zone NOT NULL,
    current boolean DEFAULT true NOT NULL,
    ended_at timestamp with time zone,
    ended_reason text,
    CONSTRAINT labels_method_check CHECK ((method = ANY (ARRAY['consensus'::text, 'auto_accept'::text, 'decision'::text])))
);

CREATE TABLE public.marks (
    mark_seq bigint NOT NULL,
    project_id uuid NOT NULL,
    kind text NOT NULL,
    subject uuid
);

ALTER TABLE public.marks ALTER COLUMN mark_seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.marks_mark_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.models (
    model_id uuid NOT NULL,
    project_id uuid NOT NULL,
    revision integer NOT NULL,
    version integer NOT NULL,
    stage text NOT NULL,
    schema_version integer NOT NULL,
    question text NOT NULL,
    champion_since timestamp with time zone,
    content jsonb NOT NULL
);

CREATE SEQUENCE public.outbox_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE public.outbox (
    seq bigint DEFAULT nextval('public.outbox_seq'::regclass) NOT NULL,
    id uuid NOT NULL,
    topic text NOT NULL,
    type text NOT NULL,
    key uuid NOT NULL,
    project_id uuid,
    envelope bytea NOT NULL,
    headers text,
    "position" bigint,
    set_aside text,
    created_at timestamp with time zone DEFAULT now() NOT NULL
)
PARTITION BY RANGE (created_at);

CREATE TABLE public.outbox_20261129 (
    seq bigint DEFAULT nextval('public.outbox_seq'::regclass) CONSTRAINT outbox_seq_not_null NOT NULL,
    id uuid CONSTRAINT outbox_id_not_null NOT NULL,
    topic text CONSTRAINT outbox_topic_not_null NOT NULL,
    type text CONSTRAINT outbox_type_not_null NOT NULL,
    key uuid CONSTRAINT outbox_key_not_null NOT NULL,
    project_id uuid,
    envelope bytea CONSTRAINT outbox_envelope_not_null NOT NULL,
    headers text,
    "position" bigint,
    set_aside text,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT outbox_created_at_not_null NOT NULL
);

CREATE TABLE public.outbox_20261130 (
    seq bigint DEFAULT nextval('public.outbox_seq'::regclass) CONSTRAINT outbox_seq_not_null NOT NULL,
    id uuid CONSTRAINT outbox_id_not_null NOT NULL,
    topic text CONSTRAINT outbox_topic_not_null NOT NULL,
    type text CONSTRAINT outbox_type_not_null NOT NULL,
    key uuid CONSTRAINT outbox_key_not_null NOT NULL,
    project_id uuid,
    envelope bytea CONSTRAINT outbox_envelope_not_null NOT NULL,
    headers text,
    "position" bigint,
    set_aside text,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT outbox_created_at_not_null NOT NULL
);

CREATE TABLE public.outbox_20261201 (
    seq bigint DEFAULT nextval('public.outbox_seq'::regclass) CONSTRAINT outbox_seq_not_null NOT NULL,
    id uuid CONSTRAINT outbox_id_not_null NOT NULL,
    topic text CONSTRAINT outbox_topic_not_null NOT NULL,
    type text CONSTRAINT outbox_type_not_null NOT NULL,
    key uuid CONSTRAINT outbox_key_not_null NOT NULL,
    project_id uuid,
    envelope bytea CONSTRAINT outbox_envelope_not_null NOT NULL,
    headers text,
    "position" bigint,
    set_aside text,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT outbox_created_at_not_null NOT NULL
);

CREATE TABLE public.outbox_20261202 (
    seq bigint DEFAULT nextval('public.outbox_seq'::regclass) CONSTRAINT outbox_seq_not_null NOT NULL,
    id uuid CONSTRAINT outbox_id_not_null NOT NULL,
    topic text CONSTRAINT outbox_topic_not_null NOT NULL,
    type text CONSTRAINT outbox_type_not_null NOT NULL,
    key uuid CONSTRAINT outbox_key_not_null NOT NULL,
    project_id uuid,
    envelope bytea CONSTRAINT outbox_envelope_not_null NOT NULL,
    headers text,
    "position" bigint,
    set_aside text,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT outbox_created_at_not_null NOT NULL
);

CREATE TABLE public.outbox_20261203 (
    seq bigint DEFAULT nextval('public.outbox_seq'::regclass) CONSTRAINT outbox_seq_not_null NOT NULL,
    id uuid CONSTRAINT outbox_id_not_null NOT NULL,
    topic text CONSTRAINT outbox_topic_not_null NOT NULL,
    type text CONSTRAINT outbox_type_not_null NOT NULL,
    key uuid CONSTRAINT outbox_key_not_null NOT NULL,
    project_id uuid,
    envelope bytea CONSTRAINT outbox_envelope_not_null NOT NULL,
    headers text,
    "position" bigint,
    set_aside text,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT outbox_created_at_not_null NOT NULL
);

CREATE TABLE public.outbox_20261204 (
    seq bigint DEFAULT nextval('public.outbox_seq'::regclass) CONSTRAINT outbox_seq_not_null NOT NULL,
    id uuid CONSTRAINT outbox_id_not_null NOT NULL,
    topic text CONSTRAINT outbox_topic_not_null NOT NULL,
    type text CONSTRAINT outbox_type_not_null NOT NULL,
    key uuid CONSTRAINT outbox_key_not_null NOT NULL,
    project_id uuid,
    envelope bytea CONSTRAINT outbox_envelope_not_null NOT NULL,
    headers text,
    "position" bigint,
    set_aside text,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT outbox_created_at_not_null NOT NULL
);

CREATE TABLE public.outbox_20261205 (
    seq bigint DEFAULT nextval('public.outbox_seq'::regclass) CONSTRAINT outbox_seq_not_null NOT NULL,
    id uuid CONSTRAINT outbox_id_not_null NOT NULL,
    topic text CONSTRAINT outbox_topic_not_null NOT NULL,
    type text CONSTRAINT outbox_type_not_null NOT NULL,
    key uuid CONSTRAINT outbox_key_not_null NOT NULL,
    project_id uuid,
    envelope bytea CONSTRAINT outbox_envelope_not_null NOT NULL,
    headers text,
    "position" bigint,
    set_aside text,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT outbox_created_at_not_null NOT NULL
);

CREATE TABLE public.outbox_default (
    seq bigint DEFAULT nextval('public.outbox_seq'::regclass) CONSTRAINT outbox_seq_not_null NOT NULL,
    id uuid CONSTRAINT outbox_id_not_null NOT NULL,
    topic text CONSTRAINT outbox_topic_not_null NOT NULL,
    type text CONSTRAINT outbox_type_not_null NOT NULL,
    key uuid CONSTRAINT outbox_key_not_null NOT NULL,
    project_id uuid,
    envelope bytea CONSTRAINT outbox_envelope_not_null NOT NULL,
    headers text,
    "position" bigint,
    set_aside text,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT outbox_created_at_not_null NOT NULL
);

CREATE TABLE public.parked (
    seq bigint NOT NULL,
    consumer_group text NOT NULL,
    event_id uuid NOT NULL,
    kind text NOT NULL,
    key uuid NOT NULL,
    topic text NOT NULL,
    event_key bytea NOT NULL,
    envelope bytea NOT NULL,
    parked_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.parked_releases (
    id bigint NOT NULL,
    consumer_group text NOT NULL,
    kind text NOT NULL,
    key uuid NOT NULL,
    after_key bytea DEFAULT '\x'::bytea NOT NULL,
    after_seq bigint DEFAULT 0 NOT NULL
);

ALTER TABLE public.parked_releases ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.parked_releases_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.parked ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.parked_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.predictions (
    prediction_id uuid NOT NULL,
    record_id uuid NOT NULL,
    project_id uuid NOT NULL,
    revision integer NOT NULL,
    model_id uuid,
    model_version integer,
    schema_version integer NOT NULL,
    answers jsonb,
    confidence double precision,
    distributions jsonb,
    scored_for text NOT NULL,
    predicted_at timestamp with time zone NOT NULL
);

CREATE TABLE public.projects (
    project_id uuid NOT NULL,
    revision integer NOT NULL,
    digest text NOT NULL,
    content text NOT NULL
);

CREATE TABLE public.records (
    record_id uuid NOT NULL,
    project_id uuid NOT NULL,
    known boolean DEFAULT false NOT NULL,
    source_revision integer DEFAULT 0 NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    state_reason text,
    state_event text,
    state_revision integer DEFAULT 0 NOT NULL,
    state_at timestamp with time zone DEFAULT now() NOT NULL,
    revision integer DEFAULT 0 NOT NULL,
    split text,
    origin text,
    collected_by_chance boolean DEFAULT true NOT NULL,
    purposes text[] DEFAULT '{}'::text[] NOT NULL,
    entry_schema_version integer,
    fields jsonb,
    slice jsonb,
    routed_revision integer DEFAULT 0 NOT NULL,
    route text,
    routed_round integer DEFAULT 0 NOT NULL,
    routed_total integer DEFAULT 0 NOT NULL,
    routed_task_id uuid,
    audit boolean DEFAULT false NOT NULL,
    blind boolean DEFAULT false NOT NULL,
    explored boolean DEFAULT false NOT NULL,
    schema_version integer,
    guideline_version integer,
    policy_version integer,
    routed_prediction_id uuid,
    round integer DEFAULT 1 NOT NULL,
    round_is_final boolean DEFAULT false NOT NULL,
    requested_total integer DEFAULT 0 NOT NULL,
    arbitrating boolean DEFAULT false NOT NULL,
    unservable boolean DEFAULT false NOT NULL,
    servable_again boolean DEFAULT false NOT NULL,
    unservable_at timestamp with time zone,
    request jsonb,
    label_revision integer DEFAULT 0 NOT NULL,
    under_review boolean DEFAULT false NOT NULL,
    review_reason text,
    reopened_label integer DEFAULT 0 NOT NULL,
    contrary_reports integer DEFAULT 0 NOT NULL,
    decision_final_for integer,
    expert_checked boolean DEFAULT false NOT NULL,
    ever_gold boolean DEFAULT false NOT NULL,
    salt bytea,
    chain_length integer DEFAULT 0 NOT NULL,
    chain_head bytea,
    CONSTRAINT records_check CHECK (((state <> 'erased'::text) OR ((fields IS NULL) AND (slice IS NULL) AND (salt IS NULL) AND (request IS NULL)))),
    CONSTRAINT records_state_check CHECK ((state = ANY (ARRAY['open'::text, 'finalized'::text, 'gold'::text, 'unlabelable'::text, 'erased'::text])))
)
WITH (fillfactor='80');

CREATE TABLE public.relay (
    one boolean DEFAULT true NOT NULL,
    "position" bigint DEFAULT 0 NOT NULL,
    CONSTRAINT relay_one_check CHECK (one)
);

CREATE TABLE public.release_records (
    release_id uuid NOT NULL,
    record_id uuid NOT NULL,
    label_id uuid NOT NULL,
    split text NOT NULL
);

CREATE TABLE public.releases (
    release_id uuid NOT NULL,
    project_id uuid NOT NULL,
    name text NOT NULL,
    options jsonb NOT NULL,
    status text NOT NULL,
    status_reason text,
    job_id uuid,
    requested_by text NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    published_at timestamp with time zone,
    records integer,
    manifest jsonb,
    manifest_sha256 text,
    supersedes uuid,
    superseded_by uuid,
    revision integer DEFAULT 0 NOT NULL,
    CONSTRAINT releases_status_check CHECK ((status = ANY (ARRAY['building'::text, 'published'::text, 'failed'::text, 'superseded'::text])))
);

CREATE TABLE public.routes (
    record_id uuid NOT NULL,
    revision integer NOT NULL,
    event_id uuid NOT NULL,
    content jsonb NOT NULL,
    routed_at timestamp with time zone NOT NULL
);

CREATE TABLE public.seals (
    project_id uuid NOT NULL,
    number integer NOT NULL,
    leaves integer NOT NULL,
    root bytea NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    sealed_at timestamp with time zone NOT NULL
);

CREATE TABLE public.skips (
    event_id uuid NOT NULL,
    record_id uuid NOT NULL,
    project_id uuid NOT NULL,
    round integer NOT NULL,
    task_kind text NOT NULL,
    annotator_id uuid NOT NULL,
    reason text,
    skipped_at timestamp with time zone NOT NULL
);

CREATE TABLE public.threshold_tests (
    test_id uuid NOT NULL,
    project_id uuid NOT NULL,
    model_id uuid NOT NULL,
    number integer NOT NULL,
    kind text NOT NULL,
    labels integer NOT NULL,
    content jsonb NOT NULL,
    tested_at timestamp with time zone NOT NULL,
    CONSTRAINT threshold_tests_kind_check CHECK ((kind = ANY (ARRAY['selection'::text, 'audit'::text])))
);

CREATE TABLE public.thresholds (
    model_id uuid NOT NULL,
    threshold_revision integer NOT NULL,
    project_id uuid NOT NULL,
    schema_version integer NOT NULL,
    question text NOT NULL,
    label text,
    threshold double precision,
    error_budget double precision NOT NULL,
    confidence_level double precision NOT NULL,
    evidence jsonb,
    reason text NOT NULL,
    set_at timestamp with time zone NOT NULL
);

CREATE TABLE public.work (
    event_id uuid NOT NULL,
    project_id uuid,
    annotator_id uuid NOT NULL,
    task_id uuid NOT NULL,
    task_kind text NOT NULL,
    activity text NOT NULL,
    leased_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone NOT NULL,
    active_s double precision
);

ALTER TABLE ONLY public.outbox ATTACH PARTITION public.outbox_20261129 FOR VALUES FROM ('2026-11-29 00:00:00+00') TO ('2026-11-30 00:00:00+00');

ALTER TABLE ONLY public.outbox ATTACH PARTITION public.outbox_20261130 FOR VALUES FROM ('2026-11-30 00:00:00+00') TO ('2026-12-01 00:00:00+00');

ALTER TABLE ONLY public.outbox ATTACH PARTITION public.outbox_20261201 FOR VALUES FROM ('2026-12-01 00:00:00+00') TO ('2026-12-02 00:00:00+00');

ALTER TABLE ONLY public.outbox ATTACH PARTITION public.outbox_20261202 FOR VALUES FROM ('2026-12-02 00:00:00+00') TO ('2026-12-03 00:00:00+00');

ALTER TABLE ONLY public.outbox ATTACH PARTITION public.outbox_20261203 FOR VALUES FROM ('2026-12-03 00:00:00+00') TO ('2026-12-04 00:00:00+00');

ALTER TABLE ONLY public.outbox ATTACH PARTITION public.outbox_20261204 FOR VALUES FROM ('2026-12-04 00:00:00+00') TO ('2026-12-05 00:00:00+00');

ALTER TABLE ONLY public.outbox ATTACH PARTITION public.outbox_20261205 FOR VALUES FROM ('2026-12-05 00:00:00+00') TO ('2026-12-06 00:00:00+00');

ALTER TABLE ONLY public.outbox ATTACH PARTITION public.outbox_default DEFAULT;

INSERT INTO public.alembic_version VALUES
	('0001');

INSERT INTO public.annotations VALUES
	('01a22544-672b-75fb-aa45-7c13273e7ca3', 1, '01a22544-6585-717d-89b5-5bf7c59e973e', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, '9bfb7b8c-08f7-4e44-917e-78543d0671d7', 'annotation', '01a22544-6524-7689-8c8d-eb7c234d6620', '{"source": {"label": "novel"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:09.557061+00', '2026-11-29 03:06:09.573897+00', 1),
	('01a22544-6749-74cf-9bbc-81fabb72478e', 1, '01a22544-6585-717d-89b5-5bf7c59e973e', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 2, '9bfb7b8c-08f7-4e44-917e-78543d0671d7', 'annotation', '01a22544-653a-746f-9ecc-48f386a60c94', '{"source": {"label": "novel"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:09.592078+00', '2026-11-29 03:06:09.604955+00', 1),
	('01a22544-675a-7314-994c-2d3ea72ff085', 1, '01a22544-65c0-7555-8117-ee68de454fee', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, 'da88f371-ae50-46db-a275-9ebac9bd765c', 'annotation', '01a22544-654a-749b-96ce-de36307fdc4f', '{"source": {"label": "novel"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:09.615025+00', '2026-11-29 03:06:09.622977+00', 1),
	('01a22544-676c-71a9-b796-feda148dbccb', 1, '01a22544-65c1-72aa-b8d6-299be2741979', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, 'c94e6b32-b0ab-4992-a3cc-3692b5986c5d', 'annotation', '01a22544-655f-70c3-98a7-836644464a34', '{"source": {"label": "law"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:09.631027+00', '2026-11-29 03:06:09.640177+00', 1),
	('01a22544-6783-704a-b5de-866ae2e2e1bd', 1, '01a22544-65c1-72aa-b8d6-299be2741979', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 2, 'c94e6b32-b0ab-4992-a3cc-3692b5986c5d', 'annotation', '01a22544-6524-7689-8c8d-eb7c234d6620', '{"source": {"label": "law"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:09.659006+00', '2026-11-29 03:06:09.663658+00', 1),
	('01a22544-6791-75f0-a537-18fecad2c035', 1, '01a22544-65c0-7555-8117-ee68de454fee', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 2, 'da88f371-ae50-46db-a275-9ebac9bd765c', 'annotation', '01a22544-653a-746f-9ecc-48f386a60c94', '{"source": {"label": "novel"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:09.671706+00', '2026-11-29 03:06:09.67863+00', 1),
	('01a22544-67a2-7292-a766-871e7a240ebf', 1, '01a22544-65c0-7555-8117-ee6aaa0a749c', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, '7f041eac-1eb5-415d-b17e-f21348b88574', 'annotation', '01a22544-654a-749b-96ce-de36307fdc4f', '{"source": {"label": "novel"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:09.688699+00', '2026-11-29 03:06:09.696283+00', 1),
	('01a22544-67be-710d-ac87-c99c8386d5b7', 1, '01a22544-65c0-7555-8117-ee6aaa0a749c', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 2, '7f041eac-1eb5-415d-b17e-f21348b88574', 'annotation', '01a22544-655f-70c3-98a7-836644464a34', '{"source": {"label": "novel"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:09.711939+00', '2026-11-29 03:06:09.71933+00', 1),
	('01a22544-67e7-76bb-946b-e1c7ac020465', 1, '01a22544-65c0-7555-8117-ee6c7ebf946f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, '70cfda45-3878-46bc-a848-d3b934d8966b', 'annotation', '01a22544-6524-7689-8c8d-eb7c234d6620', '{"source": {"label": "novel"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:09.753337+00', '2026-11-29 03:06:09.762034+00', 1),
	('01a22544-680c-70ab-93fd-1200da5448dd', 1, '01a22544-65c0-7555-8117-ee6c7ebf946f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 2, '70cfda45-3878-46bc-a848-d3b934d8966b', 'annotation', '01a22544-653a-746f-9ecc-48f386a60c94', '{"source": {"label": "novel"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:09.77512+00', '2026-11-29 03:06:09.79711+00', 1),
	('01a22544-6824-74a2-9777-a6083a88fbbb', 1, '01a22544-65c1-72aa-b8d6-29979047af0d', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, '60b97bd5-c6ab-4151-bc98-930e0ddee270', 'annotation', '01a22544-654a-749b-96ce-de36307fdc4f', '{"source": {"label": "law"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:09.818926+00', '2026-11-29 03:06:09.825299+00', 1),
	('01a22544-683f-7265-b9d0-f3e5d9f24883', 1, '01a22544-65c1-72aa-b8d6-29979047af0d', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 2, '60b97bd5-c6ab-4151-bc98-930e0ddee270', 'annotation', '01a22544-655f-70c3-98a7-836644464a34', '{"source": {"label": "law"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:09.838012+00', '2026-11-29 03:06:09.847376+00', 1),
	('01a22544-685d-7083-ba4f-84c84a8e7249', 1, '01a22544-65c0-7555-8117-ee70a4fe1ee2', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, '1883fef9-13b5-435e-a88c-1845b0004554', 'annotation', '01a22544-6524-7689-8c8d-eb7c234d6620', '{"source": {"label": "novel"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:09.876582+00', '2026-11-29 03:06:09.883078+00', 1),
	('01a22544-6876-7492-b663-239fda827846', 1, '01a22544-65c0-7555-8117-ee70a4fe1ee2', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 2, '1883fef9-13b5-435e-a88c-1845b0004554', 'annotation', '01a22544-653a-746f-9ecc-48f386a60c94', '{"source": {"label": "novel"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:09.894871+00', '2026-11-29 03:06:09.909273+00', 1),
	('01a22544-6896-7434-bcd3-db2fa17f267d', 1, '01a22544-65c0-7555-8117-ee72bb0f1800', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, '32c93520-094b-495e-8b62-d7d114928097', 'annotation', '01a22544-654a-749b-96ce-de36307fdc4f', '{"source": {"label": "novel"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:09.923696+00', '2026-11-29 03:06:09.941306+00', 1),
	('01a22544-68e1-714e-ad5e-7ca06ae9edc8', 1, '01a22544-65c0-7555-8117-ee6beb44b78b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, 'd634556a-1ba6-4ff0-a8ee-01ad57070dc1', 'annotation', '01a22544-6524-7689-8c8d-eb7c234d6620', '{"source": {"label": "law"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:10.009144+00', '2026-11-29 03:06:10.01611+00', 1),
	('01a22544-68ba-70df-90d6-414b9bab6e89', 1, '01a22544-65c0-7555-8117-ee72bb0f1800', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 2, '32c93520-094b-495e-8b62-d7d114928097', 'annotation', '01a22544-655f-70c3-98a7-836644464a34', '{"source": {"label": "novel"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:09.94753+00', '2026-11-29 03:06:09.96437+00', 1),
	('01a22544-68f1-7314-acc4-8cce474e1230', 1, '01a22544-65c0-7555-8117-ee6beb44b78b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 2, 'd634556a-1ba6-4ff0-a8ee-01ad57070dc1', 'annotation', '01a22544-653a-746f-9ecc-48f386a60c94', '{"source": {"label": "law"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:10.024074+00', '2026-11-29 03:06:10.031585+00', 1),
	('01a22544-68fd-7091-be14-b12e4b56025f', 1, '01a22544-65c1-72aa-b8d6-299ade45059b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, '650a1485-2698-4ff0-9783-d21b9a64e8d2', 'annotation', '01a22544-654a-749b-96ce-de36307fdc4f', '{"source": {"label": "novel"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:10.036028+00', '2026-11-29 03:06:10.04295+00', 1),
	('01a22544-692a-7675-b24f-985cc3e95d7b', 1, '01a22544-6585-717d-89b5-5bf513f294c3', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, 'f72cdddc-6822-4698-98fd-4dc67de5b42a', 'annotation', '01a22544-6524-7689-8c8d-eb7c234d6620', '{"source": {"label": "novel"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:10.084136+00', '2026-11-29 03:06:10.087315+00', 1),
	('01a22544-6914-7124-a2ae-cbf853cebac8', 1, '01a22544-65c1-72aa-b8d6-299ade45059b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 2, '650a1485-2698-4ff0-9783-d21b9a64e8d2', 'annotation', '01a22544-655f-70c3-98a7-836644464a34', '{"source": {"label": "novel"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:10.054256+00', '2026-11-29 03:06:10.062811+00', 1),
	('01a22544-6938-72f7-8bc5-5cad750e534c', 1, '01a22544-6585-717d-89b5-5bf513f294c3', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 2, 'f72cdddc-6822-4698-98fd-4dc67de5b42a', 'annotation', '01a22544-653a-746f-9ecc-48f386a60c94', '{"source": {"label": "novel"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:10.094224+00', '2026-11-29 03:06:10.10382+00', 1),
	('01a22544-694b-7467-8db6-a00b1151ff21', 1, '01a22544-65c1-72aa-b8d6-299498429683', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, 'd07eab39-d96c-4531-8515-bc275b9dd0b4', 'annotation', '01a22544-654a-749b-96ce-de36307fdc4f', '{"source": {"label": "novel"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:10.110141+00', '2026-11-29 03:06:10.117282+00', 1),
	('01a22544-6966-77b3-b6ad-c48beea4738a', 1, '01a22544-65c1-72aa-b8d6-299498429683', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 2, 'd07eab39-d96c-4531-8515-bc275b9dd0b4', 'annotation', '01a22544-655f-70c3-98a7-836644464a34', '{"source": {"label": "novel"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:10.133204+00', '2026-11-29 03:06:10.14481+00', 1),
	('01a22544-6ec4-7375-9ce6-e015d3cc4f2f', 1, '01a22544-65c1-72aa-b8d6-29988185732b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, '7be5c604-80b1-4367-9e41-3a22e88043b6', 'annotation', '01a22544-6524-7689-8c8d-eb7c234d6620', '{"source": {"label": "novel"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:11.488137+00', '2026-11-29 03:06:11.515626+00', 1),
	('01a22544-6ede-739d-af16-db7bd10c35eb', 1, '01a22544-65c1-72aa-b8d6-29988185732b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 2, '7be5c604-80b1-4367-9e41-3a22e88043b6', 'annotation', '01a22544-653a-746f-9ecc-48f386a60c94', '{"source": {"label": "novel"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:11.539165+00', '2026-11-29 03:06:11.546857+00', 1),
	('01a22544-6ef4-751e-b66e-ead5ed023339', 1, '01a22544-65c0-7555-8117-ee6dd215483a', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, '52afa6b7-634a-474d-ab30-7484df6d3a11', 'annotation', '01a22544-654a-749b-96ce-de36307fdc4f', '{"source": {"label": "law"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:11.559092+00', '2026-11-29 03:06:11.571129+00', 1),
	('01a22544-6f13-7336-bdf8-a75fbf6c9ec6', 1, '01a22544-65c0-7555-8117-ee6dd215483a', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 2, '52afa6b7-634a-474d-ab30-7484df6d3a11', 'annotation', '01a22544-655f-70c3-98a7-836644464a34', '{"source": {"label": "law"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:11.586019+00', '2026-11-29 03:06:11.600879+00', 1),
	('01a22544-6f3f-723f-aad5-4cfe61b850ee', 1, '01a22544-65c0-7555-8117-ee7151c67d4f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, 'd6e25e83-57b2-4ee1-8537-4d25ef1075b8', 'annotation', '01a22544-6524-7689-8c8d-eb7c234d6620', '{"source": {"label": "law"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:11.633455+00', '2026-11-29 03:06:11.646712+00', 1),
	('01a22544-6f4d-7076-822a-f7d7eb55154d', 1, '01a22544-65c0-7555-8117-ee7151c67d4f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 2, 'd6e25e83-57b2-4ee1-8537-4d25ef1075b8', 'annotation', '01a22544-653a-746f-9ecc-48f386a60c94', '{"source": {"label": "law"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:11.652337+00', '2026-11-29 03:06:11.660384+00', 1),
	('01a22544-6f69-7137-8413-417ba0ffca07', 1, '01a22544-65c0-7555-8117-ee6eb3074fc3', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, 'bd55f331-dd3c-4779-a378-57a4903ac057', 'annotation', '01a22544-654a-749b-96ce-de36307fdc4f', '{"source": {"label": "novel"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:11.674883+00', '2026-11-29 03:06:11.688572+00', 1),
	('01a22544-6f80-7398-a168-3acabbdea4fe', 1, '01a22544-65c0-7555-8117-ee6eb3074fc3', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 2, 'bd55f331-dd3c-4779-a378-57a4903ac057', 'annotation', '01a22544-655f-70c3-98a7-836644464a34', '{"source": {"label": "novel"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:11.695579+00', '2026-11-29 03:06:11.705912+00', 1),
	('01a22544-6fa0-76d3-9aa6-2a7468b6e1b9', 1, '01a22544-65c1-72aa-b8d6-29994418d2c6', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, '7df3b87d-6bf1-4f7b-bc71-541ca77cefa6', 'annotation', '01a22544-6524-7689-8c8d-eb7c234d6620', '{"source": {"label": "law"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:11.735062+00', '2026-11-29 03:06:11.741821+00', 1),
	('01a22544-6fb6-75ba-a606-51bdb9544585', 1, '01a22544-65c1-72aa-b8d6-29994418d2c6', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 2, '7df3b87d-6bf1-4f7b-bc71-541ca77cefa6', 'annotation', '01a22544-653a-746f-9ecc-48f386a60c94', '{"source": {"label": "law"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:11.754464+00', '2026-11-29 03:06:11.761559+00', 1),
	('01a22544-6fca-75f1-8451-c8c4d50390c6', 1, '01a22544-65c1-72aa-b8d6-2993b1ade04f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, 'facf2615-7581-4508-a936-20a02e65ce71', 'annotation', '01a22544-654a-749b-96ce-de36307fdc4f', '{"source": {"label": "law"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:11.771799+00', '2026-11-29 03:06:11.782396+00', 1),
	('01a22544-6fe2-7391-bb61-e1787116a06c', 1, '01a22544-65c1-72aa-b8d6-2993b1ade04f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 2, 'facf2615-7581-4508-a936-20a02e65ce71', 'annotation', '01a22544-655f-70c3-98a7-836644464a34', '{"source": {"label": "law"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:11.791015+00', '2026-11-29 03:06:11.803803+00', 1),
	('01a22544-7005-7595-91bf-39baa3d28317', 1, '01a22544-65c0-7555-8117-ee69e1f91a64', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, 'b7ebdddc-6d6b-4e92-8d3c-04ff140fa338', 'annotation', '01a22544-6524-7689-8c8d-eb7c234d6620', '{"source": {"label": "law"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:11.831461+00', '2026-11-29 03:06:11.844185+00', 1),
	('01a22544-7037-757b-9c61-37af90b27179', 1, '01a22544-65c0-7555-8117-ee6f2edd9bf5', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, '7b202237-7451-4e77-9dfc-8995c11d94ba', 'annotation', '01a22544-654a-749b-96ce-de36307fdc4f', '{"source": {"label": "law"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:11.883842+00', '2026-11-29 03:06:11.895011+00', 1),
	('01a22544-704c-7122-9ea1-11b0a0c0c07c', 1, '01a22544-65c0-7555-8117-ee6f2edd9bf5', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 2, '7b202237-7451-4e77-9dfc-8995c11d94ba', 'annotation', '01a22544-655f-70c3-98a7-836644464a34', '{"source": {"label": "law"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:11.902984+00', '2026-11-29 03:06:11.913642+00', 1),
	('01a22544-7020-738c-b4ed-3dd5340c3d92', 1, '01a22544-65c0-7555-8117-ee69e1f91a64', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 2, 'b7ebdddc-6d6b-4e92-8d3c-04ff140fa338', 'annotation', '01a22544-653a-746f-9ecc-48f386a60c94', '{"source": {"label": "law"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:11.862374+00', '2026-11-29 03:06:11.86847+00', 1),
	('01a22544-7daa-77e1-9573-dd3d3519e8fb', 1, '01a22544-7c00-711d-9ddd-45a791150f8b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 2, '294f0730-2812-4880-9cd7-2d851df750ca', 'annotation', '01a22544-655f-70c3-98a7-836644464a34', '{"source": {"label": "novel"}}', NULL, 1, 1, '01a22544-7ca2-76c0-a00e-96342b553551', '2026-11-29 03:06:15.322782+00', '2026-11-29 03:06:15.335521+00', 1),
	('01a22544-7dbf-7588-97aa-78e32c869cf4', 1, '01a22544-65c1-72aa-b8d6-299519ec7696', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, 'd122d3bb-0273-49a1-abe2-75450cb864ac', 'annotation', '01a22544-6524-7689-8c8d-eb7c234d6620', '{"source": {"label": "law"}}', NULL, 1, 1, '01a22544-7ca2-76c0-a00e-9632530b556a', '2026-11-29 03:06:15.349563+00', '2026-11-29 03:06:15.354672+00', 1),
	('01a22544-7e55-7461-8139-dd56b8cba0c1', 1, '01a22544-65c1-72aa-b8d6-29961753db6b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, 'd35a914c-35db-4b7f-84f5-425812ead850', 'annotation', '01a22544-654a-749b-96ce-de36307fdc4f', '{"source": {"label": "novel"}}', NULL, 1, 1, '01a22544-7ca2-76c0-a00e-96338802a733', '2026-11-29 03:06:15.494995+00', '2026-11-29 03:06:15.506881+00', 1),
	('01a22544-7e6e-71b3-8fbf-69c342c54e40', 1, '01a22544-65c1-72aa-b8d6-29961753db6b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 2, 'd35a914c-35db-4b7f-84f5-425812ead850', 'annotation', '01a22544-655f-70c3-98a7-836644464a34', '{"source": {"label": "novel"}}', NULL, 1, 1, '01a22544-7ca2-76c0-a00e-96338802a733', '2026-11-29 03:06:15.514684+00', '2026-11-29 03:06:15.525542+00', 1),
	('01a22544-7d71-758a-852b-56d7ebb34916', 1, '01a22544-6585-717d-89b5-5bf6222efa61', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'gold', 1, 1, '62b28895-3d2e-4f48-a29b-756a78e04f5e', 'annotation', '01a22544-6524-7689-8c8d-eb7c234d6620', '{"source": {"label": "law"}}', NULL, 1, 1, '01a22544-7ca2-76c0-a00e-96301a031eed', '2026-11-29 03:06:15.272686+00', '2026-11-29 03:06:15.280267+00', 1),
	('01a22544-7d80-771a-b493-73e82f0df965', 1, '01a22544-6585-717d-89b5-5bf6222efa61', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'gold', 1, 2, '62b28895-3d2e-4f48-a29b-756a78e04f5e', 'annotation', '01a22544-653a-746f-9ecc-48f386a60c94', '{"source": {"label": "law"}}', NULL, 1, 1, '01a22544-7ca2-76c0-a00e-96301a031eed', '2026-11-29 03:06:15.286954+00', '2026-11-29 03:06:15.296161+00', 1),
	('01a22544-7d93-74c3-921e-32089a07f51c', 1, '01a22544-7c00-711d-9ddd-45a791150f8b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, '294f0730-2812-4880-9cd7-2d851df750ca', 'annotation', '01a22544-654a-749b-96ce-de36307fdc4f', '{"source": {"label": "novel"}}', NULL, 1, 1, '01a22544-7ca2-76c0-a00e-96342b553551', '2026-11-29 03:06:15.306726+00', '2026-11-29 03:06:15.312874+00', 1),
	('01a22544-7dd2-7513-bf82-ff2a24941be3', 1, '01a22544-65c1-72aa-b8d6-299519ec7696', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 2, 'd122d3bb-0273-49a1-abe2-75450cb864ac', 'annotation', '01a22544-653a-746f-9ecc-48f386a60c94', '{"source": {"label": "law"}}', NULL, 1, 1, '01a22544-7ca2-76c0-a00e-9632530b556a', '2026-11-29 03:06:15.36346+00', '2026-11-29 03:06:15.370846+00', 1),
	('01a22544-7e24-73e2-85c1-154f97c49416', 1, '01a22544-7c00-711d-9ddd-45a8633fb645', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, '624cdef6-b1fe-4dc5-b075-73bac053afdb', 'annotation', '01a22544-6524-7689-8c8d-eb7c234d6620', '{"source": {"label": "law"}}', NULL, 1, 1, '01a22544-7ca2-76c0-a00e-96351ccf38af', '2026-11-29 03:06:15.45232+00', '2026-11-29 03:06:15.458788+00', 1),
	('01a22544-7dee-7486-bba3-5483b96c48e5', 1, '01a22544-65c0-7555-8117-ee671624647a', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, '43bd1661-e26c-4875-9b07-cf8be2b43229', 'annotation', '01a22544-654a-749b-96ce-de36307fdc4f', '{"source": {"label": "law"}}', NULL, 1, 1, '01a22544-7ca2-76c0-a00e-9631446e7059', '2026-11-29 03:06:15.390927+00', '2026-11-29 03:06:15.404355+00', 1),
	('01a22544-7e02-7308-8c16-cb818c299378', 1, '01a22544-65c0-7555-8117-ee671624647a', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 2, '43bd1661-e26c-4875-9b07-cf8be2b43229', 'annotation', '01a22544-655f-70c3-98a7-836644464a34', '{"source": {"label": "law"}}', NULL, 1, 1, '01a22544-7ca2-76c0-a00e-9631446e7059', '2026-11-29 03:06:15.414854+00', '2026-11-29 03:06:15.425588+00', 1),
	('01a22544-7e3e-762f-bab1-ee4a679b46b4', 1, '01a22544-7c00-711d-9ddd-45a8633fb645', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 2, '624cdef6-b1fe-4dc5-b075-73bac053afdb', 'annotation', '01a22544-653a-746f-9ecc-48f386a60c94', '{"source": {"label": "law"}}', NULL, 1, 1, '01a22544-7ca2-76c0-a00e-96351ccf38af', '2026-11-29 03:06:15.47173+00', '2026-11-29 03:06:15.477531+00', 1),
	('01a22544-81df-7189-ba6d-c7fa742ffb11', 1, '01a22544-6585-717d-89b5-5bf513f294c3', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 2, 1, '4da7f180-92c3-4ee5-9aa0-9b7272f9cf93', 'annotation', '01a22544-654a-749b-96ce-de36307fdc4f', '{"source": {"label": "novel"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:16.40588+00', '2026-11-29 03:06:16.414493+00', 1),
	('01a22544-81f6-75bf-9b48-5b7c47dac116', 1, '01a22544-6585-717d-89b5-5bf513f294c3', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 2, 2, '4da7f180-92c3-4ee5-9aa0-9b7272f9cf93', 'annotation', '01a22544-655f-70c3-98a7-836644464a34', '{"source": {"label": "novel"}}', NULL, 1, 1, NULL, '2026-11-29 03:06:16.425796+00', '2026-11-29 03:06:16.43617+00', 1),
	('01a22544-96ec-77d5-8fae-13ee2f233fc6', 1, '01a22544-81ad-706a-973b-b0144ed16bf0', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'vote', 1, 1, '7e9b066e-4daf-4ec4-9987-eee0bea210e8', 'annotation', '01a22544-655f-70c3-98a7-836644464a34', '{"source": {"label": "law"}}', NULL, 1, 1, '01a22544-96cd-711b-9a96-3ade4fd0860a', '2026-11-29 03:06:21.797454+00', '2026-11-29 03:06:21.80376+00', 1);

INSERT INTO public.annotator_estimates VALUES
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'source', '01a22544-6524-7689-8c8d-eb7c234d6620#0', '{"": [13, 0.995036, [[0.997514, 0.002486], [0.001911, 0.998089]]]}'),
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'source', '01a22544-653a-746f-9ecc-48f386a60c94#0', '{"": [13, 0.995036, [[0.99774, 0.00226], [0.00207, 0.99793]]]}'),
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'source', '01a22544-654a-749b-96ce-de36307fdc4f#0', '{"": [14, 0.995297, [[0.998319, 0.001681], [0.002356, 0.997644]]]}'),
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'source', '01a22544-655f-70c3-98a7-836644464a34#0', '{"": [14, 0.995297, [[0.99819, 0.00181], [0.002141, 0.997859]]]}');

INSERT INTO public.annotators VALUES
	('01a22544-6524-7689-8c8d-eb7c234d6620', 1, 'crowd', 'active', '{}', '{}'),
	('01a22544-655f-70c3-98a7-836644464a34', 1, 'crowd', 'active', '{}', '{}'),
	('01a22544-653a-746f-9ecc-48f386a60c94', 1, 'crowd', 'active', '{}', '{}'),
	('01a22544-654a-749b-96ce-de36307fdc4f', 1, 'crowd', 'active', '{}', '{}'),
	('01a22544-656f-7020-9183-74403b209fae', 1, 'expert', 'active', '{}', '{}');

INSERT INTO public.assessment_log VALUES
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-6524-7689-8c8d-eb7c234d6620', 1, '{"reason": null, "status": "active", "answers": 3, "accuracy": null, "annotator_id": "01a22544-6524-7689-8c8d-eb7c234d6620", "gold_answers": 0, "interval_low": 0.0, "interval_high": 1.0, "assessment_revision": 1}', '2026-11-29 03:06:09.827372+00'),
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-653a-746f-9ecc-48f386a60c94', 1, '{"reason": null, "status": "active", "answers": 2, "accuracy": null, "annotator_id": "01a22544-653a-746f-9ecc-48f386a60c94", "gold_answers": 0, "interval_low": 0.0, "interval_high": 1.0, "assessment_revision": 1}', '2026-11-29 03:06:09.827372+00'),
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-654a-749b-96ce-de36307fdc4f', 1, '{"reason": null, "status": "active", "answers": 2, "accuracy": null, "annotator_id": "01a22544-654a-749b-96ce-de36307fdc4f", "gold_answers": 0, "interval_low": 0.0, "interval_high": 1.0, "assessment_revision": 1}', '2026-11-29 03:06:09.827372+00'),
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-655f-70c3-98a7-836644464a34', 1, '{"reason": null, "status": "active", "answers": 2, "accuracy": null, "annotator_id": "01a22544-655f-70c3-98a7-836644464a34", "gold_answers": 0, "interval_low": 0.0, "interval_high": 1.0, "assessment_revision": 1}', '2026-11-29 03:06:09.827372+00'),
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-6524-7689-8c8d-eb7c234d6620', 2, '{"reason": null, "status": "active", "answers": 6, "accuracy": null, "annotator_id": "01a22544-6524-7689-8c8d-eb7c234d6620", "gold_answers": 0, "interval_low": 0.0, "interval_high": 1.0, "assessment_revision": 2}', '2026-11-29 03:06:11.015383+00'),
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-653a-746f-9ecc-48f386a60c94', 2, '{"reason": null, "status": "active", "answers": 6, "accuracy": null, "annotator_id": "01a22544-653a-746f-9ecc-48f386a60c94", "gold_answers": 0, "interval_low": 0.0, "interval_high": 1.0, "assessment_revision": 2}', '2026-11-29 03:06:11.015383+00'),
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-654a-749b-96ce-de36307fdc4f', 2, '{"reason": null, "status": "active", "answers": 6, "accuracy": null, "annotator_id": "01a22544-654a-749b-96ce-de36307fdc4f", "gold_answers": 0, "interval_low": 0.0, "interval_high": 1.0, "assessment_revision": 2}', '2026-11-29 03:06:11.015383+00'),
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-655f-70c3-98a7-836644464a34', 2, '{"reason": null, "status": "active", "answers": 6, "accuracy": null, "annotator_id": "01a22544-655f-70c3-98a7-836644464a34", "gold_answers": 0, "interval_low": 0.0, "interval_high": 1.0, "assessment_revision": 2}', '2026-11-29 03:06:11.015383+00'),
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-6524-7689-8c8d-eb7c234d6620', 3, '{"reason": null, "status": "active", "answers": 10, "accuracy": null, "annotator_id": "01a22544-6524-7689-8c8d-eb7c234d6620", "gold_answers": 0, "interval_low": 0.0, "interval_high": 1.0, "assessment_revision": 3}', '2026-11-29 03:06:12.130711+00'),
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-653a-746f-9ecc-48f386a60c94', 3, '{"reason": null, "status": "active", "answers": 10, "accuracy": null, "annotator_id": "01a22544-653a-746f-9ecc-48f386a60c94", "gold_answers": 0, "interval_low": 0.0, "interval_high": 1.0, "assessment_revision": 3}', '2026-11-29 03:06:12.130711+00'),
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-654a-749b-96ce-de36307fdc4f', 3, '{"reason": null, "status": "active", "answers": 10, "accuracy": null, "annotator_id": "01a22544-654a-749b-96ce-de36307fdc4f", "gold_answers": 0, "interval_low": 0.0, "interval_high": 1.0, "assessment_revision": 3}', '2026-11-29 03:06:12.130711+00'),
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-655f-70c3-98a7-836644464a34', 3, '{"reason": null, "status": "active", "answers": 10, "accuracy": null, "annotator_id": "01a22544-655f-70c3-98a7-836644464a34", "gold_answers": 0, "interval_low": 0.0, "interval_high": 1.0, "assessment_revision": 3}', '2026-11-29 03:06:12.130711+00'),
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-6524-7689-8c8d-eb7c234d6620', 4, '{"reason": null, "status": "active", "answers": 13, "accuracy": 1.0, "annotator_id": "01a22544-6524-7689-8c8d-eb7c234d6620", "gold_answers": 1, "interval_low": 0.14674631630957521, "interval_high": 1.0, "assessment_revision": 4}', '2026-11-29 03:06:16.249528+00'),
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-653a-746f-9ecc-48f386a60c94', 4, '{"reason": null, "status": "active", "answers": 13, "accuracy": 1.0, "annotator_id": "01a22544-653a-746f-9ecc-48f386a60c94", "gold_answers": 1, "interval_low": 0.14674631630957521, "interval_high": 1.0, "assessment_revision": 4}', '2026-11-29 03:06:16.249528+00');

INSERT INTO public.assessments VALUES
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-6524-7689-8c8d-eb7c234d6620', 4, 'active', NULL, 1, 0.14674631630957521, 1, 1, 13, NULL, 0, '{"diagonal": 0.99772, "told_answers": 13, "told_accuracy": 1.0, "baseline_error": 0.08, "drift_statistic": 0.0}', '2026-11-29 03:06:16.249528+00'),
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-653a-746f-9ecc-48f386a60c94', 4, 'active', NULL, 1, 0.14674631630957521, 1, 1, 13, NULL, 0, '{"diagonal": 0.997754, "told_answers": 13, "told_accuracy": 1.0, "baseline_error": 0.08, "drift_statistic": 0.0}', '2026-11-29 03:06:16.249528+00'),
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-654a-749b-96ce-de36307fdc4f', 3, 'active', NULL, NULL, 0, 1, 0, 14, NULL, 0, '{"diagonal": 0.997982, "told_answers": 10, "told_accuracy": null, "baseline_error": 0.08, "drift_statistic": 0.0}', '2026-11-29 03:06:17.368848+00'),
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-655f-70c3-98a7-836644464a34', 3, 'active', NULL, NULL, 0, 1, 0, 14, NULL, 0, '{"diagonal": 0.998024, "told_answers": 10, "told_accuracy": null, "baseline_error": 0.08, "drift_statistic": 0.0}', '2026-11-29 03:06:17.368848+00');

INSERT INTO public.chain_links VALUES
	('01a22544-65c0-7555-8117-ee69e1f91a64', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:11.915924+00:00","confidence":0.9990409664546959,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-7005-7595-91bf-39baa3d28317","01a22544-7020-738c-b4ed-3dd5340c3d92"],"model_as_prior":null,"policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.9990409664546959,"method":"dawid_skene"}},"voters":["01a22544-6524-7689-8c8d-eb7c234d6620#0","01a22544-653a-746f-9ecc-48f386a60c94#0"]},"position":0,"record_id":"01a22544-65c0-7555-8117-ee69e1f91a64","reference":"1","round":1,"schema_version":1,"split":"train","trainable":true}', '\xe58ee0272c6129c0e4669174fadff946feb721fe23e70f104d2e286a0f83203c', '\x4a2953289c344d9cd9a566280123322021734d7a4b6c3a6d34272ecbe9c6a982', '2026-11-29 03:06:11.915924+00', 1, 18),
	('01a22544-65c0-7555-8117-ee6f2edd9bf5', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:11.954241+00:00","confidence":0.9990409664546959,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-7037-757b-9c61-37af90b27179","01a22544-704c-7122-9ea1-11b0a0c0c07c"],"model_as_prior":null,"policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.9990409664546959,"method":"dawid_skene"}},"voters":["01a22544-654a-749b-96ce-de36307fdc4f#0","01a22544-655f-70c3-98a7-836644464a34#0"]},"position":0,"record_id":"01a22544-65c0-7555-8117-ee6f2edd9bf5","reference":"1","round":1,"schema_version":1,"split":"train","trainable":true}', '\x4bb3a8313a57b94e760a3555b3021236f8ba89019cfd1f58948c591a2d1d52e2', '\x990a6caec6982e039fea7e1452508d5591a62429e05ac16aa31cf8b3b52bfc54', '2026-11-29 03:06:11.954241+00', 1, 19),
	('01a22544-6585-717d-89b5-5bf7c59e973e', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:09.629621+00:00","confidence":0.9664775369986046,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-672b-75fb-aa45-7c13273e7ca3","01a22544-6749-74cf-9bbc-81fabb72478e"],"model_as_prior":null,"policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.9664775369986046,"method":"dawid_skene"}},"voters":["01a22544-6524-7689-8c8d-eb7c234d6620#0","01a22544-653a-746f-9ecc-48f386a60c94#0"]},"position":0,"record_id":"01a22544-6585-717d-89b5-5bf7c59e973e","reference":"1","round":1,"schema_version":1,"split":"validation","trainable":false}', '\xeb74c1bf6237148789db2c2651da128d2242f8187ab5725f634b36b669f8e000', '\xea0c37f516978184300950117729bf370a54b4021803e3d19ff88e10b5e0899b', '2026-11-29 03:06:09.629621+00', 1, 0),
	('01a22544-65c1-72aa-b8d6-299be2741979', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:09.708924+00:00","confidence":0.9664775369986046,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-676c-71a9-b796-feda148dbccb","01a22544-6783-704a-b5de-866ae2e2e1bd"],"model_as_prior":null,"policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.9664775369986046,"method":"dawid_skene"}},"voters":["01a22544-655f-70c3-98a7-836644464a34#0","01a22544-6524-7689-8c8d-eb7c234d6620#0"]},"position":0,"record_id":"01a22544-65c1-72aa-b8d6-299be2741979","reference":"1","round":1,"schema_version":1,"split":"test","trainable":false}', '\x53e913dcf7d2cff14fd62417fb9c2a966d55c55d5eea28404356758fe25a6819', '\x04d6bbab0cc4d475e753a8b256046a9be3240f0080b3dfb63f1dba03b782c0af', '2026-11-29 03:06:09.708924+00', 1, 1),
	('01a22544-65c0-7555-8117-ee68de454fee', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:09.709247+00:00","confidence":0.9664775369986046,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-675a-7314-994c-2d3ea72ff085","01a22544-6791-75f0-a537-18fecad2c035"],"model_as_prior":null,"policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.9664775369986046,"method":"dawid_skene"}},"voters":["01a22544-654a-749b-96ce-de36307fdc4f#0","01a22544-653a-746f-9ecc-48f386a60c94#0"]},"position":0,"record_id":"01a22544-65c0-7555-8117-ee68de454fee","reference":"1","round":1,"schema_version":1,"split":"test","trainable":false}', '\x2c9c059aa1e300ad3e88e04a5274c8a80680f06deab805506489656882a7c1d7', '\x50ce74c51efe5c8e3de08b1adcc4d66156b7427679ad55f786934a7d3b08d495', '2026-11-29 03:06:09.709247+00', 1, 2),
	('01a22544-65c0-7555-8117-ee6aaa0a749c', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:09.767875+00:00","confidence":0.9664775369986046,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-67a2-7292-a766-871e7a240ebf","01a22544-67be-710d-ac87-c99c8386d5b7"],"model_as_prior":null,"policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.9664775369986046,"method":"dawid_skene"}},"voters":["01a22544-654a-749b-96ce-de36307fdc4f#0","01a22544-655f-70c3-98a7-836644464a34#0"]},"position":0,"record_id":"01a22544-65c0-7555-8117-ee6aaa0a749c","reference":"1","round":1,"schema_version":1,"split":"train","trainable":true}', '\xe58bd398e0b9c734ba19442e4f7990b1c27655907915f9873a4498b67b3d7e8f', '\xcb27974ca22389a0b9069f081ccba3da3049e28504aea31496806bf2fe925083', '2026-11-29 03:06:09.767875+00', 1, 3),
	('01a22544-65c0-7555-8117-ee6c7ebf946f', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:09.840542+00:00","confidence":0.9664775369986046,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-67e7-76bb-946b-e1c7ac020465","01a22544-680c-70ab-93fd-1200da5448dd"],"model_as_prior":null,"policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.9664775369986046,"method":"dawid_skene"}},"voters":["01a22544-6524-7689-8c8d-eb7c234d6620#0","01a22544-653a-746f-9ecc-48f386a60c94#0"]},"position":0,"record_id":"01a22544-65c0-7555-8117-ee6c7ebf946f","reference":"1","round":1,"schema_version":1,"split":"test","trainable":false}', '\xbe4b98e5108298e44e8055ac66603a37c7e17bbc3be22990d48368b28c7cf23d', '\xec1f16aa784ded07b43bac307960e876a2796349d3be643ead2fb3574b0dad00', '2026-11-29 03:06:09.840542+00', 1, 4),
	('01a22544-6585-717d-89b5-5bf6222efa61', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'retraction', '1', '{"at":"2026-11-29T03:06:15.748344+00:00","kind":"retraction","position":1,"reason":"gold","record_id":"01a22544-6585-717d-89b5-5bf6222efa61","reference":"1"}', '\xdcbf934f01088b9d488f6176f327f15b55d2a0022996dfad4a5b705b2b64bd2c', '\x5a3fd0f0e2f13f4d0fee5212115a8ffeaf9d2ec874edeed14883df9164451594', '2026-11-29 03:06:15.748344+00', 1, 26),
	('01a22544-6585-717d-89b5-5bf6222efa61', 2, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'gold', '1', '{"at":"2026-11-29T03:06:15.748344+00:00","exposures":50,"kind":"gold","placed_by":"mia","position":2,"record_id":"01a22544-6585-717d-89b5-5bf6222efa61","reference":"1","schema_version":1}', '\xb853bca79bb97140aa029991e7f840a7c845e91b5de2f278172a9a400e7acd6c', '\x0957853336a828a31b5188b06e3b9d703a67094f79c28deb1439f098949c61fb', '2026-11-29 03:06:15.748344+00', 1, 27),
	('01a22544-65c1-72aa-b8d6-299519ec7696', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:15.437026+00:00","confidence":0.9998134362915742,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-7dbf-7588-97aa-78e32c869cf4","01a22544-7dd2-7513-bf82-ff2a24941be3"],"model_as_prior":"01a22544-7056-7011-ace6-80a50d5aabdd","policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.9998134362915742,"method":"dawid_skene_with_model"}},"voters":["01a22544-6524-7689-8c8d-eb7c234d6620#0","01a22544-653a-746f-9ecc-48f386a60c94#0"]},"position":0,"record_id":"01a22544-65c1-72aa-b8d6-299519ec7696","reference":"1","round":1,"schema_version":1,"split":"train","trainable":true}', '\x14e9b890eb122ca7d31f8706173ffdeb81831eb560dfba0abc8ad5f1a1f4907b', '\xb2b35125e601283fc227e770d3935bcead153f0b73dde61e13d3b923efcbec97', '2026-11-29 03:06:15.437026+00', 1, 22),
	('01a22544-65c0-7555-8117-ee671624647a', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:15.449727+00:00","confidence":0.9997926155151141,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-7dee-7486-bba3-5483b96c48e5","01a22544-7e02-7308-8c16-cb818c299378"],"model_as_prior":"01a22544-7056-7011-ace6-80a50d5aabdd","policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.9997926155151141,"method":"dawid_skene_with_model"}},"voters":["01a22544-654a-749b-96ce-de36307fdc4f#0","01a22544-655f-70c3-98a7-836644464a34#0"]},"position":0,"record_id":"01a22544-65c0-7555-8117-ee671624647a","reference":"1","round":1,"schema_version":1,"split":"train","trainable":true}', '\xe715119fdf6c2be76feba00a60c3187f70a50469543191b8b0c39a0d5a435123', '\x7cb9d9302f4ebf984a3eefb4150354268a1698c899e87752d64de928a32649a0', '2026-11-29 03:06:15.449727+00', 1, 23),
	('01a22544-7c00-711d-9ddd-45a8633fb645', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:15.512366+00:00","confidence":0.9998180344944207,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-7e24-73e2-85c1-154f97c49416","01a22544-7e3e-762f-bab1-ee4a679b46b4"],"model_as_prior":"01a22544-7056-7011-ace6-80a50d5aabdd","policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.9998180344944207,"method":"dawid_skene_with_model"}},"voters":["01a22544-6524-7689-8c8d-eb7c234d6620#0","01a22544-653a-746f-9ecc-48f386a60c94#0"]},"position":0,"record_id":"01a22544-7c00-711d-9ddd-45a8633fb645","reference":"1","round":1,"schema_version":1,"split":"train","trainable":true}', '\x30c2c13470c6046ba45c0a303c0920b21fda367465af3ec58d56adef73bcdf81', '\x502b73f8c38d9593f525ebeedc922947a3e5ab0fcb47c08c9ee9d1b65a9e0e8c', '2026-11-29 03:06:15.512366+00', 1, 24),
	('01a22544-6585-717d-89b5-5bf513f294c3', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '2', '{"annotations":2,"at":"2026-11-29T03:06:16.454257+00:00","confidence":0.9998422012850465,"guideline_version":1,"kind":"label","label_revision":2,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-81df-7189-ba6d-c7fa742ffb11","01a22544-81f6-75bf-9b48-5b7c47dac116"],"model_as_prior":null,"policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.9998422012850465,"method":"dawid_skene"}},"voters":["01a22544-654a-749b-96ce-de36307fdc4f#0","01a22544-655f-70c3-98a7-836644464a34#0"]},"position":1,"record_id":"01a22544-6585-717d-89b5-5bf513f294c3","reference":"2","round":2,"schema_version":1,"split":"train","trainable":true}', '\x084d11983e3ed405e07175e0331bbaec9c752c198a74c327bff63644e3bfdab9', '\xf1e8a4b9e2e0b18f8291baa4e8a1363ed35ba408edc6849e032e94b8679f3a2d', '2026-11-29 03:06:16.454257+00', 1, 28),
	('01a22544-65c1-72aa-b8d6-29979047af0d', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:09.889198+00:00","confidence":0.9664775369986046,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-6824-74a2-9777-a6083a88fbbb","01a22544-683f-7265-b9d0-f3e5d9f24883"],"model_as_prior":null,"policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.9664775369986046,"method":"dawid_skene"}},"voters":["01a22544-654a-749b-96ce-de36307fdc4f#0","01a22544-655f-70c3-98a7-836644464a34#0"]},"position":0,"record_id":"01a22544-65c1-72aa-b8d6-29979047af0d","reference":"1","round":1,"schema_version":1,"split":"validation","trainable":false}', '\xb4e2e76ef146725c27bd415a171b70273094c382716ce222317a2a69f025b36e', '\x5e20602d512e785371e01c781d91ecb500958221af773dc4814e95e13a2cc905', '2026-11-29 03:06:09.889198+00', 1, 5),
	('01a22544-65c0-7555-8117-ee70a4fe1ee2', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:09.945690+00:00","confidence":0.9664775369986046,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-685d-7083-ba4f-84c84a8e7249","01a22544-6876-7492-b663-239fda827846"],"model_as_prior":null,"policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.9664775369986046,"method":"dawid_skene"}},"voters":["01a22544-6524-7689-8c8d-eb7c234d6620#0","01a22544-653a-746f-9ecc-48f386a60c94#0"]},"position":0,"record_id":"01a22544-65c0-7555-8117-ee70a4fe1ee2","reference":"1","round":1,"schema_version":1,"split":"validation","trainable":false}', '\x884f05fa7c62e0b65a199fff0204b68a2fb03847014b40b36818c546cc02a040', '\xd79ee21efad09e9dbd3c14ee592c570c392a5c08c5978c0a7d33df71705abc8c', '2026-11-29 03:06:09.94569+00', 1, 6),
	('01a22544-65c0-7555-8117-ee72bb0f1800', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:10.058850+00:00","confidence":0.9664775369986046,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-6896-7434-bcd3-db2fa17f267d","01a22544-68ba-70df-90d6-414b9bab6e89"],"model_as_prior":null,"policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.9664775369986046,"method":"dawid_skene"}},"voters":["01a22544-654a-749b-96ce-de36307fdc4f#0","01a22544-655f-70c3-98a7-836644464a34#0"]},"position":0,"record_id":"01a22544-65c0-7555-8117-ee72bb0f1800","reference":"1","round":1,"schema_version":1,"split":"test","trainable":false}', '\x2382d6473e4971b06ad7e107c817d4341c60185779cfe53ec9938a773956c985', '\x02cabdde22c9e798f004fc55e697a30056a44f93c97d6987d86c80dcc55a2158', '2026-11-29 03:06:10.05885+00', 1, 7),
	('01a22544-65c0-7555-8117-ee6beb44b78b', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:10.072989+00:00","confidence":0.9664775369986046,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-68e1-714e-ad5e-7ca06ae9edc8","01a22544-68f1-7314-acc4-8cce474e1230"],"model_as_prior":null,"policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.9664775369986046,"method":"dawid_skene"}},"voters":["01a22544-6524-7689-8c8d-eb7c234d6620#0","01a22544-653a-746f-9ecc-48f386a60c94#0"]},"position":0,"record_id":"01a22544-65c0-7555-8117-ee6beb44b78b","reference":"1","round":1,"schema_version":1,"split":"validation","trainable":false}', '\x6862461be37c5c36f2c9f8e2cdd138ec269783c7523511bbdaa0899377f2d07c', '\x08c8514d6ecfc9cc6b12f3fe63793e8fa1e3724d5bb4b6ea5287fe92802c08d9', '2026-11-29 03:06:10.072989+00', 1, 8),
	('01a22544-6585-717d-89b5-5bf513f294c3', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:10.129518+00:00","confidence":0.9664775369986046,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-692a-7675-b24f-985cc3e95d7b","01a22544-6938-72f7-8bc5-5cad750e534c"],"model_as_prior":null,"policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.9664775369986046,"method":"dawid_skene"}},"voters":["01a22544-6524-7689-8c8d-eb7c234d6620#0","01a22544-653a-746f-9ecc-48f386a60c94#0"]},"position":0,"record_id":"01a22544-6585-717d-89b5-5bf513f294c3","reference":"1","round":1,"schema_version":1,"split":"train","trainable":true}', '\x084d11983e3ed405e07175e0331bbaec9c752c198a74c327bff63644e3bfdab9', '\x130e45661fc8031603398e1407e12d84d1f94af6f655365ecec62ac6235a2b87', '2026-11-29 03:06:10.129518+00', 1, 10),
	('01a22544-65c1-72aa-b8d6-299ade45059b', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:10.113501+00:00","confidence":0.9664775369986046,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-68fd-7091-be14-b12e4b56025f","01a22544-6914-7124-a2ae-cbf853cebac8"],"model_as_prior":null,"policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.9664775369986046,"method":"dawid_skene"}},"voters":["01a22544-654a-749b-96ce-de36307fdc4f#0","01a22544-655f-70c3-98a7-836644464a34#0"]},"position":0,"record_id":"01a22544-65c1-72aa-b8d6-299ade45059b","reference":"1","round":1,"schema_version":1,"split":"test","trainable":false}', '\x5d75e5b9d0d1156d184cb9b8a6830cffc858d1a2c0a013b71a4268feb9e8c319', '\x1f7d00d2be2f2dace02e6bebf5534a0c4c424567156c5bc3be004d8cbcc9d2d9', '2026-11-29 03:06:10.113501+00', 1, 9),
	('01a22544-65c1-72aa-b8d6-299498429683', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:10.187687+00:00","confidence":0.9664775369986046,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-694b-7467-8db6-a00b1151ff21","01a22544-6966-77b3-b6ad-c48beea4738a"],"model_as_prior":null,"policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.9664775369986046,"method":"dawid_skene"}},"voters":["01a22544-654a-749b-96ce-de36307fdc4f#0","01a22544-655f-70c3-98a7-836644464a34#0"]},"position":0,"record_id":"01a22544-65c1-72aa-b8d6-299498429683","reference":"1","round":1,"schema_version":1,"split":"test","trainable":false}', '\x179ff70a057107a126ed9b19bdf46a0adf09f54827cbd831378492c8686719cb', '\x522623e6f4efc3ce203f5f0918b255a40f0369979fbe97375315a9626ae22e68', '2026-11-29 03:06:10.187687+00', 1, 11),
	('01a22544-65c1-72aa-b8d6-29988185732b', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:11.573462+00:00","confidence":0.999773148590653,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-6ec4-7375-9ce6-e015d3cc4f2f","01a22544-6ede-739d-af16-db7bd10c35eb"],"model_as_prior":null,"policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.999773148590653,"method":"dawid_skene"}},"voters":["01a22544-6524-7689-8c8d-eb7c234d6620#0","01a22544-653a-746f-9ecc-48f386a60c94#0"]},"position":0,"record_id":"01a22544-65c1-72aa-b8d6-29988185732b","reference":"1","round":1,"schema_version":1,"split":"train","trainable":true}', '\x46d57d0c4c907fa9827d42a52e78edd40de5acb7828f1709c0cbf8cbcacd2108', '\x062d909f5a4d92d668ead46b72d588b4265d665fb4934a87958c0966af88d31a', '2026-11-29 03:06:11.573462+00', 1, 12),
	('01a22544-65c0-7555-8117-ee6dd215483a', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:11.630217+00:00","confidence":0.9990409664546959,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-6ef4-751e-b66e-ead5ed023339","01a22544-6f13-7336-bdf8-a75fbf6c9ec6"],"model_as_prior":null,"policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.9990409664546959,"method":"dawid_skene"}},"voters":["01a22544-654a-749b-96ce-de36307fdc4f#0","01a22544-655f-70c3-98a7-836644464a34#0"]},"position":0,"record_id":"01a22544-65c0-7555-8117-ee6dd215483a","reference":"1","round":1,"schema_version":1,"split":"train","trainable":true}', '\x95911d1349e49f2868f4f7101fab86e9873f351a7eec97e76e026029bc670274', '\x73ecc910908332a09358beda188a4b2cee6a61408b3a48f7a26fecd7bbb48a39', '2026-11-29 03:06:11.630217+00', 1, 13),
	('01a22544-65c0-7555-8117-ee7151c67d4f', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:11.677242+00:00","confidence":0.9990409664546959,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-6f3f-723f-aad5-4cfe61b850ee","01a22544-6f4d-7076-822a-f7d7eb55154d"],"model_as_prior":null,"policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.9990409664546959,"method":"dawid_skene"}},"voters":["01a22544-6524-7689-8c8d-eb7c234d6620#0","01a22544-653a-746f-9ecc-48f386a60c94#0"]},"position":0,"record_id":"01a22544-65c0-7555-8117-ee7151c67d4f","reference":"1","round":1,"schema_version":1,"split":"train","trainable":true}', '\x35e519a8e7b240eb147bfc9b3956aa7c1faeba9ea74bfc6694643e54494f81b9', '\x99d0ef24f5b1ded41a28e671eee440f3eaba8f3235692e8f681ab498268649aa', '2026-11-29 03:06:11.677242+00', 1, 14),
	('01a22544-65c0-7555-8117-ee6eb3074fc3', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:11.751502+00:00","confidence":0.999773148590653,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-6f69-7137-8413-417ba0ffca07","01a22544-6f80-7398-a168-3acabbdea4fe"],"model_as_prior":null,"policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.999773148590653,"method":"dawid_skene"}},"voters":["01a22544-654a-749b-96ce-de36307fdc4f#0","01a22544-655f-70c3-98a7-836644464a34#0"]},"position":0,"record_id":"01a22544-65c0-7555-8117-ee6eb3074fc3","reference":"1","round":1,"schema_version":1,"split":"train","trainable":true}', '\x2b7f5510339c87de862fccae8eadb79d89d2b752fc8b0cda063abfd7f9da2a51', '\xc28ca4fdba5f80a49d36d3d2cc669b8780eaea9caf9f597d31dcd4f1a1b5679f', '2026-11-29 03:06:11.751502+00', 1, 15),
	('01a22544-65c1-72aa-b8d6-29994418d2c6', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:11.802560+00:00","confidence":0.9990409664546959,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-6fa0-76d3-9aa6-2a7468b6e1b9","01a22544-6fb6-75ba-a606-51bdb9544585"],"model_as_prior":null,"policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.9990409664546959,"method":"dawid_skene"}},"voters":["01a22544-6524-7689-8c8d-eb7c234d6620#0","01a22544-653a-746f-9ecc-48f386a60c94#0"]},"position":0,"record_id":"01a22544-65c1-72aa-b8d6-29994418d2c6","reference":"1","round":1,"schema_version":1,"split":"train","trainable":true}', '\xf1c496fc1231b2283c8292a175d759d8a4edf800c5c04d3b89b9e56a2d6c2335', '\x957e3985efa893dc35fb6311ad7e066890c5cfc454966805f82d5fda7975dd73', '2026-11-29 03:06:11.80256+00', 1, 16),
	('01a22544-65c1-72aa-b8d6-2993b1ade04f', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:11.842204+00:00","confidence":0.9990409664546959,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-6fca-75f1-8451-c8c4d50390c6","01a22544-6fe2-7391-bb61-e1787116a06c"],"model_as_prior":null,"policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.9990409664546959,"method":"dawid_skene"}},"voters":["01a22544-654a-749b-96ce-de36307fdc4f#0","01a22544-655f-70c3-98a7-836644464a34#0"]},"position":0,"record_id":"01a22544-65c1-72aa-b8d6-2993b1ade04f","reference":"1","round":1,"schema_version":1,"split":"train","trainable":true}', '\xfee2305e1bb4ec63fb9d9c2c3db94444a7adfdf51058cecbea332fe7c9cd5124', '\x48bc7b2eb3776839d9d069230b2dfb10582b5ba5c457be37afd3daffe9b7a7ee', '2026-11-29 03:06:11.842204+00', 1, 17),
	('01a22544-6585-717d-89b5-5bf6222efa61', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:15.318892+00:00","confidence":0.9997958515286638,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-7d71-758a-852b-56d7ebb34916","01a22544-7d80-771a-b493-73e82f0df965"],"model_as_prior":"01a22544-7056-7011-ace6-80a50d5aabdd","policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.9997958515286638,"method":"dawid_skene_with_model"}},"voters":["01a22544-6524-7689-8c8d-eb7c234d6620#0","01a22544-653a-746f-9ecc-48f386a60c94#0"]},"position":0,"record_id":"01a22544-6585-717d-89b5-5bf6222efa61","reference":"1","round":1,"schema_version":1,"split":"train","trainable":true}', '\xb853bca79bb97140aa029991e7f840a7c845e91b5de2f278172a9a400e7acd6c', '\x1c3294e95cb434563e46c5fb4cd5193aed3c4fee2bb7b2c7a2f0664e7c326366', '2026-11-29 03:06:15.318892+00', 1, 20),
	('01a22544-7c00-711d-9ddd-45a791150f8b', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:15.360724+00:00","confidence":0.9997871451084058,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-7d93-74c3-921e-32089a07f51c","01a22544-7daa-77e1-9573-dd3d3519e8fb"],"model_as_prior":"01a22544-7056-7011-ace6-80a50d5aabdd","policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.9997871451084058,"method":"dawid_skene_with_model"}},"voters":["01a22544-654a-749b-96ce-de36307fdc4f#0","01a22544-655f-70c3-98a7-836644464a34#0"]},"position":0,"record_id":"01a22544-7c00-711d-9ddd-45a791150f8b","reference":"1","round":1,"schema_version":1,"split":"train","trainable":true}', '\x2b28396fed7dd3f918fd2a588e191c647d14507a8d273f74b42edf7883bf8172', '\x20aa745a3eec27dfec6afd1625bd5931d8e8b7e4bda98d16e9106f76a588c961', '2026-11-29 03:06:15.360724+00', 1, 21),
	('01a22544-65c1-72aa-b8d6-29961753db6b', 0, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'label', '1', '{"annotations":2,"at":"2026-11-29T03:06:15.560095+00:00","confidence":0.9998543655807361,"guideline_version":1,"kind":"label","label_revision":1,"method":"consensus","model_id":null,"parameters":{"annotations":["01a22544-7e55-7461-8139-dd56b8cba0c1","01a22544-7e6e-71b3-8fbf-69c342c54e40"],"model_as_prior":"01a22544-7056-7011-ace6-80a50d5aabdd","policy_version":2,"posterior_target":0.9,"questions":{"source":{"confidence":0.9998543655807361,"method":"dawid_skene_with_model"}},"voters":["01a22544-654a-749b-96ce-de36307fdc4f#0","01a22544-655f-70c3-98a7-836644464a34#0"]},"position":0,"record_id":"01a22544-65c1-72aa-b8d6-29961753db6b","reference":"1","round":1,"schema_version":1,"split":"train","trainable":true}', '\xd6435d3dc1e96c109cdd0ca3c23200451ee564a0cb5f6124b557dfc7e9e83db5', '\x521429f9c43094242e71043b6cfac757a65fad639cc0e1c859d029f43b915057', '2026-11-29 03:06:15.560095+00', 1, 25);

INSERT INTO public.counters VALUES
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', 'annotations.gold', 2),
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', 'labels.consensus', 25),
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', 'records.finalized', 25),
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', 'records.gold', 1),
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', 'annotations.vote', 53),
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', 'records.open', 2);

INSERT INTO public.estimates VALUES
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'source', '01a22544-85b2-71f4-8213-ec3ac68ee0aa', 54, '{"": {"pool": [[0.941293, 0.058707], [0.05875, 0.94125]], "classes": ["novel", "law"], "class_prior": [0.5, 0.5], "pool_accuracy": 0.939579}}', '2026-11-29 03:06:17.368848+00');

INSERT INTO public.feedback VALUES
	('01a22544-7f89-7315-bd4a-304ed47520de', '01a22544-6585-717d-89b5-5bf513f294c3', '01a22544-64fb-70fa-a80b-4999f3c72a0f', NULL, 1, 'corrected', NULL, '{"source": {"label": "law"}}', NULL, '2026-11-29 03:06:15.817415+00', 'relabel_requested', 1);

INSERT INTO public.gold VALUES
	('01a22544-6585-717d-89b5-5bf6222efa61', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, '{"source": {"label": "law"}}', NULL, 50, 'mia', '2026-11-29 03:06:15.748344+00', true, NULL, NULL);

INSERT INTO public.inbox VALUES
	('01a22544-6510-750a-9e66-afe26078dcbe', 'qa'),
	('01a22544-652e-77af-b17d-54d578b487a6', 'qa'),
	('01a22544-6564-704a-8d50-831dd1a24574', 'qa'),
	('01a22544-653c-7054-a0fb-9cbf91dc9acc', 'qa'),
	('01a22544-654d-76c3-9dd3-bac99ef3c395', 'qa'),
	('01a22544-6571-7056-ac7f-f2e0f4e5e895', 'qa'),
	('01a22544-65e4-72c8-a50c-03f4e0f42016', 'qa'),
	('01a22544-65e4-72c8-a50c-03f6403432f3', 'qa'),
	('01a22544-65e4-72c8-a50c-03fcb7ddc63d', 'qa'),
	('01a22544-65e4-72c8-a50c-03ff4f0c504a', 'qa'),
	('01a22544-65e4-72c8-a50c-04089ea4d7b5', 'qa'),
	('01a22544-65e4-72c8-a50c-03f5d8c8b971', 'qa'),
	('01a22544-65e4-72c8-a50c-03f964257cc7', 'qa'),
	('01a22544-65e4-72c8-a50c-0401107c65cc', 'qa'),
	('01a22544-65e4-72c8-a50c-040411b496e1', 'qa'),
	('01a22544-65e4-72c8-a50c-0406dbec717a', 'qa'),
	('01a22544-65e4-72c8-a50c-040a02f8157e', 'qa'),
	('01a22544-65e4-72c8-a50c-040b1cfd910e', 'qa'),
	('01a22544-65e4-72c8-a50c-03fdc1ef8802', 'qa'),
	('01a22544-65e4-72c8-a50c-03fefe294384', 'qa'),
	('01a22544-65e4-72c8-a50c-04006d1bb909', 'qa'),
	('01a22544-65e4-72c8-a50c-0402634c3be6', 'qa'),
	('01a22544-65e4-72c8-a50c-040302fa75f2', 'qa'),
	('01a22544-65e4-72c8-a50c-0405482b2cfb', 'qa'),
	('01a22544-65e4-72c8-a50c-04070531278d', 'qa'),
	('01a22544-65e4-72c8-a50c-03f7103153a4', 'qa'),
	('01a22544-65e4-72c8-a50c-03f837bac051', 'qa'),
	('01a22544-65e4-72c8-a50c-03fa21a2bf8f', 'qa'),
	('01a22544-65e4-72c8-a50c-03fbf43cdd1d', 'qa'),
	('01a22544-65e4-72c8-a50c-04093a3863fd', 'qa'),
	('01a22544-6642-7516-b71b-cdde953be4b0', 'qa'),
	('01a22544-666f-7194-aade-34192c977d5e', 'qa'),
	('01a22544-6672-7319-b3f7-384aa56d0f18', 'qa'),
	('01a22544-660b-71e6-ad47-cbdcbc5a0aa1', 'qa'),
	('01a22544-6659-74a6-a5fa-af01b9d566e6', 'qa'),
	('01a22544-6659-74a6-a5fa-af02b9c0988c', 'qa'),
	('01a22544-6630-7449-8ae6-88df0032b37f', 'qa'),
	('01a22544-6640-76dd-810c-3d4825898429', 'qa'),
	('01a22544-664e-71b4-95f2-4e2d1166e74b', 'qa'),
	('01a22544-6622-71dd-88d8-93e38c561b5f', 'qa'),
	('01a22544-6680-7635-a43f-9b234f98eb3b', 'qa'),
	('01a22544-66d3-74e3-b45f-545b3f408697', 'qa'),
	('01a22544-66d4-7439-9d60-52222b4dca6d', 'qa'),
	('01a22544-66e3-72dd-ad5f-78eadd129005', 'qa'),
	('01a22544-66da-758b-93da-b7447c6a1c44', 'qa'),
	('01a22544-66db-71f1-b414-b5b77cd746e5', 'qa'),
	('01a22544-66e1-723d-b056-046f1d628e96', 'qa'),
	('01a22544-6665-7126-b279-509d5e2b9423', 'qa'),
	('01a22544-66a4-773b-8d97-96ee1a42e10e', 'qa'),
	('01a22544-66b0-7382-8013-531c85a1ab15', 'qa'),
	('01a22544-66c0-70af-9b90-d331e8c70a76', 'qa'),
	('01a22544-668e-777c-8c95-01022332eb0f', 'qa'),
	('01a22544-6699-76d8-bb99-8c8de6ef7923', 'qa'),
	('01a22544-66ba-70c6-bef4-fb184efacff8', 'qa'),
	('01a22544-66c7-74ef-a82e-e6be7a02a8ad', 'qa'),
	('01a22544-6631-703b-ab52-bc202d2e6b72', 'qa'),
	('01a22544-6665-7126-b279-509c1a0c16e6', 'qa'),
	('01a22544-6683-7705-a6d9-d002e6bfaf04', 'qa'),
	('01a22544-6642-7516-b71b-cddfcdb7d7fc', 'qa'),
	('01a22544-6677-7458-afae-d7c55c2b4530', 'qa'),
	('01a22544-66fb-73cf-b7c0-7e16013f846c', 'qa'),
	('01a22544-6706-7689-b123-a9ccc6926636', 'qa'),
	('01a22544-66e9-752c-84a5-3fd41f96bc2a', 'qa'),
	('01a22544-670a-75b0-94fb-a5958f8c9b5f', 'qa'),
	('01a22544-66f6-7540-8e88-518a9109117f', 'qa'),
	('01a22544-6702-7715-b4d6-a6eb807d66d6', 'qa'),
	('01a22544-6704-728b-b552-d82b2ee9a25a', 'qa'),
	('01a22544-6713-721f-be9c-36358fce88d8', 'qa'),
	('01a22544-6717-75af-b6ba-2d383f55121a', 'qa'),
	('01a22544-672b-75fb-aa45-7c140d969a9a', 'qa'),
	('01a22544-672b-75fb-aa45-7c15508eb340', 'qa'),
	('01a22544-6749-74cf-9bbc-81fbf918b59a', 'qa'),
	('01a22544-674a-7429-8c2d-e8d32342bb65', 'qa'),
	('01a22544-66fb-73cf-b7c0-7e17fbd61940', 'qa'),
	('01a22544-6705-73ae-8836-915e00a75e74', 'qa'),
	('01a22544-671f-725a-a0d2-7583edfc83dc', 'qa'),
	('01a22544-6744-76d6-be1a-a6761276f62b', 'qa'),
	('01a22544-6711-728d-b002-deb44ead9a87', 'qa'),
	('01a22544-672e-7495-a89c-fa34d709dd07', 'qa'),
	('01a22544-672c-7558-9291-2e4dce85af25', 'qa'),
	('01a22544-675a-7314-994c-2d3fe006ebf1', 'qa'),
	('01a22544-6752-7137-8f56-1c5965a67d6a', 'qa'),
	('01a22544-676c-71a9-b796-fedba9f2ef38', 'qa'),
	('01a22544-6743-733c-aa93-676086d88869', 'qa'),
	('01a22544-675a-7314-994c-2d403b7de33a', 'qa'),
	('01a22544-676c-71a9-b796-fedcf796b2c9', 'qa'),
	('01a22544-6783-704a-b5de-866ca203f734', 'qa'),
	('01a22544-6792-76cd-a182-cc9feaa8d8ea', 'qa'),
	('01a22544-6783-704a-b5de-866b98726271', 'qa'),
	('01a22544-6792-76cd-a182-cc9e135f34cb', 'qa'),
	('01a22544-67a3-735b-bde1-86864374b095', 'qa'),
	('01a22544-67a3-735b-bde1-86856a13588b', 'qa'),
	('01a22544-67be-710d-ac87-c99d714261bb', 'qa'),
	('01a22544-67be-710d-ac87-c99e35c187d8', 'qa'),
	('01a22544-67e7-76bb-946b-e1c8e7cae597', 'qa'),
	('01a22544-67e7-76bb-946b-e1c9da4208d1', 'qa'),
	('01a22544-680c-70ab-93fd-120193836794', 'qa'),
	('01a22544-680c-70ab-93fd-12024d7fe5ee', 'qa'),
	('01a22544-6824-74a2-9777-a609b936500e', 'qa'),
	('01a22544-6824-74a2-9777-a60a2e66c5e4', 'qa');
INSERT INTO public.inbox VALUES
	('01a22544-683f-7265-b9d0-f3e76c72cb82', 'qa'),
	('01a22544-683f-7265-b9d0-f3e665ff43c1', 'qa'),
	('01a22544-685e-722c-bd9f-350cc7d2734f', 'qa'),
	('01a22544-685d-7083-ba4f-84c93ad91cb6', 'qa'),
	('01a22544-6876-7492-b663-23a19c3b738e', 'qa'),
	('01a22544-6876-7492-b663-23a0f6ef51b3', 'qa'),
	('01a22544-6897-72db-98f5-c6d996782c62', 'qa'),
	('01a22544-68ba-70df-90d6-414db2dafd2e', 'qa'),
	('01a22544-6897-72db-98f5-c6d84aeb831f', 'qa'),
	('01a22544-68ba-70df-90d6-414caef04c10', 'qa'),
	('01a22544-68e4-7236-b79e-baf3c64213ac', 'qa'),
	('01a22544-68e4-7236-b79e-baf23f4d173f', 'qa'),
	('01a22544-68f1-7314-acc4-8cd035002e8c', 'qa'),
	('01a22544-68f1-7314-acc4-8ccfd1b8f9a0', 'qa'),
	('01a22544-68fd-7091-be14-b1309c7fc2af', 'qa'),
	('01a22544-68fd-7091-be14-b12fc423d7f4', 'qa'),
	('01a22544-692a-7675-b24f-985d13604df0', 'qa'),
	('01a22544-692a-7675-b24f-985e0e869b4f', 'qa'),
	('01a22544-6914-7124-a2ae-cbf9fc93b1b2', 'qa'),
	('01a22544-6914-7124-a2ae-cbfa1f5d9786', 'qa'),
	('01a22544-6938-72f7-8bc5-5caee6142a0f', 'qa'),
	('01a22544-6938-72f7-8bc5-5caff4d4001a', 'qa'),
	('01a22544-694b-7467-8db6-a00d05c8a2b9', 'qa'),
	('01a22544-6966-77b3-b6ad-c48d0df18808', 'qa'),
	('01a22544-694b-7467-8db6-a00cf1f08966', 'qa'),
	('01a22544-6966-77b3-b6ad-c48c7273ac1e', 'qa'),
	('01a22544-6e50-77ed-92d1-ce5acde3f60f', 'qa'),
	('01a22544-6e50-77ed-92d1-ce5e8bfc3fee', 'qa'),
	('01a22544-6e51-72f5-8b56-e8c671f3319d', 'qa'),
	('01a22544-6e50-77ed-92d1-ce5dc82b3d85', 'qa'),
	('01a22544-6e51-72f5-8b56-e8c54948d65b', 'qa'),
	('01a22544-6e50-77ed-92d1-ce5b3e596e2b', 'qa'),
	('01a22544-6e50-77ed-92d1-ce5c6e93ee20', 'qa'),
	('01a22544-6e50-77ed-92d1-ce5f60511b8a', 'qa'),
	('01a22544-6ea5-7637-8ea7-bb9df0b70c81', 'qa'),
	('01a22544-6ea0-7705-9d42-80483f73f5f7', 'qa'),
	('01a22544-6eb0-7624-886b-78e61da45563', 'qa'),
	('01a22544-6ec4-7375-9ce6-e0168618bcff', 'qa'),
	('01a22544-6ec4-7375-9ce6-e01785654e51', 'qa'),
	('01a22544-6eb0-7624-886b-78e75e2053f1', 'qa'),
	('01a22544-6ede-739d-af16-db7c592788d5', 'qa'),
	('01a22544-6ede-739d-af16-db7d5ad077cb', 'qa'),
	('01a22544-6ef4-751e-b66e-ead601a07b27', 'qa'),
	('01a22544-6ef4-751e-b66e-ead70cbf51f3', 'qa'),
	('01a22544-6f13-7336-bdf8-a76069a02a90', 'qa'),
	('01a22544-6f13-7336-bdf8-a761b0955a78', 'qa'),
	('01a22544-6f3f-723f-aad5-4cff83f64b7e', 'qa'),
	('01a22544-6f40-718b-b0e5-abec043873d0', 'qa'),
	('01a22544-6f4e-700d-8184-4c72c5aabe9a', 'qa'),
	('01a22544-6f4d-7076-822a-f7d84f513dc1', 'qa'),
	('01a22544-6f69-7137-8413-417c4f270302', 'qa'),
	('01a22544-6f6a-70de-a2a5-32f99f4998bd', 'qa'),
	('01a22544-6f80-7398-a168-3acc97d7aa0a', 'qa'),
	('01a22544-6f80-7398-a168-3acbd2a8806d', 'qa'),
	('01a22544-6fa0-76d3-9aa6-2a7604011e78', 'qa'),
	('01a22544-6fa0-76d3-9aa6-2a7505a704e0', 'qa'),
	('01a22544-6fb6-75ba-a606-51bfe8a54a07', 'qa'),
	('01a22544-6fb6-75ba-a606-51be84aa33e8', 'qa'),
	('01a22544-6fe2-7391-bb61-e17a2bdc9c87', 'qa'),
	('01a22544-7005-7595-91bf-39bb0a5dcb39', 'qa'),
	('01a22544-7020-738c-b4ed-3dd70f2ee014', 'qa'),
	('01a22544-7038-704d-8d0a-5d9c6c92616b', 'qa'),
	('01a22544-7038-704d-8d0a-5d9dbfb27b0d', 'qa'),
	('01a22544-704c-7122-9ea1-11b1e203f0f5', 'qa'),
	('01a22544-7bf1-76aa-8b59-da926d9f69d6', 'qa'),
	('01a22544-7bf1-76aa-8b59-da94b83c419d', 'qa'),
	('01a22544-7bf1-76aa-8b59-da9525792777', 'qa'),
	('01a22544-7c1e-7400-9e84-8294975c83f4', 'qa'),
	('01a22544-7c1e-7400-9e84-8297d945f701', 'qa'),
	('01a22544-6fca-75f1-8451-c8c6c54d7f5a', 'qa'),
	('01a22544-704c-7122-9ea1-11b2e0315f24', 'qa'),
	('01a22544-7bf1-76aa-8b59-da90032be972', 'qa'),
	('01a22544-7bf1-76aa-8b59-da91f527d476', 'qa'),
	('01a22544-7bf1-76aa-8b59-da931790a51c', 'qa'),
	('01a22544-7c12-76e4-8dd3-38b83492c933', 'qa'),
	('01a22544-7c1e-7400-9e84-8296d7929640', 'qa'),
	('01a22544-7c4d-722d-a483-66d201767e8f', 'qa'),
	('01a22544-7c83-7458-9319-bb1798e271b5', 'qa'),
	('01a22544-7c8e-7335-b808-4edeff7024ea', 'qa'),
	('01a22544-7ca2-76c0-a00e-96301a031eed', 'qa'),
	('01a22544-7ca2-76c0-a00e-96338802a733', 'qa'),
	('01a22544-7d93-74c3-921e-320969c542ba', 'qa'),
	('01a22544-7daa-77e1-9573-dd3f4fb07823', 'qa'),
	('01a22544-7dbf-7588-97aa-78e5c3dee24e', 'qa'),
	('01a22544-7dd2-7513-bf82-ff2b4052ccdd', 'qa'),
	('01a22544-7e24-73e2-85c1-1550c30fb9cd', 'qa'),
	('01a22544-7e3e-762f-bab1-ee4cdc5b65ab', 'qa'),
	('01a22544-7e55-7461-8139-dd58fd295b83', 'qa'),
	('01a22544-6fca-75f1-8451-c8c56f94a8a9', 'qa'),
	('01a22544-6fe2-7391-bb61-e179a00d49d0', 'qa'),
	('01a22544-7005-7595-91bf-39bc91e4f29f', 'qa'),
	('01a22544-7020-738c-b4ed-3dd66e3c0a99', 'qa'),
	('01a22544-7b9c-73e0-b8cb-b4889e2e8536', 'qa'),
	('01a22544-7bd3-7425-b0ce-0e952231ec2b', 'qa'),
	('01a22544-7bf1-76aa-8b59-da8caffda3c3', 'qa'),
	('01a22544-7bf1-76aa-8b59-da8f8b6ae2ae', 'qa'),
	('01a22544-7bf1-76aa-8b59-da8d1726ab41', 'qa'),
	('01a22544-7bf1-76aa-8b59-da8ed8c07c9c', 'qa'),
	('01a22544-7c12-76e4-8dd3-38b959e176d9', 'qa'),
	('01a22544-7c1e-7400-9e84-82956952b036', 'qa');
INSERT INTO public.inbox VALUES
	('01a22544-7c4d-722d-a483-66d12df14757', 'qa'),
	('01a22544-7c67-7068-b699-e4a30e39184f', 'qa'),
	('01a22544-7c79-7717-be52-3937e9c4d101', 'qa'),
	('01a22544-7ca2-76c0-a00e-9631446e7059', 'qa'),
	('01a22544-7ca2-76c0-a00e-96351ccf38af', 'qa'),
	('01a22544-7d71-758a-852b-56d89b30b346', 'qa'),
	('01a22544-7d80-771a-b493-73e9fe3b4638', 'qa'),
	('01a22544-7daa-77e1-9573-dd3e26b20c1c', 'qa'),
	('01a22544-7dbf-7588-97aa-78e400935a55', 'qa'),
	('01a22544-7dd2-7513-bf82-ff2c9a76afea', 'qa'),
	('01a22544-7dee-7486-bba3-5485cc1a1bf4', 'qa'),
	('01a22544-7e55-7461-8139-dd5719d184e9', 'qa'),
	('01a22544-7e6e-71b3-8fbf-69c4384dab43', 'qa'),
	('01a22544-7f7e-77f7-b690-0a5d6ae48db5', 'qa'),
	('01a22544-7f8d-74be-bf59-b4258d780aa6', 'qa'),
	('01a22544-7fdb-74e5-8de7-d4b6553a8f94', 'qa'),
	('01a22544-81f6-75bf-9b48-5b7ead827805', 'qa'),
	('01a22544-81fd-7456-9861-2e92aa4f505b', 'qa'),
	('01a22544-96ec-77d5-8fae-13f01c101413', 'qa'),
	('01a22544-7c73-748c-8abc-9474d6610e5e', 'qa'),
	('01a22544-7c90-779d-ad73-d20d68f1f984', 'qa'),
	('01a22544-7ca2-76c0-a00e-9632530b556a', 'qa'),
	('01a22544-7ca2-76c0-a00e-96342b553551', 'qa'),
	('01a22544-7d72-71e3-8f9c-35f253e2428c', 'qa'),
	('01a22544-7d80-771a-b493-73ea3e7b82b2', 'qa'),
	('01a22544-7d93-74c3-921e-320a8df2c7a3', 'qa'),
	('01a22544-7dee-7486-bba3-548428d13f3b', 'qa'),
	('01a22544-7e02-7308-8c16-cb82ad219424', 'qa'),
	('01a22544-7e02-7308-8c16-cb8323846fbb', 'qa'),
	('01a22544-7e2a-7256-b3eb-842cb47741a8', 'qa'),
	('01a22544-7e3e-762f-bab1-ee4b6a60bdb5', 'qa'),
	('01a22544-7e6e-71b3-8fbf-69c55cbfe3ee', 'qa'),
	('01a22544-7f40-7787-8922-876a12b0763d', 'qa'),
	('01a22544-7f97-721c-871d-91a333c9b02d', 'qa'),
	('01a22544-81b3-7354-a103-e36fe0063bcc', 'qa'),
	('01a22544-81da-73e5-aeb0-fc152db8f390', 'qa'),
	('01a22544-81df-7189-ba6d-c7fbe81d29e0', 'qa'),
	('01a22544-81df-7189-ba6d-c7fc573fbdf7', 'qa'),
	('01a22544-81f6-75bf-9b48-5b7dbe97e628', 'qa'),
	('01a22544-96cd-711b-9a96-3ade4fd0860a', 'qa'),
	('01a22544-96ec-77d5-8fae-13ef284f82cc', 'qa'),
	('01a22544-96fa-71dc-806e-2a23d838a577', 'qa'),
	('01a22544-971d-7267-87dc-a08edc5d0fff', 'qa'),
	('01a22544-9737-705b-a5ab-e33046daae1c', 'qa');

INSERT INTO public.jobs VALUES
	('01a22544-7fac-7107-9c94-8109c609913c', 'build_release', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '{"release_id": "01a22544-7faa-74ed-9a21-6085f44b18f1"}', 'mia', 'succeeded', 25, 25, 0, NULL, '{"records": 25, "release_id": "01a22544-7faa-74ed-9a21-6085f44b18f1", "manifest_sha256": "b901c8e14789a6253f7465a0e1cf3be134d6ad5cf596ed0f7bb42b26f9648c66"}', NULL, 1, '2026-11-29 03:06:15.846033+00', NULL, NULL, '2026-11-29 03:06:15.846033+00', '2026-11-29 03:06:15.862087+00', '2026-11-29 03:06:16.349413+00');

INSERT INTO public.labels VALUES
	('01a22544-676f-7529-8dba-9b712379cf11', '01a22544-6585-717d-89b5-5bf7c59e973e', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "novel"}}', 0.9664775369986046, 1, 1, 'validation', false, true, 2, NULL, NULL, NULL, '{"voters": ["01a22544-6524-7689-8c8d-eb7c234d6620#0", "01a22544-653a-746f-9ecc-48f386a60c94#0"], "questions": {"source": {"method": "dawid_skene", "confidence": 0.9664775369986046}}, "annotations": ["01a22544-672b-75fb-aa45-7c13273e7ca3", "01a22544-6749-74cf-9bbc-81fabb72478e"], "model_as_prior": null, "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:09.629621+00', true, NULL, NULL),
	('01a22544-67b6-7507-bd92-e10f01374a5c', '01a22544-65c1-72aa-b8d6-299be2741979', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "law"}}', 0.9664775369986046, 1, 1, 'test', false, true, 2, NULL, NULL, NULL, '{"voters": ["01a22544-655f-70c3-98a7-836644464a34#0", "01a22544-6524-7689-8c8d-eb7c234d6620#0"], "questions": {"source": {"method": "dawid_skene", "confidence": 0.9664775369986046}}, "annotations": ["01a22544-676c-71a9-b796-feda148dbccb", "01a22544-6783-704a-b5de-866ae2e2e1bd"], "model_as_prior": null, "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:09.708924+00', true, NULL, NULL),
	('01a22544-67b8-77fe-9022-659e786a0502', '01a22544-65c0-7555-8117-ee68de454fee', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "novel"}}', 0.9664775369986046, 1, 1, 'test', false, true, 2, NULL, NULL, NULL, '{"voters": ["01a22544-654a-749b-96ce-de36307fdc4f#0", "01a22544-653a-746f-9ecc-48f386a60c94#0"], "questions": {"source": {"method": "dawid_skene", "confidence": 0.9664775369986046}}, "annotations": ["01a22544-675a-7314-994c-2d3ea72ff085", "01a22544-6791-75f0-a537-18fecad2c035"], "model_as_prior": null, "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:09.709247+00', true, NULL, NULL),
	('01a22544-67f4-7232-bd27-83e81aa03cc8', '01a22544-65c0-7555-8117-ee6aaa0a749c', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "novel"}}', 0.9664775369986046, 1, 1, 'train', true, false, 2, NULL, NULL, NULL, '{"voters": ["01a22544-654a-749b-96ce-de36307fdc4f#0", "01a22544-655f-70c3-98a7-836644464a34#0"], "questions": {"source": {"method": "dawid_skene", "confidence": 0.9664775369986046}}, "annotations": ["01a22544-67a2-7292-a766-871e7a240ebf", "01a22544-67be-710d-ac87-c99c8386d5b7"], "model_as_prior": null, "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:09.767875+00', true, NULL, NULL),
	('01a22544-683b-70e6-926e-af4c6aa79db9', '01a22544-65c0-7555-8117-ee6c7ebf946f', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "novel"}}', 0.9664775369986046, 1, 1, 'test', false, true, 2, NULL, NULL, NULL, '{"voters": ["01a22544-6524-7689-8c8d-eb7c234d6620#0", "01a22544-653a-746f-9ecc-48f386a60c94#0"], "questions": {"source": {"method": "dawid_skene", "confidence": 0.9664775369986046}}, "annotations": ["01a22544-67e7-76bb-946b-e1c7ac020465", "01a22544-680c-70ab-93fd-1200da5448dd"], "model_as_prior": null, "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:09.840542+00', true, NULL, NULL),
	('01a22544-6868-7769-b287-9b3ba692b3a0', '01a22544-65c1-72aa-b8d6-29979047af0d', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "law"}}', 0.9664775369986046, 1, 1, 'validation', false, true, 2, NULL, NULL, NULL, '{"voters": ["01a22544-654a-749b-96ce-de36307fdc4f#0", "01a22544-655f-70c3-98a7-836644464a34#0"], "questions": {"source": {"method": "dawid_skene", "confidence": 0.9664775369986046}}, "annotations": ["01a22544-6824-74a2-9777-a6083a88fbbb", "01a22544-683f-7265-b9d0-f3e5d9f24883"], "model_as_prior": null, "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:09.889198+00', true, NULL, NULL),
	('01a22544-68d5-7105-bee6-f6efaacfced8', '01a22544-65c0-7555-8117-ee70a4fe1ee2', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "novel"}}', 0.9664775369986046, 1, 1, 'validation', false, true, 2, NULL, NULL, NULL, '{"voters": ["01a22544-6524-7689-8c8d-eb7c234d6620#0", "01a22544-653a-746f-9ecc-48f386a60c94#0"], "questions": {"source": {"method": "dawid_skene", "confidence": 0.9664775369986046}}, "annotations": ["01a22544-685d-7083-ba4f-84c84a8e7249", "01a22544-6876-7492-b663-239fda827846"], "model_as_prior": null, "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:09.94569+00', true, NULL, NULL),
	('01a22544-691f-76ff-a19d-c72d5b784b1f', '01a22544-65c0-7555-8117-ee72bb0f1800', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "novel"}}', 0.9664775369986046, 1, 1, 'test', false, true, 2, NULL, NULL, NULL, '{"voters": ["01a22544-654a-749b-96ce-de36307fdc4f#0", "01a22544-655f-70c3-98a7-836644464a34#0"], "questions": {"source": {"method": "dawid_skene", "confidence": 0.9664775369986046}}, "annotations": ["01a22544-6896-7434-bcd3-db2fa17f267d", "01a22544-68ba-70df-90d6-414b9bab6e89"], "model_as_prior": null, "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:10.05885+00', true, NULL, NULL),
	('01a22544-692b-7402-8aae-6b6dba7121ab', '01a22544-65c0-7555-8117-ee6beb44b78b', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "law"}}', 0.9664775369986046, 1, 1, 'validation', false, true, 2, NULL, NULL, NULL, '{"voters": ["01a22544-6524-7689-8c8d-eb7c234d6620#0", "01a22544-653a-746f-9ecc-48f386a60c94#0"], "questions": {"source": {"method": "dawid_skene", "confidence": 0.9664775369986046}}, "annotations": ["01a22544-68e1-714e-ad5e-7ca06ae9edc8", "01a22544-68f1-7314-acc4-8cce474e1230"], "model_as_prior": null, "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:10.072989+00', true, NULL, NULL),
	('01a22544-6967-7728-b465-9455540ffc3e', '01a22544-65c1-72aa-b8d6-299ade45059b', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "novel"}}', 0.9664775369986046, 1, 1, 'test', false, true, 2, NULL, NULL, NULL, '{"voters": ["01a22544-654a-749b-96ce-de36307fdc4f#0", "01a22544-655f-70c3-98a7-836644464a34#0"], "questions": {"source": {"method": "dawid_skene", "confidence": 0.9664775369986046}}, "annotations": ["01a22544-68fd-7091-be14-b12e4b56025f", "01a22544-6914-7124-a2ae-cbf853cebac8"], "model_as_prior": null, "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:10.113501+00', true, NULL, NULL),
	('01a22544-6991-7437-8bd5-585d455fcdad', '01a22544-65c1-72aa-b8d6-299498429683', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "novel"}}', 0.9664775369986046, 1, 1, 'test', false, true, 2, NULL, NULL, NULL, '{"voters": ["01a22544-654a-749b-96ce-de36307fdc4f#0", "01a22544-655f-70c3-98a7-836644464a34#0"], "questions": {"source": {"method": "dawid_skene", "confidence": 0.9664775369986046}}, "annotations": ["01a22544-694b-7467-8db6-a00b1151ff21", "01a22544-6966-77b3-b6ad-c48beea4738a"], "model_as_prior": null, "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:10.187687+00', true, NULL, NULL),
	('01a22544-6f11-7517-b2bc-cd27f302340b', '01a22544-65c1-72aa-b8d6-29988185732b', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "novel"}}', 0.999773148590653, 1, 1, 'train', true, false, 2, NULL, NULL, NULL, '{"voters": ["01a22544-6524-7689-8c8d-eb7c234d6620#0", "01a22544-653a-746f-9ecc-48f386a60c94#0"], "questions": {"source": {"method": "dawid_skene", "confidence": 0.999773148590653}}, "annotations": ["01a22544-6ec4-7375-9ce6-e015d3cc4f2f", "01a22544-6ede-739d-af16-db7bd10c35eb"], "model_as_prior": null, "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:11.573462+00', true, NULL, NULL),
	('01a22544-6f36-7548-9f07-da797d6a5c9b', '01a22544-65c0-7555-8117-ee6dd215483a', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "law"}}', 0.9990409664546959, 1, 1, 'train', true, false, 2, NULL, NULL, NULL, '{"voters": ["01a22544-654a-749b-96ce-de36307fdc4f#0", "01a22544-655f-70c3-98a7-836644464a34#0"], "questions": {"source": {"method": "dawid_skene", "confidence": 0.9990409664546959}}, "annotations": ["01a22544-6ef4-751e-b66e-ead5ed023339", "01a22544-6f13-7336-bdf8-a75fbf6c9ec6"], "model_as_prior": null, "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:11.630217+00', true, NULL, NULL),
	('01a22544-6f6a-7656-92d1-a4bb5cf3e0b6', '01a22544-65c0-7555-8117-ee7151c67d4f', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "law"}}', 0.9990409664546959, 1, 1, 'train', true, false, 2, NULL, NULL, NULL, '{"voters": ["01a22544-6524-7689-8c8d-eb7c234d6620#0", "01a22544-653a-746f-9ecc-48f386a60c94#0"], "questions": {"source": {"method": "dawid_skene", "confidence": 0.9990409664546959}}, "annotations": ["01a22544-6f3f-723f-aad5-4cfe61b850ee", "01a22544-6f4d-7076-822a-f7d7eb55154d"], "model_as_prior": null, "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:11.677242+00', true, NULL, NULL),
	('01a22544-6feb-72d7-83a9-a7f0a0966d57', '01a22544-65c1-72aa-b8d6-29994418d2c6', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "law"}}', 0.9990409664546959, 1, 1, 'train', true, false, 2, NULL, NULL, NULL, '{"voters": ["01a22544-6524-7689-8c8d-eb7c234d6620#0", "01a22544-653a-746f-9ecc-48f386a60c94#0"], "questions": {"source": {"method": "dawid_skene", "confidence": 0.9990409664546959}}, "annotations": ["01a22544-6fa0-76d3-9aa6-2a7468b6e1b9", "01a22544-6fb6-75ba-a606-51bdb9544585"], "model_as_prior": null, "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:11.80256+00', true, NULL, NULL),
	('01a22544-708b-73b3-b5c7-f4f8a312d706', '01a22544-65c0-7555-8117-ee6f2edd9bf5', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "law"}}', 0.9990409664546959, 1, 1, 'train', true, false, 2, NULL, NULL, NULL, '{"voters": ["01a22544-654a-749b-96ce-de36307fdc4f#0", "01a22544-655f-70c3-98a7-836644464a34#0"], "questions": {"source": {"method": "dawid_skene", "confidence": 0.9990409664546959}}, "annotations": ["01a22544-7037-757b-9c61-37af90b27179", "01a22544-704c-7122-9ea1-11b0a0c0c07c"], "model_as_prior": null, "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:11.954241+00', true, NULL, NULL),
	('01a22544-6fb7-71c0-b116-8afa67f8c24b', '01a22544-65c0-7555-8117-ee6eb3074fc3', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "novel"}}', 0.999773148590653, 1, 1, 'train', true, false, 2, NULL, NULL, NULL, '{"voters": ["01a22544-654a-749b-96ce-de36307fdc4f#0", "01a22544-655f-70c3-98a7-836644464a34#0"], "questions": {"source": {"method": "dawid_skene", "confidence": 0.999773148590653}}, "annotations": ["01a22544-6f69-7137-8413-417ba0ffca07", "01a22544-6f80-7398-a168-3acabbdea4fe"], "model_as_prior": null, "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:11.751502+00', true, NULL, NULL),
	('01a22544-700d-70a7-bda2-faee3c9085ea', '01a22544-65c1-72aa-b8d6-2993b1ade04f', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "law"}}', 0.9990409664546959, 1, 1, 'train', true, false, 2, NULL, NULL, NULL, '{"voters": ["01a22544-654a-749b-96ce-de36307fdc4f#0", "01a22544-655f-70c3-98a7-836644464a34#0"], "questions": {"source": {"method": "dawid_skene", "confidence": 0.9990409664546959}}, "annotations": ["01a22544-6fca-75f1-8451-c8c4d50390c6", "01a22544-6fe2-7391-bb61-e1787116a06c"], "model_as_prior": null, "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:11.842204+00', true, NULL, NULL),
	('01a22544-7062-70e8-a6db-1b698dd2210d', '01a22544-65c0-7555-8117-ee69e1f91a64', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "law"}}', 0.9990409664546959, 1, 1, 'train', true, false, 2, NULL, NULL, NULL, '{"voters": ["01a22544-6524-7689-8c8d-eb7c234d6620#0", "01a22544-653a-746f-9ecc-48f386a60c94#0"], "questions": {"source": {"method": "dawid_skene", "confidence": 0.9990409664546959}}, "annotations": ["01a22544-7005-7595-91bf-39baa3d28317", "01a22544-7020-738c-b4ed-3dd5340c3d92"], "model_as_prior": null, "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:11.915924+00', true, NULL, NULL),
	('01a22544-7dce-767d-8b5d-1dc6d581002f', '01a22544-7c00-711d-9ddd-45a791150f8b', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "novel"}}', 0.9997871451084058, 1, 1, 'train', true, false, 2, NULL, '01a22544-7c4d-722d-a483-66d12df14757', NULL, '{"voters": ["01a22544-654a-749b-96ce-de36307fdc4f#0", "01a22544-655f-70c3-98a7-836644464a34#0"], "questions": {"source": {"method": "dawid_skene_with_model", "confidence": 0.9997871451084058}}, "annotations": ["01a22544-7d93-74c3-921e-32089a07f51c", "01a22544-7daa-77e1-9573-dd3d3519e8fb"], "model_as_prior": "01a22544-7056-7011-ace6-80a50d5aabdd", "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:15.360724+00', true, NULL, NULL),
	('01a22544-7e8f-76a8-91ef-6dda64078b03', '01a22544-65c1-72aa-b8d6-29961753db6b', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "novel"}}', 0.9998543655807361, 1, 1, 'train', true, false, 2, NULL, '01a22544-7c1e-7400-9e84-8297d945f701', NULL, '{"voters": ["01a22544-654a-749b-96ce-de36307fdc4f#0", "01a22544-655f-70c3-98a7-836644464a34#0"], "questions": {"source": {"method": "dawid_skene_with_model", "confidence": 0.9998543655807361}}, "annotations": ["01a22544-7e55-7461-8139-dd56b8cba0c1", "01a22544-7e6e-71b3-8fbf-69c342c54e40"], "model_as_prior": "01a22544-7056-7011-ace6-80a50d5aabdd", "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:15.560095+00', true, NULL, NULL),
	('01a22544-7dae-76cc-b85c-f897963b90b8', '01a22544-6585-717d-89b5-5bf6222efa61', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "law"}}', 0.9997958515286638, 1, 1, 'train', true, false, 2, NULL, '01a22544-7c1e-7400-9e84-8294975c83f4', NULL, '{"voters": ["01a22544-6524-7689-8c8d-eb7c234d6620#0", "01a22544-653a-746f-9ecc-48f386a60c94#0"], "questions": {"source": {"method": "dawid_skene_with_model", "confidence": 0.9997958515286638}}, "annotations": ["01a22544-7d71-758a-852b-56d7ebb34916", "01a22544-7d80-771a-b493-73e82f0df965"], "model_as_prior": "01a22544-7056-7011-ace6-80a50d5aabdd", "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:15.318892+00', false, '2026-11-29 03:06:15.748344+00', 'gold'),
	('01a22544-7e1c-7176-af0b-a33615972890', '01a22544-65c1-72aa-b8d6-299519ec7696', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "law"}}', 0.9998134362915742, 1, 1, 'train', true, false, 2, NULL, '01a22544-7c1e-7400-9e84-8296d7929640', NULL, '{"voters": ["01a22544-6524-7689-8c8d-eb7c234d6620#0", "01a22544-653a-746f-9ecc-48f386a60c94#0"], "questions": {"source": {"method": "dawid_skene_with_model", "confidence": 0.9998134362915742}}, "annotations": ["01a22544-7dbf-7588-97aa-78e32c869cf4", "01a22544-7dd2-7513-bf82-ff2a24941be3"], "model_as_prior": "01a22544-7056-7011-ace6-80a50d5aabdd", "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:15.437026+00', true, NULL, NULL),
	('01a22544-7e22-741d-9ed5-30d1e35022c7', '01a22544-65c0-7555-8117-ee671624647a', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "law"}}', 0.9997926155151141, 1, 1, 'train', true, false, 2, NULL, '01a22544-7c1e-7400-9e84-82956952b036', NULL, '{"voters": ["01a22544-654a-749b-96ce-de36307fdc4f#0", "01a22544-655f-70c3-98a7-836644464a34#0"], "questions": {"source": {"method": "dawid_skene_with_model", "confidence": 0.9997926155151141}}, "annotations": ["01a22544-7dee-7486-bba3-5483b96c48e5", "01a22544-7e02-7308-8c16-cb818c299378"], "model_as_prior": "01a22544-7056-7011-ace6-80a50d5aabdd", "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:15.449727+00', true, NULL, NULL),
	('01a22544-7e5e-7299-afaf-f5a23fc43945', '01a22544-7c00-711d-9ddd-45a8633fb645', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "law"}}', 0.9998180344944207, 1, 1, 'train', true, false, 2, NULL, '01a22544-7c4d-722d-a483-66d201767e8f', NULL, '{"voters": ["01a22544-6524-7689-8c8d-eb7c234d6620#0", "01a22544-653a-746f-9ecc-48f386a60c94#0"], "questions": {"source": {"method": "dawid_skene_with_model", "confidence": 0.9998180344944207}}, "annotations": ["01a22544-7e24-73e2-85c1-154f97c49416", "01a22544-7e3e-762f-bab1-ee4a679b46b4"], "model_as_prior": "01a22544-7056-7011-ace6-80a50d5aabdd", "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:15.512366+00', true, NULL, NULL),
	('01a22544-695f-74d1-a7d3-4ce8970ec78d', '01a22544-6585-717d-89b5-5bf513f294c3', 1, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 'consensus', '{"source": {"label": "novel"}}', 0.9664775369986046, 1, 1, 'train', true, false, 2, NULL, NULL, NULL, '{"voters": ["01a22544-6524-7689-8c8d-eb7c234d6620#0", "01a22544-653a-746f-9ecc-48f386a60c94#0"], "questions": {"source": {"method": "dawid_skene", "confidence": 0.9664775369986046}}, "annotations": ["01a22544-692a-7675-b24f-985cc3e95d7b", "01a22544-6938-72f7-8bc5-5cad750e534c"], "model_as_prior": null, "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:10.129518+00', false, '2026-11-29 03:06:16.454257+00', 'revised'),
	('01a22544-820d-7386-8614-166234287248', '01a22544-6585-717d-89b5-5bf513f294c3', 2, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, 'consensus', '{"source": {"label": "novel"}}', 0.9998422012850465, 1, 1, 'train', true, false, 2, NULL, NULL, NULL, '{"voters": ["01a22544-654a-749b-96ce-de36307fdc4f#0", "01a22544-655f-70c3-98a7-836644464a34#0"], "questions": {"source": {"method": "dawid_skene", "confidence": 0.9998422012850465}}, "annotations": ["01a22544-81df-7189-ba6d-c7fa742ffb11", "01a22544-81f6-75bf-9b48-5b7c47dac116"], "model_as_prior": null, "policy_version": 2, "posterior_target": 0.9}', '2026-11-29 03:06:16.454257+00', true, NULL, NULL);

INSERT INTO public.marks OVERRIDING SYSTEM VALUE VALUES
	(88, '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'estimates', NULL);

INSERT INTO public.models VALUES
	('01a22544-7056-7011-ace6-80a50d5aabdd', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, 1, 'champion', 1, 'source', '2026-11-29 03:06:14.86711+00', '{"stage": "champion", "reason": "first model, 0.6000 right on held-out labels", "sha256": "5732efab121793517bd7918db6042ab5aa13ada98099d7dcb25ad90d77651bb1", "version": 1, "manifest": {"task": "text_classification", "field": "text", "scale": 255.0, "width": null, "height": null, "labels": ["law", "novel"], "layout": "flat", "channels": 1, "question": "source", "lowercase": true, "input_name": "input", "output_name": "probabilities", "schema_version": 1, "collapse_whitespace": true}, "model_id": "01a22544-7056-7011-ace6-80a50d5aabdd", "created_at": "2026-11-29T03:06:14.805687Z", "evaluation": {"against": null, "accuracy": 0.6, "held_out": 10, "log_loss": 0.6943693733354456, "temperature": 1.3568062782315136, "against_accuracy": null, "calibration_error": 0.39539708673851665}, "trained_on": 8, "contaminated_by": 0, "training_run_id": "01a22544-7055-7180-8bfe-111cffec4b1e"}'),
	('01a22544-7e5b-7775-9c5b-4cd27f9409b0', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 3, 2, 'rejected', 1, 'source', NULL, '{"stage": "rejected", "reason": "0.3000 right against 0.6000 on 10 held-out", "sha256": "b002997f844dfad907b25c5c2015780ff3bfd239e417ae491d685123716c1a85", "version": 2, "manifest": {"task": "text_classification", "field": "text", "scale": 255.0, "width": null, "height": null, "labels": ["law", "novel"], "layout": "flat", "channels": 1, "question": "source", "lowercase": true, "input_name": "input", "output_name": "probabilities", "schema_version": 1, "collapse_whitespace": true}, "model_id": "01a22544-7e5b-7775-9c5b-4cd27f9409b0", "created_at": "2026-11-29T03:06:15.727470Z", "evaluation": {"against": "01a22544-7056-7011-ace6-80a50d5aabdd", "accuracy": 0.3, "held_out": 10, "log_loss": 0.8385530997573991, "temperature": 1.3917575496925618, "against_accuracy": 0.6, "calibration_error": 0.3246859332290703}, "trained_on": 14, "contaminated_by": 1, "training_run_id": "01a22544-7e5b-7775-9c5b-4cd137ec1029"}');

INSERT INTO public.outbox_20261129 VALUES
	(1, '01a22544-6779-71b6-b3cd-67dbad8efcff', 'labels', 'LabelFinalized', '01a22544-6585-717d-89b5-5bf7c59e973e', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d363737392d373162362d623363642d363764626164386566636666222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a30392e3635373236375a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363538352d373137642d383962352d356266376335396539373365222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d363734392d373463662d396262632d383166626639313862353961222c227472616365706172656e74223a2230302d39636661373362323930393132393762633064376565313861656632303936342d663336323062633136356632363962382d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226e6f76656c227d7d2c22636f6e666964656e6365223a302e393636343737353336393938363034362c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a2276616c69646174696f6e222c22747261696e61626c65223a66616c73652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 1, NULL, '2026-11-29 03:06:09.62481+00'),
	(2, '01a22544-67c1-73d7-b5ff-793f19ee9c5c', 'labels', 'LabelFinalized', '01a22544-65c1-72aa-b8d6-299be2741979', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d363763312d373364372d623566662d373933663139656539633563222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a30392e3732393637335a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363563312d373261612d623864362d323939626532373431393739222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d363738332d373034612d623564652d383636623938373236323731222c227472616365706172656e74223a2230302d31343831633236366139653064653531303734313830303036376638326633372d373964626130636165336539613962612d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226c6177227d7d2c22636f6e666964656e6365223a302e393636343737353336393938363034362c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a2274657374222c22747261696e61626c65223a66616c73652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 2, NULL, '2026-11-29 03:06:09.706811+00'),
	(3, '01a22544-67cb-71a7-a6aa-8ce5963913ea', 'labels', 'LabelFinalized', '01a22544-65c0-7555-8117-ee68de454fee', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d363763622d373161372d613661612d386365353936333931336561222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a30392e3733393133395a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363563302d373535352d383131372d656536386465343534666565222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d363739322d373663642d613138322d636339653133356633346362222c227472616365706172656e74223a2230302d36346532346664336262363761646163366365626262323339343935363861322d616561376337396463623232396231622d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226e6f76656c227d7d2c22636f6e666964656e6365223a302e393636343737353336393938363034362c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a2274657374222c22747261696e61626c65223a66616c73652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 3, NULL, '2026-11-29 03:06:09.707001+00'),
	(4, '01a22544-67f8-714b-bd99-8e850939f107', 'labels', 'LabelFinalized', '01a22544-65c0-7555-8117-ee6aaa0a749c', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d363766382d373134622d626439392d386538353039333966313037222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a30392e3738343032395a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363563302d373535352d383131372d656536616161306137343963222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d363762652d373130642d616338372d633939643731343236316262222c227472616365706172656e74223a2230302d33306363303338356433336537616561316662363130373434363365306436342d386539373962373232366435353132662d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226e6f76656c227d7d2c22636f6e666964656e6365223a302e393636343737353336393938363034362c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a22747261696e222c22747261696e61626c65223a747275652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 4, NULL, '2026-11-29 03:06:09.755845+00'),
	(5, '01a22544-6840-75ac-b91c-b5a85ce2e339', 'labels', 'LabelFinalized', '01a22544-65c0-7555-8117-ee6c7ebf946f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d363834302d373561632d623931632d623561383563653265333339222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a30392e3835353630375a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363563302d373535352d383131372d656536633765626639343666222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d363830632d373061622d393366642d313230313933383336373934222c227472616365706172656e74223a2230302d61313438323865353239396133626132376232343339656634613832653037342d376466333631653866633231353364362d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226e6f76656c227d7d2c22636f6e666964656e6365223a302e393636343737353336393938363034362c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a2274657374222c22747261696e61626c65223a66616c73652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 5, NULL, '2026-11-29 03:06:09.832196+00'),
	(6, '01a22544-686a-7140-a403-cb15a6dcd089', 'labels', 'LabelFinalized', '01a22544-65c1-72aa-b8d6-29979047af0d', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d363836612d373134302d613430332d636231356136646364303839222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a30392e3839383838355a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363563312d373261612d623864362d323939373930343761663064222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d363833662d373236352d623964302d663365363635666634336331222c227472616365706172656e74223a2230302d63663762633335373830336364643661343534303338303437646633333739302d333663343234643065646437376432662d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226c6177227d7d2c22636f6e666964656e6365223a302e393636343737353336393938363034362c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a2276616c69646174696f6e222c22747261696e61626c65223a66616c73652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 6, NULL, '2026-11-29 03:06:09.887727+00'),
	(7, '01a22544-687a-7173-9aa2-0a4af91304a7', 'quality', 'AnnotatorAssessed', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d363837612d373137332d396161322d306134616639313330346137222c2274797065223a22416e6e6f7461746f724173736573736564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a30392e3931343136335a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a6e756c6c2c227265766973696f6e223a312c226361757365645f6279223a6e756c6c2c227472616365706172656e74223a2230302d64343362343165323263376234633262383061376333646430343061636463392d633738313839656430393639373033372d3030222c227061796c6f6164223a7b22616e6e6f7461746f725f6964223a2230316132323534342d363532342d373638392d386338642d656237633233346436363230222c226173736573736d656e745f7265766973696f6e223a312c22737461747573223a22616374697665222c226163637572616379223a6e756c6c2c22696e74657276616c5f6c6f77223a302e302c22696e74657276616c5f68696768223a312e302c22676f6c645f616e7377657273223a302c22616e7377657273223a332c22726561736f6e223a6e756c6c7d7d', NULL, 7, NULL, '2026-11-29 03:06:09.907546+00'),
	(8, '01a22544-6886-7736-9ce4-6b827071affb', 'quality', 'AnnotatorAssessed', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d363838362d373733362d396365342d366238323730373161666662222c2274797065223a22416e6e6f7461746f724173736573736564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a30392e3932363538325a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a6e756c6c2c227265766973696f6e223a312c226361757365645f6279223a6e756c6c2c227472616365706172656e74223a2230302d64343362343165323263376234633262383061376333646430343061636463392d633738313839656430393639373033372d3030222c227061796c6f6164223a7b22616e6e6f7461746f725f6964223a2230316132323534342d363533612d373436662d396563632d343866333836613630633934222c226173736573736d656e745f7265766973696f6e223a312c22737461747573223a22616374697665222c226163637572616379223a6e756c6c2c22696e74657276616c5f6c6f77223a302e302c22696e74657276616c5f68696768223a312e302c22676f6c645f616e7377657273223a302c22616e7377657273223a322c22726561736f6e223a6e756c6c7d7d', NULL, 8, NULL, '2026-11-29 03:06:09.918833+00'),
	(13, '01a22544-692f-760d-ba0b-cfea8e033903', 'labels', 'LabelFinalized', '01a22544-65c0-7555-8117-ee6beb44b78b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d363932662d373630642d626130622d636665613865303333393033222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31302e3039353238345a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363563302d373535352d383131372d656536626562343462373862222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d363866312d373331342d616363342d386363666431623866396130222c227472616365706172656e74223a2230302d63303737363465363239316339323963633764613265346138346363653435382d396337643236616139356432666133642d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226c6177227d7d2c22636f6e666964656e6365223a302e393636343737353336393938363034362c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a2276616c69646174696f6e222c22747261696e61626c65223a66616c73652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 13, NULL, '2026-11-29 03:06:10.067884+00'),
	(14, '01a22544-6966-7476-9c38-7de0b2ec9855', 'labels', 'LabelFinalized', '01a22544-6585-717d-89b5-5bf513f294c3', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d363936362d373437362d396333382d376465306232656339383535222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31302e3135303030395a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363538352d373137642d383962352d356266353133663239346333222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d363933382d373266372d386263352d356361656536313432613066222c227472616365706172656e74223a2230302d32633932633363656136303231343866376365343663323264663463653832302d356430376563336633663434333137382d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226e6f76656c227d7d2c22636f6e666964656e6365223a302e393636343737353336393938363034362c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a22747261696e222c22747261696e61626c65223a747275652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 14, NULL, '2026-11-29 03:06:10.127988+00'),
	(9, '01a22544-6894-7591-9860-17b897c6a316', 'quality', 'AnnotatorAssessed', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d363839342d373539312d393836302d313762383937633661333136222c2274797065223a22416e6e6f7461746f724173736573736564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a30392e3933393334365a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a6e756c6c2c227265766973696f6e223a312c226361757365645f6279223a6e756c6c2c227472616365706172656e74223a2230302d64343362343165323263376234633262383061376333646430343061636463392d633738313839656430393639373033372d3030222c227061796c6f6164223a7b22616e6e6f7461746f725f6964223a2230316132323534342d363534612d373439622d393663652d646533363330376664633466222c226173736573736d656e745f7265766973696f6e223a312c22737461747573223a22616374697665222c226163637572616379223a6e756c6c2c22696e74657276616c5f6c6f77223a302e302c22696e74657276616c5f68696768223a312e302c22676f6c645f616e7377657273223a302c22616e7377657273223a322c22726561736f6e223a6e756c6c7d7d', NULL, 9, NULL, '2026-11-29 03:06:09.931827+00'),
	(10, '01a22544-689c-7116-b77d-042dd2e5fb2c', 'quality', 'AnnotatorAssessed', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d363839632d373131362d623737642d303432646432653566623263222c2274797065223a22416e6e6f7461746f724173736573736564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a30392e3934383839395a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a6e756c6c2c227265766973696f6e223a312c226361757365645f6279223a6e756c6c2c227472616365706172656e74223a2230302d64343362343165323263376234633262383061376333646430343061636463392d633738313839656430393639373033372d3030222c227061796c6f6164223a7b22616e6e6f7461746f725f6964223a2230316132323534342d363535662d373063332d393861372d383336363434343634613334222c226173736573736d656e745f7265766973696f6e223a312c22737461747573223a22616374697665222c226163637572616379223a6e756c6c2c22696e74657276616c5f6c6f77223a302e302c22696e74657276616c5f68696768223a312e302c22676f6c645f616e7377657273223a302c22616e7377657273223a322c22726561736f6e223a6e756c6c7d7d', NULL, 10, NULL, '2026-11-29 03:06:09.945667+00'),
	(11, '01a22544-68de-73ff-9072-c04c953c5c40', 'labels', 'LabelFinalized', '01a22544-65c0-7555-8117-ee70a4fe1ee2', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d363864652d373366662d393037322d633034633935336335633430222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31302e3031343831375a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363563302d373535352d383131372d656537306134666531656532222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d363837362d373439322d623636332d323361306636656635316233222c227472616365706172656e74223a2230302d34393231613831306661643330393636363435316664643465303162663037302d346333636538626234623737613661372d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226e6f76656c227d7d2c22636f6e666964656e6365223a302e393636343737353336393938363034362c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a2276616c69646174696f6e222c22747261696e61626c65223a66616c73652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 11, NULL, '2026-11-29 03:06:09.937443+00'),
	(12, '01a22544-6920-724d-b729-5f4424cce023', 'labels', 'LabelFinalized', '01a22544-65c0-7555-8117-ee72bb0f1800', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d363932302d373234642d623732392d356634343234636365303233222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31302e3038303932385a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363563302d373535352d383131372d656537326262306631383030222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d363862612d373064662d393064362d343134636165663034633130222c227472616365706172656e74223a2230302d62336336323437666637343939623435346639373939333164643965306566622d623066326162636131346162353537662d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226e6f76656c227d7d2c22636f6e666964656e6365223a302e393636343737353336393938363034362c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a2274657374222c22747261696e61626c65223a66616c73652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 12, NULL, '2026-11-29 03:06:10.029662+00'),
	(24, '01a22544-6fba-72c8-b094-2243e8c2f8ec', 'labels', 'LabelFinalized', '01a22544-65c0-7555-8117-ee6eb3074fc3', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d366662612d373263382d623039342d323234336538633266386563222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31312e3737303235345a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363563302d373535352d383131372d656536656233303734666333222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d366638302d373339382d613136382d336163626432613838303664222c227472616365706172656e74223a2230302d64396131333461383465393630653361633237313064313135353633636631632d383237666634353566383161626461382d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226e6f76656c227d7d2c22636f6e666964656e6365223a302e3939393737333134383539303635332c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a22747261696e222c22747261696e61626c65223a747275652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 24, NULL, '2026-11-29 03:06:11.740648+00'),
	(26, '01a22544-7010-7633-ad97-4180239edff3', 'labels', 'LabelFinalized', '01a22544-65c1-72aa-b8d6-2993b1ade04f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d373031302d373633332d616439372d343138303233396564666633222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31312e3835363737345a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363563312d373261612d623864362d323939336231616465303466222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d366665322d373339312d626236312d653137396130306434396430222c227472616365706172656e74223a2230302d61333261376664376665336665316361366463656565623833366465363566332d346564666431373865323837353437652d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226c6177227d7d2c22636f6e666964656e6365223a302e393939303430393636343534363935392c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a22747261696e222c22747261696e61626c65223a747275652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 26, NULL, '2026-11-29 03:06:11.832747+00'),
	(33, '01a22544-7daf-76e3-be91-7309a8b2ec31', 'labels', 'LabelFinalized', '01a22544-6585-717d-89b5-5bf6222efa61', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d376461662d373665332d626539312d373330396138623265633331222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31352e3334333530335a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363538352d373137642d383962352d356266363232326566613631222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d376438302d373731612d623439332d373365396665336234363338222c227472616365706172656e74223a2230302d34336162383565663639623461353636363935316532346362613538663335372d346636363564663166303565636235352d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226c6177227d7d2c22636f6e666964656e6365223a302e393939373935383531353238363633382c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a22747261696e222c22747261696e61626c65223a747275652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 33, NULL, '2026-11-29 03:06:15.315368+00'),
	(34, '01a22544-7dd0-745a-a547-cdcdfcb767e0', 'labels', 'LabelFinalized', '01a22544-7c00-711d-9ddd-45a791150f8b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d376464302d373435612d613534372d636463646663623736376530222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31352e3337363234365a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d376330302d373131642d396464642d343561373931313530663862222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d376461612d373765312d393537332d646433653236623230633163222c227472616365706172656e74223a2230302d34623935623036373335386536336464336430376665313635623863346633662d303866373636623135333134323631322d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226e6f76656c227d7d2c22636f6e666964656e6365223a302e393939373837313435313038343035382c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a22747261696e222c22747261696e61626c65223a747275652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 34, NULL, '2026-11-29 03:06:15.358798+00'),
	(35, '01a22544-7e1f-710a-aca0-c4b10b830243', 'labels', 'LabelFinalized', '01a22544-65c1-72aa-b8d6-299519ec7696', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d376531662d373130612d616361302d633462313062383330323433222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31352e3435353031365a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363563312d373261612d623864362d323939353139656337363936222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d376464322d373531332d626638322d666632623430353263636464222c227472616365706172656e74223a2230302d65373530306535303265376232616363616237653730313365633563633531362d353732663661373730366561623433362d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226c6177227d7d2c22636f6e666964656e6365223a302e393939383133343336323931353734322c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a22747261696e222c22747261696e61626c65223a747275652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 35, NULL, '2026-11-29 03:06:15.434027+00'),
	(38, '01a22544-7e90-770f-b94a-e594fe572ce7', 'labels', 'LabelFinalized', '01a22544-65c1-72aa-b8d6-29961753db6b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d376539302d373730662d623934612d653539346665353732636537222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31352e3536383239365a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363563312d373261612d623864362d323939363137353364623662222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d376536652d373162332d386662662d363963343338346461623433222c227472616365706172656e74223a2230302d32666262616363353134633635333461353530383334616136386231353935362d386336396534666436323135383362312d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226e6f76656c227d7d2c22636f6e666964656e6365223a302e393939383534333635353830373336312c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a22747261696e222c22747261696e61626c65223a747275652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 38, NULL, '2026-11-29 03:06:15.554121+00'),
	(15, '01a22544-696c-7531-9a0e-936bff3e9444', 'labels', 'LabelFinalized', '01a22544-65c1-72aa-b8d6-299ade45059b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d363936632d373533312d396130652d393336626666336539343434222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31302e3135363030395a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363563312d373261612d623864362d323939616465343530353962222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d363931342d373132342d613261652d636266396663393362316232222c227472616365706172656e74223a2230302d66663265323232373036303835626432636137613262616365303031393139322d323234353938383163653130316331302d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226e6f76656c227d7d2c22636f6e666964656e6365223a302e393636343737353336393938363034362c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a2274657374222c22747261696e61626c65223a66616c73652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 15, NULL, '2026-11-29 03:06:10.105804+00'),
	(16, '01a22544-6996-73c8-85db-684289726866', 'labels', 'LabelFinalized', '01a22544-65c1-72aa-b8d6-299498429683', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d363939362d373363382d383564622d363834323839373236383636222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31302e3139383434325a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363563312d373261612d623864362d323939343938343239363833222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d363936362d373762332d623661642d633438633732373361633165222c227472616365706172656e74223a2230302d34643332653566623838636239303161393234303037336534313463333166342d643265333837303435616230346134372d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226e6f76656c227d7d2c22636f6e666964656e6365223a302e393636343737353336393938363034362c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a2274657374222c22747261696e61626c65223a66616c73652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 16, NULL, '2026-11-29 03:06:10.181143+00'),
	(17, '01a22544-6d0b-7430-a735-dc5b1da1bea9', 'quality', 'AnnotatorAssessed', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d366430622d373433302d613733352d646335623164613162656139222c2274797065223a22416e6e6f7461746f724173736573736564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31312e3038333432345a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a6e756c6c2c227265766973696f6e223a322c226361757365645f6279223a6e756c6c2c227472616365706172656e74223a2230302d64663735393132386332366335356465643866393832623362393237343234382d326663306664616133623964303634612d3030222c227061796c6f6164223a7b22616e6e6f7461746f725f6964223a2230316132323534342d363532342d373638392d386338642d656237633233346436363230222c226173736573736d656e745f7265766973696f6e223a322c22737461747573223a22616374697665222c226163637572616379223a6e756c6c2c22696e74657276616c5f6c6f77223a302e302c22696e74657276616c5f68696768223a312e302c22676f6c645f616e7377657273223a302c22616e7377657273223a362c22726561736f6e223a6e756c6c7d7d', NULL, 17, NULL, '2026-11-29 03:06:11.076101+00'),
	(18, '01a22544-6d1b-7525-b76d-49803581e833', 'quality', 'AnnotatorAssessed', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d366431622d373532352d623736642d343938303335383165383333222c2274797065223a22416e6e6f7461746f724173736573736564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31312e3039393633375a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a6e756c6c2c227265766973696f6e223a322c226361757365645f6279223a6e756c6c2c227472616365706172656e74223a2230302d64663735393132386332366335356465643866393832623362393237343234382d326663306664616133623964303634612d3030222c227061796c6f6164223a7b22616e6e6f7461746f725f6964223a2230316132323534342d363533612d373436662d396563632d343866333836613630633934222c226173736573736d656e745f7265766973696f6e223a322c22737461747573223a22616374697665222c226163637572616379223a6e756c6c2c22696e74657276616c5f6c6f77223a302e302c22696e74657276616c5f68696768223a312e302c22676f6c645f616e7377657273223a302c22616e7377657273223a362c22726561736f6e223a6e756c6c7d7d', NULL, 18, NULL, '2026-11-29 03:06:11.096365+00'),
	(19, '01a22544-6d1e-74ca-81fe-5bafe7daafc6', 'quality', 'AnnotatorAssessed', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d366431652d373463612d383166652d356261666537646161666336222c2274797065223a22416e6e6f7461746f724173736573736564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31312e3130323932345a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a6e756c6c2c227265766973696f6e223a322c226361757365645f6279223a6e756c6c2c227472616365706172656e74223a2230302d64663735393132386332366335356465643866393832623362393237343234382d326663306664616133623964303634612d3030222c227061796c6f6164223a7b22616e6e6f7461746f725f6964223a2230316132323534342d363534612d373439622d393663652d646533363330376664633466222c226173736573736d656e745f7265766973696f6e223a322c22737461747573223a22616374697665222c226163637572616379223a6e756c6c2c22696e74657276616c5f6c6f77223a302e302c22696e74657276616c5f68696768223a312e302c22676f6c645f616e7377657273223a302c22616e7377657273223a362c22726561736f6e223a6e756c6c7d7d', NULL, 19, NULL, '2026-11-29 03:06:11.102103+00'),
	(20, '01a22544-6d25-7642-98c9-0a2e07eee975', 'quality', 'AnnotatorAssessed', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d366432352d373634322d393863392d306132653037656565393735222c2274797065223a22416e6e6f7461746f724173736573736564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31312e3130393234395a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a6e756c6c2c227265766973696f6e223a322c226361757365645f6279223a6e756c6c2c227472616365706172656e74223a2230302d64663735393132386332366335356465643866393832623362393237343234382d326663306664616133623964303634612d3030222c227061796c6f6164223a7b22616e6e6f7461746f725f6964223a2230316132323534342d363535662d373063332d393861372d383336363434343634613334222c226173736573736d656e745f7265766973696f6e223a322c22737461747573223a22616374697665222c226163637572616379223a6e756c6c2c22696e74657276616c5f6c6f77223a302e302c22696e74657276616c5f68696768223a312e302c22676f6c645f616e7377657273223a302c22616e7377657273223a362c22726561736f6e223a6e756c6c7d7d', NULL, 20, NULL, '2026-11-29 03:06:11.104359+00'),
	(21, '01a22544-6f16-7118-a6d8-94e12fefdb25', 'labels', 'LabelFinalized', '01a22544-65c1-72aa-b8d6-29988185732b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d366631362d373131382d613664382d393465313266656664623235222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31312e3630363339325a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363563312d373261612d623864362d323939383831383537333262222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d366564652d373339642d616631362d646237633539323738386435222c227472616365706172656e74223a2230302d39383934626134646637323531393539323039393964653832326230616630642d303432353364653135366135323136662d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226e6f76656c227d7d2c22636f6e666964656e6365223a302e3939393737333134383539303635332c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a22747261696e222c22747261696e61626c65223a747275652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 21, NULL, '2026-11-29 03:06:11.571997+00'),
	(22, '01a22544-6f40-7482-a4d2-8887e6f54fc7', 'labels', 'LabelFinalized', '01a22544-65c0-7555-8117-ee6dd215483a', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d366634302d373438322d613464322d383838376536663534666337222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31312e3634383238325a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363563302d373535352d383131372d656536646432313534383361222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d366631332d373333362d626466382d613736303639613032613930222c227472616365706172656e74223a2230302d61333962636561353431313164316436333630373837616130633231653931652d636433323132363735383836666531312d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226c6177227d7d2c22636f6e666964656e6365223a302e393939303430393636343534363935392c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a22747261696e222c22747261696e61626c65223a747275652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 22, NULL, '2026-11-29 03:06:11.623517+00'),
	(23, '01a22544-6f6b-7505-a2de-69738b58a395', 'labels', 'LabelFinalized', '01a22544-65c0-7555-8117-ee7151c67d4f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d366636622d373530352d613264652d363937333862353861333935222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31312e3639313531375a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363563302d373535352d383131372d656537313531633637643466222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d366634642d373037362d383232612d663764383466353133646331222c227472616365706172656e74223a2230302d31343062376338366332393038333165323438393630633865393136353934302d636230373331313163353039386632632d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226c6177227d7d2c22636f6e666964656e6365223a302e393939303430393636343534363935392c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a22747261696e222c22747261696e61626c65223a747275652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 23, NULL, '2026-11-29 03:06:11.67335+00'),
	(25, '01a22544-6ff4-7602-aa52-a1ef428d81f6', 'labels', 'LabelFinalized', '01a22544-65c1-72aa-b8d6-29994418d2c6', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d366666342d373630322d616135322d613165663432386438316636222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31312e3832383534345a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363563312d373261612d623864362d323939393434313864326336222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d366662362d373562612d613630362d353162653834616133336538222c227472616365706172656e74223a2230302d64363737343531373536373165326638323733366166336433616637323537662d363962326264316162646531306134372d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226c6177227d7d2c22636f6e666964656e6365223a302e393939303430393636343534363935392c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a22747261696e222c22747261696e61626c65223a747275652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 25, NULL, '2026-11-29 03:06:11.790087+00'),
	(28, '01a22544-708c-762f-b8a4-5c6c24cff803', 'labels', 'LabelFinalized', '01a22544-65c0-7555-8117-ee6f2edd9bf5', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d373038632d373632662d623861342d356336633234636666383033222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31312e3938303237335a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363563302d373535352d383131372d656536663265646439626635222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d373034632d373132322d396561312d313162316532303366306635222c227472616365706172656e74223a2230302d35666565353738633261376361623933656239333838643262316466353439322d353735633236663731633933323433362d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226c6177227d7d2c22636f6e666964656e6365223a302e393939303430393636343534363935392c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a22747261696e222c22747261696e61626c65223a747275652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 28, NULL, '2026-11-29 03:06:11.946786+00'),
	(29, '01a22544-7157-72f5-ae5b-09f50cad5387', 'quality', 'AnnotatorAssessed', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d373135372d373266352d616535622d303966353063616435333837222c2274797065223a22416e6e6f7461746f724173736573736564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31322e3138333332345a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a6e756c6c2c227265766973696f6e223a332c226361757365645f6279223a6e756c6c2c227472616365706172656e74223a2230302d30396232376533303437386230643035356162343234353238393336386633662d386366396262653339373038313662382d3030222c227061796c6f6164223a7b22616e6e6f7461746f725f6964223a2230316132323534342d363532342d373638392d386338642d656237633233346436363230222c226173736573736d656e745f7265766973696f6e223a332c22737461747573223a22616374697665222c226163637572616379223a6e756c6c2c22696e74657276616c5f6c6f77223a302e302c22696e74657276616c5f68696768223a312e302c22676f6c645f616e7377657273223a302c22616e7377657273223a31302c22726561736f6e223a6e756c6c7d7d', NULL, 29, NULL, '2026-11-29 03:06:12.181087+00'),
	(30, '01a22544-715c-7691-827e-68e32c622a24', 'quality', 'AnnotatorAssessed', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d373135632d373639312d383237652d363865333263363232613234222c2274797065223a22416e6e6f7461746f724173736573736564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31322e3138383034355a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a6e756c6c2c227265766973696f6e223a332c226361757365645f6279223a6e756c6c2c227472616365706172656e74223a2230302d30396232376533303437386230643035356162343234353238393336386633662d386366396262653339373038313662382d3030222c227061796c6f6164223a7b22616e6e6f7461746f725f6964223a2230316132323534342d363533612d373436662d396563632d343866333836613630633934222c226173736573736d656e745f7265766973696f6e223a332c22737461747573223a22616374697665222c226163637572616379223a6e756c6c2c22696e74657276616c5f6c6f77223a302e302c22696e74657276616c5f68696768223a312e302c22676f6c645f616e7377657273223a302c22616e7377657273223a31302c22726561736f6e223a6e756c6c7d7d', NULL, 30, NULL, '2026-11-29 03:06:12.186521+00'),
	(31, '01a22544-7162-7255-a3bc-5dce431f1b9c', 'quality', 'AnnotatorAssessed', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d373136322d373235352d613362632d356463653433316631623963222c2274797065223a22416e6e6f7461746f724173736573736564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31322e3139343137315a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a6e756c6c2c227265766973696f6e223a332c226361757365645f6279223a6e756c6c2c227472616365706172656e74223a2230302d30396232376533303437386230643035356162343234353238393336386633662d386366396262653339373038313662382d3030222c227061796c6f6164223a7b22616e6e6f7461746f725f6964223a2230316132323534342d363534612d373439622d393663652d646533363330376664633466222c226173736573736d656e745f7265766973696f6e223a332c22737461747573223a22616374697665222c226163637572616379223a6e756c6c2c22696e74657276616c5f6c6f77223a302e302c22696e74657276616c5f68696768223a312e302c22676f6c645f616e7377657273223a302c22616e7377657273223a31302c22726561736f6e223a6e756c6c7d7d', NULL, 31, NULL, '2026-11-29 03:06:12.189666+00'),
	(39, '01a22544-7f4d-72dc-a68a-9b7383028d9f', 'labels', 'LabelRetracted', '01a22544-6585-717d-89b5-5bf6222efa61', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d376634642d373264632d613638612d396237333833303238643966222c2274797065223a224c6162656c526574726163746564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31352e3735373737335a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363538352d373137642d383962352d356266363232326566613631222c227265766973696f6e223a322c226361757365645f6279223a6e756c6c2c227472616365706172656e74223a2230302d65333066323764373733636165643537633332373962613766646532646362642d633133346661633430636265373532632d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726561736f6e223a22676f6c64227d7d', NULL, 39, NULL, '2026-11-29 03:06:15.746321+00'),
	(40, '01a22544-7f63-72da-a9d4-837223f638ed', 'labels', 'GoldPlaced', '01a22544-6585-717d-89b5-5bf6222efa61', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d376636332d373264612d613964342d383337323233663633386564222c2274797065223a22476f6c64506c61636564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31352e3737393733315a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363538352d373137642d383962352d356266363232326566613631222c227265766973696f6e223a332c226361757365645f6279223a6e756c6c2c227472616365706172656e74223a2230302d65333066323764373733636165643537633332373962613766646532646362642d633133346661633430636265373532632d3030222c227061796c6f6164223a7b22736368656d615f76657273696f6e223a312c226578706f7375726573223a35307d7d', NULL, 40, NULL, '2026-11-29 03:06:15.746321+00'),
	(42, '01a22544-819c-7196-88d8-db265b1bf94e', 'quality', 'ReleasePublished', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d383139632d373139362d383864382d646232363562316266393465222c2274797065223a2252656c656173655075626c6973686564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31362e3334383332355a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a6e756c6c2c227265766973696f6e223a312c226361757365645f6279223a6e756c6c2c227472616365706172656e74223a2230302d36313466643034663566353330613165643962386466643861383438393265372d353838333936323036333165663737332d3030222c227061796c6f6164223a7b2272656c656173655f6964223a2230316132323534342d376661612d373465642d396132312d363038356634346231386631222c226e616d65223a226669727374222c227265636f726473223a32352c226d616e69666573745f736861323536223a2262393031633865313437383961363235336637343635613065316366336265313334643661643563663539366564306637626234326232366639363438633636222c2273757065727365646573223a6e756c6c7d7d', NULL, 42, NULL, '2026-11-29 03:06:16.347265+00'),
	(27, '01a22544-7068-7085-a281-e8429401b540', 'labels', 'LabelFinalized', '01a22544-65c0-7555-8117-ee69e1f91a64', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d373036382d373038352d613238312d653834323934303162353430222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31312e3934343932355a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363563302d373535352d383131372d656536396531663931613634222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d373032302d373338632d623465642d336464363665336330613939222c227472616365706172656e74223a2230302d35363232383330333563373736353566346637646433646634326430393835342d303862343030316237633363356366302d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226c6177227d7d2c22636f6e666964656e6365223a302e393939303430393636343534363935392c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a22747261696e222c22747261696e61626c65223a747275652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 27, NULL, '2026-11-29 03:06:11.911625+00'),
	(32, '01a22544-7169-71cd-8346-59c88479ce9a', 'quality', 'AnnotatorAssessed', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d373136392d373163642d383334362d353963383834373963653961222c2274797065223a22416e6e6f7461746f724173736573736564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31322e3230313531325a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a6e756c6c2c227265766973696f6e223a332c226361757365645f6279223a6e756c6c2c227472616365706172656e74223a2230302d30396232376533303437386230643035356162343234353238393336386633662d386366396262653339373038313662382d3030222c227061796c6f6164223a7b22616e6e6f7461746f725f6964223a2230316132323534342d363535662d373063332d393861372d383336363434343634613334222c226173736573736d656e745f7265766973696f6e223a332c22737461747573223a22616374697665222c226163637572616379223a6e756c6c2c22696e74657276616c5f6c6f77223a302e302c22696e74657276616c5f68696768223a312e302c22676f6c645f616e7377657273223a302c22616e7377657273223a31302c22726561736f6e223a6e756c6c7d7d', NULL, 32, NULL, '2026-11-29 03:06:12.197602+00'),
	(36, '01a22544-7e25-74a8-b142-7f7788fc943d', 'labels', 'LabelFinalized', '01a22544-65c0-7555-8117-ee671624647a', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d376532352d373461382d623134322d376637373838666339343364222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31352e3436313334335a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363563302d373535352d383131372d656536373136323436343761222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d376530322d373330382d386331362d636238326164323139343234222c227472616365706172656e74223a2230302d63376139313963353463663966363163356334303666393936336364353330622d303931306336333237373133326233342d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226c6177227d7d2c22636f6e666964656e6365223a302e393939373932363135353135313134312c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a22747261696e222c22747261696e61626c65223a747275652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 36, NULL, '2026-11-29 03:06:15.442517+00'),
	(37, '01a22544-7e5f-7371-9f66-0a34b0cf112d', 'labels', 'LabelFinalized', '01a22544-7c00-711d-9ddd-45a8633fb645', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d376535662d373337312d396636362d306133346230636631313264222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31352e3531393431345a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d376330302d373131642d396464642d343561383633336662363435222c227265766973696f6e223a312c226361757365645f6279223a2230316132323534342d376533652d373632662d626162312d656534623661363062646235222c227472616365706172656e74223a2230302d61306430336232666366316166653934643830366230343965646536653135392d366337383966653133623737353762382d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a312c22726f756e64223a312c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226c6177227d7d2c22636f6e666964656e6365223a302e393939383138303334343934343230372c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a22747261696e222c22747261696e61626c65223a747275652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 37, NULL, '2026-11-29 03:06:15.508765+00'),
	(41, '01a22544-7fb7-7134-a336-e3456aad36f9', 'requests', 'RelabelRequested', '01a22544-6585-717d-89b5-5bf513f294c3', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d376662372d373133342d613333362d653334353661616433366639222c2274797065223a2252656c6162656c526571756573746564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31352e3836333335335a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363538352d373137642d383962352d356266353133663239346333222c227265766973696f6e223a322c226361757365645f6279223a2230316132323534342d376639372d373231632d383731642d393161333333633962303264222c227472616365706172656e74223a2230302d32666365323234653562373164333336323339633866313537313231333539612d366334626434626531633332653965362d3030222c227061796c6f6164223a7b22726f756e64223a322c22736c6f74735f746f74616c223a322c22706f6f6c223a6e756c6c2c22626c696e64223a747275652c22726561736f6e223a22666565646261636b227d7d', NULL, 41, NULL, '2026-11-29 03:06:15.85467+00'),
	(43, '01a22544-819d-7239-ae98-c8786e967a66', 'quality', 'AnnotatorAssessed', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d383139642d373233392d616539382d633837383665393637613636222c2274797065223a22416e6e6f7461746f724173736573736564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31362e3334393831305a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a6e756c6c2c227265766973696f6e223a342c226361757365645f6279223a6e756c6c2c227472616365706172656e74223a2230302d63663536656136373938383737376662616336306161386439383032306233332d376335336435303938323366333534302d3030222c227061796c6f6164223a7b22616e6e6f7461746f725f6964223a2230316132323534342d363532342d373638392d386338642d656237633233346436363230222c226173736573736d656e745f7265766973696f6e223a342c22737461747573223a22616374697665222c226163637572616379223a312e302c22696e74657276616c5f6c6f77223a302e31343637343633313633303935373532312c22696e74657276616c5f68696768223a312e302c22676f6c645f616e7377657273223a312c22616e7377657273223a31332c22726561736f6e223a6e756c6c7d7d', NULL, 43, NULL, '2026-11-29 03:06:16.348098+00'),
	(44, '01a22544-819f-7437-8e5f-00a48dc008fc', 'quality', 'AnnotatorAssessed', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d383139662d373433372d386535662d303061343864633030386663222c2274797065223a22416e6e6f7461746f724173736573736564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31362e3335313439365a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a6e756c6c2c227265766973696f6e223a342c226361757365645f6279223a6e756c6c2c227472616365706172656e74223a2230302d63663536656136373938383737376662616336306161386439383032306233332d376335336435303938323366333534302d3030222c227061796c6f6164223a7b22616e6e6f7461746f725f6964223a2230316132323534342d363533612d373436662d396563632d343866333836613630633934222c226173736573736d656e745f7265766973696f6e223a342c22737461747573223a22616374697665222c226163637572616379223a312e302c22696e74657276616c5f6c6f77223a302e31343637343633313633303935373532312c22696e74657276616c5f68696768223a312e302c22676f6c645f616e7377657273223a312c22616e7377657273223a31332c22726561736f6e223a6e756c6c7d7d', NULL, 44, NULL, '2026-11-29 03:06:16.350388+00'),
	(45, '01a22544-8210-765f-aeda-52bbe17bd6f8', 'labels', 'LabelFinalized', '01a22544-6585-717d-89b5-5bf513f294c3', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '\x7b226964223a2230316132323534342d383231302d373635662d616564612d353262626531376264366638222c2274797065223a224c6162656c46696e616c697a6564222c2276657273696f6e223a312c226f636375727265645f6174223a22323032362d31312d32395430333a30363a31362e3436333938355a222c2270726f6a6563745f6964223a2230316132323534342d363466622d373066612d613830622d343939396633633732613066222c227265636f72645f6964223a2230316132323534342d363538352d373137642d383962352d356266353133663239346333222c227265766973696f6e223a332c226361757365645f6279223a2230316132323534342d383166362d373562662d396234382d356237646265393765363238222c227472616365706172656e74223a2230302d64663264633331623934633430313835643263396663616632393935646166612d633565663364353136323632393134342d3030222c227061796c6f6164223a7b226c6162656c5f7265766973696f6e223a322c22726f756e64223a322c226d6574686f64223a22636f6e73656e737573222c22616e7377657273223a7b22736f75726365223a7b226c6162656c223a226e6f76656c227d7d2c22636f6e666964656e6365223a302e393939383432323031323835303436352c22736368656d615f76657273696f6e223a312c2267756964656c696e655f76657273696f6e223a312c2273706c6974223a22747261696e222c22747261696e61626c65223a747275652c22616e6e6f746174696f6e73223a322c226d6f64656c5f6964223a6e756c6c7d7d', NULL, 45, NULL, '2026-11-29 03:06:16.4499+00');

INSERT INTO public.predictions VALUES
	('01a22544-6642-7516-b71b-cdde953be4b0', '01a22544-6585-717d-89b5-5bf513f294c3', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:09.353025+00'),
	('01a22544-6630-7449-8ae6-88df0032b37f', '01a22544-65c0-7555-8117-ee6dd215483a', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:09.329119+00'),
	('01a22544-6659-74a6-a5fa-af01b9d566e6', '01a22544-6585-717d-89b5-5bf6222efa61', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:09.381382+00'),
	('01a22544-6672-7319-b3f7-384aa56d0f18', '01a22544-65c0-7555-8117-ee6c7ebf946f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:09.399485+00'),
	('01a22544-6622-71dd-88d8-93e38c561b5f', '01a22544-65c0-7555-8117-ee6beb44b78b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:09.318204+00'),
	('01a22544-660b-71e6-ad47-cbdcbc5a0aa1', '01a22544-65c0-7555-8117-ee69e1f91a64', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:09.293467+00'),
	('01a22544-6640-76dd-810c-3d4825898429', '01a22544-65c0-7555-8117-ee70a4fe1ee2', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:09.34668+00'),
	('01a22544-6659-74a6-a5fa-af02b9c0988c', '01a22544-65c1-72aa-b8d6-29961753db6b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:09.372121+00'),
	('01a22544-666f-7194-aade-34192c977d5e', '01a22544-65c1-72aa-b8d6-29988185732b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:09.394144+00'),
	('01a22544-664e-71b4-95f2-4e2d1166e74b', '01a22544-65c1-72aa-b8d6-299519ec7696', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:09.362135+00'),
	('01a22544-6680-7635-a43f-9b234f98eb3b', '01a22544-65c1-72aa-b8d6-29994418d2c6', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:09.412041+00'),
	('01a22544-6699-76d8-bb99-8c8de6ef7923', '01a22544-65c0-7555-8117-ee7151c67d4f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:09.436606+00'),
	('01a22544-6665-7126-b279-509d5e2b9423', '01a22544-65c0-7555-8117-ee6eb3074fc3', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:09.383615+00'),
	('01a22544-6665-7126-b279-509c1a0c16e6', '01a22544-65c0-7555-8117-ee671624647a', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:09.389525+00'),
	('01a22544-66ba-70c6-bef4-fb184efacff8', '01a22544-65c1-72aa-b8d6-299498429683', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:09.467917+00'),
	('01a22544-66a4-773b-8d97-96ee1a42e10e', '01a22544-65c0-7555-8117-ee72bb0f1800', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:09.446728+00'),
	('01a22544-6683-7705-a6d9-d002e6bfaf04', '01a22544-65c0-7555-8117-ee68de454fee', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:09.422022+00'),
	('01a22544-66c7-74ef-a82e-e6be7a02a8ad', '01a22544-65c1-72aa-b8d6-299ade45059b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:09.483469+00'),
	('01a22544-668e-777c-8c95-01022332eb0f', '01a22544-65c1-72aa-b8d6-299be2741979', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:09.427141+00'),
	('01a22544-6631-703b-ab52-bc202d2e6b72', '01a22544-65c0-7555-8117-ee6aaa0a749c', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:09.342294+00'),
	('01a22544-66b0-7382-8013-531c85a1ab15', '01a22544-65c1-72aa-b8d6-2993b1ade04f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:09.457551+00'),
	('01a22544-6642-7516-b71b-cddfcdb7d7fc', '01a22544-6585-717d-89b5-5bf7c59e973e', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:09.352881+00'),
	('01a22544-66c0-70af-9b90-d331e8c70a76', '01a22544-65c1-72aa-b8d6-29979047af0d', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:09.474735+00'),
	('01a22544-6677-7458-afae-d7c55c2b4530', '01a22544-65c0-7555-8117-ee6f2edd9bf5', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:09.403266+00'),
	('01a22544-6e50-77ed-92d1-ce5dc82b3d85', '01a22544-65c0-7555-8117-ee6f2edd9bf5', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:11.420541+00'),
	('01a22544-6e51-72f5-8b56-e8c671f3319d', '01a22544-65c1-72aa-b8d6-29994418d2c6', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:11.420541+00'),
	('01a22544-6e51-72f5-8b56-e8c54948d65b', '01a22544-65c1-72aa-b8d6-29988185732b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:11.420541+00'),
	('01a22544-6e50-77ed-92d1-ce5acde3f60f', '01a22544-65c0-7555-8117-ee69e1f91a64', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:11.420541+00'),
	('01a22544-6e50-77ed-92d1-ce5b3e596e2b', '01a22544-65c0-7555-8117-ee6dd215483a', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:11.420541+00'),
	('01a22544-6e50-77ed-92d1-ce5e8bfc3fee', '01a22544-65c0-7555-8117-ee7151c67d4f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:11.420541+00'),
	('01a22544-6e50-77ed-92d1-ce5c6e93ee20', '01a22544-65c0-7555-8117-ee6eb3074fc3', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:11.420541+00'),
	('01a22544-6e50-77ed-92d1-ce5f60511b8a', '01a22544-65c1-72aa-b8d6-2993b1ade04f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, NULL, NULL, 1, '{}', NULL, '{}', 'routing', '2026-11-29 03:06:11.420541+00'),
	('01a22544-7bf1-76aa-8b59-da8d1726ab41', '01a22544-65c0-7555-8117-ee68de454fee', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, '01a22544-7056-7011-ace6-80a50d5aabdd', 1, 1, '{"source": {"label": "novel"}}', 0.5582783516445702, '{"source": {"law": 0.441722, "novel": 0.558278}}', 'evaluation', '2026-11-29 03:06:14.926736+00'),
	('01a22544-7bf1-76aa-8b59-da90032be972', '01a22544-65c0-7555-8117-ee70a4fe1ee2', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, '01a22544-7056-7011-ace6-80a50d5aabdd', 1, 1, '{"source": {"label": "law"}}', 0.6318308745818914, '{"source": {"law": 0.631831, "novel": 0.368169}}', 'evaluation', '2026-11-29 03:06:14.926736+00'),
	('01a22544-7bf1-76aa-8b59-da926d9f69d6', '01a22544-65c1-72aa-b8d6-299498429683', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, '01a22544-7056-7011-ace6-80a50d5aabdd', 1, 1, '{"source": {"label": "law"}}', 0.5095081744195702, '{"source": {"law": 0.509508, "novel": 0.490492}}', 'evaluation', '2026-11-29 03:06:14.926736+00'),
	('01a22544-7bf1-76aa-8b59-da8caffda3c3', '01a22544-6585-717d-89b5-5bf7c59e973e', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, '01a22544-7056-7011-ace6-80a50d5aabdd', 1, 1, '{"source": {"label": "novel"}}', 0.5551316206935712, '{"source": {"law": 0.444868, "novel": 0.555132}}', 'evaluation', '2026-11-29 03:06:14.926736+00'),
	('01a22544-7bf1-76aa-8b59-da91f527d476', '01a22544-65c0-7555-8117-ee72bb0f1800', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, '01a22544-7056-7011-ace6-80a50d5aabdd', 1, 1, '{"source": {"label": "law"}}', 0.5095081744195702, '{"source": {"law": 0.509508, "novel": 0.490492}}', 'evaluation', '2026-11-29 03:06:14.926736+00'),
	('01a22544-7bf1-76aa-8b59-da8ed8c07c9c', '01a22544-65c0-7555-8117-ee6beb44b78b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, '01a22544-7056-7011-ace6-80a50d5aabdd', 1, 1, '{"source": {"label": "novel"}}', 0.6453046677429832, '{"source": {"law": 0.354695, "novel": 0.645305}}', 'evaluation', '2026-11-29 03:06:14.926736+00'),
	('01a22544-7bf1-76aa-8b59-da94b83c419d', '01a22544-65c1-72aa-b8d6-299ade45059b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, '01a22544-7056-7011-ace6-80a50d5aabdd', 1, 1, '{"source": {"label": "novel"}}', 0.574271247386998, '{"source": {"law": 0.425729, "novel": 0.574271}}', 'evaluation', '2026-11-29 03:06:14.926736+00'),
	('01a22544-7bf1-76aa-8b59-da8f8b6ae2ae', '01a22544-65c0-7555-8117-ee6c7ebf946f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, '01a22544-7056-7011-ace6-80a50d5aabdd', 1, 1, '{"source": {"label": "novel"}}', 0.5924960525845414, '{"source": {"law": 0.407504, "novel": 0.592496}}', 'evaluation', '2026-11-29 03:06:14.926736+00'),
	('01a22544-7bf1-76aa-8b59-da9525792777', '01a22544-65c1-72aa-b8d6-299be2741979', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, '01a22544-7056-7011-ace6-80a50d5aabdd', 1, 1, '{"source": {"label": "law"}}', 0.5715119258887377, '{"source": {"law": 0.571512, "novel": 0.428488}}', 'evaluation', '2026-11-29 03:06:14.926736+00'),
	('01a22544-7bf1-76aa-8b59-da931790a51c', '01a22544-65c1-72aa-b8d6-29979047af0d', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, '01a22544-7056-7011-ace6-80a50d5aabdd', 1, 1, '{"source": {"label": "law"}}', 0.5095081744195702, '{"source": {"law": 0.509508, "novel": 0.490492}}', 'evaluation', '2026-11-29 03:06:14.926736+00'),
	('01a22544-7c1e-7400-9e84-8296d7929640', '01a22544-65c1-72aa-b8d6-299519ec7696', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, '01a22544-7056-7011-ace6-80a50d5aabdd', 1, 1, '{"source": {"label": "law"}}', 0.5095081744195702, '{"source": {"law": 0.509508, "novel": 0.490492}}', 'routing', '2026-11-29 03:06:14.951176+00'),
	('01a22544-7c1e-7400-9e84-8294975c83f4', '01a22544-6585-717d-89b5-5bf6222efa61', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, '01a22544-7056-7011-ace6-80a50d5aabdd', 1, 1, '{"source": {"label": "novel"}}', 0.5130105138066829, '{"source": {"law": 0.486989, "novel": 0.513011}}', 'routing', '2026-11-29 03:06:14.951176+00'),
	('01a22544-7c1e-7400-9e84-8297d945f701', '01a22544-65c1-72aa-b8d6-29961753db6b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, '01a22544-7056-7011-ace6-80a50d5aabdd', 1, 1, '{"source": {"label": "novel"}}', 0.5845650317942832, '{"source": {"law": 0.415435, "novel": 0.584565}}', 'routing', '2026-11-29 03:06:14.951176+00'),
	('01a22544-7c1e-7400-9e84-82956952b036', '01a22544-65c0-7555-8117-ee671624647a', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, '01a22544-7056-7011-ace6-80a50d5aabdd', 1, 1, '{"source": {"label": "novel"}}', 0.5169402864504071, '{"source": {"law": 0.48306, "novel": 0.51694}}', 'routing', '2026-11-29 03:06:14.951176+00'),
	('01a22544-7c4d-722d-a483-66d12df14757', '01a22544-7c00-711d-9ddd-45a791150f8b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, '01a22544-7056-7011-ace6-80a50d5aabdd', 1, 1, '{"source": {"label": "law"}}', 0.5095081744195702, '{"source": {"law": 0.509508, "novel": 0.490492}}', 'routing', '2026-11-29 03:06:15.026607+00'),
	('01a22544-7c4d-722d-a483-66d201767e8f', '01a22544-7c00-711d-9ddd-45a8633fb645', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, '01a22544-7056-7011-ace6-80a50d5aabdd', 1, 1, '{"source": {"label": "law"}}', 0.5157438292959918, '{"source": {"law": 0.515744, "novel": 0.484256}}', 'routing', '2026-11-29 03:06:15.026607+00'),
	('01a22544-7ca2-76c0-a00e-96301a031eed', '01a22544-6585-717d-89b5-5bf6222efa61', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 3, '01a22544-7056-7011-ace6-80a50d5aabdd', 1, 1, '{"source": {"label": "novel"}}', 0.5130105138066829, '{"source": {"law": 0.486989, "novel": 0.513011}}', 'routing', '2026-11-29 03:06:15.076173+00'),
	('01a22544-7ca2-76c0-a00e-96338802a733', '01a22544-65c1-72aa-b8d6-29961753db6b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 3, '01a22544-7056-7011-ace6-80a50d5aabdd', 1, 1, '{"source": {"label": "novel"}}', 0.5845650317942832, '{"source": {"law": 0.415435, "novel": 0.584565}}', 'routing', '2026-11-29 03:06:15.076173+00'),
	('01a22544-7ca2-76c0-a00e-9631446e7059', '01a22544-65c0-7555-8117-ee671624647a', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 3, '01a22544-7056-7011-ace6-80a50d5aabdd', 1, 1, '{"source": {"label": "novel"}}', 0.5169402864504071, '{"source": {"law": 0.48306, "novel": 0.51694}}', 'routing', '2026-11-29 03:06:15.076173+00'),
	('01a22544-7ca2-76c0-a00e-96351ccf38af', '01a22544-7c00-711d-9ddd-45a8633fb645', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, '01a22544-7056-7011-ace6-80a50d5aabdd', 1, 1, '{"source": {"label": "law"}}', 0.5157438292959918, '{"source": {"law": 0.515744, "novel": 0.484256}}', 'routing', '2026-11-29 03:06:15.076173+00'),
	('01a22544-7ca2-76c0-a00e-9632530b556a', '01a22544-65c1-72aa-b8d6-299519ec7696', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 3, '01a22544-7056-7011-ace6-80a50d5aabdd', 1, 1, '{"source": {"label": "law"}}', 0.5095081744195702, '{"source": {"law": 0.509508, "novel": 0.490492}}', 'routing', '2026-11-29 03:06:15.076173+00'),
	('01a22544-7ca2-76c0-a00e-96342b553551', '01a22544-7c00-711d-9ddd-45a791150f8b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, '01a22544-7056-7011-ace6-80a50d5aabdd', 1, 1, '{"source": {"label": "law"}}', 0.5095081744195702, '{"source": {"law": 0.509508, "novel": 0.490492}}', 'routing', '2026-11-29 03:06:15.076173+00'),
	('01a22544-81da-73e5-aeb0-fc152db8f390', '01a22544-81ad-706a-973b-b0144ed16bf0', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, '01a22544-7056-7011-ace6-80a50d5aabdd', 1, 1, '{"source": {"label": "law"}}', 0.5442190670360126, '{"source": {"law": 0.544219, "novel": 0.455781}}', 'routing', '2026-11-29 03:06:16.411021+00'),
	('01a22544-96cd-711b-9a96-3ade4fd0860a', '01a22544-81ad-706a-973b-b0144ed16bf0', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 2, '01a22544-7056-7011-ace6-80a50d5aabdd', 1, 1, '{"source": {"label": "law"}}', 0.5442190670360126, '{"source": {"law": 0.544219, "novel": 0.455781}}', 'routing', '2026-11-29 03:06:21.780919+00'),
	('01a22544-971d-7267-87dc-a08edc5d0fff', '01a22544-96f5-7360-b88c-16cd55f57de9', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, '01a22544-7056-7011-ace6-80a50d5aabdd', 1, 1, '{"source": {"label": "novel"}}', 0.5880859821501718, '{"source": {"law": 0.411914, "novel": 0.588086}}', 'routing', '2026-11-29 03:06:21.855328+00');

INSERT INTO public.projects VALUES
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, '26f9d6b1b0fb7b6e6f79c2bfb2ea36e3c823827af94ca4bb71ca8a19536151f8', '{"name":"Novels and laws","status":"active","draw_salt":"907c4effb713e982c09b7a24e6e9b50200940bee116568f5d94b664cc04e415d","schemas":[{"version":1,"label_schema":{"fields":[{"name":"text","kind":"text","title":null,"required":true}],"questions":[{"name":"source","kind":"choice","title":null,"required":true,"visible_when":null,"labels":["novel","law"]}]},"created_at":"2026-11-29T03:06:09.019868Z"}],"guidelines":[{"version":1,"markdown":"Is it from a novel or from a law?","created_at":"2026-11-29T03:06:09.019868Z"}],"policies":[{"version":1,"policies":{"split":{"train":0.8,"validation":0.1,"test":0.1},"redundancy":{"without_model":2,"with_model":1,"held_out":2,"maximum":5,"posterior_target":0.98},"learning":{"enabled":true,"cold_start":100,"batch_size":80,"random_share":0.1,"random_rate":0.5,"promotion":"automatic","promotion_held_out":50,"promotion_margin":0.0,"admit_machine_labels":false,"machine_label_weight":0.5},"auto_accept":{"enabled":true,"error_budget":0.02,"confidence_level":0.95,"audit_share":0.05},"gold":{"entry_test":5,"share":0.08,"warned_share":0.3,"exposures":50},"serving":{"lease_ttl_s":600,"leases_per_annotator":20,"annotations_per_annotator":null,"blind_share":0.1,"expert_below":0.0,"skill":null,"minimum_skill":0},"purposes_required":[]},"created_at":"2026-11-29T03:06:09.019868Z"},{"version":2,"policies":{"split":{"train":0.6,"validation":0.2,"test":0.2},"redundancy":{"without_model":2,"with_model":2,"held_out":2,"maximum":3,"posterior_target":0.9},"learning":{"enabled":true,"cold_start":8,"batch_size":6,"random_share":0.2,"random_rate":0.5,"promotion":"automatic","promotion_held_out":4,"promotion_margin":0.0,"admit_machine_labels":false,"machine_label_weight":0.5},"auto_accept":{"enabled":false,"error_budget":0.02,"confidence_level":0.95,"audit_share":0.05},"gold":{"entry_test":0,"share":0.0,"warned_share":0.3,"exposures":50},"serving":{"lease_ttl_s":3600,"leases_per_annotator":20,"annotations_per_annotator":null,"blind_share":0.0,"expert_below":0.0,"skill":null,"minimum_skill":0},"purposes_required":[]},"created_at":"2026-11-29T03:06:09.019868Z"}],"active_schema":1,"active_guideline":1,"active_policy":2}');

INSERT INTO public.records VALUES
	('01a22544-6585-717d-89b5-5bf6222efa61', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'gold', NULL, 'GoldPlaced', 3, '2026-11-29 03:06:15.748344+00', 3, 'train', 'collected', true, '{}', 1, '{"text": "All human beings are born free and equal in dignity and rights."}', '{}', 2, 'people', 1, 2, '62b28895-3d2e-4f48-a29b-756a78e04f5e', false, false, false, 1, 1, 2, '01a22544-7c1e-7400-9e84-8294975c83f4', 1, false, 0, false, false, false, NULL, NULL, 1, false, NULL, 0, 0, NULL, false, true, '\xeb185992c8192194f4982ac3ad996bac3b8724ca9de3a8e72c1af800582df11f', 3, '\x0957853336a828a31b5188b06e3b9d703a67094f79c28deb1439f098949c61fb'),
	('01a22544-65c0-7555-8117-ee7151c67d4f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'finalized', NULL, 'LabelFinalized', 1, '2026-11-29 03:06:11.677242+00', 1, 'train', 'collected', true, '{}', 1, '{"text": "Каждый человек имеет право на жизнь, на свободу и на личную неприкосновенность."}', '{}', 1, 'people', 1, 2, 'd6e25e83-57b2-4ee1-8537-4d25ef1075b8', false, false, false, 1, 1, 2, '01a22544-6699-76d8-bb99-8c8de6ef7923', 1, false, 0, false, false, false, NULL, NULL, 1, false, NULL, 0, 0, NULL, false, false, '\xabddf837d289d9235a5ab47111cb94c3f8b42911eb71954c6643acb30b1af130', 1, '\x99d0ef24f5b1ded41a28e671eee440f3eaba8f3235692e8f681ab498268649aa'),
	('01a22544-65c1-72aa-b8d6-299498429683', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'finalized', NULL, 'LabelFinalized', 1, '2026-11-29 03:06:10.187687+00', 1, 'test', 'collected', true, '{}', 1, '{"text": "滿紙荒唐言，一把辛酸淚！都云作者痴，誰解其中味？"}', '{}', 1, 'people', 1, 2, 'd07eab39-d96c-4531-8515-bc275b9dd0b4', false, true, false, 1, 1, 2, '01a22544-66ba-70c6-bef4-fb184efacff8', 1, false, 0, false, false, false, NULL, NULL, 1, false, NULL, 0, 0, NULL, false, false, '\x161a2cdfebb58780d4db538a70618f7c52ef7c6b3214870ef41c251615f005bd', 1, '\x522623e6f4efc3ce203f5f0918b255a40f0369979fbe97375315a9626ae22e68'),
	('01a22544-6585-717d-89b5-5bf513f294c3', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'finalized', NULL, 'LabelFinalized', 3, '2026-11-29 03:06:10.129518+00', 3, 'train', 'collected', true, '{}', 1, '{"text": "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a wife."}', '{}', 2, 'people', 2, 2, '4da7f180-92c3-4ee5-9aa0-9b7272f9cf93', false, true, false, 1, 1, 2, '01a22544-6642-7516-b71b-cdde953be4b0', 2, false, 2, false, false, false, NULL, NULL, 2, false, NULL, 0, 1, NULL, false, false, '\x1894a7a74f681624e7a2caf38cb825861d893e865bdada5f314c92674eaf5c6e', 2, '\xf1e8a4b9e2e0b18f8291baa4e8a1363ed35ba408edc6849e032e94b8679f3a2d'),
	('01a22544-65c0-7555-8117-ee6eb3074fc3', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'finalized', NULL, 'LabelFinalized', 1, '2026-11-29 03:06:11.751502+00', 1, 'train', 'collected', true, '{}', 1, '{"text": "Longtemps, je me suis couché de bonne heure. Parfois, à peine ma bougie éteinte, mes yeux se fermaient si vite"}', '{}', 2, 'people', 1, 2, 'bd55f331-dd3c-4779-a378-57a4903ac057', false, false, false, 1, 1, 2, '01a22544-6e50-77ed-92d1-ce5c6e93ee20', 1, false, 0, false, false, false, NULL, NULL, 1, false, NULL, 0, 0, NULL, false, false, '\x9bc40e6ab8687828b9136087ce48f3fd63ddbb78bca24a8b2ab1343c38560954', 1, '\xc28ca4fdba5f80a49d36d3d2cc669b8780eaea9caf9f597d31dcd4f1a1b5679f'),
	('01a22544-65c0-7555-8117-ee69e1f91a64', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'finalized', NULL, 'LabelFinalized', 1, '2026-11-29 03:06:11.915924+00', 1, 'train', 'collected', true, '{}', 1, '{"text": "No one shall be held in slavery or servitude; slavery and the slave trade shall be prohibited in all their forms."}', '{}', 1, 'people', 1, 2, 'b7ebdddc-6d6b-4e92-8d3c-04ff140fa338', false, false, false, 1, 1, 2, '01a22544-660b-71e6-ad47-cbdcbc5a0aa1', 1, false, 0, false, false, false, NULL, NULL, 1, false, NULL, 0, 0, NULL, false, false, '\x965e27eda3308c4a5cf480f69880b7231c8ebb4c3a284efd7f77a23727e3a408', 1, '\x4a2953289c344d9cd9a566280123322021734d7a4b6c3a6d34272ecbe9c6a982'),
	('01a22544-6585-717d-89b5-5bf7c59e973e', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'finalized', NULL, 'LabelFinalized', 1, '2026-11-29 03:06:09.629621+00', 1, 'validation', 'collected', true, '{}', 1, '{"text": "Call me Ishmael. Some years ago—never mind how long precisely—having little or no money in my purse, …"}', '{}', 1, 'people', 1, 2, '9bfb7b8c-08f7-4e44-917e-78543d0671d7', false, true, false, 1, 1, 2, '01a22544-6642-7516-b71b-cddfcdb7d7fc', 1, false, 0, false, false, false, NULL, NULL, 1, false, NULL, 0, 0, NULL, false, false, '\xeeef0635339ae7cae2c133552199b8c82648f0765ab3c2bacc24ae1a128317a0', 1, '\xea0c37f516978184300950117729bf370a54b4021803e3d19ff88e10b5e0899b'),
	('01a22544-65c0-7555-8117-ee6c7ebf946f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'finalized', NULL, 'LabelFinalized', 1, '2026-11-29 03:06:09.840542+00', 1, 'test', 'collected', true, '{}', 1, '{"text": "Als Gregor Samsa eines Morgens aus unruhigen Träumen erwachte, fand er sich in seinem Bett verwandelt."}', '{}', 1, 'people', 1, 2, '70cfda45-3878-46bc-a848-d3b934d8966b', false, true, false, 1, 1, 2, '01a22544-6672-7319-b3f7-384aa56d0f18', 1, false, 0, false, false, false, NULL, NULL, 1, false, NULL, 0, 0, NULL, false, false, '\x500ebd765036f8b925808d440a494fd8cdc604bdeb62b6557aa2218b57b9ab75', 1, '\xec1f16aa784ded07b43bac307960e876a2796349d3be643ead2fb3574b0dad00'),
	('01a22544-65c0-7555-8117-ee671624647a', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'finalized', NULL, 'LabelFinalized', 1, '2026-11-29 03:06:15.449727+00', 1, 'train', 'collected', true, '{}', 1, '{"text": "Everyone has the right to life, liberty and security of person."}', '{}', 2, 'people', 1, 2, '43bd1661-e26c-4875-9b07-cf8be2b43229', false, false, false, 1, 1, 2, '01a22544-7c1e-7400-9e84-82956952b036', 1, false, 0, false, false, false, NULL, NULL, 1, false, NULL, 0, 0, NULL, false, false, '\x215b700ae67c2ba4dc5750c38fb61772c24b657d7facde19b6657eed5c3ece35', 1, '\x7cb9d9302f4ebf984a3eefb4150354268a1698c899e87752d64de928a32649a0'),
	('01a22544-65c0-7555-8117-ee6dd215483a', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'finalized', NULL, 'LabelFinalized', 1, '2026-11-29 03:06:11.630217+00', 1, 'train', 'collected', true, '{}', 1, '{"text": "Alle Menschen sind frei und gleich an Würde und Rechten geboren."}', '{}', 2, 'people', 1, 2, '52afa6b7-634a-474d-ab30-7484df6d3a11', false, false, false, 1, 1, 2, '01a22544-6e50-77ed-92d1-ce5b3e596e2b', 1, false, 0, false, false, false, NULL, NULL, 1, false, NULL, 0, 0, NULL, false, false, '\x96c89d37b94dd5be30285dbdb16afdc60315fab9448da16cc501cc100c51d5b6', 1, '\x73ecc910908332a09358beda188a4b2cee6a61408b3a48f7a26fecd7bbb48a39'),
	('01a22544-65c0-7555-8117-ee70a4fe1ee2', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'finalized', NULL, 'LabelFinalized', 1, '2026-11-29 03:06:09.94569+00', 1, 'validation', 'collected', true, '{}', 1, '{"text": "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему."}', '{}', 1, 'people', 1, 2, '1883fef9-13b5-435e-a88c-1845b0004554', false, true, false, 1, 1, 2, '01a22544-6640-76dd-810c-3d4825898429', 1, false, 0, false, false, false, NULL, NULL, 1, false, NULL, 0, 0, NULL, false, false, '\x67008c597d72b8f51fa770013d228e5aabaee2fc178b2204ae7e961303e14879', 1, '\xd79ee21efad09e9dbd3c14ee592c570c392a5c08c5978c0a7d33df71705abc8c'),
	('01a22544-65c0-7555-8117-ee72bb0f1800', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'finalized', NULL, 'LabelFinalized', 1, '2026-11-29 03:06:10.05885+00', 1, 'test', 'collected', true, '{}', 1, '{"text": "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。"}', '{}', 1, 'people', 1, 2, '32c93520-094b-495e-8b62-d7d114928097', false, true, false, 1, 1, 2, '01a22544-66a4-773b-8d97-96ee1a42e10e', 1, false, 0, false, false, false, NULL, NULL, 1, false, NULL, 0, 0, NULL, false, false, '\x78c89703fc76b99ecfa1a416b58aeebb3edcbfcb7bed0c8d38cf25b80fc63a5f', 1, '\x02cabdde22c9e798f004fc55e697a30056a44f93c97d6987d86c80dcc55a2158'),
	('01a22544-65c1-72aa-b8d6-2993b1ade04f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'finalized', NULL, 'LabelFinalized', 1, '2026-11-29 03:06:11.842204+00', 1, 'train', 'collected', true, '{}', 1, '{"text": "すべての人間は、生れながらにして自由であり、かつ、尊厳と権利とについて平等である。"}', '{}', 2, 'people', 1, 2, 'facf2615-7581-4508-a936-20a02e65ce71', false, false, false, 1, 1, 2, '01a22544-6e50-77ed-92d1-ce5f60511b8a', 1, false, 0, false, false, false, NULL, NULL, 1, false, NULL, 0, 0, NULL, false, false, '\x0294164032d22faf842ea7518ceddfc5e70616539cc5233f215ae13952000e79', 1, '\x48bc7b2eb3776839d9d069230b2dfb10582b5ba5c457be37afd3daffe9b7a7ee'),
	('01a22544-65c1-72aa-b8d6-29979047af0d', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'finalized', NULL, 'LabelFinalized', 1, '2026-11-29 03:06:09.889198+00', 1, 'validation', 'collected', true, '{}', 1, '{"text": "يولد جميع الناس أحراراً متساوين في الكرامة والحقوق."}', '{}', 1, 'people', 1, 2, '60b97bd5-c6ab-4151-bc98-930e0ddee270', false, true, false, 1, 1, 2, '01a22544-66c0-70af-9b90-d331e8c70a76', 1, false, 0, false, false, false, NULL, NULL, 1, false, NULL, 0, 0, NULL, false, false, '\xed32fa5ba96003b46a71ff6dbbf3c86546f07f7a44b64024dc8e0f10c8939150', 1, '\x5e20602d512e785371e01c781d91ecb500958221af773dc4814e95e13a2cc905'),
	('01a22544-65c1-72aa-b8d6-299519ec7696', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'finalized', NULL, 'LabelFinalized', 1, '2026-11-29 03:06:15.437026+00', 1, 'train', 'collected', true, '{}', 1, '{"text": "人人生而自由,在尊严和权利上一律平等。"}', '{}', 2, 'people', 1, 2, 'd122d3bb-0273-49a1-abe2-75450cb864ac', false, false, false, 1, 1, 2, '01a22544-7c1e-7400-9e84-8296d7929640', 1, false, 0, false, false, false, NULL, NULL, 1, false, NULL, 0, 0, NULL, false, false, '\xdfdb80c72b219191fedef57bcfca249580d39269b9d90035247f2e8c4ecf9b97', 1, '\xb2b35125e601283fc227e770d3935bcead153f0b73dde61e13d3b923efcbec97'),
	('01a22544-7c00-711d-9ddd-45a791150f8b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'finalized', NULL, 'LabelFinalized', 1, '2026-11-29 03:06:15.360724+00', 1, 'train', 'collected', true, '{}', 1, '{"text": "Emma Woodhouse, handsome, clever, and rich 🙂"}', '{}', 1, 'people', 1, 2, '294f0730-2812-4880-9cd7-2d851df750ca', false, false, false, 1, 1, 2, '01a22544-7c4d-722d-a483-66d12df14757', 1, false, 0, false, false, false, NULL, NULL, 1, false, NULL, 0, 0, NULL, false, false, '\xde2fc79295b865b2709b1ae30d79dc271682162651a6425e7da86483f46fe108', 1, '\x20aa745a3eec27dfec6afd1625bd5931d8e8b7e4bda98d16e9106f76a588c961'),
	('01a22544-65c1-72aa-b8d6-29961753db6b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'finalized', NULL, 'LabelFinalized', 1, '2026-11-29 03:06:15.560095+00', 1, 'train', 'collected', true, '{}', 1, '{"text": "Alice was beginning to get very tired of sitting by her sister on the bank, and of having nothing to do:\n\t“what is the use of a book,” thought Alice, “without pictures or conversations?”"}', '{}', 2, 'people', 1, 2, 'd35a914c-35db-4b7f-84f5-425812ead850', false, false, false, 1, 1, 2, '01a22544-7c1e-7400-9e84-8297d945f701', 1, false, 0, false, false, false, NULL, NULL, 1, false, NULL, 0, 0, NULL, false, false, '\x2b4858f5ee4471f650dd53fa2a2d249a741c6b1bc35fb67b20863e00c8f3f84e', 1, '\x521429f9c43094242e71043b6cfac757a65fad639cc0e1c859d029f43b915057'),
	('01a22544-65c1-72aa-b8d6-299be2741979', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'finalized', NULL, 'LabelFinalized', 1, '2026-11-29 03:06:09.708924+00', 1, 'test', 'collected', true, '{}', 1, '{"text": "§ 1. Die Rechtsfähigkeit des Menschen beginnt mit der Vollendung der Geburt."}', '{}', 1, 'people', 1, 2, 'c94e6b32-b0ab-4992-a3cc-3692b5986c5d', false, true, false, 1, 1, 2, '01a22544-668e-777c-8c95-01022332eb0f', 1, false, 0, false, false, false, NULL, NULL, 1, false, NULL, 0, 0, NULL, false, false, '\x804b91a04e0b978c1df6b0a4404010b08683f301fc8d3fedcd2c2127eefad5d1', 1, '\x04d6bbab0cc4d475e753a8b256046a9be3240f0080b3dfb63f1dba03b782c0af'),
	('01a22544-65c1-72aa-b8d6-299ade45059b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'finalized', NULL, 'LabelFinalized', 1, '2026-11-29 03:06:10.113501+00', 1, 'test', 'collected', true, '{}', 1, '{"text": "Mr. Sherlock Holmes, who was usually very late in the mornings, was seated at the breakfast table."}', '{}', 1, 'people', 1, 2, '650a1485-2698-4ff0-9783-d21b9a64e8d2', false, true, false, 1, 1, 2, '01a22544-66c7-74ef-a82e-e6be7a02a8ad', 1, false, 0, false, false, false, NULL, NULL, 1, false, NULL, 0, 0, NULL, false, false, '\x5af78cd9629cc2d9e85520e7fa783492b2a6e910091dde259853063e26ef29d8', 1, '\x1f7d00d2be2f2dace02e6bebf5534a0c4c424567156c5bc3be004d8cbcc9d2d9'),
	('01a22544-96f5-7360-b88c-16cd55f57de9', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'open', NULL, NULL, 0, '2026-11-29 03:06:21.835047+00', 0, 'train', 'collected', true, '{}', 1, '{"text": "Stately, plump Buck Mulligan came from the stairhead, bearing a bowl of lather"}', '{}', 1, 'people', 1, 2, '1d6e2d23-302a-49d9-aa63-9969734ab48d', false, false, true, 1, 1, 2, '01a22544-971d-7267-87dc-a08edc5d0fff', 1, false, 0, false, false, false, NULL, NULL, 0, false, NULL, 0, 0, NULL, false, false, NULL, 0, NULL),
	('01a22544-65c1-72aa-b8d6-29988185732b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'finalized', NULL, 'LabelFinalized', 1, '2026-11-29 03:06:11.573462+00', 1, 'train', 'collected', true, '{}', 1, '{"text": "There was no possibility of taking a walk that day. We had been wandering, indeed, in the leafless shrubbery"}', '{}', 2, 'people', 1, 2, '7be5c604-80b1-4367-9e41-3a22e88043b6', false, false, false, 1, 1, 2, '01a22544-6e51-72f5-8b56-e8c54948d65b', 1, false, 0, false, false, false, NULL, NULL, 1, false, NULL, 0, 0, NULL, false, false, '\x3ef4b7f56dc8bb4088355658f2512099d63ff64ff017f35f941d0880a6180e24', 1, '\x062d909f5a4d92d668ead46b72d588b4265d665fb4934a87958c0966af88d31a'),
	('01a22544-65c0-7555-8117-ee6f2edd9bf5', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'finalized', NULL, 'LabelFinalized', 1, '2026-11-29 03:06:11.954241+00', 1, 'train', 'collected', true, '{}', 1, '{"text": "Tout individu a droit à la vie, à la liberté et à la sûreté de sa personne."}', '{}', 1, 'people', 1, 2, '7b202237-7451-4e77-9dfc-8995c11d94ba', false, false, false, 1, 1, 2, '01a22544-6677-7458-afae-d7c55c2b4530', 1, false, 0, false, false, false, NULL, NULL, 1, false, NULL, 0, 0, NULL, false, false, '\xdad3235634bc0550dfe64a9db2a3c04802bd55436bcee6583aa01f4bc79b0083', 1, '\x990a6caec6982e039fea7e1452508d5591a62429e05ac16aa31cf8b3b52bfc54'),
	('01a22544-81ad-706a-973b-b0144ed16bf0', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'open', NULL, NULL, 0, '2026-11-29 03:06:16.382695+00', 0, 'train', 'collected', true, '{}', 1, '{"text": "No one shall be subjected to torture or to cruel, inhuman or degrading treatment or punishment."}', '{}', 1, 'people', 1, 2, '7e9b066e-4daf-4ec4-9987-eee0bea210e8', false, false, false, 1, 1, 2, '01a22544-81da-73e5-aeb0-fc152db8f390', 1, false, 0, false, false, false, NULL, NULL, 0, false, NULL, 0, 0, NULL, false, false, NULL, 0, NULL),
	('01a22544-65c0-7555-8117-ee6beb44b78b', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'finalized', NULL, 'LabelFinalized', 1, '2026-11-29 03:06:10.072989+00', 1, 'validation', 'collected', true, '{}', 1, '{"text": "Toda persona tiene derecho a la libertad de pensamiento, de conciencia y de religión"}', '{}', 1, 'people', 1, 2, 'd634556a-1ba6-4ff0-a8ee-01ad57070dc1', false, true, false, 1, 1, 2, '01a22544-6622-71dd-88d8-93e38c561b5f', 1, false, 0, false, false, false, NULL, NULL, 1, false, NULL, 0, 0, NULL, false, false, '\xa1f852603e4b30b3a87bbecc17cd9f0946a0a2f831883d49c2647bfbb4c4b7a5', 1, '\x08c8514d6ecfc9cc6b12f3fe63793e8fa1e3724d5bb4b6ea5287fe92802c08d9'),
	('01a22544-65c1-72aa-b8d6-29994418d2c6', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'finalized', NULL, 'LabelFinalized', 1, '2026-11-29 03:06:11.80256+00', 1, 'train', 'collected', true, '{}', 1, '{"text": "Congress shall make no law respecting an establishment of religion, or prohibiting the free exercise thereof;"}', '{}', 1, 'people', 1, 2, '7df3b87d-6bf1-4f7b-bc71-541ca77cefa6', false, false, false, 1, 1, 2, '01a22544-6680-7635-a43f-9b234f98eb3b', 1, false, 0, false, false, false, NULL, NULL, 1, false, NULL, 0, 0, NULL, false, false, '\x06f777a828422f41b0f6cadd651799c29feb4c0fecc0ba212fe4b1252d8efa3c', 1, '\x957e3985efa893dc35fb6311ad7e066890c5cfc454966805f82d5fda7975dd73'),
	('01a22544-65c0-7555-8117-ee68de454fee', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'finalized', NULL, 'LabelFinalized', 1, '2026-11-29 03:06:09.709247+00', 1, 'test', 'collected', true, '{}', 1, '{"text": "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness"}', '{}', 1, 'people', 1, 2, 'da88f371-ae50-46db-a275-9ebac9bd765c', false, true, false, 1, 1, 2, '01a22544-6683-7705-a6d9-d002e6bfaf04', 1, false, 0, false, false, false, NULL, NULL, 1, false, NULL, 0, 0, NULL, false, false, '\x40f207ac0b41317f95b50b1d574be24794fb93ed477a1f6817c8918688da8437', 1, '\x50ce74c51efe5c8e3de08b1adcc4d66156b7427679ad55f786934a7d3b08d495'),
	('01a22544-65c0-7555-8117-ee6aaa0a749c', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'finalized', NULL, 'LabelFinalized', 1, '2026-11-29 03:06:09.767875+00', 1, 'train', 'collected', true, '{}', 1, '{"text": "En un lugar de la Mancha, de cuyo nombre no quiero acordarme, no ha mucho tiempo que vivía un hidalgo"}', '{}', 1, 'people', 1, 2, '7f041eac-1eb5-415d-b17e-f21348b88574', false, false, true, 1, 1, 2, '01a22544-6631-703b-ab52-bc202d2e6b72', 1, false, 0, false, false, false, NULL, NULL, 1, false, NULL, 0, 0, NULL, false, false, '\x9fdd6ba842a76b2cf0b4eb5504ebd4526c13af06af399e6df0e0c0701d7305a1', 1, '\xcb27974ca22389a0b9069f081ccba3da3049e28504aea31496806bf2fe925083'),
	('01a22544-7c00-711d-9ddd-45a8633fb645', '01a22544-64fb-70fa-a80b-4999f3c72a0f', true, 1, 'finalized', NULL, 'LabelFinalized', 1, '2026-11-29 03:06:15.512366+00', 1, 'train', 'collected', true, '{}', 1, '{"text": "Everyone has the right to recognition everywhere"}', '{}', 1, 'people', 1, 2, '624cdef6-b1fe-4dc5-b075-73bac053afdb', false, false, false, 1, 1, 2, '01a22544-7c4d-722d-a483-66d201767e8f', 1, false, 0, false, false, false, NULL, NULL, 1, false, NULL, 0, 0, NULL, false, false, '\xc502ff4042b0e8214f960d249a66d6685d7c65c823cdad2df474f4534a96360b', 1, '\x502b73f8c38d9593f525ebeedc922947a3e5ab0fcb47c08c9ee9d1b65a9e0e8c');

INSERT INTO public.relay VALUES
	(true, 45);

INSERT INTO public.release_records VALUES
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-6585-717d-89b5-5bf7c59e973e', '01a22544-676f-7529-8dba-9b712379cf11', 'validation'),
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-65c1-72aa-b8d6-299be2741979', '01a22544-67b6-7507-bd92-e10f01374a5c', 'test'),
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-65c0-7555-8117-ee68de454fee', '01a22544-67b8-77fe-9022-659e786a0502', 'test'),
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-65c0-7555-8117-ee6aaa0a749c', '01a22544-67f4-7232-bd27-83e81aa03cc8', 'train'),
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-65c0-7555-8117-ee6c7ebf946f', '01a22544-683b-70e6-926e-af4c6aa79db9', 'test'),
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-65c1-72aa-b8d6-29979047af0d', '01a22544-6868-7769-b287-9b3ba692b3a0', 'validation'),
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-65c0-7555-8117-ee70a4fe1ee2', '01a22544-68d5-7105-bee6-f6efaacfced8', 'validation'),
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-65c0-7555-8117-ee72bb0f1800', '01a22544-691f-76ff-a19d-c72d5b784b1f', 'test'),
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-65c0-7555-8117-ee6beb44b78b', '01a22544-692b-7402-8aae-6b6dba7121ab', 'validation'),
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-6585-717d-89b5-5bf513f294c3', '01a22544-695f-74d1-a7d3-4ce8970ec78d', 'train'),
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-65c1-72aa-b8d6-299ade45059b', '01a22544-6967-7728-b465-9455540ffc3e', 'test'),
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-65c1-72aa-b8d6-299498429683', '01a22544-6991-7437-8bd5-585d455fcdad', 'test'),
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-65c1-72aa-b8d6-29988185732b', '01a22544-6f11-7517-b2bc-cd27f302340b', 'train'),
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-65c0-7555-8117-ee6dd215483a', '01a22544-6f36-7548-9f07-da797d6a5c9b', 'train'),
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-65c0-7555-8117-ee7151c67d4f', '01a22544-6f6a-7656-92d1-a4bb5cf3e0b6', 'train'),
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-65c0-7555-8117-ee6eb3074fc3', '01a22544-6fb7-71c0-b116-8afa67f8c24b', 'train'),
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-65c1-72aa-b8d6-29994418d2c6', '01a22544-6feb-72d7-83a9-a7f0a0966d57', 'train'),
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-65c1-72aa-b8d6-2993b1ade04f', '01a22544-700d-70a7-bda2-faee3c9085ea', 'train'),
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-65c0-7555-8117-ee69e1f91a64', '01a22544-7062-70e8-a6db-1b698dd2210d', 'train'),
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-65c0-7555-8117-ee6f2edd9bf5', '01a22544-708b-73b3-b5c7-f4f8a312d706', 'train'),
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-7c00-711d-9ddd-45a791150f8b', '01a22544-7dce-767d-8b5d-1dc6d581002f', 'train'),
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-65c1-72aa-b8d6-299519ec7696', '01a22544-7e1c-7176-af0b-a33615972890', 'train'),
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-65c0-7555-8117-ee671624647a', '01a22544-7e22-741d-9ed5-30d1e35022c7', 'train'),
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-7c00-711d-9ddd-45a8633fb645', '01a22544-7e5e-7299-afaf-f5a23fc43945', 'train'),
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-65c1-72aa-b8d6-29961753db6b', '01a22544-7e8f-76a8-91ef-6dda64078b03', 'train');

INSERT INTO public.releases VALUES
	('01a22544-7faa-74ed-9a21-6085f44b18f1', '01a22544-64fb-70fa-a80b-4999f3c72a0f', 'first', '{"splits": ["train", "validation", "test"], "methods": ["consensus", "auto_accept", "decision"], "schema_version": 1, "least_confidence": 0.0, "with_under_review": true}', 'published', NULL, '01a22544-7fac-7107-9c94-8109c609913c', 'mia', '2026-11-29 03:06:15.850138+00', '2026-11-29 03:06:16.34735+00', 25, '{"gold": {"answers": 2, "records": 1}, "name": "first", "files": [{"name": "train.jsonl", "bytes": 7270, "split": "train", "sha256": "202f8b016aa16b2be8e521db7ad1b3ee3a98097e01cc5074da04bfe64d4b9cab", "records": 15}, {"name": "validation.jsonl", "bytes": 2023, "split": "validation", "sha256": "05ef0981ad6ec533090288b1f84ffa7e1e7d7be3bf6fd706a495f53fbe72842c", "records": 4}, {"name": "test.jsonl", "bytes": 2878, "split": "test", "sha256": "33f4dae01ee653bc4942d8756ec9217ca5167ba973435d228a6f40e8832b7640", "records": 6}], "counts": {"by_split": {"test": 6, "train": 15, "validation": 4}, "by_split_and_method": {"test": {"consensus": 6}, "train": {"consensus": 15}, "validation": {"consensus": 4}}, "by_guideline_version": {"1": 25}}, "format": "touchstone-release/1", "models": [{"stage": "champion", "version": 1, "model_id": "01a22544-7056-7011-ace6-80a50d5aabdd"}, {"stage": "rejected", "version": 2, "model_id": "01a22544-7e5b-7775-9c5b-4cd27f9409b0"}], "schema": {"content": {"fields": [{"kind": "text", "name": "text", "title": null, "required": true}], "questions": [{"kind": "choice", "name": "source", "title": null, "labels": ["novel", "law"], "required": true, "visible_when": null}]}, "version": 1}, "options": {"splits": ["train", "validation", "test"], "methods": ["consensus", "auto_accept", "decision"], "schema_version": 1, "least_confidence": 0.0, "with_under_review": true}, "project": "Novels and laws", "built_at": "2026-11-29T03:06:16.344943+00:00", "left_out": {"gold": 1, "open": 0, "erased": 0, "unlabelable": 0}, "promises": {"held_out_check": "where the champion and people differed on a held-out record an expert relabelled it blind, once; this favours the model slightly", "held_out_labels_by": "people alone", "gold_in_training_split": 0}, "agreement": [{"kind": "choice", "records": 26, "question": "source", "annotations": 52, "cohen_kappa": [{"kappa": {"low": 1.0, "high": 1.0, "value": 1.0}, "records": 12, "annotators": ["01a22544-654a-749b-96ce-de36307fdc4f", "01a22544-655f-70c3-98a7-836644464a34"]}, {"kappa": {"low": 1.0, "high": 1.0, "value": 1.0}, "records": 12, "annotators": ["01a22544-6524-7689-8c8d-eb7c234d6620", "01a22544-653a-746f-9ecc-48f386a60c94"]}], "fleiss_kappa": {"low": 1.0, "high": 1.0, "value": 1.0}, "schema_version": 1, "percent_agreement": {"low": 1.0, "high": 1.0, "value": 1.0}, "krippendorff_alpha": {"low": 1.0, "high": 1.0, "value": 1.0}}], "guidelines": [{"sha256": "956dd770d491763fac8b818dcad4c77844e2990d1a2cec3df3d8870550d02d66", "version": 1}], "project_id": "01a22544-64fb-70fa-a80b-4999f3c72a0f", "release_id": "01a22544-7faa-74ed-9a21-6085f44b18f1", "supersedes": null, "thresholds": [], "requested_at": "2026-11-29T03:06:15.850138+00:00", "policy_version": 2}', 'b901c8e14789a6253f7465a0e1cf3be134d6ad5cf596ed0f7bb42b26f9648c66', NULL, NULL, 1);

INSERT INTO public.routes VALUES
	('01a22544-6585-717d-89b5-5bf6222efa61', 1, '01a22544-66da-758b-93da-b7447c6a1c44', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "waits to be selected", "task_id": "62b28895-3d2e-4f48-a29b-756a78e04f5e", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-6659-74a6-a5fa-af01b9d566e6", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.8}', '2026-11-29 03:06:09.497894+00'),
	('01a22544-65c1-72aa-b8d6-299519ec7696', 1, '01a22544-66db-71f1-b414-b5b77cd746e5', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "waits to be selected", "task_id": "d122d3bb-0273-49a1-abe2-75450cb864ac", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-664e-71b4-95f2-4e2d1166e74b", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.8}', '2026-11-29 03:06:09.499019+00'),
	('01a22544-6585-717d-89b5-5bf513f294c3', 1, '01a22544-66d3-74e3-b45f-545b3f408697', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "drawn into the random share", "task_id": "f72cdddc-6822-4698-98fd-4dc67de5b42a", "explored": true, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-6642-7516-b71b-cdde953be4b0", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.2}', '2026-11-29 03:06:09.491064+00'),
	('01a22544-65c0-7555-8117-ee6beb44b78b', 1, '01a22544-66e1-723d-b056-046f1d628e96', '{"audit": false, "blind": true, "round": 1, "route": "people", "reason": "held out", "task_id": "d634556a-1ba6-4ff0-a8ee-01ad57070dc1", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-6622-71dd-88d8-93e38c561b5f", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 1.0}', '2026-11-29 03:06:09.505626+00'),
	('01a22544-65c0-7555-8117-ee6c7ebf946f', 1, '01a22544-66d4-7439-9d60-52222b4dca6d', '{"audit": false, "blind": true, "round": 1, "route": "people", "reason": "held out", "task_id": "70cfda45-3878-46bc-a848-d3b934d8966b", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-6672-7319-b3f7-384aa56d0f18", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 1.0}', '2026-11-29 03:06:09.492247+00'),
	('01a22544-65c1-72aa-b8d6-29988185732b', 1, '01a22544-66e3-72dd-ad5f-78eadd129005', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "waits to be selected", "task_id": "7be5c604-80b1-4367-9e41-3a22e88043b6", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-666f-7194-aade-34192c977d5e", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.8}', '2026-11-29 03:06:09.506985+00'),
	('01a22544-65c0-7555-8117-ee6eb3074fc3', 1, '01a22544-66fb-73cf-b7c0-7e16013f846c', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "waits to be selected", "task_id": "bd55f331-dd3c-4779-a378-57a4903ac057", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-6665-7126-b279-509d5e2b9423", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.8}', '2026-11-29 03:06:09.531001+00'),
	('01a22544-65c0-7555-8117-ee72bb0f1800', 1, '01a22544-6706-7689-b123-a9ccc6926636', '{"audit": false, "blind": true, "round": 1, "route": "people", "reason": "held out", "task_id": "32c93520-094b-495e-8b62-d7d114928097", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-66a4-773b-8d97-96ee1a42e10e", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 1.0}', '2026-11-29 03:06:09.542076+00'),
	('01a22544-65c0-7555-8117-ee69e1f91a64', 1, '01a22544-66e9-752c-84a5-3fd41f96bc2a', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "waits to be selected", "task_id": "b7ebdddc-6d6b-4e92-8d3c-04ff140fa338", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-660b-71e6-ad47-cbdcbc5a0aa1", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.8}', '2026-11-29 03:06:09.513509+00'),
	('01a22544-65c0-7555-8117-ee6dd215483a', 1, '01a22544-66f6-7540-8e88-518a9109117f', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "waits to be selected", "task_id": "52afa6b7-634a-474d-ab30-7484df6d3a11", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-6630-7449-8ae6-88df0032b37f", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.8}', '2026-11-29 03:06:09.526562+00'),
	('01a22544-6585-717d-89b5-5bf7c59e973e', 1, '01a22544-6704-728b-b552-d82b2ee9a25a', '{"audit": false, "blind": true, "round": 1, "route": "people", "reason": "held out", "task_id": "9bfb7b8c-08f7-4e44-917e-78543d0671d7", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-6642-7516-b71b-cddfcdb7d7fc", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 1.0}', '2026-11-29 03:06:09.540749+00'),
	('01a22544-65c0-7555-8117-ee68de454fee', 1, '01a22544-6713-721f-be9c-36358fce88d8', '{"audit": false, "blind": true, "round": 1, "route": "people", "reason": "held out", "task_id": "da88f371-ae50-46db-a275-9ebac9bd765c", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-6683-7705-a6d9-d002e6bfaf04", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 1.0}', '2026-11-29 03:06:09.55582+00'),
	('01a22544-65c1-72aa-b8d6-29961753db6b', 1, '01a22544-670a-75b0-94fb-a5958f8c9b5f', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "waits to be selected", "task_id": "d35a914c-35db-4b7f-84f5-425812ead850", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-6659-74a6-a5fa-af02b9c0988c", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.8}', '2026-11-29 03:06:09.546683+00'),
	('01a22544-65c0-7555-8117-ee70a4fe1ee2', 1, '01a22544-6702-7715-b4d6-a6eb807d66d6', '{"audit": false, "blind": true, "round": 1, "route": "people", "reason": "held out", "task_id": "1883fef9-13b5-435e-a88c-1845b0004554", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-6640-76dd-810c-3d4825898429", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 1.0}', '2026-11-29 03:06:09.537905+00'),
	('01a22544-65c1-72aa-b8d6-29994418d2c6', 1, '01a22544-6717-75af-b6ba-2d383f55121a', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "waits to be selected", "task_id": "7df3b87d-6bf1-4f7b-bc71-541ca77cefa6", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-6680-7635-a43f-9b234f98eb3b", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.8}', '2026-11-29 03:06:09.55979+00'),
	('01a22544-65c0-7555-8117-ee7151c67d4f', 1, '01a22544-6705-73ae-8836-915e00a75e74', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "waits to be selected", "task_id": "d6e25e83-57b2-4ee1-8537-4d25ef1075b8", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-6699-76d8-bb99-8c8de6ef7923", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.8}', '2026-11-29 03:06:09.541593+00'),
	('01a22544-65c1-72aa-b8d6-299498429683', 1, '01a22544-671f-725a-a0d2-7583edfc83dc', '{"audit": false, "blind": true, "round": 1, "route": "people", "reason": "held out", "task_id": "d07eab39-d96c-4531-8515-bc275b9dd0b4", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-66ba-70c6-bef4-fb184efacff8", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 1.0}', '2026-11-29 03:06:09.56705+00'),
	('01a22544-65c1-72aa-b8d6-299ade45059b', 1, '01a22544-6744-76d6-be1a-a6761276f62b', '{"audit": false, "blind": true, "round": 1, "route": "people", "reason": "held out", "task_id": "650a1485-2698-4ff0-9783-d21b9a64e8d2", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-66c7-74ef-a82e-e6be7a02a8ad", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 1.0}', '2026-11-29 03:06:09.604042+00'),
	('01a22544-65c1-72aa-b8d6-299be2741979', 1, '01a22544-6752-7137-8f56-1c5965a67d6a', '{"audit": false, "blind": true, "round": 1, "route": "people", "reason": "held out", "task_id": "c94e6b32-b0ab-4992-a3cc-3692b5986c5d", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-668e-777c-8c95-01022332eb0f", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 1.0}', '2026-11-29 03:06:09.618518+00'),
	('01a22544-65c0-7555-8117-ee671624647a', 1, '01a22544-66fb-73cf-b7c0-7e17fbd61940', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "waits to be selected", "task_id": "43bd1661-e26c-4875-9b07-cf8be2b43229", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-6665-7126-b279-509c1a0c16e6", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.8}', '2026-11-29 03:06:09.5311+00'),
	('01a22544-6585-717d-89b5-5bf6222efa61', 2, '01a22544-7c79-7717-be52-3937e9c4d101', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "waits to be selected", "task_id": "62b28895-3d2e-4f48-a29b-756a78e04f5e", "explored": false, "model_id": "01a22544-7056-7011-ace6-80a50d5aabdd", "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-7c1e-7400-9e84-8294975c83f4", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.8}', '2026-11-29 03:06:15.033387+00'),
	('01a22544-65c1-72aa-b8d6-29961753db6b', 2, '01a22544-7c67-7068-b699-e4a30e39184f', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "waits to be selected", "task_id": "d35a914c-35db-4b7f-84f5-425812ead850", "explored": false, "model_id": "01a22544-7056-7011-ace6-80a50d5aabdd", "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-7c1e-7400-9e84-8297d945f701", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.8}', '2026-11-29 03:06:15.015475+00'),
	('01a22544-6585-717d-89b5-5bf513f294c3', 2, '01a22544-7fdb-74e5-8de7-d4b6553a8f94', '{"audit": false, "blind": true, "round": 2, "route": "people", "reason": "feedback", "task_id": "4da7f180-92c3-4ee5-9aa0-9b7272f9cf93", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-6642-7516-b71b-cdde953be4b0", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 1.0}', '2026-11-29 03:06:15.899362+00'),
	('01a22544-81ad-706a-973b-b0144ed16bf0', 1, '01a22544-81fd-7456-9861-2e92aa4f505b', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "waits to be selected", "task_id": "7e9b066e-4daf-4ec4-9987-eee0bea210e8", "explored": false, "model_id": "01a22544-7056-7011-ace6-80a50d5aabdd", "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-81da-73e5-aeb0-fc152db8f390", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.8}', '2026-11-29 03:06:16.445181+00'),
	('01a22544-65c1-72aa-b8d6-2993b1ade04f', 1, '01a22544-6711-728d-b002-deb44ead9a87', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "waits to be selected", "task_id": "facf2615-7581-4508-a936-20a02e65ce71", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-66b0-7382-8013-531c85a1ab15", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.8}', '2026-11-29 03:06:09.553455+00'),
	('01a22544-65c1-72aa-b8d6-29979047af0d', 1, '01a22544-672e-7495-a89c-fa34d709dd07', '{"audit": false, "blind": true, "round": 1, "route": "people", "reason": "held out", "task_id": "60b97bd5-c6ab-4151-bc98-930e0ddee270", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-66c0-70af-9b90-d331e8c70a76", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 1.0}', '2026-11-29 03:06:09.582137+00'),
	('01a22544-65c0-7555-8117-ee6aaa0a749c', 1, '01a22544-672c-7558-9291-2e4dce85af25', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "drawn into the random share", "task_id": "7f041eac-1eb5-415d-b17e-f21348b88574", "explored": true, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-6631-703b-ab52-bc202d2e6b72", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.2}', '2026-11-29 03:06:09.580131+00'),
	('01a22544-65c1-72aa-b8d6-299519ec7696', 2, '01a22544-7c73-748c-8abc-9474d6610e5e', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "waits to be selected", "task_id": "d122d3bb-0273-49a1-abe2-75450cb864ac", "explored": false, "model_id": "01a22544-7056-7011-ace6-80a50d5aabdd", "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-7c1e-7400-9e84-8296d7929640", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.8}', '2026-11-29 03:06:15.027828+00'),
	('01a22544-7c00-711d-9ddd-45a791150f8b', 1, '01a22544-7c90-779d-ad73-d20d68f1f984', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "waits to be selected", "task_id": "294f0730-2812-4880-9cd7-2d851df750ca", "explored": false, "model_id": "01a22544-7056-7011-ace6-80a50d5aabdd", "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-7c4d-722d-a483-66d12df14757", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.8}', '2026-11-29 03:06:15.056505+00'),
	('01a22544-96f5-7360-b88c-16cd55f57de9', 1, '01a22544-9737-705b-a5ab-e33046daae1c', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "drawn into the random share", "task_id": "1d6e2d23-302a-49d9-aa63-9969734ab48d", "explored": true, "model_id": "01a22544-7056-7011-ace6-80a50d5aabdd", "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-971d-7267-87dc-a08edc5d0fff", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.2}', '2026-11-29 03:06:21.879426+00'),
	('01a22544-65c0-7555-8117-ee6f2edd9bf5', 1, '01a22544-6743-733c-aa93-676086d88869', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "waits to be selected", "task_id": "7b202237-7451-4e77-9dfc-8995c11d94ba", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-6677-7458-afae-d7c55c2b4530", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.8}', '2026-11-29 03:06:09.603466+00'),
	('01a22544-65c0-7555-8117-ee6eb3074fc3', 2, '01a22544-6ea0-7705-9d42-80483f73f5f7', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "batch 0 by chance", "task_id": "bd55f331-dd3c-4779-a378-57a4903ac057", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-6e50-77ed-92d1-ce5c6e93ee20", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.26666666666666666}', '2026-11-29 03:06:11.488451+00'),
	('01a22544-65c1-72aa-b8d6-29988185732b', 2, '01a22544-6ea5-7637-8ea7-bb9df0b70c81', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "batch 0 by chance", "task_id": "7be5c604-80b1-4367-9e41-3a22e88043b6", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-6e51-72f5-8b56-e8c54948d65b", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.26666666666666666}', '2026-11-29 03:06:11.493423+00'),
	('01a22544-65c1-72aa-b8d6-2993b1ade04f', 2, '01a22544-6eb0-7624-886b-78e61da45563', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "batch 0 by chance", "task_id": "facf2615-7581-4508-a936-20a02e65ce71", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-6e50-77ed-92d1-ce5f60511b8a", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.26666666666666666}', '2026-11-29 03:06:11.504036+00'),
	('01a22544-65c0-7555-8117-ee6dd215483a', 2, '01a22544-6eb0-7624-886b-78e75e2053f1', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "batch 0 by chance", "task_id": "52afa6b7-634a-474d-ab30-7484df6d3a11", "explored": false, "model_id": null, "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-6e50-77ed-92d1-ce5b3e596e2b", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.26666666666666666}', '2026-11-29 03:06:11.504788+00'),
	('01a22544-65c0-7555-8117-ee671624647a', 2, '01a22544-7c83-7458-9319-bb1798e271b5', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "waits to be selected", "task_id": "43bd1661-e26c-4875-9b07-cf8be2b43229", "explored": false, "model_id": "01a22544-7056-7011-ace6-80a50d5aabdd", "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-7c1e-7400-9e84-82956952b036", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.8}', '2026-11-29 03:06:15.043677+00'),
	('01a22544-7c00-711d-9ddd-45a8633fb645', 1, '01a22544-7c8e-7335-b808-4edeff7024ea', '{"audit": false, "blind": false, "round": 1, "route": "people", "reason": "waits to be selected", "task_id": "624cdef6-b1fe-4dc5-b075-73bac053afdb", "explored": false, "model_id": "01a22544-7056-7011-ace6-80a50d5aabdd", "task_kind": "annotation", "threshold": null, "slots_total": 2, "prediction_id": "01a22544-7c4d-722d-a483-66d201767e8f", "policy_version": 2, "schema_version": 1, "guideline_version": 1, "selection_probability": 0.8}', '2026-11-29 03:06:15.054156+00');

INSERT INTO public.seals VALUES
	('01a22544-64fb-70fa-a80b-4999f3c72a0f', 1, 29, '\xe4f1a3e8dc7b677851d035df73c0273ca79eeb393fef27e3e8737f2efa2fd8c4', '\x0000000000000000000000000000000000000000000000000000000000000000', '\xf9b033d18e4e28a87aac31d976b349d118bddf8b242702eb1059885869d3181f', '2026-11-29 03:06:18.873392+00');

INSERT INTO public.work VALUES
	('01a22544-672b-75fb-aa45-7c15508eb340', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-6524-7689-8c8d-eb7c234d6620', '9bfb7b8c-08f7-4e44-917e-78543d0671d7', 'annotation', 'submitted', '2026-11-29 03:06:09.557061+00', '2026-11-29 03:06:09.573897+00', 1),
	('01a22544-674a-7429-8c2d-e8d32342bb65', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-653a-746f-9ecc-48f386a60c94', '9bfb7b8c-08f7-4e44-917e-78543d0671d7', 'annotation', 'submitted', '2026-11-29 03:06:09.592078+00', '2026-11-29 03:06:09.604955+00', 1),
	('01a22544-676c-71a9-b796-fedcf796b2c9', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-655f-70c3-98a7-836644464a34', 'c94e6b32-b0ab-4992-a3cc-3692b5986c5d', 'annotation', 'submitted', '2026-11-29 03:06:09.631027+00', '2026-11-29 03:06:09.640177+00', 1),
	('01a22544-675a-7314-994c-2d403b7de33a', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-654a-749b-96ce-de36307fdc4f', 'da88f371-ae50-46db-a275-9ebac9bd765c', 'annotation', 'submitted', '2026-11-29 03:06:09.615025+00', '2026-11-29 03:06:09.622977+00', 1),
	('01a22544-6783-704a-b5de-866ca203f734', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-6524-7689-8c8d-eb7c234d6620', 'c94e6b32-b0ab-4992-a3cc-3692b5986c5d', 'annotation', 'submitted', '2026-11-29 03:06:09.659006+00', '2026-11-29 03:06:09.663658+00', 1),
	('01a22544-6792-76cd-a182-cc9feaa8d8ea', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-653a-746f-9ecc-48f386a60c94', 'da88f371-ae50-46db-a275-9ebac9bd765c', 'annotation', 'submitted', '2026-11-29 03:06:09.671706+00', '2026-11-29 03:06:09.67863+00', 1),
	('01a22544-67a3-735b-bde1-86864374b095', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-654a-749b-96ce-de36307fdc4f', '7f041eac-1eb5-415d-b17e-f21348b88574', 'annotation', 'submitted', '2026-11-29 03:06:09.688699+00', '2026-11-29 03:06:09.696283+00', 1),
	('01a22544-67be-710d-ac87-c99e35c187d8', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-655f-70c3-98a7-836644464a34', '7f041eac-1eb5-415d-b17e-f21348b88574', 'annotation', 'submitted', '2026-11-29 03:06:09.711939+00', '2026-11-29 03:06:09.71933+00', 1),
	('01a22544-67e7-76bb-946b-e1c9da4208d1', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-6524-7689-8c8d-eb7c234d6620', '70cfda45-3878-46bc-a848-d3b934d8966b', 'annotation', 'submitted', '2026-11-29 03:06:09.753337+00', '2026-11-29 03:06:09.762034+00', 1),
	('01a22544-680c-70ab-93fd-12024d7fe5ee', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-653a-746f-9ecc-48f386a60c94', '70cfda45-3878-46bc-a848-d3b934d8966b', 'annotation', 'submitted', '2026-11-29 03:06:09.77512+00', '2026-11-29 03:06:09.79711+00', 1),
	('01a22544-6824-74a2-9777-a60a2e66c5e4', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-654a-749b-96ce-de36307fdc4f', '60b97bd5-c6ab-4151-bc98-930e0ddee270', 'annotation', 'submitted', '2026-11-29 03:06:09.818926+00', '2026-11-29 03:06:09.825299+00', 1),
	('01a22544-683f-7265-b9d0-f3e76c72cb82', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-655f-70c3-98a7-836644464a34', '60b97bd5-c6ab-4151-bc98-930e0ddee270', 'annotation', 'submitted', '2026-11-29 03:06:09.838012+00', '2026-11-29 03:06:09.847376+00', 1),
	('01a22544-685e-722c-bd9f-350cc7d2734f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-6524-7689-8c8d-eb7c234d6620', '1883fef9-13b5-435e-a88c-1845b0004554', 'annotation', 'submitted', '2026-11-29 03:06:09.876582+00', '2026-11-29 03:06:09.883078+00', 1),
	('01a22544-6876-7492-b663-23a19c3b738e', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-653a-746f-9ecc-48f386a60c94', '1883fef9-13b5-435e-a88c-1845b0004554', 'annotation', 'submitted', '2026-11-29 03:06:09.894871+00', '2026-11-29 03:06:09.909273+00', 1),
	('01a22544-6897-72db-98f5-c6d996782c62', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-654a-749b-96ce-de36307fdc4f', '32c93520-094b-495e-8b62-d7d114928097', 'annotation', 'submitted', '2026-11-29 03:06:09.923696+00', '2026-11-29 03:06:09.941306+00', 1),
	('01a22544-68ba-70df-90d6-414db2dafd2e', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-655f-70c3-98a7-836644464a34', '32c93520-094b-495e-8b62-d7d114928097', 'annotation', 'submitted', '2026-11-29 03:06:09.94753+00', '2026-11-29 03:06:09.96437+00', 1),
	('01a22544-68e4-7236-b79e-baf3c64213ac', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-6524-7689-8c8d-eb7c234d6620', 'd634556a-1ba6-4ff0-a8ee-01ad57070dc1', 'annotation', 'submitted', '2026-11-29 03:06:10.009144+00', '2026-11-29 03:06:10.01611+00', 1),
	('01a22544-68f1-7314-acc4-8cd035002e8c', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-653a-746f-9ecc-48f386a60c94', 'd634556a-1ba6-4ff0-a8ee-01ad57070dc1', 'annotation', 'submitted', '2026-11-29 03:06:10.024074+00', '2026-11-29 03:06:10.031585+00', 1),
	('01a22544-68fd-7091-be14-b1309c7fc2af', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-654a-749b-96ce-de36307fdc4f', '650a1485-2698-4ff0-9783-d21b9a64e8d2', 'annotation', 'submitted', '2026-11-29 03:06:10.036028+00', '2026-11-29 03:06:10.04295+00', 1),
	('01a22544-6914-7124-a2ae-cbfa1f5d9786', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-655f-70c3-98a7-836644464a34', '650a1485-2698-4ff0-9783-d21b9a64e8d2', 'annotation', 'submitted', '2026-11-29 03:06:10.054256+00', '2026-11-29 03:06:10.062811+00', 1),
	('01a22544-692a-7675-b24f-985e0e869b4f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-6524-7689-8c8d-eb7c234d6620', 'f72cdddc-6822-4698-98fd-4dc67de5b42a', 'annotation', 'submitted', '2026-11-29 03:06:10.084136+00', '2026-11-29 03:06:10.087315+00', 1),
	('01a22544-6938-72f7-8bc5-5caff4d4001a', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-653a-746f-9ecc-48f386a60c94', 'f72cdddc-6822-4698-98fd-4dc67de5b42a', 'annotation', 'submitted', '2026-11-29 03:06:10.094224+00', '2026-11-29 03:06:10.10382+00', 1),
	('01a22544-694b-7467-8db6-a00d05c8a2b9', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-654a-749b-96ce-de36307fdc4f', 'd07eab39-d96c-4531-8515-bc275b9dd0b4', 'annotation', 'submitted', '2026-11-29 03:06:10.110141+00', '2026-11-29 03:06:10.117282+00', 1),
	('01a22544-6966-77b3-b6ad-c48d0df18808', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-655f-70c3-98a7-836644464a34', 'd07eab39-d96c-4531-8515-bc275b9dd0b4', 'annotation', 'submitted', '2026-11-29 03:06:10.133204+00', '2026-11-29 03:06:10.14481+00', 1),
	('01a22544-6ec4-7375-9ce6-e01785654e51', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-6524-7689-8c8d-eb7c234d6620', '7be5c604-80b1-4367-9e41-3a22e88043b6', 'annotation', 'submitted', '2026-11-29 03:06:11.488137+00', '2026-11-29 03:06:11.515626+00', 1),
	('01a22544-6ede-739d-af16-db7d5ad077cb', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-653a-746f-9ecc-48f386a60c94', '7be5c604-80b1-4367-9e41-3a22e88043b6', 'annotation', 'submitted', '2026-11-29 03:06:11.539165+00', '2026-11-29 03:06:11.546857+00', 1),
	('01a22544-6ef4-751e-b66e-ead70cbf51f3', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-654a-749b-96ce-de36307fdc4f', '52afa6b7-634a-474d-ab30-7484df6d3a11', 'annotation', 'submitted', '2026-11-29 03:06:11.559092+00', '2026-11-29 03:06:11.571129+00', 1),
	('01a22544-6f13-7336-bdf8-a761b0955a78', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-655f-70c3-98a7-836644464a34', '52afa6b7-634a-474d-ab30-7484df6d3a11', 'annotation', 'submitted', '2026-11-29 03:06:11.586019+00', '2026-11-29 03:06:11.600879+00', 1),
	('01a22544-6f40-718b-b0e5-abec043873d0', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-6524-7689-8c8d-eb7c234d6620', 'd6e25e83-57b2-4ee1-8537-4d25ef1075b8', 'annotation', 'submitted', '2026-11-29 03:06:11.633455+00', '2026-11-29 03:06:11.646712+00', 1),
	('01a22544-6f4e-700d-8184-4c72c5aabe9a', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-653a-746f-9ecc-48f386a60c94', 'd6e25e83-57b2-4ee1-8537-4d25ef1075b8', 'annotation', 'submitted', '2026-11-29 03:06:11.652337+00', '2026-11-29 03:06:11.660384+00', 1),
	('01a22544-6f6a-70de-a2a5-32f99f4998bd', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-654a-749b-96ce-de36307fdc4f', 'bd55f331-dd3c-4779-a378-57a4903ac057', 'annotation', 'submitted', '2026-11-29 03:06:11.674883+00', '2026-11-29 03:06:11.688572+00', 1),
	('01a22544-6f80-7398-a168-3acc97d7aa0a', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-655f-70c3-98a7-836644464a34', 'bd55f331-dd3c-4779-a378-57a4903ac057', 'annotation', 'submitted', '2026-11-29 03:06:11.695579+00', '2026-11-29 03:06:11.705912+00', 1),
	('01a22544-6fa0-76d3-9aa6-2a7604011e78', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-6524-7689-8c8d-eb7c234d6620', '7df3b87d-6bf1-4f7b-bc71-541ca77cefa6', 'annotation', 'submitted', '2026-11-29 03:06:11.735062+00', '2026-11-29 03:06:11.741821+00', 1),
	('01a22544-6fb6-75ba-a606-51bfe8a54a07', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-653a-746f-9ecc-48f386a60c94', '7df3b87d-6bf1-4f7b-bc71-541ca77cefa6', 'annotation', 'submitted', '2026-11-29 03:06:11.754464+00', '2026-11-29 03:06:11.761559+00', 1),
	('01a22544-6fca-75f1-8451-c8c6c54d7f5a', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-654a-749b-96ce-de36307fdc4f', 'facf2615-7581-4508-a936-20a02e65ce71', 'annotation', 'submitted', '2026-11-29 03:06:11.771799+00', '2026-11-29 03:06:11.782396+00', 1),
	('01a22544-6fe2-7391-bb61-e17a2bdc9c87', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-655f-70c3-98a7-836644464a34', 'facf2615-7581-4508-a936-20a02e65ce71', 'annotation', 'submitted', '2026-11-29 03:06:11.791015+00', '2026-11-29 03:06:11.803803+00', 1),
	('01a22544-7005-7595-91bf-39bc91e4f29f', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-6524-7689-8c8d-eb7c234d6620', 'b7ebdddc-6d6b-4e92-8d3c-04ff140fa338', 'annotation', 'submitted', '2026-11-29 03:06:11.831461+00', '2026-11-29 03:06:11.844185+00', 1),
	('01a22544-7020-738c-b4ed-3dd70f2ee014', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-653a-746f-9ecc-48f386a60c94', 'b7ebdddc-6d6b-4e92-8d3c-04ff140fa338', 'annotation', 'submitted', '2026-11-29 03:06:11.862374+00', '2026-11-29 03:06:11.86847+00', 1),
	('01a22544-704c-7122-9ea1-11b2e0315f24', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-655f-70c3-98a7-836644464a34', '7b202237-7451-4e77-9dfc-8995c11d94ba', 'annotation', 'submitted', '2026-11-29 03:06:11.902984+00', '2026-11-29 03:06:11.913642+00', 1),
	('01a22544-7038-704d-8d0a-5d9dbfb27b0d', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-654a-749b-96ce-de36307fdc4f', '7b202237-7451-4e77-9dfc-8995c11d94ba', 'annotation', 'submitted', '2026-11-29 03:06:11.883842+00', '2026-11-29 03:06:11.895011+00', 1),
	('01a22544-7d72-71e3-8f9c-35f253e2428c', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-6524-7689-8c8d-eb7c234d6620', '62b28895-3d2e-4f48-a29b-756a78e04f5e', 'annotation', 'submitted', '2026-11-29 03:06:15.272686+00', '2026-11-29 03:06:15.280267+00', 1),
	('01a22544-7d80-771a-b493-73ea3e7b82b2', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-653a-746f-9ecc-48f386a60c94', '62b28895-3d2e-4f48-a29b-756a78e04f5e', 'annotation', 'submitted', '2026-11-29 03:06:15.286954+00', '2026-11-29 03:06:15.296161+00', 1),
	('01a22544-7d93-74c3-921e-320a8df2c7a3', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-654a-749b-96ce-de36307fdc4f', '294f0730-2812-4880-9cd7-2d851df750ca', 'annotation', 'submitted', '2026-11-29 03:06:15.306726+00', '2026-11-29 03:06:15.312874+00', 1),
	('01a22544-7daa-77e1-9573-dd3f4fb07823', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-655f-70c3-98a7-836644464a34', '294f0730-2812-4880-9cd7-2d851df750ca', 'annotation', 'submitted', '2026-11-29 03:06:15.322782+00', '2026-11-29 03:06:15.335521+00', 1),
	('01a22544-7dbf-7588-97aa-78e5c3dee24e', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-6524-7689-8c8d-eb7c234d6620', 'd122d3bb-0273-49a1-abe2-75450cb864ac', 'annotation', 'submitted', '2026-11-29 03:06:15.349563+00', '2026-11-29 03:06:15.354672+00', 1),
	('01a22544-7dd2-7513-bf82-ff2c9a76afea', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-653a-746f-9ecc-48f386a60c94', 'd122d3bb-0273-49a1-abe2-75450cb864ac', 'annotation', 'submitted', '2026-11-29 03:06:15.36346+00', '2026-11-29 03:06:15.370846+00', 1),
	('01a22544-7dee-7486-bba3-5485cc1a1bf4', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-654a-749b-96ce-de36307fdc4f', '43bd1661-e26c-4875-9b07-cf8be2b43229', 'annotation', 'submitted', '2026-11-29 03:06:15.390927+00', '2026-11-29 03:06:15.404355+00', 1),
	('01a22544-7e02-7308-8c16-cb8323846fbb', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-655f-70c3-98a7-836644464a34', '43bd1661-e26c-4875-9b07-cf8be2b43229', 'annotation', 'submitted', '2026-11-29 03:06:15.414854+00', '2026-11-29 03:06:15.425588+00', 1),
	('01a22544-7e2a-7256-b3eb-842cb47741a8', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-6524-7689-8c8d-eb7c234d6620', '624cdef6-b1fe-4dc5-b075-73bac053afdb', 'annotation', 'submitted', '2026-11-29 03:06:15.45232+00', '2026-11-29 03:06:15.458788+00', 1),
	('01a22544-7e3e-762f-bab1-ee4cdc5b65ab', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-653a-746f-9ecc-48f386a60c94', '624cdef6-b1fe-4dc5-b075-73bac053afdb', 'annotation', 'submitted', '2026-11-29 03:06:15.47173+00', '2026-11-29 03:06:15.477531+00', 1),
	('01a22544-7e55-7461-8139-dd58fd295b83', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-654a-749b-96ce-de36307fdc4f', 'd35a914c-35db-4b7f-84f5-425812ead850', 'annotation', 'submitted', '2026-11-29 03:06:15.494995+00', '2026-11-29 03:06:15.506881+00', 1),
	('01a22544-7e6e-71b3-8fbf-69c55cbfe3ee', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-655f-70c3-98a7-836644464a34', 'd35a914c-35db-4b7f-84f5-425812ead850', 'annotation', 'submitted', '2026-11-29 03:06:15.514684+00', '2026-11-29 03:06:15.525542+00', 1),
	('01a22544-81df-7189-ba6d-c7fc573fbdf7', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-654a-749b-96ce-de36307fdc4f', '4da7f180-92c3-4ee5-9aa0-9b7272f9cf93', 'annotation', 'submitted', '2026-11-29 03:06:16.40588+00', '2026-11-29 03:06:16.414493+00', 1),
	('01a22544-81f6-75bf-9b48-5b7ead827805', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-655f-70c3-98a7-836644464a34', '4da7f180-92c3-4ee5-9aa0-9b7272f9cf93', 'annotation', 'submitted', '2026-11-29 03:06:16.425796+00', '2026-11-29 03:06:16.43617+00', 1),
	('01a22544-96ec-77d5-8fae-13f01c101413', '01a22544-64fb-70fa-a80b-4999f3c72a0f', '01a22544-655f-70c3-98a7-836644464a34', '7e9b066e-4daf-4ec4-9987-eee0bea210e8', 'annotation', 'submitted', '2026-11-29 03:06:21.797454+00', '2026-11-29 03:06:21.80376+00', 1);

SELECT pg_catalog.setval('public.counter_deltas_delta_seq_seq', 166, true);

SELECT pg_catalog.setval('public.marks_mark_seq_seq', 88, true);

SELECT pg_catalog.setval('public.outbox_seq', 45, true);

SELECT pg_catalog.setval('public.parked_releases_id_seq', 1, false);

SELECT pg_catalog.setval('public.parked_seq_seq', 1, false);

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY public.annotations
    ADD CONSTRAINT annotations_pkey PRIMARY KEY (annotation_id, annotation_revision);

ALTER TABLE ONLY public.annotator_estimates
    ADD CONSTRAINT annotator_estimates_pkey PRIMARY KEY (project_id, schema_version, question, voter);

ALTER TABLE ONLY public.annotators
    ADD CONSTRAINT annotators_pkey PRIMARY KEY (annotator_id);

ALTER TABLE ONLY public.assessment_log
    ADD CONSTRAINT assessment_log_pkey PRIMARY KEY (project_id, annotator_id, assessment_revision);

ALTER TABLE ONLY public.assessments
    ADD CONSTRAINT assessments_pkey PRIMARY KEY (project_id, annotator_id);

ALTER TABLE ONLY public.chain_links
    ADD CONSTRAINT chain_links_pkey PRIMARY KEY (record_id, "position");

ALTER TABLE ONLY public.counter_deltas
    ADD CONSTRAINT counter_deltas_pkey PRIMARY KEY (delta_seq);

ALTER TABLE ONLY public.counters
    ADD CONSTRAINT counters_pkey PRIMARY KEY (project_id, name);

ALTER TABLE ONLY public.decisions
    ADD CONSTRAINT decisions_pkey PRIMARY KEY (decision_id);

ALTER TABLE ONLY public.disputes
    ADD CONSTRAINT disputes_pkey PRIMARY KEY (dispute_id);

ALTER TABLE ONLY public.drifts
    ADD CONSTRAINT drifts_pkey PRIMARY KEY (drift_id);

ALTER TABLE ONLY public.drifts
    ADD CONSTRAINT drifts_project_id_subject_subject_id_number_key UNIQUE (project_id, subject, subject_id, number);

ALTER TABLE ONLY public.eras
    ADD CONSTRAINT eras_pkey PRIMARY KEY (project_id, annotator_id, era);

ALTER TABLE ONLY public.estimates
    ADD CONSTRAINT estimates_pkey PRIMARY KEY (project_id, schema_version, question);

ALTER TABLE ONLY public.feedback
    ADD CONSTRAINT feedback_pkey PRIMARY KEY (feedback_id);

ALTER TABLE ONLY public.gold
    ADD CONSTRAINT gold_pkey PRIMARY KEY (record_id, gold_revision);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (subject, key);

ALTER TABLE ONLY public.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (event_id, consumer_group);

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.labels
    ADD CONSTRAINT labels_pkey PRIMARY KEY (label_id);

ALTER TABLE ONLY public.labels
    ADD CONSTRAINT labels_record_id_label_revision_key UNIQUE (record_id, label_revision);

ALTER TABLE ONLY public.marks
    ADD CONSTRAINT marks_pkey PRIMARY KEY (mark_seq);

ALTER TABLE ONLY public.models
    ADD CONSTRAINT models_pkey PRIMARY KEY (model_id);

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (created_at, seq);

ALTER TABLE ONLY public.outbox_20261129
    ADD CONSTRAINT outbox_20261129_pkey PRIMARY KEY (created_at, seq);

ALTER TABLE ONLY public.outbox_20261130
    ADD CONSTRAINT outbox_20261130_pkey PRIMARY KEY (created_at, seq);

ALTER TABLE ONLY public.outbox_20261201
    ADD CONSTRAINT outbox_20261201_pkey PRIMARY KEY (created_at, seq);

ALTER TABLE ONLY public.outbox_20261202
    ADD CONSTRAINT outbox_20261202_pkey PRIMARY KEY (created_at, seq);

ALTER TABLE ONLY public.outbox_20261203
    ADD CONSTRAINT outbox_20261203_pkey PRIMARY KEY (created_at, seq);

ALTER TABLE ONLY public.outbox_20261204
    ADD CONSTRAINT outbox_20261204_pkey PRIMARY KEY (created_at, seq);

ALTER TABLE ONLY public.outbox_20261205
    ADD CONSTRAINT outbox_20261205_pkey PRIMARY KEY (created_at, seq);

ALTER TABLE ONLY public.outbox_default
    ADD CONSTRAINT outbox_default_pkey PRIMARY KEY (created_at, seq);

ALTER TABLE ONLY public.parked
    ADD CONSTRAINT parked_pkey PRIMARY KEY (event_id, consumer_group);

ALTER TABLE ONLY public.parked_releases
    ADD CONSTRAINT parked_releases_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.predictions
    ADD CONSTRAINT predictions_pkey PRIMARY KEY (prediction_id);

ALTER TABLE ONLY public.projects
    ADD CONSTRAINT projects_pkey PRIMARY KEY (project_id);

ALTER TABLE ONLY public.records
    ADD CONSTRAINT records_pkey PRIMARY KEY (record_id);

ALTER TABLE ONLY public.relay
    ADD CONSTRAINT relay_pkey PRIMARY KEY (one);

ALTER TABLE ONLY public.release_records
    ADD CONSTRAINT release_records_pkey PRIMARY KEY (release_id, split, record_id);

ALTER TABLE ONLY public.releases
    ADD CONSTRAINT releases_pkey PRIMARY KEY (release_id);

ALTER TABLE ONLY public.releases
    ADD CONSTRAINT releases_project_id_name_key UNIQUE (project_id, name);

ALTER TABLE ONLY public.routes
    ADD CONSTRAINT routes_pkey PRIMARY KEY (record_id, revision);

ALTER TABLE ONLY public.seals
    ADD CONSTRAINT seals_pkey PRIMARY KEY (project_id, number);

ALTER TABLE ONLY public.skips
    ADD CONSTRAINT skips_pkey PRIMARY KEY (event_id);

ALTER TABLE ONLY public.threshold_tests
    ADD CONSTRAINT threshold_tests_model_id_kind_number_key UNIQUE (model_id, kind, number);

ALTER TABLE ONLY public.threshold_tests
    ADD CONSTRAINT threshold_tests_pkey PRIMARY KEY (test_id);

ALTER TABLE ONLY public.thresholds
    ADD CONSTRAINT thresholds_pkey PRIMARY KEY (model_id, threshold_revision);

ALTER TABLE ONLY public.work
    ADD CONSTRAINT work_pkey PRIMARY KEY (event_id);

CREATE INDEX annotations_by_annotator ON public.annotations USING btree (project_id, annotator_id, submitted_at);

CREATE INDEX annotations_by_project ON public.annotations USING btree (project_id, schema_version, submitted_at);

CREATE INDEX annotations_by_record ON public.annotations USING btree (record_id);

CREATE INDEX annotations_in_order ON public.annotations USING btree (project_id, annotation_id, annotation_revision);

CREATE INDEX assessments_by_annotator ON public.assessments USING btree (annotator_id, project_id);

CREATE INDEX chain_links_by_seal ON public.chain_links USING btree (project_id, seal_number, leaf) WHERE (seal_number IS NOT NULL);

CREATE INDEX chain_links_unsealed ON public.chain_links USING btree (project_id, linked_at) WHERE (seal_number IS NULL);

CREATE INDEX decisions_by_record ON public.decisions USING btree (record_id);

CREATE INDEX disputes_by_project ON public.disputes USING btree (project_id, dispute_id);

CREATE INDEX disputes_by_record ON public.disputes USING btree (record_id);

CREATE UNIQUE INDEX disputes_one_open ON public.disputes USING btree (record_id) WHERE (status = ANY (ARRAY['open'::text, 'unservable'::text]));

CREATE INDEX drifts_by_project ON public.drifts USING btree (project_id, drift_id);

CREATE INDEX feedback_by_record ON public.feedback USING btree (record_id);

CREATE INDEX gold_by_project ON public.gold USING btree (project_id, record_id) WHERE current;

CREATE UNIQUE INDEX gold_one_current ON public.gold USING btree (record_id) WHERE current;

CREATE INDEX idempotency_keys_age ON public.idempotency_keys USING btree (created_at);

CREATE INDEX jobs_finished ON public.jobs USING btree (finished_at) WHERE (finished_at IS NOT NULL);

CREATE INDEX jobs_waiting ON public.jobs USING btree (run_at) WHERE (state = ANY (ARRAY['queued'::text, 'running'::text]));

CREATE INDEX labels_current ON public.labels USING btree (project_id, label_id) WHERE current;

CREATE UNIQUE INDEX labels_one_current ON public.labels USING btree (record_id) WHERE current;

CREATE INDEX labels_that_measure ON public.labels USING btree (project_id, schema_version, label_id) WHERE (current AND measures);

CREATE INDEX marks_by_kind ON public.marks USING btree (kind, project_id);

CREATE INDEX models_by_project ON public.models USING btree (project_id);

CREATE INDEX outbox_position ON ONLY public.outbox USING btree ("position") WHERE ("position" IS NOT NULL);

CREATE INDEX outbox_20261129_position_idx ON public.outbox_20261129 USING btree ("position") WHERE ("position" IS NOT NULL);

CREATE INDEX outbox_unsent ON ONLY public.outbox USING btree (seq) WHERE ("position" IS NULL);

CREATE INDEX outbox_20261129_seq_idx ON public.outbox_20261129 USING btree (seq) WHERE ("position" IS NULL);

CREATE INDEX outbox_set_aside ON ONLY public.outbox USING btree (topic, key) WHERE (set_aside IS NOT NULL);

CREATE INDEX outbox_20261129_topic_key_idx ON public.outbox_20261129 USING btree (topic, key) WHERE (set_aside IS NOT NULL);

CREATE INDEX outbox_20261130_position_idx ON public.outbox_20261130 USING btree ("position") WHERE ("position" IS NOT NULL);

CREATE INDEX outbox_20261130_seq_idx ON public.outbox_20261130 USING btree (seq) WHERE ("position" IS NULL);

CREATE INDEX outbox_20261130_topic_key_idx ON public.outbox_20261130 USING btree (topic, key) WHERE (set_aside IS NOT NULL);

CREATE INDEX outbox_20261201_position_idx ON public.outbox_20261201 USING btree ("position") WHERE ("position" IS NOT NULL);

CREATE INDEX outbox_20261201_seq_idx ON public.outbox_20261201 USING btree (seq) WHERE ("position" IS NULL);

CREATE INDEX outbox_20261201_topic_key_idx ON public.outbox_20261201 USING btree (topic, key) WHERE (set_aside IS NOT NULL);

CREATE INDEX outbox_20261202_position_idx ON public.outbox_20261202 USING btree ("position") WHERE ("position" IS NOT NULL);

CREATE INDEX outbox_20261202_seq_idx ON public.outbox_20261202 USING btree (seq) WHERE ("position" IS NULL);

CREATE INDEX outbox_20261202_topic_key_idx ON public.outbox_20261202 USING btree (topic, key) WHERE (set_aside IS NOT NULL);

CREATE INDEX outbox_20261203_position_idx ON public.outbox_20261203 USING btree ("position") WHERE ("position" IS NOT NULL);

CREATE INDEX outbox_20261203_seq_idx ON public.outbox_20261203 USING btree (seq) WHERE ("position" IS NULL);

CREATE INDEX outbox_20261203_topic_key_idx ON public.outbox_20261203 USING btree (topic, key) WHERE (set_aside IS NOT NULL);

CREATE INDEX outbox_20261204_position_idx ON public.outbox_20261204 USING btree ("position") WHERE ("position" IS NOT NULL);

CREATE INDEX outbox_20261204_seq_idx ON public.outbox_20261204 USING btree (seq) WHERE ("position" IS NULL);

CREATE INDEX outbox_20261204_topic_key_idx ON public.outbox_20261204 USING btree (topic, key) WHERE (set_aside IS NOT NULL);

CREATE INDEX outbox_20261205_position_idx ON public.outbox_20261205 USING btree ("position") WHERE ("position" IS NOT NULL);

CREATE INDEX outbox_20261205_seq_idx ON public.outbox_20261205 USING btree (seq) WHERE ("position" IS NULL);

CREATE INDEX outbox_20261205_topic_key_idx ON public.outbox_20261205 USING btree (topic, key) WHERE (set_aside IS NOT NULL);

CREATE INDEX outbox_default_position_idx ON public.outbox_default USING btree ("position") WHERE ("position" IS NOT NULL);

CREATE INDEX outbox_default_seq_idx ON public.outbox_default USING btree (seq) WHERE ("position" IS NULL);

CREATE INDEX outbox_default_topic_key_idx ON public.outbox_default USING btree (topic, key) WHERE (set_aside IS NOT NULL);

CREATE INDEX parked_by_event_key ON public.parked USING btree (event_key);

CREATE INDEX parked_by_need ON public.parked USING btree (kind, key, event_key, seq);

CREATE INDEX parked_releases_by_need ON public.parked_releases USING btree (consumer_group, kind, key);

CREATE INDEX predictions_by_model ON public.predictions USING btree (model_id, record_id, revision DESC) WHERE (model_id IS NOT NULL);

CREATE INDEX predictions_by_record ON public.predictions USING btree (record_id, revision DESC);

CREATE INDEX records_by_project ON public.records USING btree (project_id, record_id) WHERE known;

CREATE INDEX records_by_state ON public.records USING btree (project_id, state, record_id) WHERE known;

CREATE INDEX records_held_out ON public.records USING btree (project_id, state) WHERE (known AND (split <> 'train'::text));

CREATE INDEX release_records_by_record ON public.release_records USING btree (record_id);

CREATE INDEX releases_building ON public.releases USING btree (release_id) WHERE (status = 'building'::text);

CREATE INDEX releases_by_project ON public.releases USING btree (project_id, release_id);

CREATE INDEX skips_by_record ON public.skips USING btree (record_id);

CREATE INDEX threshold_tests_by_project ON public.threshold_tests USING btree (project_id, tested_at, test_id);

CREATE INDEX thresholds_by_project ON public.thresholds USING btree (project_id);

CREATE INDEX work_by_annotator ON public.work USING btree (annotator_id, ended_at);

ALTER INDEX public.outbox_pkey ATTACH PARTITION public.outbox_20261129_pkey;

ALTER INDEX public.outbox_position ATTACH PARTITION public.outbox_20261129_position_idx;

ALTER INDEX public.outbox_unsent ATTACH PARTITION public.outbox_20261129_seq_idx;

ALTER INDEX public.outbox_set_aside ATTACH PARTITION public.outbox_20261129_topic_key_idx;

ALTER INDEX public.outbox_pkey ATTACH PARTITION public.outbox_20261130_pkey;

ALTER INDEX public.outbox_position ATTACH PARTITION public.outbox_20261130_position_idx;

ALTER INDEX public.outbox_unsent ATTACH PARTITION public.outbox_20261130_seq_idx;

ALTER INDEX public.outbox_set_aside ATTACH PARTITION public.outbox_20261130_topic_key_idx;

ALTER INDEX public.outbox_pkey ATTACH PARTITION public.outbox_20261201_pkey;

ALTER INDEX public.outbox_position ATTACH PARTITION public.outbox_20261201_position_idx;

ALTER INDEX public.outbox_unsent ATTACH PARTITION public.outbox_20261201_seq_idx;

ALTER INDEX public.outbox_set_aside ATTACH PARTITION public.outbox_20261201_topic_key_idx;

ALTER INDEX public.outbox_pkey ATTACH PARTITION public.outbox_20261202_pkey;

ALTER INDEX public.outbox_position ATTACH PARTITION public.outbox_20261202_position_idx;

ALTER INDEX public.outbox_unsent ATTACH PARTITION public.outbox_20261202_seq_idx;

ALTER INDEX public.outbox_set_aside ATTACH PARTITION public.outbox_20261202_topic_key_idx;

ALTER INDEX public.outbox_pkey ATTACH PARTITION public.outbox_20261203_pkey;

ALTER INDEX public.outbox_position ATTACH PARTITION public.outbox_20261203_position_idx;

ALTER INDEX public.outbox_unsent ATTACH PARTITION public.outbox_20261203_seq_idx;

ALTER INDEX public.outbox_set_aside ATTACH PARTITION public.outbox_20261203_topic_key_idx;

ALTER INDEX public.outbox_pkey ATTACH PARTITION public.outbox_20261204_pkey;

ALTER INDEX public.outbox_position ATTACH PARTITION public.outbox_20261204_position_idx;

ALTER INDEX public.outbox_unsent ATTACH PARTITION public.outbox_20261204_seq_idx;

ALTER INDEX public.outbox_set_aside ATTACH PARTITION public.outbox_20261204_topic_key_idx;

ALTER INDEX public.outbox_pkey ATTACH PARTITION public.outbox_20261205_pkey;

ALTER INDEX public.outbox_position ATTACH PARTITION public.outbox_20261205_position_idx;

ALTER INDEX public.outbox_unsent ATTACH PARTITION public.outbox_20261205_seq_idx;

ALTER INDEX public.outbox_set_aside ATTACH PARTITION public.outbox_20261205_topic_key_idx;

ALTER INDEX public.outbox_pkey ATTACH PARTITION public.outbox_default_pkey;

ALTER INDEX public.outbox_position ATTACH PARTITION public.outbox_default_position_idx;

ALTER INDEX public.outbox_unsent ATTACH PARTITION public.outbox_default_seq_idx;

ALTER INDEX public.outbox_set_aside ATTACH PARTITION public.outbox_default_topic_key_idx;

