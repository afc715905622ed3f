"""What the edge lets in, and how long its URLs live; set from the settings at start."""

from dataclasses import dataclass

from shared.kit.app import Runtime

KEY = "limits"


@dataclass(frozen=True, slots=True)
class Limits:
    max_line_bytes: int
    max_asset_bytes: int
    max_asset_pixels: int
    max_reported_rejections: int
    asset_url_ttl_s: int
    unattached_asset_ttl_s: int


def limits_of(runtime: Runtime) -> Limits:
    limits: Limits = runtime.extras[KEY]
    return limits
