"""The baseline of `bench.consensus`: crowd-kit's Dawid-Skene on the votes in an .npz file. Runs in a venv of its own."""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from crowdkit.aggregation.classification.dawid_skene import DawidSkene


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize() / 1e6


def main() -> None:
    path, iterations = sys.argv[1:]
    votes = np.load(path)
    frame = pd.DataFrame({"task": votes["items"], "worker": votes["voters"], "label": votes["classes"]})
    before = resident_mb()
    started = time.process_time()
    fitted = DawidSkene(n_iter=int(iterations), tol=0.0).fit(frame)
    spent = time.process_time() - started
    labels = fitted.labels_.sort_index()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    right = float((labels.to_numpy() == votes["truth"][labels.index.to_numpy()]).mean())
    print(json.dumps({"cpu_s": spent, "mb": peak - before, "right": right}))


if __name__ == "__main__":
    main()
