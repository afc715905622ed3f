"""The formats that many items may come in: one module each, behind the port."""

from services.ingest.imports.json_batch import JsonBatch
from services.ingest.imports.ndjson import Ndjson
from services.ingest.imports.port import ImportFormat, Line

__all__ = ["ImportFormat", "JsonBatch", "Line", "Ndjson", "formats"]


def formats(name: str, max_line_bytes: int) -> tuple[ImportFormat, ...]:
    """The formats that an endpoint takes for items called `name`."""
    return (JsonBatch(name), Ndjson(max_line_bytes))
