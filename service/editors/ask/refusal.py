"""What a server's refusal means: who must do what, and how long it is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import EditorError
from .rest import LONGEST, PATIENCE, Failing
from .sight import blind

if TYPE_CHECKING:
    from .access import Access
    from .wire import Refused

MAX_PAUSE = 10.0  #: seconds that a question waits for a busy server


def spent(refused: Refused) -> bool:
    return refused.status == 402 or "quota" in refused.said.lower() or "billing" in refused.said.lower()


def verdict(refused: Refused, access: Access, *, shown: bool) -> EditorError | None:
    """What no other form of asking would change; None where one might. ``shown``: a picture was sent."""
    url, said = access.base_url, refused.said.lower()
    if refused.status in (401, 403):
        key = f"the key in {access.key_name}" if access.key_name else "a request without a key: set api_key_env"
        return Failing(f"{url} refused {key}", patience=1, rest_seconds=LONGEST)
    if spent(refused):
        return Failing(f"the account at {url} has no credit left: {refused.said}", patience=1, rest_seconds=LONGEST)
    if refused.status == 429:
        wait = refused.retry_after or 0.0
        patience = 1 if wait > MAX_PAUSE else PATIENCE
        return Failing(f"{url} is busy: too many requests", patience=patience, rest_seconds=wait)
    if "model" in said and any(word in said for word in ("not found", "not exist", "not loaded", "no such")):
        return Failing(f"{url} has no model {access.model!r}: check its name (for Ollama: ollama pull)")
    if shown and blind(refused, access.model):
        return EditorError(f"{access.model} cannot see pictures: choose another critic")
    if refused.status in (404, 405):
        return Failing(f"there is no /chat/completions at {url}: base_url usually ends in /v1")
    return None


def failed(refused: Refused, access: Access) -> str:
    reason = f": {refused.said}" if refused.said else ""
    return f"{access.base_url} failed with {access.model} (HTTP {refused.status}){reason}"
