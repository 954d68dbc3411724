"""Small doors: each tries one part just as a channel would, shows what was kept off, or takes the owner's word."""

from . import displays, editors, feeds, rounds, subject
from .asked import AsJson, Channel, Config, Data, UsageError, channel_named, settings_of, with_engine
from .events import cluster
from .moods import mood
from .pairs import pair, unpair
from .pictures import paint, slide
from .repaint import repaint
from .skipped import let, skipped
from .stories import describe, judge, parse
from .turning import next_slide, pause, previous, resume, show, token
from .votes import ban, favourite, not_me
from .watermarks import watermark

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
    "mood",
    "next_slide",
    "not_me",
    "paint",
    "pair",
    "parse",
    "pause",
    "previous",
    "repaint",
    "resume",
    "rounds",
    "settings_of",
    "show",
    "skipped",
    "slide",
    "subject",
    "token",
    "unpair",
    "watermark",
    "with_engine",
]
