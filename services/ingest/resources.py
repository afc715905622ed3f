"""What a running ingest holds beside what every service holds."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from shared.kit.runtime import Runtime, current_runtime


@dataclass(frozen=True, slots=True)
class IngestLimits:
    """What the operator lets in, and how long URLs and unused images live."""

    max_line_bytes: int
    max_asset_bytes: int
    max_asset_pixels: int
    max_reported_rejections: int
    asset_url_ttl_s: int
    unattached_asset_ttl_s: int


@dataclass(frozen=True, slots=True)
class IngestResources:
    limits: IngestLimits


IngestRuntime = Runtime[IngestResources]
IngestRuntimeDep = Annotated[IngestRuntime, Depends(current_runtime)]
