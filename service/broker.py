"""The ``[mqtt]`` table: where the broker is that Home Assistant listens to, and what we are called there."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

PLAIN, TLS = 1883, 8883  #: the ports that IANA gave MQTT
_TOPIC = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*")


class Mqtt(BaseModel):
    """Nothing is started without this table; with it, and not a key in it, the broker is on this machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("localhost", min_length=1, max_length=253)
    port: int = Field(0, ge=0, le=65535)  #: 0: the usual one, with or without TLS
    username: str = ""
    password_env: str = ""  #: the environment variable that holds the password
    tls: bool = False
    ca_file: str = ""  #: a file with the certificate of whoever signed the broker's; "": those the machine trusts
    topic: str = Field("frontispiece", max_length=100)  #: everything of ours is below it
    discovery: str = Field("homeassistant", max_length=100)  #: where Home Assistant looks for new devices
    name: str = Field("Frontispiece", min_length=1, max_length=60)  #: what devices are called before their own names
    base_url: str = ""  #: where browsers find our pages; "": the address by which the broker was reached

    @field_validator("topic", "discovery")
    @classmethod
    def _topics(cls, topic: str) -> str:
        if not _TOPIC.fullmatch(topic):
            raise ValueError("should be letters, digits, - and _, with / between")
        return topic

    @field_validator("password_env")
    @classmethod
    def _whose(cls, name: str, info: ValidationInfo) -> str:
        if name and not info.data.get("username"):
            raise ValueError("needs username as well")
        return name

    @field_validator("ca_file")
    @classmethod
    def _trusted(cls, file: str, info: ValidationInfo) -> str:
        if file and not info.data.get("tls"):
            raise ValueError("needs tls = true as well")
        return file

    @field_validator("base_url")
    @classmethod
    def _address(cls, url: str) -> str:
        if url and not re.match(r"https?://[^/\s]", url):
            raise ValueError("should begin with http:// or https://")
        return url.rstrip("/")

    @property
    def at(self) -> tuple[str, int]:
        """The broker's host and port."""
        return self.host, self.port or (TLS if self.tls else PLAIN)

    @property
    def where(self) -> str:
        """The same for people."""
        host, port = self.at
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
