"""What a publication is called, for people."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

from service.text import clean, shortened

_PARTS = re.compile(r"\s+[-–—|·•»>/]+\s+|\s*[|»]\s*|\s*::\s*|:\s+|\s+[-–—|]$")
_NOISE = re.compile(
    r"^(?:(?:latest|top|all|the latest)\s+(?:news|stories|headlines)(?:\s+(?:from|on)\s+)?|rss(?:\s+feed)?:?\s+)|"
    r"\s*(?:\(?rss(?:\s*feed)?\)?|feed|newsfeed|rss\s*2\.0|atom)$",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"^(?:the|le|la|les|der|die|das|el|il|o|de|het)\s")
_HOST_NOISE = frozenset("www feeds feed rss news newsfeed xml api m blog export static".split())  # noqa: SIM905
_LONGEST = 40  #: characters that fit a slide's source line


@lru_cache(maxsize=256)
def publication(title: str, url: str) -> str:
    """A publication's name from its feed's title: "BBC News - World" is "BBC News", "World news | The Guardian" is
    "The Guardian". The part that its address knows wins; a feed without a title is called after its host.
    """
    name = clean(title, 120)
    name = _NOISE.sub("", name).strip() or name
    parts = [part.strip() for part in _PARTS.split(name) if part and part.strip()]
    if not parts:
        return _site(url)
    best = max(parts, key=lambda part: _likeness(part, url))
    if _likeness(best, url) < 3:  # the address knows none of them
        best = parts[0] if len(parts) > 1 and len(name) > _LONGEST else name
    return shortened(best, _LONGEST)


def _likeness(part: str, url: str) -> int:
    """How many letters from its start a name shares with a label of the host: "BBC News" and bbci.co.uk share three."""
    keys = {re.sub(r"\W", "", _ARTICLE.sub("", part.lower())), re.sub(r"\W", "", part.lower())}
    return max((_shared(key, label) for key in keys for label in _labels(url)), default=0)


def _shared(one: str, other: str) -> int:
    for at, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return at
    return min(len(one), len(other))


def _labels(url: str) -> list[str]:
    labels = (urlsplit(url).hostname or "").split(".")
    bare = [label.removeprefix("the") for label in labels[:-1]] + [label.replace("-", "") for label in labels[:-1]]
    return [label for label in bare if len(label) > 2 and label not in _HOST_NOISE]


def _site(url: str) -> str:
    """The host without "www." and its like."""
    labels = (urlsplit(url).hostname or "").split(".")
    while len(labels) > 2 and labels[0] in _HOST_NOISE:
        labels = labels[1:]
    return ".".join(labels)
