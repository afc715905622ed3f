"""The rules of the queue: pure values and functions, no I/O, no clock, no dice."""
