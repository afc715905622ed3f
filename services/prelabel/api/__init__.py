"""The HTTP edge: parse, call one operation, shape the answer."""
