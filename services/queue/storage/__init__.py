"""The only SQL of queue."""
