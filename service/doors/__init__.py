"""Small doors that let a person try one part. Each does just what the channel would do, and stores nothing."""

from . import feeds
from .asked import AsJson, Channel, Config, Data, UsageError, channel_named, settings_of
from .pictures import paint, slide
from .stories import describe, judge, parse

__all__ = [
    "AsJson",
    "Channel",
    "Config",
    "Data",
    "UsageError",
    "channel_named",
    "describe",
    "feeds",
    "judge",
    "paint",
    "parse",
    "settings_of",
    "slide",
]
