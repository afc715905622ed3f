"""The constant statements of leasing: see `claims`."""

_ENTRY = """
SELECT a.annotator_id, a.pool, a.skills, a.status, a.arbiter, a.revision AS annotator_revision,
    m.assessed, m.granted, m.returned, m.gold_served, m.owed,
    p.revision, p.status AS project_status, p.servable
    {more}
FROM annotators a
JOIN memberships m ON m.annotator_id = a.annotator_id AND m.project_id = $2
JOIN projects p ON p.project_id = $2
WHERE a.subject = $1
"""
READ = _ENTRY.format(more="")
_FIRST = -(2**31)
_LAZILY = "CASE WHEN {} THEN set_config('synchronous_commit', 'off', true) END"
ENTER = _ENTRY.format(more=", " + _LAZILY.format("$3")) + "FOR NO KEY UPDATE OF m"
JOIN = """
INSERT INTO memberships (annotator_id, project_id)
SELECT annotator_id, $2 FROM annotators WHERE subject = $1 AND EXISTS (SELECT FROM projects WHERE project_id = $2)
ON CONFLICT DO NOTHING
"""
KNOWN = """
SELECT EXISTS (SELECT FROM annotators WHERE subject = $1) AS annotator,
    EXISTS (SELECT FROM projects WHERE project_id = $2) AS project
"""
ARBITER = "UPDATE annotators SET arbiter = $2 WHERE annotator_id = $1"


# Free slots without those of records that the annotator had anything to do with.
def _free(where: str, *, order: str = "f.rank, f.sort_key", limit: str) -> str:
    return f"""
        SELECT f.task_id, f.slot, f.record_id, f.kind, f.schema_version, f.guideline_version, f.blind, f.lane, f.pool,
            f.rank, f.sort_key
        FROM slots f
        WHERE f.project_id = $2 AND f.state = 'free' AND {where}
            AND (
                SELECT mine.slot FROM slots mine
                WHERE mine.record_id = f.record_id AND mine.annotator_id = $1
                    AND mine.state IN ('leased', 'submitted', 'skipped')
            ) IS NULL
        ORDER BY {order}
        LIMIT {limit}
        FOR UPDATE OF f SKIP LOCKED"""  # noqa: S608  constants


# A part of a line; the whole of it unless something is known to be in front that the annotator can't have.
_STRETCH = """
            f.pool = want.pool AND f.lane = want.lane
            AND (f.rank, f.sort_key) >= (want.low_rank, want.low_key) AND f.rank < want.high_rank"""
_FITTING_GOLD = """
            f.pool = 'any' AND f.lane = 'gold'
            AND f.rank = 0 AND f.sort_key >= half.low AND f.sort_key < half.high
            AND f.schema_version IN (SELECT schema_version FROM ordinary WHERE kind = 'annotation')"""

_OWED = """
            f.task_id = owed.task_id
            AND (f.lane = 'gold' OR (f.pool, f.lane) IN (SELECT * FROM unnest($6::text[], $7::text[])))"""
_HELD = "(SELECT count(*) FROM slots WHERE annotator_id = $1 AND state = 'leased' AND project_id = $2)"

# A prediction is shown unless the task is blind or the prediction answers another version of the schema.
_LEASED = """
, leased AS (
    UPDATE slots s
    SET state = 'leased', annotator_id = $1, token = gen_random_uuid(), leased_at = $3, until = $4,
        guideline_version = pick.guideline_version,
        prediction_shown = CASE
            WHEN NOT pick.blind AND r.model_id IS NOT NULL AND r.prediction_schema = pick.schema_version
            THEN r.prediction_id
        END
    FROM pick JOIN records r ON r.record_id = pick.record_id
    WHERE s.task_id = pick.task_id AND s.slot = pick.slot
    RETURNING s.token, s.until, s.task_id, s.slot, s.record_id, s.kind, s.round, s.schema_version, s.guideline_version,
        s.leased_at, s.prediction_shown, pick.pool, pick.lane, pick.rank, pick.sort_key, pick.place, pick.urgency,
        r.fields, CASE WHEN s.prediction_shown IS NOT NULL THEN r.prediction END AS prediction
)"""

# The common case: one lease, not gold. The first line that has something is taken. It is a whole transaction, if need
# be: the annotator's row is locked here, and unless all is as the caller thinks it is, there is no answer at all. An
# answer without a token means that there is nothing.
CLAIM_ONE = f"""
WITH me AS MATERIALIZED (
    SELECT m.annotator_id, {_LAZILY.format("$17")} AS lazily
    FROM memberships m
    JOIN annotators a ON a.annotator_id = m.annotator_id
    JOIN projects p ON p.project_id = m.project_id
    WHERE m.annotator_id = $1 AND m.project_id = $2 AND m.granted = $11 AND m.returned = $12 AND m.gold_served = $13
        AND m.assessed = $14 AND NOT m.owed AND a.revision = $15 AND p.revision = $16
    FOR NO KEY UPDATE OF m
), pick AS MATERIALIZED (
    SELECT near.*, 1 AS place, near.rank AS urgency
    FROM unnest($6::text[], $7::text[], $8::int[], $9::float8[], $10::int[])
        AS want (pool, lane, low_rank, low_key, high_rank),
    LATERAL ({_free(_STRETCH, limit="1")}
    ) near
    LIMIT CASE WHEN EXISTS (SELECT FROM me) AND {_HELD} < $5 THEN 1 ELSE 0 END
)
{_LEASED}, counted AS (
    UPDATE memberships m SET granted = m.granted + 1
    FROM leased
    WHERE m.annotator_id = $1 AND m.project_id = $2
)
SELECT leased.*, t.disputed
FROM me LEFT JOIN leased ON true
LEFT JOIN tasks t ON leased.kind = 'arbitration' AND t.task_id = leased.task_id
"""  # noqa: S608  constants

# Several leases, or gold among them. Gold takes the place of an ordinary task that could have been served, and of one
# that looks the same: its kind, its schema version, and its guideline version is the one the lease then carries.
# What the annotator gave back comes again before all else, gold like any other; it is no new lease.
CLAIM_MANY = f"""
WITH room AS (
    SELECT greatest(0, least($14, $5 - {_HELD})) AS leases
), owed AS MATERIALIZED (
    SELECT g.* FROM given_back g
    WHERE g.annotator_id = $1 AND g.project_id = $2
        AND (g.kind = 'arbitration') = ANY(SELECT want.lane = 'arbitration' FROM unnest($7::text[]) AS want (lane))
), again_near AS MATERIALIZED (
    SELECT owed.guideline_version AS worn, found.*
    FROM owed, LATERAL ({_free(_OWED, order="f.slot", limit="1")}
    ) found
    WHERE owed.witness_task IS NULL OR EXISTS (
        SELECT FROM slots w WHERE w.task_id = owed.witness_task AND w.slot = owed.witness_slot AND w.state = 'free'
    )
    LIMIT (SELECT leases FROM room)
), again AS (
    SELECT DISTINCT ON (record_id) * FROM again_near ORDER BY record_id, task_id
), settled AS (
    DELETE FROM given_back g USING owed
    WHERE g.annotator_id = $1 AND g.project_id = $2 AND g.task_id = owed.task_id
        AND (
            g.task_id IN (SELECT task_id FROM again)
            OR (SELECT count(*) FROM again_near) < (SELECT leases FROM room)
        )
    RETURNING g.task_id
), near AS MATERIALIZED (
    SELECT want.ord, want.quota, found.*
    FROM unnest($6::text[], $7::text[], $8::int[], $9::float8[], $10::int[], $11::int[], $12::int[])
        WITH ORDINALITY AS want (pool, lane, low_rank, low_key, high_rank, quota, take, ord),
    LATERAL ({_free(_STRETCH, limit="want.take")}
    ) found
    LIMIT $13
), once AS (
    SELECT DISTINCT ON (record_id) * FROM near
    WHERE record_id NOT IN (SELECT record_id FROM again)
    ORDER BY record_id, ord, rank, sort_key
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY ord ORDER BY rank, sort_key) AS nth FROM once
), ordinary AS (
    SELECT *, row_number() OVER (ORDER BY nth > quota, ord, nth) AS place
    FROM ranked
    ORDER BY nth > quota, ord, nth
    LIMIT (SELECT leases FROM room) - (SELECT count(*) FROM again)
), gold_near AS MATERIALIZED (
    SELECT found.*, half.ord
    FROM (VALUES (1, $16::float8, 2::float8), (2, 0::float8, $16::float8)) AS half (ord, low, high),
    LATERAL ({_free(_FITTING_GOLD, limit="cardinality($15::int[]) * 4")}
    ) found
    WHERE cardinality($15::int[]) > 0
    LIMIT cardinality($15::int[]) * 4
), gold AS (
    SELECT *, row_number() OVER (ORDER BY ord, sort_key) AS nth
    FROM (
        SELECT DISTINCT ON (record_id) * FROM gold_near
        WHERE record_id NOT IN (SELECT record_id FROM again)
        ORDER BY record_id, ord, sort_key
    ) one
), pick AS MATERIALIZED (
    SELECT coalesce(g.task_id, o.task_id) AS task_id, coalesce(g.slot, o.slot) AS slot,
        coalesce(g.record_id, o.record_id) AS record_id, o.kind, o.schema_version, o.guideline_version,
        coalesce(g.blind, o.blind) AS blind, coalesce(g.lane, o.lane) AS lane,
        coalesce(g.pool, o.pool) AS pool, coalesce(g.rank, o.rank) AS rank, coalesce(g.sort_key, o.sort_key) AS sort_key,
        o.place, o.rank AS urgency
    FROM ordinary o
    LEFT JOIN gold g
        ON ($15::int[])[g.nth] = o.place AND o.kind = 'annotation' AND g.schema_version = o.schema_version
    UNION ALL
    SELECT task_id, slot, record_id, kind, schema_version, coalesce(worn, guideline_version), blind, lane, pool, rank,
        sort_key, 0, {_FIRST}
    FROM again
)
{_LEASED}, counted AS (
    UPDATE memberships m
    SET granted = m.granted + n.fresh, returned = m.returned - n.again, gold_served = m.gold_served + n.gold,
        owed = (SELECT count(*) FROM given_back WHERE annotator_id = $1 AND project_id = $2)
            > (SELECT count(*) FROM settled)
    FROM (
        SELECT count(*) FILTER (WHERE place > 0) AS fresh, count(*) FILTER (WHERE place = 0) AS again,
            count(*) FILTER (WHERE place > 0 AND lane = 'gold') AS gold
        FROM leased
    ) n
    WHERE m.annotator_id = $1 AND m.project_id = $2 AND (n.fresh + n.again > 0 OR m.owed)
)
SELECT leased.*, t.disputed
FROM leased LEFT JOIN tasks t ON leased.kind = 'arbitration' AND t.task_id = leased.task_id
ORDER BY place
"""  # noqa: S608  constants

_LEASED_AGAIN = """
SELECT s.token, s.until, s.task_id, s.slot, s.record_id, s.kind, s.round, s.schema_version, s.guideline_version,
    r.fields, CASE WHEN s.prediction_shown = r.prediction_id THEN r.prediction END AS prediction, t.disputed
FROM slots s
JOIN records r ON r.record_id = s.record_id
JOIN tasks t ON t.task_id = s.task_id
WHERE s.state = 'leased' AND s.annotator_id = $1 AND {which}
ORDER BY s.leased_at, s.token
"""
LEASED_BY_TOKEN = _LEASED_AGAIN.format(which="s.token = ANY($2)")
LEASED_IN_PROJECT = _LEASED_AGAIN.format(which="s.project_id = $2")
COUNT_HELD = "SELECT count(*) FROM slots WHERE annotator_id = $1 AND state = 'leased' AND project_id = $2"
