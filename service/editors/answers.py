"""What a model may answer.

The order of the fields is the order of its thinking: what happened, then the ruling, then the picture. Reading is
lenient about form (a list for an object, "Calm" for "calm") and strict about meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ..model import Mood


def _lower(value: Any) -> Any:
    return value.strip().strip(".").lower() if isinstance(value, str) else value


def _listed(value: Any) -> Any:
    """A list where a model wrote "rain, mist" or nothing."""
    if value is None:
        return []
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Kind = Annotated[
    Literal["news", "gossip", "advert", "roundup", "manipulation", "unsuitable"],
    BeforeValidator(_lower),
    Field(description="anything but news is not kept"),
]
Essence = Annotated[str, Field(description="one plain sentence: what happened and to whom it matters")]


class Answer(BaseModel):
    """Keys we did not ask for are let be; numbers are taken for text."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


class Word(Answer):
    """The model's word on one story."""

    id: str = Field(description="the item's id, copied")
    essence: Essence = ""
    kind: Kind = "news"
    keep: bool


class Rulings(Answer):
    """The model's word on a batch of stories."""

    rulings: list[Word] = Field(description="one for every item, in the order given")

    @model_validator(mode="before")
    @classmethod
    def _wrapped(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and "rulings" not in value and "id" in value:
            value = [value]
        return {"rulings": value} if isinstance(value, list) else value


class Direction(Answer):
    """The model's picture for one story."""

    essence: Essence = ""
    kind: Kind = "news"
    keep: bool = True
    mood: Annotated[Mood, BeforeValidator(_lower)]
    idea: str = Field("", description="the one visual idea, at most 20 words")
    role: str = Field("", description="the subject's part in it, 1 to 3 words, such as ferryman; else empty")
    scene: str = Field(description="25 to 50 words of what a camera would see; empty where keep is false")
    alt: str = Field("", description="one short sentence for somebody who cannot see the picture")
    avoid: Annotated[list[str], BeforeValidator(_listed)] = Field(
        default_factory=list, description="up to 6 nouns that this picture must not show"
    )

    @model_validator(mode="before")
    @classmethod
    def _unwrapped(cls, value: Any) -> Any:
        return value[0] if isinstance(value, list) and len(value) == 1 else value
