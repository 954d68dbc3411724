"""What this machine has for a model to run on, asked without importing one: the service must stay small.

NVIDIA's own tool is asked for GPUs, the kernel for AMD's; neither is needed. What is found wrong here is found again by
the worker, which knows better and says so.
"""

from __future__ import annotations

import os
import platform
import subprocess
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from .cards import Accelerator
from .choosing import Machine

_ASK = ("nvidia-smi", "--query-gpu=index,uuid,name,memory.total,compute_cap", "--format=csv,noheader,nounits")
_TIMEOUT_S = 10.0  #: a driver that wakes up takes seconds
_GIB = 2**30
_CGROUP = Path("/sys/fs/cgroup/memory.max")
_DRM = Path("/sys/class/drm")
_MEMINFO = Path("/proc/meminfo")


def this(device: str = "auto") -> Machine:
    """The machine, as ``device`` of the engine's table sees it."""
    found = _accelerator(device)
    fewer = _quantisers() if found.device == "cuda" else frozenset[str]()
    return replace(found, ram_gb=round(_ram() / _GIB, 1), quantises=fewer)


def _accelerator(device: str) -> Machine:
    kind, _, number = device.partition(":")
    if kind in ("auto", "cuda"):
        gpus = nvidia() or amd()
        if gpus:
            return gpus[min(int(number or 0), len(gpus) - 1)]
    if kind == "auto":
        kind = "mps" if platform.system() == "Darwin" and platform.machine() == "arm64" else "cpu"
    known: dict[str, Accelerator] = {"mps": "mps", "xpu": "xpu", "cuda": "cuda"}
    return Machine(known.get(kind, "cpu"))


def nvidia() -> list[Machine]:
    """The NVIDIA GPUs that a program here may use, in their order; none where there are none or no driver answers."""
    try:
        ran = subprocess.run(_ASK, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)  # noqa: S603 - a fixed command
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [[cell.strip() for cell in line.split(",")] for line in ran.stdout.splitlines() if line.count(",") == 4]
    return [machine for row in _visible(rows) if (machine := _gpu(row))]


def _visible(rows: list[list[str]]) -> list[list[str]]:
    """Those of CUDA_VISIBLE_DEVICES, by number or by the beginning of their id; all where it is not set."""
    told = os.environ.get("CUDA_VISIBLE_DEVICES")
    if told is None:
        return rows
    marks = [mark.strip() for mark in told.split(",") if mark.strip()]
    return [row for mark in marks for row in rows if row[0] == mark or (len(mark) > 3 and row[1].startswith(mark))]


def _gpu(row: list[str]) -> Machine | None:
    with suppress(ValueError):
        return Machine("cuda", row[2], vram_gb=round(float(row[3]) / 1024, 1), bfloat16=float(row[4]) >= 8.0)
    return None


def amd() -> list[Machine]:
    """AMD's GPUs as the kernel shows them, the largest first; processors with a little graphics are left out."""
    sizes = []
    for path in _DRM.glob("card*/device/mem_info_vram_total"):
        with suppress(OSError, ValueError):
            sizes.append(int(path.read_text()) / _GIB)
    return [Machine("cuda", "an AMD GPU", vram_gb=round(size, 1)) for size in sorted(sizes, reverse=True) if size >= 3]


def _ram() -> float:
    """Bytes of memory that this process may use, a container's bound included."""
    sizes = [float("inf")]
    with suppress(OSError, ValueError, AttributeError):
        sizes.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with suppress(OSError, ValueError):
        sizes.append(int(_CGROUP.read_text()))
    return min(sizes) if min(sizes) != float("inf") else 8 * _GIB


def _quantisers() -> frozenset[str]:
    """What installed packages can; nothing of them is imported."""
    found = set()
    if find_spec("torchao") or find_spec("bitsandbytes"):
        found.add("int8")
    if find_spec("bitsandbytes"):
        found.add("int4")
    return frozenset(found)


def ram_left() -> float | None:
    """Bytes of memory that are free or can be freed, a container's bound included; None where nobody tells."""
    left = []
    with suppress(OSError, ValueError, StopIteration):
        lines = _MEMINFO.read_text(encoding="ascii").splitlines()
        left.append(float(next(line for line in lines if line.startswith("MemAvailable:")).split()[1]) * 1024)
    with suppress(OSError, ValueError):
        stat = dict(line.split() for line in _CGROUP.with_name("memory.stat").read_text().splitlines())
        used = int(_CGROUP.with_name("memory.current").read_text()) - int(stat.get("file", 0))  # files' pages can go
        left.append(int(_CGROUP.read_text()) - used)
    return min(left, default=None)
