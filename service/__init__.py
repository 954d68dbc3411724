"""Frontispiece: the day's news as pictures on the screens at home."""

__version__ = "0.1.0"
