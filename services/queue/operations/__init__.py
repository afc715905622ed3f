"""What queue does: load, decide, save, publish. Operations take the session and never commit."""
