"""What a headline is about and how that bears on it: the weights of kinds, veto topics and subjects. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from .lexicons import BREAK, Hit

#: What one word of each of our lists adds, on the scale of general-purpose valence (-4 … 4). Set by hand.
WEIGHTS: Mapping[tuple[str, str], float] = {
    ("grave", "strong"): -2.5,
    ("grave", "middle"): -1.6,
    ("grave", "mild"): -0.6,
    ("bright", "strong"): 2.2,
    ("bright", "middle"): 1.1,
    ("bright", "mild"): 0.6,
    ("bright", "kind"): 0.9,  # a kind thing; nothing is said to have happened to it
    ("bright", "plain"): 0.0,  # a name that general-purpose lists take for a word
    ("relief", "mended"): 2.5,
    ("idiom", "harmless"): 0.0,
}
MATTERS = frozenset({("bright", "kind"), ("bright", "mild")})  #: what a story is about, not what happened
VETO_WEIGHT = -3.5
DARK = -0.2  #: a topic that leans further outvotes the kind ones
SOFTENED_WEIGHT = -1.2  #: war or arms only mentioned, next to talks or peace

#: What a topic alone adds: households' pictures are easier for a cup final than for a border.
LEAN: Mapping[str, float] = {
    "conflict": -1.3,
    "crime": -0.8,
    "politics": -0.3,
    "weather": -0.5,
    "economy": -0.1,
    "health": -0.1,
    "religion": -0.2,
    **dict.fromkeys(("sport", "science", "space", "education", "family", "history", "transport", "celebrity"), 0.4),
    **dict.fromkeys(("film", "music", "arts", "food", "animals", "travel", "games", "nature"), 0.6),
}
#: What a story may be about; the names that an owner's ``allow_topics`` and ``block_topics`` know.
TOPICS = (
    *("advert", "animals", "arts", "celebrity", "conflict", "crime", "economy", "education", "environment", "family"),
    *("film", "food", "games", "health", "history", "money", "music", "nature", "politics", "religion", "science"),
    *("space", "sport", "technology", "transport", "travel", "weather"),
)
#: What is never painted. An owner may block these too, so that not even their words are shown; none can be allowed.
VETO_TOPICS = (
    *("death", "violence", "war", "weapons", "terror", "abuse", "self-harm", "sexual-crime", "hate", "disaster"),
    *("missing-child", "children"),
)
DELICATE = frozenset({"conflict", "crime", "religion", "weather", "advert"})  #: no person of this home in these
LIGHT = frozenset({"sport", "film", "music", "arts", "food", "animals", "travel", "games", "nature", "celebrity"})
HEATED = frozenset({"politics", "conflict", "crime", "economy", "technology", "sport"})  #: bad news is tense, not sad
SOFT = frozenset({"war", "weapons"})  #: lists whose veto talks of peace may lift; no others, nor their parts
MISSING = "missing-child"  #: the veto that a happy end lifts
CHILDREN = "children"  #: the veto of children as victims; not a list but a rule

_NEGATION_REACH = 2  #: words
_REDUCER_REACH = 5  #: words: "cuts risk of heart disease death"


@dataclass(frozen=True, slots=True)
class Findings:
    """What the lists found in a headline, weighed."""

    negative: float  #: sum of what weighs down, >= 0
    positive: float  #: sum of what lifts, >= 0
    deeds: float  #: the part of it that says something good happened
    veto: tuple[str, ...]  #: topics never painted, in the order found
    topics: tuple[str, ...]  #: most frequent first
    grave_words: tuple[str, ...]  #: heaviest first
    bright_words: tuple[str, ...]


def weigh(hits: Sequence[Hit], words: Sequence[str]) -> Findings:
    """Sum a headline's hits, hearing negation, remedies and talks of peace."""
    kinds = {hit.kind for hit in hits}
    turned = _turned(hits, words)
    together = _together(hits, words)
    veto = [topic for topic, _ in together]
    weighed = [(VETO_WEIGHT, phrase) for _, phrase in together]
    for hit in hits:
        weight = _weight_here(hit, kinds, turned.get(hit.start))
        if weight == VETO_WEIGHT and hit.kind == "veto":
            veto.append(hit.name.partition("/")[0])
        if weight:
            weighed.append((weight, " ".join(words[hit.start : hit.end])))
    weighed.sort()
    topics = _topics(hits)
    grave = tuple(word for weight, word in weighed if weight < 0)
    negative = -sum(weight for weight, _ in weighed if weight < 0)
    if negative >= 2 and "child" in kinds:
        veto.append(CHILDREN)
    bright = tuple(word for weight, word in reversed(weighed) if weight > 0)
    positive = sum(weight for weight, _ in weighed if weight > 0)
    deeds = sum(weight for hit in hits if (weight := weight_of(hit)) > 0 and (hit.kind, hit.name) not in MATTERS)
    return Findings(negative, positive, deeds, tuple(dict.fromkeys(veto)), topics, grave, bright)


def lean(topics: Sequence[str]) -> float:
    """What the topics add to a headline's valence: the darkest of the dark ones, else the kindest."""
    leans = [LEAN.get(topic, 0.0) for topic in topics]
    return min(leans) if leans and min(leans) < DARK else max(leans, default=0.0)


def weight_of(hit: Hit) -> float:
    """What a hit weighs by itself, below zero where it is grave."""
    if hit.kind == "valence":
        return hit.weight
    if hit.kind == "veto":
        return VETO_WEIGHT
    return WEIGHTS.get((hit.kind, hit.name), 0.0)


def _weight_here(hit: Hit, kinds: Set[str], turn: str | None) -> float:
    """What a hit weighs among the kinds of its headline and after the word that may turn it."""
    weight = weight_of(hit)
    if hit.kind != "veto":
        return weight if weight >= 0 or not turn else -0.4 * weight if turn == "reduce" else 0.0
    if hit.name in SOFT and "soften" in kinds:
        return SOFTENED_WEIGHT
    if hit.name == MISSING and "relief" in kinds:
        return 0.0
    return 0.0 if hit.name == "death" and turn == "reduce" else weight  # "cuts the risk of death"


def _turned(hits: Sequence[Hit], words: Sequence[str]) -> dict[int, str]:
    """Token positions whose bad word a word before them turns: "no …" or "cuts the risk of …"."""
    turned: dict[int, str] = {}
    ill = {hit.start for hit in hits if hit.kind == "ill"}
    literal = {hit.start for hit in hits if hit.kind == "literal"}  # "ends in tragedy" ends no tragedy
    for kind, reach in (("negate", _NEGATION_REACH), ("reduce", _REDUCER_REACH)):
        for hit in hits:
            if hit.kind != kind or hit.start in literal:
                continue
            for at in range(hit.end, min(hit.end + reach, len(words))):
                if words[at] == BREAK:
                    break
                if kind == "negate" or at in ill:
                    turned[at] = kind
                if kind == "reduce" and at in ill:
                    turned[hit.start] = "negate"  # a cut in risk is no cut
    return turned


def _together(hits: Sequence[Hit], words: Sequence[str]) -> list[tuple[str, str]]:
    """The veto topics that two words make together, each with those words: a town's name and "vigil"."""
    harmless = _harmless(hits)
    rules: dict[str, dict[str, list[Hit]]] = {}
    for hit in hits:
        if hit.kind == "together" and hit.start not in harmless:
            rule, _, side = hit.name.rpartition("/")
            rules.setdefault(rule, {}).setdefault(side, []).append(hit)
    return [
        (rule.partition("/")[0], " … ".join(" ".join(words[hit.start : hit.end]) for hit in pair))
        for rule, sides in rules.items()
        if len(sides) == 2 and (pair := _apart(*sides.values()))
    ]


def _apart(one: Sequence[Hit], other: Sequence[Hit]) -> tuple[Hit, Hit] | None:
    """The first two hits of two sides that share no word, in the order they are read."""
    pairs = (sorted((a, b), key=lambda hit: hit.start) for a in one for b in other)
    return next(((a, b) for a, b in pairs if a.end <= b.start), None)


def _harmless(hits: Sequence[Hit]) -> frozenset[int]:
    """Token positions inside a phrase that only sounds grave."""
    return frozenset(at for hit in hits if hit.kind == "idiom" for at in range(hit.start, hit.end))


def _topics(hits: Sequence[Hit]) -> tuple[str, ...]:
    harmless = _harmless(hits)
    counts: dict[str, int] = {}
    for hit in hits:
        if hit.kind == "topics" and not (hit.start in harmless and LEAN.get(hit.name, 0.0) < DARK):
            counts[hit.name] = counts.get(hit.name, 0) + 1
    return tuple(sorted(counts, key=lambda name: -counts[name]))
