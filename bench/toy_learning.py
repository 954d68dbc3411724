"""Learning a subject in the toy world over several seeds, read by its oracle: for the bars of the proving test.

    OMP_NUM_THREADS=1 python -m bench.toy_learning --seeds 3

A seed decides the order of photos, the noise and the adapter's first weights; the photos are the same. A setting takes
some minutes of one core.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from bench.machine import machine
from tests.toyworld import exam, lessons

SHORT = ("--steps", "300", "--measure-every", "100", "--pictures", "6")  #: the recipe, cut
SETTINGS = {
    "preserved, as no flag asks for": (),
    "preserved, 300 steps": SHORT,
    "not preserved": lessons.UNPRESERVED,
}


def trial(words, seed, pictures):
    """One run: the oracle's marks, what was chosen against what the oracle would choose, and the time it took."""
    with tempfile.TemporaryDirectory() as folder:
        data, words = Path(folder), (*words, "--seed", seed)
        lessons.photographed(data)
        began = time.process_time()
        outcome = lessons.learned(data, *words)
        spent = time.process_time() - began
        pipe = lessons.unpublished(data, outcome, *words) if outcome.refusal else lessons.published(data)
        marks = asdict(lessons.marked(pipe, pictures))
        curve = outcome.by_oracle()
        chosen = outcome.done.get("step", max(curve))
        return {**marks, "chosen": chosen, "of the best": curve[chosen] / max(*curve.values(), 1e-6), "CPU s": spent,
                "refused": bool(outcome.refusal)}  # fmt: skip


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--pictures", type=int, default=48, help="of each sort")
    options.add_argument("--setting", choices=SETTINGS, action="append", help="only this one; may be given again")
    given = options.parse_args()
    print(machine())
    print("base", asdict(lessons.marked(exam.opened(), given.pictures)), flush=True)
    for name in given.setting or SETTINGS:
        found = []
        for seed in range(given.seeds):
            found.append(trial(SETTINGS[name], seed, given.pictures))
            print(f"{name}, seed {seed}", {key: round(float(value), 3) for key, value in found[-1].items()}, flush=True)
        medians = {key: round(float(statistics.median(run[key] for run in found)), 3) for key in found[0]}
        print(f"{name}, median", medians, flush=True)


if __name__ == "__main__":
    main()
