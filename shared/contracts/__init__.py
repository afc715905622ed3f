"""What the services agree on: words, events, answers, topics. Pydantic models and pure functions, no I/O."""
