"""What ingest does: load, decide, save, tell; each takes the session and never commits."""
