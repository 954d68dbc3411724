"""What learning makes small. Pure functions over tensors; nothing here knows a model."""

from __future__ import annotations

from typing import Any


def squares(answer: Any, target: Any, mask: Any = None) -> Any:
    """The mean squared error of each example.

    ``answer`` and ``target`` are (B, C, h, w). ``mask`` is (B, 1, h, w) with 1 where the subject is; what lies outside
    counts as much as the mask says. Returns (B,).
    """
    error = (answer.float() - target.float()).square()  # (B, C, h, w)
    if mask is None:
        return error.mean((1, 2, 3))
    share = mask.expand_as(error)
    return (error * share).sum((1, 2, 3)) / share.sum((1, 2, 3)).clamp(min=1e-6)


def instance(answer: Any, target: Any, weights: Any, mask: Any = None) -> Any:
    """DreamBooth's first term (Ruiz et al. 2023): the subject's photos. ``weights`` (B,). Returns a number."""
    return (squares(answer, target, mask) * weights).mean()


def prior(answer: Any, target: Any, weights: Any) -> Any:
    """DreamBooth's second term: pictures of the class that the base itself made. Returns a number."""
    return (squares(answer, target) * weights).mean()


def output(answer: Any, teacher: Any, weights: Any) -> Any:
    """Output preservation: without the token, answer as the base does. ``teacher`` is its answer. Returns a number."""
    return (squares(answer, teacher.detach()) * weights).mean()


def min_snr(snr: Any, gamma: float, *, velocity: bool) -> Any:
    """How much each noise level counts, (B,): Hang et al. 2023, "Efficient Diffusion Training via Min-SNR".

    ``snr`` is (B,), the signal's power over the noise's. ``gamma`` 0: all alike.
    """
    import torch

    if not gamma:
        return torch.ones_like(snr)
    capped = snr.clamp(max=gamma)
    return capped / (snr + 1) if velocity else capped / snr.clamp(min=1e-8)
