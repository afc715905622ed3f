"""The whole suite on one machine: an embedded PostgreSQL and one process per service."""
