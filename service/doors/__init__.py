"""Small doors: each tries one part just as a channel would, shows what was kept off, or takes the owner's word."""

from . import displays, editors, feeds
from .asked import AsJson, Channel, Config, Data, UsageError, channel_named, settings_of
from .events import cluster
from .pictures import paint, slide
from .skipped import let, skipped
from .stories import describe, judge, parse
from .votes import ban, favourite

__all__ = [
    "AsJson",
    "Channel",
    "Config",
    "Data",
    "UsageError",
    "ban",
    "channel_named",
    "cluster",
    "describe",
    "displays",
    "editors",
    "favourite",
    "feeds",
    "judge",
    "let",
    "paint",
    "parse",
    "settings_of",
    "skipped",
    "slide",
]
