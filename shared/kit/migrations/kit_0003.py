"""Attempts at events that ended with their process; jobs listed by project.

- `partition_holders`: who consumes a partition. Taken away when it is given back, so a row that another process left says
  that it ended in the middle of its work. Topic `parked` stands for the release of parked events.
- `event_attempts`: events that ended processes may have had in hand, and how many of these have ended by now.
"""

from typing import Final

UPGRADE: Final = (
    """
    CREATE TABLE partition_holders (
        consumer_group text NOT NULL,
        topic text NOT NULL,
        partition integer NOT NULL,
        holder uuid NOT NULL,
        PRIMARY KEY (consumer_group, topic, partition)
    )
    """,
    """
    CREATE TABLE event_attempts (
        event_id uuid NOT NULL,
        consumer_group text NOT NULL,
        attempts integer NOT NULL,
        begun_at timestamptz DEFAULT now() NOT NULL,
        PRIMARY KEY (event_id, consumer_group)
    )
    """,
    # A project's jobs, the newest first.
    "CREATE INDEX jobs_of_project ON jobs (project_id, id)",
)
