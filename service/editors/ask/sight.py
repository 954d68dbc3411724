"""Models without eyes: how servers say that they take words only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .wire import Refused

_SIGHTLESS = frozenset({400, 404, 415, 422, 500, 501})
#: OpenAI, llama.cpp, vLLM, LM Studio, OpenRouter; validators of plain text
_NO_EYES = re.compile(r"image|vision|multi-?modal|mmproj|content\b.{0,60}\bstr(?:ing)?\b|valid string", re.IGNORECASE)


def blind(refused: Refused, model: str) -> bool:
    """Whether the server will not have a picture; a model's own name may speak of vision, and says nothing."""
    return refused.status in _SIGHTLESS and bool(_NO_EYES.search(refused.said.replace(model, "")))
