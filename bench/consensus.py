"""Dawid-Skene on a million annotations against crowd-kit's in the same run; what the consensus of one record costs.

crowd-kit wants older libraries than ours and 40 packages besides, so it is installed into a virtual environment of its
own (BASELINE, kept). Both get the same votes, the same 20 iterations and a process of their own; CPU seconds, and
the memory that the fit added at its peak. Fails below 20 times the speed, or above a third of the memory.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from services.qa.domain import kinds
from services.qa.domain.dawid_skene import fit
from services.qa.domain.votes import Vote
from shared.contracts.answers.kinds.boxes import BoxesQuestion
from shared.contracts.answers.kinds.choice import ChoiceQuestion
from shared.contracts.answers.kinds.spans import SpansQuestion

SHAPES = ((100_000, 10, 500, 5), (200_000, 5, 1_000, 4))
"""Items, annotations of each, annotators, classes."""
ITERATIONS = 20
LEAST_SPEED, MOST_MEMORY = 20.0, 1 / 3
BASELINE = Path(".touchstone") / "crowd-kit"
PINS = ("crowd-kit==1.4.2", "scikit-learn<1.6")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def votes(items: int, each: int, annotators: int, classes: int) -> dict[str, np.ndarray]:
    """Annotators who are right in .5 to .95 of their answers, errors anywhere."""
    generator = np.random.default_rng(0)
    item, voter = np.repeat(np.arange(items), each), generator.integers(0, annotators, items * each)
    truth, accuracy = generator.integers(0, classes, items), generator.uniform(0.5, 0.95, annotators)
    right = generator.random(len(item)) < accuracy[voter]
    answered = np.where(right, truth[item], generator.integers(0, classes, len(item)))
    return {"items": item, "voters": voter, "classes": answered, "truth": truth}


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize() / 1e6


def fit_ours(path: str, annotators: int, classes: int) -> dict[str, float]:
    given = np.load(path)
    arrays = [given[name] for name in ("items", "voters", "classes")]
    truth = given["truth"]
    before = resident_mb()
    started = time.process_time()
    found = fit(*arrays, shape=(len(truth), annotators, classes), iterations=ITERATIONS, tolerance=0.0)
    spent = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return {"cpu_s": spent, "mb": peak - before, "right": float((found.posteriors.argmax(axis=1) == truth).mean())}


def baseline_python() -> str:
    python = BASELINE / "bin" / "python"
    if not python.exists():
        print(f"Installing {' and '.join(PINS)} into {BASELINE} …", file=sys.stderr)
        venv.create(BASELINE, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PINS], check=True)
    return str(python)


def compare() -> list[dict[str, Any]]:
    baseline = baseline_python()
    compared = []
    for shape in SHAPES:
        with tempfile.NamedTemporaryFile(suffix=".npz") as file:
            np.savez(file, **votes(*shape))  # type: ignore[arg-type]  # numpy's stubs want one array more
            file.flush()
            ours = measured(
                sys.executable, "-m", "bench.consensus", "--fit", file.name, "--of", str(shape[2]), str(shape[3])
            )
            theirs = measured(baseline, "bench/_crowd_kit.py", file.name, str(ITERATIONS))
        compared.append(
            {
                "annotations": shape[0] * shape[1],
                "annotators": shape[2],
                "classes": shape[3],
                "ours": rounded(ours),
                "crowd_kit": rounded(theirs),
                "times_faster": round(theirs["cpu_s"] / ours["cpu_s"], 1),
                "memory": round(ours["mb"] / max(theirs["mb"], 1e-9), 3),
            }
        )
    return compared


def measured(*command: str) -> dict[str, float]:
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **ONE_THREAD})
    values: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return values


def rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in values.items()}


def boxes(count: int, step: float, turn: float) -> Any:
    return {
        "boxes": [
            {"x": 10 + at * step, "y": 10.0, "width": 20.0, "height": 20.0, "rotation": at * turn % 360, "label": "car"}
            for at in range(count)
        ]
    }


def spans(count: int, step: int, length: int) -> Any:
    return {"spans": [{"start": at * step, "end": at * step + length, "label": "PER"} for at in range(count)]}


def one_record() -> dict[str, dict[str, float]]:
    """CPU microseconds for the consensus of three people, and for the distances between all of them."""
    choice = kinds.of(ChoiceQuestion(name="q", kind="choice", labels=list("abcde")))
    boxed = kinds.of(BoxesQuestion(name="q", kind="boxes", field="image", labels=["car", "bus"], rotation=True))
    marked = kinds.of(SpansQuestion(name="q", kind="spans", field="text", labels=["PER", "ORG"]))
    cases: dict[str, tuple[kinds.Kind, Any, int]] = {
        "choice": (choice, {"label": "a"}, 2_000),
        "5 boxes": (boxed, boxes(5, 30.0, 0.0), 200),
        "5 turned boxes": (boxed, boxes(5, 30.0, 30.0), 200),
        "5 spans": (marked, spans(5, 30, 12), 200),
        "2,000 like boxes": (boxed, boxes(2_000, 0.001, 0.0), 1),
        "2,000 like boxes, all turned otherwise": (boxed, boxes(2_000, 0.001, 0.013), 1),
        "2,000 overlapping spans": (marked, spans(2_000, 1, 20_000), 1),
    }
    return {name: costs_us(kind, answer, times) for name, (kind, answer, times) in cases.items()}


def costs_us(kind: kinds.Kind, answer: Any, times: int) -> dict[str, float]:
    three, unknown = [Vote(f"p{at}", answer) for at in range(3)], kind.unknown()
    return {
        "consensus_us": cost_us(lambda: kind.consensus(three, unknown), times),
        "distances_us": cost_us(lambda: [kind.distance(a.answer, b.answer) for a, b in combinations(three, 2)], times),
    }


def cost_us(work: Callable[[], object], times: int) -> float:
    work()
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        for _ in range(times):
            work()
        best = min(best, (time.process_time() - started) / times)
    return round(best * 1e6, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", help=argparse.SUPPRESS)
    parser.add_argument("--of", nargs=2, type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.fit:
        print(json.dumps(fit_ours(given.fit, *given.of)))
        return
    compared = compare()
    good = all(one["times_faster"] >= LEAST_SPEED and one["memory"] <= MOST_MEMORY for one in compared)
    print(json.dumps({"bench": "consensus", "dawid_skene": compared, "one_record": one_record(), "ok": good}))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
