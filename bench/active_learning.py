"""How many labels active learning needs for 95 % of the accuracy that all labels give, beside chance and the plain margin.

On the sets of the gate, whole: `python -m bench.active_learning [TRIALS [SET ...]]`. Takes minutes. Prints the geometric means over the
trials, as shares of what chance and the margin need with the standard error of the logarithm.
"""

import json
import sys
import warnings

import numpy as np

from tests.gates.prelabel.test_active_learning import SETTINGS, labels_needed

KINDS = ("accuracy", "mean_of_classes")


def main() -> None:
    warnings.simplefilter("ignore")
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    report = {}
    for setting in [one for one in SETTINGS if one.name in sys.argv[2:] or not sys.argv[2:]]:
        by_chance, by_margin, chosen = labels_needed(setting, trials, 1_000_000, 1_500).transpose(1, 0, 2)
        report[setting.name] = {
            kind: {
                "labels": round(float(np.exp(chosen[:, at].mean()))),
                "by_chance": round(float(np.exp(by_chance[:, at].mean()))),
                "by_margin": round(float(np.exp(by_margin[:, at].mean()))),
                "of_chance": _ratio(chosen[:, at] - by_chance[:, at]),
                "of_margin": _ratio(chosen[:, at] - by_margin[:, at]),
            }
            for at, kind in enumerate(KINDS)
        }
    print(json.dumps({"bench": "active_learning", "trials": trials, "sets": report}))


def _ratio(logarithms: np.ndarray) -> list[float]:
    spread = logarithms.std(ddof=1) / len(logarithms) ** 0.5 if len(logarithms) > 1 else float("nan")
    return [round(float(np.exp(logarithms.mean())), 2), round(float(spread), 2)]


if __name__ == "__main__":
    main()
