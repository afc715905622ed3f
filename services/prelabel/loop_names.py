"""The loops, by the names under which they are woken."""

from typing import Final

SCORE: Final = "score"
LEARN: Final = "learn"
TRAIN: Final = "train"
COMPARE: Final = "compare"
TEST: Final = "test"
COUNT: Final = "count"
PRUNE: Final = "prune"
UNLEARN: Final = "unlearn"
DOUBT: Final = "find_label_errors"
WATCH: Final = "watch"
