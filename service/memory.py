"""Memory that is free goes back to the system."""

from __future__ import annotations

import ctypes


def give_back() -> None:
    """Return what the C library holds for later, tens of MB after some slides; does nothing where it is not glibc.

    ``malloc_trim(3)``: a few milliseconds, in every arena. Thresholds that would do it at each ``free``
    (``mallopt(3)``) make composing a slide take half as long again.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
