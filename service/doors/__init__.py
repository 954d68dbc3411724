"""Small doors: those that let a person try one part do just what the channel would do, and store nothing."""

from . import feeds
from .asked import AsJson, Channel, Config, Data, UsageError, channel_named, settings_of
from .events import cluster
from .pictures import paint, slide
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
    "favourite",
    "feeds",
    "judge",
    "paint",
    "parse",
    "settings_of",
    "slide",
]
