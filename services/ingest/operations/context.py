"""What the operations of ingest work with when they need more than one transaction."""

import asyncio
from dataclasses import dataclass

from services.ingest.media import FileLimits
from shared.kit.compute.pool import ComputePool
from shared.kit.database import Database
from shared.kit.objects import Objects


@dataclass(frozen=True, slots=True)
class IngestLimits:
    """What the operator lets in, and how long URLs and unused images live."""

    max_line_bytes: int
    max_asset_bytes: int
    max_asset_pixels: int
    max_reported_rejections: int
    asset_url_ttl_s: int
    unattached_asset_ttl_s: int

    @property
    def files(self) -> FileLimits:
        return FileLimits(self.max_asset_bytes, self.max_asset_pixels)


@dataclass(frozen=True, slots=True)
class IntakeContext:
    """`stopping` is set when the process is asked to end: imports come to their end then, too."""

    database: Database
    objects: Objects
    compute: ComputePool
    limits: IngestLimits
    stopping: asyncio.Event
