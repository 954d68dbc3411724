"""What the owner likes: said in the config, and learned from favourites and bans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from service.model import Verdict


@dataclass(frozen=True, slots=True)
class Taste:
    """What the owner likes, -1 … 1 for a topic or a folded word."""

    likes: Mapping[str, float] = field(default_factory=dict)


def learn(liked: Sequence[Verdict], banned: Sequence[Verdict]) -> Taste:
    """What favourites and bans teach about topics: each topic's share of likes over all, shrunk towards nothing."""
    votes: dict[str, list[int]] = {}
    for group, vote in ((liked, 1), (banned, -1)):
        for each in group:
            for topic in each.topics:
                votes.setdefault(topic, []).append(vote)
    return Taste({topic: sum(given) / (len(given) + 3) for topic, given in sorted(votes.items())})
