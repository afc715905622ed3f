"""What prelabel does by itself: the third edge, beside api and consumers. All state is in the database.

`score` runs on every replica, and each project is scored by the one that holds its lease; the other loops run on one
replica. Whatever is interrupted is found again by the next round, on this replica or on another.
"""

from typing import Final

from services.prelabel.loop_names import COMPARE, COUNT, DOUBT, LEARN, PRUNE, SCORE, TEST, TRAIN, UNLEARN, WATCH
from services.prelabel.loops.doubts import find_label_errors
from services.prelabel.loops.drift import watch
from services.prelabel.loops.learning import learn, train
from services.prelabel.loops.measurement import compare, test
from services.prelabel.loops.scoring import score
from services.prelabel.loops.upkeep import count, prune, unlearn
from shared.kit.runtime import Loop

# All are woken by what they wait for; the intervals are for what other replicas did.
LOOPS: Final = (
    Loop(SCORE, 2.0, score, leader=False),
    Loop(LEARN, 2.0, learn),
    Loop(TRAIN, 5.0, train),
    Loop(COMPARE, 5.0, compare),
    Loop(TEST, 5.0, test),
    Loop(COUNT, 10.0, count),
    Loop(PRUNE, 600.0, prune),
    Loop(UNLEARN, 5.0, unlearn),
    Loop(DOUBT, 10.0, find_label_errors),
    Loop(WATCH, 30.0, watch),
)
