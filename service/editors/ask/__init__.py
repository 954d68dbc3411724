"""Questions to an OpenAI-compatible server whose answers must have a set form."""

from .ladder import Access, Ladder, Question

__all__ = ["Access", "Ladder", "Question"]
