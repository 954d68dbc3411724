"""Where a model is and how it is spoken to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Access:
    """Where a model is and how it is spoken to."""

    base_url: str
    model: str
    key: str
    key_name: str  #: the environment variable the key is in; "" where there is none
    timeout_seconds: float  #: for a whole question, every try together
    max_tokens: int
    reasoning_effort: str = ""
