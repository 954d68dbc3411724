"""A worker process that does what it is told instead of painting: python -m tests.odd_painter HOW [FLAG] SECONDS.

With a flag file it misbehaves once: the file is made first, and where it is there already it paints.
"""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from service.engines.painter import Painted, Unsafe
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


def refuse():
    raise Unsafe


def chatter():
    print("hello from a library")
    os.write(1, b"and from its C code\n")


FAULTS = {f.__name__: f for f in (crash, killed, leave, hang, swell, stumble, refuse, chatter)}


def unready(kind):
    """What may go wrong while a model is read."""
    if kind == "no-torch":
        raise ModuleNotFoundError("No module named 'torch'")
    if kind == "damaged":
        raise SafetensorError("Error while deserializing header: incomplete metadata")
    if kind == "slow":
        time.sleep(600)


class Odd:
    def __init__(self, how, flag=None):
        self.how, self.flag, self.thrift = how, flag and Path(flag), 0

    def fetch(self, model, heard):
        heard({"says": f"fetching {model.name}", "bytes": 0, "of": 2 * 10**9})

    def load(self, model, heard):
        unready(self.how)
        self.thrift = model.thrift
        return {}

    def paint(self, job, progress):
        progress(0.5)
        if self.how == "drip":
            while True:
                progress(0.5)
        if (
            self.how in FAULTS
            and not (self.flag and self.flag.exists())
            and not (self.how == "swell" and self.thrift > 1)
        ):
            if self.flag:
                self.flag.touch()
            FAULTS[self.how]()
        blank = {"black": 0, "flat": 90}.get(self.how)
        dice = np.random.default_rng(job.seed)
        pixels = np.full((64, 96, 3), blank) if blank is not None else dice.integers(0, 256, (64, 96, 3))
        told = {"pid": os.getpid(), "thrift": self.thrift, "group": os.getpgrp(), "environment": sorted(os.environ)}
        return Painted(pixels.astype("uint8").tobytes(), 96, 64, told | {"words": job.words, "avoid": job.avoid})


if __name__ == "__main__":
    main(Odd(*sys.argv[1:-1]), float(sys.argv[-1]))
