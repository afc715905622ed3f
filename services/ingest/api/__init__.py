"""ingest's HTTP edge."""
