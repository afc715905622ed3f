"""What prelabel decides: pure functions over numbers. No I/O, no clock, no dice."""
