"""What one process remembers between its rounds. Nothing depends on it: a restart, or another replica, begins without."""
