"""Keys and logins of servers, from the environment. They stand in no file that is shared."""

from __future__ import annotations

from ..errors import EngineError
from ..settings import secret


def key(name: str) -> str:
    """The key that an environment variable holds; "" for no variable. Raises EngineError where there is none."""
    if not name:
        return ""
    if found := _found(name):
        return found
    raise EngineError(f"there is no key: set {name} (or {name}_FILE) in the service's environment")


def login(name: str) -> str:
    """The same for "user:password"."""
    if not name:
        return ""
    found = _found(name)
    if ":" not in found:
        raise EngineError(f'there is no login: set {name} (or {name}_FILE) to "user:password" in the environment')
    return found


def _found(name: str) -> str:
    try:
        return (secret(name) or "").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise EngineError(f"the file that {name}_FILE names cannot be read") from error
