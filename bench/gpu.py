"""How fast diffusion models paint here: plain diffusers as one would write it, and the painter, in one run.

    python -m bench.gpu                          on a GPU: full-size models with random weights
    python -m bench.gpu --device cpu --tiny      that it runs

For each model: pictures a second one by one and in the best batch, the share of what the card's arithmetic allows (the
model's operations, counted, at the rate of a large matrix product measured here), a change of subject, a batch of
several subjects against one by one, and the card's memory before, during and after a worker.
"""

import argparse
import hashlib
import math
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench.architectures import GUIDANCE, SIZES, STEPS, made, subject
from service.engines import painter as painting
from service.engines.cards import SHIPPED, read
from service.engines.job import Job, Learned, Painted
from service.engines.loading import Loaded, Model, native

GOALS = {"sd15": ">= 11 img/s and 3x plain", "sdxl": ">= 1.4 img/s", "klein": ">= 2.6 img/s"}
CARDS, CARD = read(SHIPPED), {"sd15": "sd15", "sdxl": "sdxl", "klein": "flux2-klein-4b"}
PROMPT = "a red boat on a lake under a paper moon"
QUIET = lambda _step, _steps: None  # noqa: E731 - nobody looks


def waited(device):
    import torch

    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def seconds(work, device, least=1):
    """The best of some runs: what disturbs a run only makes it longer."""
    taken = []
    for _ in range(least):
        waited(device)
        began = time.perf_counter()
        work()
        waited(device)
        taken.append(time.perf_counter() - began)
    return min(taken)


def arithmetic(device, dtype, side):
    """Operations a second of a square matrix product."""
    import torch

    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    seconds(lambda: a @ b, device, 3)
    return 2 * side**3 / seconds(lambda: a @ b, device, 10)


def operations(work):
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def plain(pipe, name, side, seed=0):
    """As the model's page says."""
    import torch

    return pipe(
        prompt=PROMPT, height=side, width=side, num_inference_steps=STEPS[name], guidance_scale=GUIDANCE[name],
        generator=torch.Generator("cpu").manual_seed(seed),
    ).images[0]  # fmt: skip


def ours(pipe, name, side, device, dtype, haste):
    """A painter with this pipeline in it."""
    facts = {"model": name, "pipeline": type(pipe).__name__, "device": device, "dtype": str(dtype)[6:]}
    painting.load = lambda _model, _heard: Loaded(pipe, native(pipe, side), facts, CARDS[CARD[name]].like())
    made_ = painting.Painter()
    made_.load(Model(name, device=device), haste=haste)
    return made_


def job(name, side, seed, learned=None):
    return Job(f"{PROMPT} {seed}", "", seed, side, side, STEPS[name], GUIDANCE[name], learned=learned)


def who(file, name):
    return Learned(name, str(file), hashlib.sha256(file.read_bytes()).hexdigest())


def warm(painter, jobs):
    """Paint, and wait for the compiler."""
    painter.render(jobs, QUIET)
    if painter._haste:  # noqa: SLF001 - a bench waits where the service would not
        with painter._haste._warming:  # noqa: SLF001
            return painter.render(jobs, QUIET)
    return None


def psnr(one, other):
    """dB between two pictures' pixels."""
    import numpy as np

    a, b = (np.frombuffer(each.pixels, np.uint8).astype(float) for each in (one, other))
    error = ((a - b) ** 2).mean()
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def mixed(pipe, name, side, device, dtype, folder):
    """The time to change the subject, and the worst likeness of a mixed batch to its pictures one by one."""
    files = [subject(pipe, name, f"{folder}/{seed}", seed) for seed in (1, 2)]
    painter = ours(pipe, name, side, device, dtype, "never")
    rex, mia = (who(file, str(number)) for number, file in enumerate(files))
    jobs = [replace(job(name, side, seed), learned=each) for seed, each in enumerate((None, rex, mia, rex))]
    batch = painter.render(jobs, QUIET)
    alone = [painter.render([each], QUIET)[0] for each in jobs]
    assert all(isinstance(each, Painted) for each in (*batch, *alone))
    assert alone[1].pixels != painter.render([replace(jobs[1], learned=None)], QUIET)[0].pixels, (
        "the weights do nothing"
    )
    switch = seconds(lambda: exchange(painter, (rex, mia)), device, 3) / 2
    return switch, min(map(psnr, batch, alone))


def exchange(painter, subjects):
    for each in subjects:
        with painter._wardrobe.worn([each]):  # noqa: SLF001
            pass


def swapped(painter, folder, jobs):
    """The time to change the subject of a compiled model, and whether it stays compiled."""
    first, second = (who(Path(f"{folder}/{seed}/weights.safetensors"), str(seed)) for seed in (1, 2))
    warm(painter, [replace(each, learned=first) for each in jobs])
    began = time.perf_counter()
    exchange(painter, [second])
    took = time.perf_counter() - began
    done = painter.render([replace(each, learned=second) for each in jobs], QUIET)
    return took, done[0].facts["compiled"]


def measured(name, told, rate):
    import torch

    device, dtype = told.device, torch.float32 if told.device == "cpu" else torch.bfloat16
    side = 64 if told.tiny else SIZES[name]
    pipe = made(name, told.tiny, device, dtype)
    with torch.inference_mode():
        plain(pipe, name, side)
        flops = operations(lambda: plain(pipe, name, side))
        one = seconds(lambda: plain(pipe, name, side), device, told.runs)
    print(
        f"\n{name}, {side} px, {STEPS[name]} steps: {flops / 1e12:.3g} TFLOP a picture, {rate / 1e12:.3g} TFLOP/s here"
    )
    row("plain diffusers, one by one", 1 / one, flops, rate)
    with tempfile.TemporaryDirectory() as folder:
        switch, likeness = mixed(pipe, name, side, device, dtype, folder)
        print(f"  a change of subject {switch * 1000:.0f} ms (<= 300)")
        print(f"  several subjects in a batch against one by one: {likeness:.1f} dB (>= 35)")
        pipe.unload_lora_weights()
        painter = ours(pipe, name, side, device, dtype, told.compile)
        best = 0.0
        for size in told.batches:
            jobs = [job(name, side, seed) for seed in range(size)]
            warm(painter, jobs)
            each = seconds(lambda jobs=jobs: painter.render(jobs, QUIET), device, told.runs) / size
            best = max(best, 1 / each)
            row(f"the painter, {size} at once{', compiled' if painter._haste else ''}", 1 / each, flops, rate)  # noqa: SLF001
        print(f"  {best * one:.2f}x plain (goal: {GOALS[name]})")
        if painter._haste:  # noqa: SLF001
            took, compiled = swapped(painter, folder, jobs)
            print(f"  a change of subject in place {took * 1000:.0f} ms (<= 300)")
            print(f"  which leaves the model {'compiled' if compiled else 'uncompiled'}")


def row(what, rate, flops, most):
    print(f"  {what:<36} {rate:8.3f} img/s  {100 * rate * flops / most:5.1f} % of the floor")


def unloaded(name, told):
    """The card's memory before, during and after a process that paints."""
    import torch

    def used():
        free, total = torch.cuda.mem_get_info(told.device)
        return (total - free) / 1e6

    command = [sys.executable, "-m", "bench.gpu", "--alone", name, "--device", told.device]
    before = used()
    with subprocess.Popen([*command, *["--tiny"] * told.tiny], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        during = used()
        child.stdin.close()
        child.wait()
    print(f"  memory: {before:.0f} MB before, {during:.0f} with a worker, {used():.0f} after it (goal: as before)")


def alone(told):
    """Paint once, say so, and wait to be let go."""
    import torch

    pipe = made(told.alone, told.tiny, told.device, torch.float32 if told.device == "cpu" else torch.bfloat16)
    plain(pipe, told.alone, 64 if told.tiny else SIZES[told.alone])
    print("painted", flush=True)
    sys.stdin.read()


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--device", default="cuda")
    ask.add_argument("--tiny", action="store_true")
    ask.add_argument("--models", nargs="+", default=list(SIZES), choices=list(SIZES))
    ask.add_argument("--batches", nargs="+", type=int)
    ask.add_argument("--runs", type=int, default=3)
    ask.add_argument("--compile", default="auto", choices=("auto", "always", "never"))
    ask.add_argument("--alone", help=argparse.SUPPRESS)
    told = ask.parse_args()
    told.batches = told.batches or ([1, 4] if told.tiny else [1, 4, 8, 16])
    if told.alone:
        alone(told)
        return
    import torch

    dtype = torch.float32 if told.device == "cpu" else torch.bfloat16
    rate = arithmetic(told.device, dtype, 512 if told.tiny else 8192)
    print(f"{painting.Painter.hardware(told.device)}, torch {torch.__version__}")
    for name in told.models:
        measured(name, told, rate)
        if told.device.startswith("cuda"):
            torch.cuda.empty_cache()
            unloaded(name, told)


if __name__ == "__main__":
    main()
