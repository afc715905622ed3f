"""What ingest decides: pure, without I/O, clock or dice."""
