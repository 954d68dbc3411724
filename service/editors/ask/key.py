"""The key that a server wants, from the environment."""

from __future__ import annotations

from ...errors import EditorError
from ...settings import secret

NO_KEY = "none"  #: sent where the owner names no key: local servers want a word, whatever it says


def key_in(name: str) -> str:
    """The key in the environment. Raises EditorError that names the variable."""
    if not name:
        return NO_KEY
    try:
        key = (secret(name) or "").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise EditorError(f"the file that {name}_FILE names cannot be read: {error}") from error
    if not key:
        raise EditorError(f"the environment variable {name} (or {name}_FILE) is not set: it must hold the editor's key")
    if not key.isascii() or not key.isprintable():
        raise EditorError(f"{name} holds something that cannot be a key")
    return key
