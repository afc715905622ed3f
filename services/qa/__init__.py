"""qa: measures and arbitrates what people answer, and keeps the labels."""
