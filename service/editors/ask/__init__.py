"""Questions to an OpenAI-compatible server whose answers must have a set form."""

from .budget import Budget
from .duty import Duty
from .ladder import Access, Ladder, Question

__all__ = ["Access", "Budget", "Duty", "Ladder", "Question"]
