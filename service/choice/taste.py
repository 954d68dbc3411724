"""What the owner likes: said in the config, and learned from favourites and bans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from service.gate.lexicons import tokens
from service.gate.verdict import ALLOWED, BLOCKED
from service.model import Verdict

from .events import UNSPACED, common_words

SAID = 1.0  #: what a like of the config adds
SAID_MOST = 1.5  #: what all of them together add
LEARNED_MOST = 1.5  #: what all votes together add or take
TOPIC_DOUBT, WORD_DOUBT = 4, 9  #: imagined votes of neither kind: one real vote moves a topic by 1/5, a word by 1/10
_PLURAL = 4  #: letters a word has at least, for its final "s" to be a plural's


@dataclass(frozen=True, slots=True)
class Taste:
    """What the owner likes. Words are those that ``words_of`` gives."""

    said: Sequence[str] = ()  #: words, phrases and topics that the owner named
    words: Mapping[str, float] = field(default_factory=dict)  #: learned, -1 … 1
    topics: Mapping[str, float] = field(default_factory=dict)  #: learned, -1 … 1

    def liking(self, title: str, verdict: Verdict) -> float:
        """How welcome a headline is, -1.5 … 3. What is under a veto is never more welcome for being of interest."""
        words = words_of(title)
        text = f" {' '.join(words)} "
        topics = {_key(topic) for topic in verdict.topics}
        named = sum(like in topics or _found(like, text) for like in self.said)
        learned = sum(self.words.get(word, 0.0) for word in set(words))
        learned += sum(self.topics.get(topic, 0.0) for topic in verdict.topics)
        liking = min(SAID_MOST, SAID * named) + max(-LEARNED_MOST, min(LEARNED_MOST, learned))
        return min(0.0, liking) if verdict.veto else liking


def learn(
    liked: Iterable[tuple[str, Verdict]], banned: Iterable[tuple[str, Verdict]], likes: Sequence[str] = ()
) -> Taste:
    """The owner's taste, from the headlines of favourites and of banned plates and from what the config names.

    Votes are shrunk towards nothing (additive smoothing): one moves a little, ten move a lot.
    """
    words: dict[str, list[int]] = {}
    topics: dict[str, list[int]] = {}
    for votes, vote in ((liked, 1), (banned, -1)):
        for title, verdict in votes:
            for word in _telling(title):
                words.setdefault(word, []).append(vote)
            for topic in {*verdict.topics} - {ALLOWED, BLOCKED}:
                topics.setdefault(topic, []).append(vote)
    said = tuple(dict.fromkeys(key for like in likes if (key := _key(like))))
    return Taste(said, _learned(words, WORD_DOUBT), _learned(topics, TOPIC_DOUBT))


def _learned(votes: Mapping[str, Sequence[int]], doubt: int) -> Mapping[str, float]:
    return {key: sum(given) / (len(given) + doubt) for key, given in sorted(votes.items())}


def _telling(title: str) -> set[str]:
    """The words of a headline that say what it is about."""
    small, common = common_words()
    return {word for word in words_of(title) if len(word) > 1 and word not in small and word not in common}


def _key(phrase: str) -> str:
    return " ".join(words_of(phrase)).strip()


def _found(like: str, text: str) -> bool:
    return like in text if UNSPACED.search(like) else f" {like} " in text


@lru_cache(maxsize=8192)
def words_of(text: str) -> tuple[str, ...]:
    """A text's words, folded, without a plural's "s": "Bicycles" and "bicycle" are one; "" ends a clause."""
    return tuple(_singular(word) for word in tokens(text))


def _singular(word: str) -> str:
    if len(word) < _PLURAL or not word.endswith("s") or word.endswith("ss"):
        return word
    return word if word[:-1] in common_words()[1] else word[:-1]  # "news" is not several of "new"
