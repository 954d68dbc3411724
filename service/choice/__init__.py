"""Choose a day's worth: fresh, kind, told by many, varied, and no event twice. Pure: values in, values out."""

from .events import LINK, MEANT_SAME, SAME, cluster, normal, trace
from .ranking import ALSO_MOST, Candidate, Choice, Chosen, Shown, choose
from .taste import Taste, learn
from .trifles import trifle

__all__ = [
    "ALSO_MOST",
    "LINK",
    "MEANT_SAME",
    "SAME",
    "Candidate",
    "Choice",
    "Chosen",
    "Shown",
    "Taste",
    "choose",
    "cluster",
    "learn",
    "normal",
    "trace",
    "trifle",
]
