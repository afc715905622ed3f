"""The settings of qa: the shared ones and its own."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from shared.kit.settings import Settings


class QaSettings(Settings):
    """What an operator may set for qa."""

    # Statements are constant and find what they read by an index, whatever the statistics say at the moment: a plan that
    # was made while a table was empty must be right when it is full.
    database_session: ClassVar[Mapping[str, str]] = {"enable_seqscan": "off"}

    estimation_interval_s: float = Field(
        default=1.0, gt=0, description="How often annotators are estimated while annotations come, in seconds."
    )
    estimation_share: float = Field(
        default=0.2, gt=0, le=1, description="The share of time the estimation may take; it pauses for the rest."
    )
    estimation_annotations: int = Field(
        default=100_000, ge=1_000, description="How many of a project's newest annotations are estimated from."
    )
    seal_interval_s: float = Field(
        default=10.0, gt=0, description="How often new links of the chains are put under a root, in seconds."
    )
    download_ttl_s: int = Field(
        default=3600, ge=1, le=604_800, description="How long the URL of a release's file is good, in seconds."
    )
