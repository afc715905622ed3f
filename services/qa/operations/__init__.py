"""What qa does: load under the record's lock, decide, save, tell. Nothing here commits."""
