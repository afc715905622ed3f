"""What an operator may set for ingest, beyond what all services share."""

from pydantic import Field

from services.ingest.operations.context import IngestLimits
from shared.kit.settings import Settings

MIB = 1024 * 1024


class IngestSettings(Settings):
    """Limits on what comes in, and how long URLs live."""

    max_line_bytes: int = Field(
        default=16 * MIB, ge=1024, description="The longest line of an NDJSON stream; images may be inline."
    )
    max_asset_bytes: int = Field(default=20 * MIB, ge=1024, description="The largest image, as it comes in.")
    max_reported_rejections: int = Field(
        default=1000, ge=1, description="How many refused lines a report lists; the rest is only counted."
    )
    asset_url_ttl_s: int = Field(default=3600, ge=1, le=7 * 86_400, description="How long an asset's URL is good for.")
    unattached_asset_ttl_s: int = Field(
        default=86_400, ge=60, description="How long an uploaded asset waits for a record before it is deleted."
    )

    def limits(self) -> IngestLimits:
        return IngestLimits(
            max_line_bytes=self.max_line_bytes,
            max_asset_bytes=self.max_asset_bytes,
            max_asset_pixels=self.max_asset_pixels,
            max_reported_rejections=self.max_reported_rejections,
            asset_url_ttl_s=self.asset_url_ttl_s,
            unattached_asset_ttl_s=self.unattached_asset_ttl_s,
        )
