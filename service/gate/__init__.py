"""Decides whether a story may be illustrated, and whether a subject may appear in it. Pure."""
