"""Records of a project in the order of their ids, without an index for that alone, which each record would pay for."""

from collections.abc import Iterable

from shared.contracts.values import RecordState

KNOWN = tuple(f"known AND state = '{state}'" for state in RecordState)
"""A condition for each state: `records_by_state` has the records of each in the order of their ids."""

UNKNOWN = "NOT known"
"""The condition of records that ingest has not published yet, few if any: `records_unknown` has them."""


def in_order(columns: str, parts: Iterable[str]) -> str:
    """The statement for the first $3 records after $2 of project $1 that these conditions hold for, one for each."""
    each = " UNION ALL ".join(
        f"(SELECT {columns} FROM records WHERE project_id = $1 AND {part} AND record_id > $2 ORDER BY record_id LIMIT $3)"  # noqa: S608  constants
        for part in parts
    )
    return f"SELECT * FROM ({each}) AS found ORDER BY record_id LIMIT $3"  # noqa: S608  constants
