"""How many finalized labels are right under a posterior target, on real crowds, with 60 gold records and with none.

The priors are those that `tests/gates/qa/test_posterior_promise.py` holds. `POSTERIOR_SEEDS` replays a set so many times.
Takes minutes. Prints one JSON object: by target and set the share that is right of what is finalized, the share that is
finalized with at most five votes, and the calibration error of the confidence of all records.
"""

import json

import numpy as np

from tests.gates.qa.crowd_replay import GOLD, SETS, calibration_error, replay, thinned, together, until_target
from tests.gates.qa.test_posterior_promise import ENOUGH, MOST_ITEMS, SEEDS, prior_without

TARGETS = (0.9, 0.95, 0.98)


def main() -> None:
    found: dict[str, object] = {"bench": "posterior_promise", "seeds": SEEDS}
    for gold in (GOLD, 0):
        for target in TARGETS:
            ended = {
                name: together(
                    [
                        replay(
                            name,
                            thinned(name, MOST_ITEMS),
                            seed,
                            until_target(target, 5),
                            gold=gold,
                            prior=prior_without(name),
                        )
                        for seed in range(SEEDS)
                    ]
                )
                for name in SETS
            }
            right = {
                name: round(float(one.right[one.final].mean()), 3)
                for name, one in ended.items()
                if one.final.sum() >= ENOUGH
            }
            found[f"gold {gold}, target {target}"] = {
                "right": right,
                "mean": round(float(np.mean(list(right.values()))), 3) if right else None,
                "final": {name: round(float(one.final.mean()), 2) for name, one in ended.items()},
                "error": round(
                    float(np.mean([calibration_error(one.confidence, one.right) for one in ended.values()])), 3
                ),
            }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
