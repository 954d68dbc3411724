"""What a model may cost in a day, and what a question to it did cost. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_BYTES_A_TOKEN = 4  #: of UTF-8: about right for English, and for Chinese, which has three a character
_IMAGE_TOKENS = 1_500  #: of a picture of a megapixel, as vision models count it
_MOST_TOKENS = 10_000_000  #: in one question; more is a server's mistake


class Price(BaseModel):
    """USD for a million tokens. Nothing set: the server says what it charged, or it is free."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    input: float = Field(0, ge=0)
    output: float = Field(0, ge=0)
    cached_input: float | None = Field(None, ge=0)  #: of input that the server had read before; None: as other input

    @property
    def known(self) -> bool:
        return bool(self.input or self.output)


class Budget(BaseModel):
    """What an ``[editors.NAME]`` table may say of its cost; 0 is no bound. Days end at the owner's midnight."""

    model_config = ConfigDict(allow_inf_nan=False)

    max_calls_per_day: int = Field(2000, ge=0)
    max_usd_per_day: float = Field(1.0, ge=0)
    price: Price = Price()


@dataclass(frozen=True, slots=True)
class Usage:
    """What one question took, in tokens."""

    tokens_in: int = 0
    tokens_out: int = 0
    cached: int = 0  #: of ``tokens_in``, those that the server had read before
    usd: float | None = None  #: what the server says that it charged
    estimated: bool = False  #: the server did not say

    def cost(self, price: Price) -> float:
        """USD, by the owner's price, or by the server's word where he named none."""
        if not price.known:
            return self.usd or 0.0
        cached = price.input if price.cached_input is None else price.cached_input
        paid = (self.tokens_in - self.cached) * price.input + self.cached * cached + self.tokens_out * price.output
        return paid / 1e6


def usage_of(table: object) -> Usage | None:
    """The ``usage`` of a completion, whatever a server makes of it; None where it does not say."""
    if not isinstance(table, Mapping):
        return None
    told, said = _count(table.get("prompt_tokens")), _count(table.get("completion_tokens"))
    if not told:
        return None
    details = table.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, Mapping) else 0
    usd = table.get("cost")  # OpenRouter
    charged = isinstance(usd, int | float) and math.isfinite(usd) and usd >= 0
    return Usage(told, said, min(cached, told), float(usd) if charged else None)  # type: ignore[arg-type]


def _count(value: object) -> int:
    known = isinstance(value, int | float) and math.isfinite(value)
    return min(max(0, int(value)), _MOST_TOKENS) if known else 0  # type: ignore[call-overload]


def estimated(messages: Sequence[Mapping[str, Any]], answer: str = "") -> Usage:
    """What a question of these messages takes, where no server says so."""
    return Usage(sum(_tokens(message.get("content")) for message in messages), _tokens(answer), estimated=True)


def _tokens(content: object) -> int:
    if isinstance(content, str):
        return math.ceil(len(content.encode("utf-8", "replace")) / _BYTES_A_TOKEN)
    if isinstance(content, Sequence):
        return sum(_tokens(part.get("text", "")) if "text" in part else _IMAGE_TOKENS for part in content)
    return 0
