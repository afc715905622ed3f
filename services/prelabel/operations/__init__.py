"""What prelabel does: load, decide, save, tell. Operations take the session and never commit."""
