"""A headline on its way into a prompt is foreign text: it is quoted, and it gives no orders. Pure.

Two defences that do not depend on the model: what could end a quotation or begin a turn of a conversation is taken out,
and a text that speaks to a machine rather than to a reader is found by its words, in many languages, and not shown to
the model at all.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import lru_cache
from importlib import resources

MAX_CHARS = 300

# Marks by which models part the turns of a conversation: ChatML, Llama, Mistral, Gemma, DeepSeek, Harmony.
_MARKS = re.compile(
    r"<\s*[|｜][^<>]{0,40}[|｜]\s*>|\[/?\s*(?:INST|SYS|AVAILABLE_TOOLS|TOOL_CALLS?|TOOL_RESULTS?)\s*\]|<<\s*/?\s*SYS\s*>>"
    r"|<\s*/?\s*(?:s|bos|eos|unk|pad|think|thinking|item|items|system|user|assistant|tool|start_of_turn|end_of_turn|im_start"
    r"|im_end|function_calls?|instructions?)\b[^<>]{0,40}>"
    r"|#{2,}\s*(?:system|user|assistant|human|instructions?|response|input)\b\s*:?",
    re.IGNORECASE,
)
_BLOB = re.compile(r"\b[A-Za-z0-9+/_-]{32,}={0,2}|(?:[0-9a-fA-F]{2}[\s:]?){20,}")  # base64 and hex: not for readers
# What could close the quotation or be taken for structure, as its harmless look-alike.
_LOOKALIKES = str.maketrans('<>{}[]`|\\"', "‹›()()'//”")


def quoted(text: str, limit: int = MAX_CHARS) -> str:
    """The text as one line that cannot end its quotation, begin a turn, or hide letters."""
    text = _visible(text[: limit * 4])
    while (once := _MARKS.sub(" ", text)) != text:  # a mark inside a mark
        text = once
    return " ".join(_BLOB.sub(" ", text).translate(_LOOKALIKES).split())[:limit]


def orders(text: str) -> str:
    """The words with which a text speaks to a machine instead of to a reader; "" for an honest one."""
    text = _visible(text)
    mark = _MARKS.search(text) or _order().search(text)
    return " ".join(mark.group().split())[:80] if mark else ""


@lru_cache(maxsize=1)
def _order() -> re.Pattern[str]:
    """All of ``orders.toml`` as one expression."""
    table = tomllib.loads(resources.files(__package__).joinpath("orders.toml").read_text("utf-8"))
    found = [f"(?:{order})" for language in table.values() for order in language]
    return re.compile("|".join(found), re.IGNORECASE | re.DOTALL)


def _visible(text: str) -> str:
    """Compatibility forms folded (ｆｕｌｌｗｉｄｔｈ), hidden and control characters gone."""
    folded = unicodedata.normalize("NFKC", text)
    return "".join(
        " " if char.isspace() or unicodedata.category(char) == "Cc" else char
        for char in folded
        if char.isspace() or unicodedata.category(char) not in ("Cf", "Co", "Cs", "Cn")
    )
