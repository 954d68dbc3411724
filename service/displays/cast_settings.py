"""What a Cast display's table may say."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator

from .cast_find import target
from .cast_manners import DASHCAST


class Settings(BaseModel):
    """A ``[[displays]]`` table of ``kind = "cast"``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["cast"] = "cast"
    address: str  #: host, host:port, the device's name in the Home app, or its UUID
    uuid: str = ""  #: where an address is given: the device that must be found there
    base_url: str = ""  #: where the device finds this service; "": the address that reached the device
    resume_after_seconds: float = Field(default=30, ge=0)  #: from the end of somebody else's app on
    reload_minutes: float = Field(default=7, gt=0)  #: devices put a still away after about ten
    mode: Literal["stills", "page"] = "stills"  #: what the device is sent: pictures, or once our live page
    app_id: str = Field(default=DASHCAST, pattern=r"^[0-9A-Fa-f]{8}$")  #: of the receiver that opens the page
    when_stopped: Literal["leave", "remove"] = "leave"  #: what becomes of the picture when the service ends

    @field_validator("address")
    @classmethod
    def _reachable(cls, address: str) -> str:
        target(address)
        return address

    @field_validator("uuid")
    @classmethod
    def _device(cls, text: str) -> str:
        return UUID(text).hex if text else text

    @field_validator("base_url")
    @classmethod
    def _web(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("should start with http:// or https://")
        return url.rstrip("/")
