# ruff: noqa: SIM905  (a list of words reads best as words)
"""Whether a text speaks to a machine instead of to a reader. Pure.

Two answers. ``orders`` is sure: such a text is no news, and nobody illustrates it. ``doubts`` is careful: such a text
may be honest, and is all the same not shown to a language model; the house editor, who obeys nobody, directs it.
A doubt costs a story only the model's wit, so it may be raised easily: of 4,123 headlines 28 did.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import resources

from ..language import gibberish
from .disguise import decoded, masked, unmasked, visible

_READ_MAX = 10_000  #: characters that are read
_TITLE = 300  #: characters that tell a language
_ENCODED = 12  #: letters that come out of a code: no chance, and no news

# Marks by which models part the turns of a conversation: ChatML, Llama, Mistral, Gemma, DeepSeek, Harmony.
MARKS = re.compile(
    r"<\s*[|｜][^<>]{0,40}[|｜]\s*>|\[/?\s*(?:INST|SYS|AVAILABLE_TOOLS|TOOL_CALLS?|TOOL_RESULTS?)\s*\]|<<\s*/?\s*SYS\s*>>"
    r"|<\s*/?\s*(?:s|bos|eos|unk|pad|think|thinking|item|items|system|user|human|assistant|tool|prompt|start_of_turn|end_of_turn"
    r"|im_start|im_end|function_calls?|instructions?)\b[^<>]{0,40}>"
    r"|#{2,}\s*(?:system|user|assistant|human|instructions?|response|input)\b\s*:?",
    re.IGNORECASE,
)
#: what an order says when nothing parts its words, or anything does
_RUN_TOGETHER = re.compile(
    r"ignore(?:all|the|any|your|every)?(?:previous|prior|above|earlier)|(?:previous|prior|above|earlier)instructions?"
    r"|(?:ignore|forget|disregard)(?:all|the|your|any)?(?:instructions|rules)|systemprompt|newinstructions"
)
_APART = re.compile(r"[^a-z]+")
_MARK = re.compile(r"\bSUBJECT\b")  #: what a subject is called before a model
_LATIN = re.compile(r"[a-zA-Z]")


@lru_cache(maxsize=256)  # each text is asked about when choosing, when directing, and by the house
def orders(text: str) -> str:
    """The words with which a text speaks to a machine instead of to a reader; "" for an honest one."""
    text = visible(text[:_READ_MAX])
    found = next((found for reading in _readings(text) if (found := _said("orders", reading))), None)
    mark = MARKS.search(text) or found or _RUN_TOGETHER.search(_APART.sub("", unmasked(text).lower()))
    if mark:
        return " ".join(mark.group().split())[:80]
    return next((f"encoded: {said[:60]}" for said in decoded(text, _ENCODED)), "")


@lru_cache(maxsize=256)
def doubts(text: str) -> str:
    """Why a text had better not be shown to a language model; "" where nothing speaks against it."""
    if order := orders(text):
        return order
    text = visible(text[:_READ_MAX])
    if mask := masked(text) or ("its own name for a subject" if _MARK.search(text) else ""):
        return mask
    found = next((found for reading in _readings(text) if (found := _said("doubts", reading))), None)
    if found:
        return " ".join(found.group().split())[:80]
    return "words of no language" if gibberish(text[:_TITLE]) else ""


def _readings(text: str) -> Iterator[str]:
    """The text in small letters, then without its disguises where it has some."""
    text = text.lower()
    yield text
    bare = unmasked(text)
    if bare != text:
        yield bare


def _said(kind: str, text: str) -> re.Match[str] | None:
    patterns = (
        *(_patterns(kind, latin=True) if _LATIN.search(text) else ()),
        *(() if text.isascii() else _patterns(kind, latin=False)),
    )
    return next((found for pattern in patterns if (found := pattern.search(text))), None)


@cache
def _patterns(kind: str, *, latin: bool) -> tuple[re.Pattern[str], ...]:
    """Those of ``orders.toml`` for small letters: in Latin letters, or in all other scripts.

    One by one, and not as one long alternative: that is three times as fast.
    """
    return tuple(
        re.compile(_small(pattern), re.DOTALL)
        for language, listed in _table()[kind].items()
        for pattern in listed
        if (language not in _OTHER_SCRIPTS) == latin
    )


@cache
def _table() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(resources.files(__package__).joinpath("orders.toml").read_text("utf-8"))


def _small(pattern: str) -> str:
    """A pattern for text in small letters; what a backslash makes special stays as it is."""
    return re.sub(r"\\.|[^\\]", lambda part: part[0] if part[0][0] == "\\" else part[0].lower(), pattern)


_OTHER_SCRIPTS = frozenset(
    "am ar bg bn el fa gu he hi hy ja ka kk km kn ko lo ml mn mr my pa ru si sr ta te th uk ur zh".split()
)
