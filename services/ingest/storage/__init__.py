"""The only SQL of ingest."""
