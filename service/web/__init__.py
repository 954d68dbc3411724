"""The browser's door: pages for people, slides for screens, JSON for programs."""

from .app import create
from .server import serve

__all__ = ["create", "serve"]
