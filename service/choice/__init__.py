"""Choose a day's worth: fresh, kind, told by many, varied, and no event twice. Pure: values in, values out."""

from .events import LINK, SAME, cluster, normal
from .ranking import Candidate, Chosen, Shown, choose
from .taste import Taste, learn

__all__ = ["LINK", "SAME", "Candidate", "Chosen", "Shown", "Taste", "choose", "cluster", "learn", "normal"]
