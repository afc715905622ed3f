"""Whether the constants of the choice of a consensus method carry over: on real crowds, leaving one set out at a time.

For each set the constants are chosen that are best on average on the other sets; what they reach on the set itself counts.
Takes minutes. Prints the accuracy (per cent) by set and constants, and the nested mean. Fails below the mean that
`tests/gates/qa/test_consensus_methods.py` demands of the constants in use.
"""

import json
import sys
from itertools import product

import numpy as np

from services.qa.domain import method_choice
from tests.gates.qa.test_consensus_methods import LEAST_MEAN, SETS, accuracy, unknown_of, votes_of
from tests.gates.qa.test_real_crowds import crowd

CHANCES, FLATTENINGS = (1.0, 2.0, 3.0), (0.0, 0.5)


def accuracies(chance: float, flattening: float) -> list[float]:
    """By set, under these constants."""
    before = method_choice.CHANCE, method_choice.FLATTENING
    method_choice.CHANCE, method_choice.FLATTENING = chance, flattening
    try:
        return [
            accuracy(data, method_choice.estimate_by_evidence(unknown_of(data), votes_of(data)))
            for data in map(crowd, SETS)
        ]
    finally:
        method_choice.CHANCE, method_choice.FLATTENING = before


def main() -> None:
    settings = list(product(CHANCES, FLATTENINGS))
    found = np.array([accuracies(*one) for one in settings])
    nested = []
    for left_out in range(len(SETS)):
        others = np.delete(found, left_out, axis=1).mean(axis=1)
        nested.append(float(found[int(others.argmax()), left_out]))
    mean = float(np.mean(nested))
    report = {
        "bench": "consensus_methods",
        "sets": SETS,
        "by_constants": [
            {
                "chance": chance,
                "flattening": flattening,
                "accuracy": row.round(1).tolist(),
                "mean": round(row.mean(), 2),
            }
            for (chance, flattening), row in zip(settings, found, strict=True)
        ],
        "left_out": [round(one, 1) for one in nested],
        "nested_mean": round(mean, 2),
        "ok": mean >= LEAST_MEAN,
    }
    print(json.dumps(report))
    sys.exit(0 if mean >= LEAST_MEAN else 1)


if __name__ == "__main__":
    main()
