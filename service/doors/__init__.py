"""Small doors: each lets a person try one part just as the channel would do it, or shows what was kept off."""

from .asked import AsJson, Channel, Config, Data, UsageError, channel_named, settings_of
from .pictures import paint, slide
from .skipped import let, skipped
from .stories import describe, judge, parse

__all__ = [
    "AsJson",
    "Channel",
    "Config",
    "Data",
    "UsageError",
    "channel_named",
    "describe",
    "judge",
    "let",
    "paint",
    "parse",
    "settings_of",
    "skipped",
    "slide",
]
