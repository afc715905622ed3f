"""The formats that many items may come in: one module each, behind the port."""

from typing import Final

from services.ingest.imports.json_batch import JsonBatch
from services.ingest.imports.ndjson import Ndjson
from services.ingest.imports.port import ImportFormat, ImportSource, Line

__all__ = ["FORMATS", "ImportFormat", "ImportSource", "JsonBatch", "Line", "Ndjson"]

FORMATS: Final[tuple[ImportFormat, ...]] = (JsonBatch(), Ndjson())
"""The formats that an endpoint takes for many items."""
