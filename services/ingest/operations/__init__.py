"""What ingest does: load, decide, save, publish. One that takes a session never commits; an import opens its own transactions."""
