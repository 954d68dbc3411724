"""Questions to an OpenAI-compatible server whose answers must have a set form."""

from .access import Access
from .budget import Budget
from .duty import Duty
from .ladder import Ladder, Question

__all__ = ["Access", "Budget", "Duty", "Ladder", "Question"]
