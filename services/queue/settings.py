"""What an operator may set for queue, beyond what all services share."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from shared.kit.settings import Settings


class QueueSettings(Settings):
    """How patient the queue is."""

    # Its statements are constant and find all they read by an index, whatever the statistics say at the moment. Planning
    # one anew would cost more than running it, and a plan made while a table was empty must be right when it is full.
    database_session: ClassVar[Mapping[str, str]] = {
        "plan_cache_mode": "force_generic_plan",
        "enable_seqscan": "off",
        "enable_bitmapscan": "off",
    }

    retry_soon_s: int = Field(
        default=5, ge=1, le=600, description="After how many seconds to ask again when a task may turn up any moment."
    )
    expiry_interval_s: float = Field(
        default=2.0, gt=0, description="How often leases that ran out are made claimable again."
    )
    unservable_after_s: float = Field(
        default=10.0,
        ge=0,
        description="How long a task that nobody seems able to serve waits before that is published.",
    )
    most_skips: int = Field(default=5, ge=1, description="After how many skips a task goes to an arbiter.")
    asset_url_ttl_s: int = Field(
        default=3600, ge=60, le=604_800, description="For how long a lease's links to media are good."
    )
    asset_base_url: str = Field(
        default="", description="What stands before links to media in a local store: ingest, as clients reach it."
    )
