"""What a server's refusal to paint means for the owner. Pure."""

from __future__ import annotations

from typing import Any

REST_S, LONGEST_REST_S = 30.0, 3600.0
_BLOCKED = ("moderation", "content_policy", "content policy", "safety", "content_filter", "responsibleai")
_NO_CREDIT = ("quota", "billing", "credit", "payment")


class Refusal(Exception):
    """A server answered, but with no picture."""

    def __init__(self, status: int, code: str, said: str, retry_after: float | None = None) -> None:
        """``code`` is the protocol's word, "" where there is none; ``said`` is short; ``retry_after`` in seconds."""
        super().__init__(said)
        self.status, self.code, self.said, self.retry_after = status, code, said, retry_after
        self.body: dict[str, Any] = {}  #: the whole answer, where it was an object

    @property
    def _text(self) -> str:
        return f"{self.code} {self.said}".lower()

    @property
    def blocked(self) -> bool:
        """The server's moderation refused the scene: asking again with the same words cannot help."""
        return self.status in (400, 403, 422) and any(word in self._text for word in _BLOCKED)

    @property
    def busy(self) -> bool:
        """The server would paint this, only not now: by its own word, or by when to ask again (RFC 9110, 10.2.3)."""
        if self._no_credit:
            return False
        told = self.retry_after is not None
        return (self.status == 429 and told) or (self.status == 503 and (told or "busy" in self._text))

    @property
    def rest_s(self) -> float:
        """How long to leave the server alone; 0 where asking again may help at once."""
        if self.status not in (401, 402, 403, 429) and not self._no_credit and not self.busy:
            return 0.0
        return REST_S if self.retry_after is None else min(self.retry_after, LONGEST_REST_S)

    @property
    def _no_credit(self) -> bool:
        return self.status == 402 or (self.status in (400, 403, 429) and any(w in self._text for w in _NO_CREDIT))

    def objects_to(self, field: str) -> bool:
        """The server does not know a field of the request, or not this value of it."""
        return self.status in (400, 422) and not self.blocked and field in self._text

    def explained(self, host: str, model: str, key: str) -> str:
        """A sentence for the owner: what happened, and what to do."""
        said = f' (it says: "{self.said}")' if self.said else ""
        return self._meaning(host, model, key or "api_key_env") + said

    def _meaning(self, host: str, model: str, key: str) -> str:
        if self.blocked:
            return f"{host} will not paint this scene; the next engine can"
        if self._no_credit:
            return f"the account at {host} has no credit left: top it up there, or choose another engine"
        if self.status in (401, 403):
            return f"{host} does not accept the key: see that {key} holds one that may use {model}"
        if self.status == 503 and self.busy:
            return f"{host} is busy; it will be asked again"
        if self.status == 429:
            return f"{host} wants fewer requests: lower plates_per_round, or raise cadence_minutes"
        if self.status in (404, 405):
            return f"{host} knows no images API there, or no {model!r}: see base_url (usually ends in /v1) and model"
        if self.status in (301, 302, 303, 307, 308):
            return f"{host} sends us elsewhere: put the address it now has into base_url"
        if self.status >= 500:
            return f"{host} has trouble itself ({self.status}); it will be asked again"
        return f"{host} did not understand the request ({self.status}): see model, quality, sizes and extra"
