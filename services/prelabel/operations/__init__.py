"""What prelabel does: load, decide, save, publish. An operation takes the session and never commits; one that computes takes the database."""
