"""What a web UI's refusal to paint means for the owner. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from .images_refusal import Refusal

PROTOCOL = "a web UI's API (/sdapi/v1)"


class Asked(Protocol):
    """What of an engine's table a server may not like."""

    @property
    def checkpoint(self) -> str: ...
    @property
    def sampler(self) -> str: ...
    @property
    def side_px(self) -> int: ...
    @property
    def loras(self) -> Mapping[str, str]: ...
    @property
    def login_env(self) -> str: ...


def explained(refusal: Refusal, host: str, table: Asked) -> str:
    """A sentence for the owner: what happened, and what to do."""
    said = f' (it says: "{refusal.said}")' if refusal.said else ""
    return _meaning(refusal.status, refusal.said.lower(), host, table) + said


def _meaning(status: int, text: str, host: str, table: Asked) -> str:
    if "out of memory" in text or "outofmemory" in text:
        return f"{host} ran out of memory: lower side_px ({table.side_px}), or start it with --medvram"
    if "nan" in text and ("nansexception" in text or "unet" in text or "vae" in text):
        return f"{host} painted nothing but errors of arithmetic: start it with --no-half-vae, or --no-half"
    if "sampler" in text and "not found" in text:
        return f"{host} knows no sampler {table.sampler!r}: see its list of samplers, and sampler"
    if "model" in text and ("not found" in text or "no model" in text or "not loaded" in text):
        return f"{host} has no such model loaded: see checkpoint ({table.checkpoint or 'none is asked for'})"
    if "lora" in text and table.loras:
        return f"{host} cannot use the LoRA: see loras, and the folder where it keeps them"
    if status in (404, 405):
        return f"{host} knows no {PROTOCOL}: start it with --api, and see that base_url is its address without a path"
    if status in (401, 403):
        return f"{host} wants another login: see that {table.login_env or 'login_env'} holds its user:password"
    if 300 <= status < 400:
        return f"{host} sends us elsewhere: put the address it now has into base_url"
    if status == 503 and "busy" in text:
        return f"{host} is busy; it will be asked again"
    if status in (429, 503):
        return f"{host} is busy, or has no image model loaded; it will be asked again"
    if status >= 500:
        return f"{host} has trouble itself ({status}); it will be asked again"
    return f"{host} did not understand the request ({status}): see sampler, scheduler, checkpoint and extra"
