"""A worker process that does what it is told instead of painting: python -m tests.odd_painter HOW [FLAG] SECONDS.

With a flag file it misbehaves once: the file is made first, and where it is there already it paints.
"""

import contextlib
import errno
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from service.engines.job import Cancelled, Painted, Refusal
from service.engines.worker import main


class SafetensorError(Exception): ...


def crash():
    os.kill(os.getpid(), signal.SIGSEGV)


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


def leave():
    print("the last thing it says", file=sys.stderr)
    sys.stderr.flush()
    os._exit(3)


def hang():
    time.sleep(600)


def swell():
    raise MemoryError


def stumble():
    raise RuntimeError("CUDA error:  an illegal   memory access")


def chatter():
    print("hello from a library")
    os.write(1, b"and from its C code\n")


FAULTS = {f.__name__: f for f in (crash, killed, leave, hang, swell, stumble, chatter)}


def unready(kind):
    """What may go wrong while a model is read."""
    if kind == "no-torch":
        raise ModuleNotFoundError("No module named 'torch'")
    if kind == "damaged":
        raise SafetensorError("Error while deserializing header: incomplete metadata")
    if kind == "full":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/cache/x")
    if kind == "slow":
        time.sleep(600)


class Odd:
    """``guilty``: does so only for a batch with these words in it; ``crowded``: only for more than two at once;
    ``narrow``: for two subjects in a picture.
    """

    def __init__(self, how, flag=None):
        self.how, self.flag, self.thrift, self.seen = how, flag and Path(flag), 0, ""

    def hardware(self, device):
        return os.environ.get("ODD_CARD", "odd card")

    def fetch(self, model, heard):
        heard({"says": f"fetching {model.name}", "bytes": 0, "of": 2 * 10**9})

    def see(self, adapter, heard):
        heard({"says": f"fetching {adapter.hub}", "bytes": 0, "of": 2 * 10**9, "terms": adapter.licence})
        self.seen = adapter.file
        return "the hub does not answer" if self.how == "blind" else ""

    def load(self, model, heard, *, haste):
        unready(self.how)
        if self.how == "killed-reading" and not self.flag.exists():
            self.flag.touch()
            killed()
        self.thrift = model.thrift
        return {"haste": haste}

    def render(self, jobs, steps):
        total = 20 if self.how == "drip" else 2
        if self.how == "deaf":
            with contextlib.suppress(Cancelled):
                while True:
                    steps(1, total)
            hang()
        steps(1, total)
        if self.how == "squint":
            return [Refusal("no memory", blind=True) if job.photos else self.painted(job, 1) for job in jobs]
        if self.how == "refuse":
            return [self.refused(job) for job in jobs]
        if self.how == "guilty" and any("guilty" in job.words for job in jobs):
            crash()
        if self.how == "crowded" and len(jobs) > 2:
            swell()
        if self.how == "narrow" and any(job.halves for job in jobs):
            swell()
        if self.how == "slow-steps":
            for step in range(200):
                time.sleep(0.05)
                steps(step + 1, 200)
        while self.how == "drip":
            steps(1, total)
        if self.misbehaves():
            if self.flag:
                self.flag.touch()
            FAULTS[self.how]()
        return [self.painted(job, len(jobs)) for job in jobs]

    def misbehaves(self):
        done = self.flag and self.flag.exists()
        return self.how in FAULTS and not done and not (self.how == "swell" and self.thrift > 1)

    def refused(self, job):
        if self.flag and self.flag.exists():
            return self.painted(job, 1)
        if self.flag:
            self.flag.touch()
        return Refusal("the model's own safety check refused its picture")

    def painted(self, job, batch):
        blank = {"black": 0, "flat": 90}.get(self.how)
        dice = np.random.default_rng(job.seed)
        pixels = np.full((64, 96, 3), blank) if blank is not None else dice.integers(0, 256, (64, 96, 3))
        told = {"pid": os.getpid(), "thrift": self.thrift, "group": os.getpgrp(), "environment": sorted(os.environ)}
        told |= {
            "batch": batch,
            "fits": 4,
            "words": job.words,
            "avoid": job.avoid,
            "shown": list(job.photos),
            "seen": self.seen,
        }
        told |= {"told": [(half.learned.subject, half.side, half.words) for half in job.halves]} if job.halves else {}
        return Painted(pixels.astype("uint8").tobytes(), 96, 64, told)


if __name__ == "__main__":
    main(Odd(*sys.argv[1:-1]), float(sys.argv[-1]))
