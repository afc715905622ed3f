"""How many rows to ask for when their size is known only afterwards."""


class BatchSize:
    """Asks for as many as fit into `most_bytes` if they are like the last ones, carefully at first."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self.rows = min(most, 50)
        self._most = most
        self._most_bytes = most_bytes

    def saw(self, rows: int, size: int) -> None:
        """Learn from a batch of that many rows with that many bytes in all: grow step by step, shrink at once."""
        if rows:
            fitting = self._most_bytes * rows // max(1, size)
            self.rows = max(1, min(self._most, self.rows * 2, fitting))
