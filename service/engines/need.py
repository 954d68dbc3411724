"""How much of a GPU's memory a picture takes."""

from __future__ import annotations

from typing import Any

_USABLE = 0.8  #: of the memory that is free, so much is counted on: allocators leave gaps


class Need:
    """What a run needs of a GPU's memory."""

    def __init__(self, torch: Any, device: str) -> None:
        self._cuda: Any = torch.cuda if device.startswith("cuda") else None
        self._device = device
        if self._cuda:
            self._cuda.reset_peak_memory_stats(device)
            self._before = self._cuda.memory_allocated(device)

    def told(self, pictures: int) -> dict[str, Any]:
        """The peak, and how many pictures would fit at once: what this run needed for each, in what is free."""
        if not self._cuda:
            return {"peak_mb": None}
        peak, (free, _) = self._cuda.max_memory_allocated(self._device), self._cuda.mem_get_info(self._device)
        each = max(peak - self._before, 1) / pictures
        idle = self._cuda.memory_reserved(self._device) - self._before  # ours already, and not in use between runs
        return {"peak_mb": round(peak / 1e6), "fits": max(1, int((free + idle) * _USABLE / each))}
