"""What qa does: load under the record's lock, decide, save, publish. Nothing here commits."""
