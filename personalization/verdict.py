"""What was learned, in words that its owner uses; and whether it may be published. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from .curves import Point

LIKE, BARELY = 0.6, 0.35  #: likeness from here on: "looks like", "resembles"
LEAKED = 0.3  #: of the class without the token: above it, others of the class look like the subject
DRIFTED, CHANGED = 0.35, 0.6  #: of other pictures: above these, "change somewhat", "change a lot"
FOLLOWS, PARTLY = 0.7, 0.45  #: of alignment, 1 being the base's own
TAKEN_OVER = 0.5  #: of leak: without the token, too, the class is nearer to the subject than to itself
FACED = 0.75  #: of pictures with a face, where likeness is read by it: below, that is said
LEAST = 0.2  #: likeness below this is nothing learned


@dataclass(frozen=True, slots=True)
class Verdict:
    """In a sentence, and if it is not fit to publish, why and what to do."""

    says: str
    refusal: str = ""


def judged(name: str, noun: str, point: Point) -> Verdict:
    """The verdict on a measurement. ``name`` is the owner's for the subject, such as "Rex"."""
    parts = [_likeness(name, point), _faces(point.faces), _class(noun, point.leak), _rest(point.drift),
             _words(point.alignment)]  # fmt: skip
    return Verdict("; ".join(filter(None, parts)), _refusal(name, noun, point))


def _likeness(name: str, point: Point) -> str:
    if point.faces == 0:
        return "no picture shows a face"
    what = "" if point.faces is None else "the face "
    if point.likeness >= LIKE:
        return f"{what}looks like {name}"
    return f"{what}resembles {name}" if point.likeness >= BARELY else f"{what}does not look like {name} yet"


def _faces(share: float | None) -> str:
    return "" if not share or share >= FACED else f"only {share:.0%} of the pictures show a face"


def _class(noun: str, leak: float) -> str:
    others = f"other {_several(noun)}"
    return f"{others} unaffected" if leak < LEAKED else f"{others} begin to look the same"


def _several(noun: str) -> str:
    """The plural, as far as it goes without a dictionary: nouns of people are the odd ones that matter."""
    for one, more in (("man", "men"), ("person", "people"), ("child", "children")):
        if noun.endswith(one) and noun != "human":
            return noun.removesuffix(one) + more
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"


def _rest(drift: float) -> str:
    if drift < DRIFTED:
        return ""
    return "other pictures change somewhat" if drift < CHANGED else "other pictures change a lot"


def _words(alignment: float | None) -> str:
    if alignment is None:
        return ""
    if alignment >= FOLLOWS:
        return "backgrounds follow the text"
    return "backgrounds follow the text in part" if alignment >= PARTLY else "backgrounds ignore the text"


def _refusal(name: str, noun: str, point: Point) -> str:
    if point.faces == 0:
        return (
            f"no face was found in the pictures of {name}, and likeness was to be measured by it: train for longer "
            "(--steps) or on larger pictures (--side-px), on a model that can paint faces, or leave --likeness out"
        )
    if point.likeness < LEAST:
        return (
            f"nothing of {name} was learned (likeness {point.likeness:.2f}): add photos where {name} is large and "
            "sharp, or train for longer (--steps), or faster (--learning-rate)"
        )
    if point.leak > TAKEN_OVER:
        return (
            f"every {noun} would look like {name} (leak {point.leak:.2f}): train with preservation (--preservation "
            "output), or more of it (--preservation-weight 2)"
        )
    if point.drift > 1:
        return (
            f"the model forgot what it knew (drift {point.drift:.2f}): train for less (--steps) or slower "
            "(--learning-rate)"
        )
    return ""
