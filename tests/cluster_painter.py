"""A painter for tests of a cluster: its pictures take no time, or as its words say; no torch."""

import os
import signal
import time
from pathlib import Path

import numpy as np

from service.engines.job import Painted


class Quick:
    """What a picture's words say happens: "crash PATH" once, "wait PATH" until the file is there, "sleep S", "large" is more than a whole model leaves room for."""

    def load(self, model, *, haste):
        if model.name == "broken":
            raise OSError("a file of the model is damaged")
        self.facts = {
            "model": model.name,
            "held": model.held,
            "card": (model.card or {}).get("name"),
            "pid": os.getpid(),
        }
        return self.facts

    def render(self, jobs, steps):
        told = [(job, *(word.rstrip(".,") for word in job.words.split()[:2])) for job in jobs]
        time.sleep(max((float(how) for _, what, how in told if what == "sleep"), default=0))
        return [self.one(job, what, Path(how), (steps, len(jobs))) for job, what, how in told]

    def one(self, job, what, flag, company):
        steps, batch = company
        if what == "large" and self.facts["held"] == "whole":
            raise MemoryError
        if what == "crash" and not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "wait":
            flag.with_name(f"{flag.name}-{os.getpid()}").touch()
        while what == "wait" and not flag.exists():
            steps(1, 2)
            time.sleep(0.02)
        steps(2, 2)
        dice = np.random.default_rng(job.seed)
        learned = " and ".join(Path(learned.file).read_bytes().decode() for learned in job.wears)
        told = {"batch": batch, "fits": 1, "learned": learned, "told": job.words, **self.facts}
        return Painted(dice.integers(0, 256, (64, 96, 3)).astype("uint8").tobytes(), 96, 64, told)
