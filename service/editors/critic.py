"""What a model that can see is asked about a picture, and what is made of its answer.

The model says of nine points what it sees, and only then whether that is well; the ruling is made from the points, by
code. It is shown neither the headline nor anybody's name. What stands in a picture may be foreign text, and a model may
obey it: all that such a text can bring about is a word on a point, or a wish for the next picture, and the wish must
pass what every scene must.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from PIL import Image
from pydantic import Field, model_validator

from ..errors import EditorError
from ..model import Picture, Prompt
from ..protocols import Check, Critique
from ..subjects import renamed
from .answers import Answer
from .quoting import orders, quoted
from .scenery import speech_faults, tidy
from .taste import faults as tasteless

SIDE_PX = 768  #: the longest side that is sent: details that matter on a wall are seen, and it costs about 800 tokens
REJECTED = ("no_gore", "no_lookalike")  #: where one of these fails the picture never hangs
RETRIED = ("subject_present", "idea_visible", "no_lettering", "no_logo_or_flag")  #: one of these is one too many
TOLERATED = 1  #: of the others
_QUALITY = 85
_SEEN_CHARS = 120
_WHY_CHARS = 160
_FIX_WORDS = (3, 25)
# so that a change cannot begin with a name: elsewhere a capital gives it away
_STARTS = frozenset("the a an one two three four five many several some its all more".split())  # noqa: SIM905


class Look(Answer):
    """One point: the evidence, then the word on it."""

    seen: str = Field(description="what the picture shows on this point, at most 12 words")
    ok: bool


class Looks(Answer):
    """What the model saw. The order of the points is the order of its thinking."""

    subject_present: Look
    one_person: Look
    idea_visible: Look
    tone_fits: Look
    no_lettering: Look
    no_logo_or_flag: Look
    no_lookalike: Look
    anatomy_ok: Look
    no_gore: Look
    worst_defect: str = Field("", description="the most damaging defect and where it is; empty if there is none")
    fix: str = Field("", description="one change as the picture should show it; empty if there is none")

    @model_validator(mode="before")
    @classmethod
    def _from_a_list(cls, value: object) -> object:
        """The points as fields, where a model gives a list of them under a name of its own."""
        if not isinstance(value, Mapping) or "no_gore" in value:
            return value
        lists = [part for part in value.values() if isinstance(part, list)]
        points = {str(point.get("id")): point for part in lists for point in part if isinstance(point, Mapping)}
        nested = {key: part for key, part in value.items() if isinstance(part, Mapping)}
        return {**value, **points, **{name: look for part in nested.values() for name, look in part.items()}}

    def points(self) -> dict[str, Look]:
        """The nine points by name."""
        return {name: look for name in type(self).model_fields if isinstance(look := getattr(self, name), Look)}


def shown(picture: Picture) -> str:
    """The picture as a data: URL, small enough to be sent, without what its file says of itself. Raises EditorError."""
    out = io.BytesIO()
    try:
        with Image.open(io.BytesIO(picture.data), formats=("PNG", "JPEG")) as file:
            file.draft("RGB", (SIDE_PX, SIDE_PX))
            image = file.convert("RGB")
            image.thumbnail((SIDE_PX, SIDE_PX))
            image.info = {}
            image.save(out, "JPEG", quality=_QUALITY)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise EditorError(f"the picture cannot be opened: {error}") from error
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"


def asked(prompt: Prompt, kinds: Mapping[str, str]) -> dict[str, object]:
    """What the model is told of the picture: its scene with nobody's name in it, its mood, and who should be in it.

    ``kinds``: the class noun of everybody of this home in it, by name.
    """
    scene = renamed(prompt.scene, {name: f"a {kind}" for name, kind in kinds.items()})
    figure, beside = (*kinds.values(), "", "")[:2]
    return {"scene": quoted(scene, 700), "mood": prompt.mood, "figure": figure, "beside": beside}


def faults(looks: Looks) -> Sequence[str]:
    """Points on which the model ruled without having looked."""
    return [f"{name}: say first what you see" for name, look in looks.points().items() if not look.seen.strip()]


def critique_of(looks: Looks, unwelcome: Collection[str]) -> Critique:
    """The ruling on a picture. ``unwelcome``: names and tokens of people at home, which may not come back in words."""
    points = looks.points()
    spoken = any(orders(look.seen) for look in points.values())  # the picture speaks to whoever reads it
    checks = tuple(
        Check(name, quoted(look.seen, _SEEN_CHARS), look.ok and not (spoken and name == "no_lettering"))
        for name, look in points.items()
    )
    failed = [check for check in checks if not check.ok]
    why = "" if not failed else quoted(looks.worst_defect, _WHY_CHARS)
    if failed and (len(why) < 4 or why.lower().startswith("none")):  # "no", "n/a"
        why = failed[0].seen
    return Critique(ruling(checks), why, fitting(looks.fix, unwelcome), checks)


def ruling(checks: Sequence[Check]) -> Literal["accept", "retry", "reject"]:
    """What the points together mean."""
    failed = {check.id for check in checks if not check.ok}
    if failed.intersection(REJECTED):
        return "reject"
    return "retry" if failed.intersection(RETRIED) or len(failed) > TOLERATED else "accept"


def fitting(fix: str, unwelcome: Collection[str] = ()) -> str:
    """The wished change in a form that can stand in a scene; "" where it may not."""
    line = tidy(fix).strip(" .,;:")
    words = (line[:1].lower() + line[1:]).split()
    least, most = _FIX_WORDS
    if not least <= len(words) <= most or words[0] not in _STARTS:
        return ""
    text = " ".join(words)
    wrong = [fault for fault in tasteless(text) if not fault.startswith("too short")]
    return "" if wrong or any(speech_faults(text, unwelcome)) else text
