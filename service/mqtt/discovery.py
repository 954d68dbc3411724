"""Devices as Home Assistant learns of them: one retained message each (device discovery, Home Assistant 2024.11). Pure.

https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload; keys are written out, not abbreviated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from service import __version__

from .names import CHANNELS, DISPLAYS, Names

Payload = dict[str, Any]
ICONS = {"next": "skip-next", "previous": "skip-previous", "favourite": "star", "ban": "cancel"}


@dataclass(frozen=True, slots=True)
class Device:
    """A display or a channel as one of Home Assistant's devices."""

    names: Names
    room: str  #: DISPLAYS or CHANNELS
    name: str
    called: str  #: for people: "Frontispiece kitchen"
    model: str
    page: str = ""  #: its page of ours; "" where nobody knows our address

    def payload(self) -> Payload:
        """The whole message."""
        parts = _display(self) if self.room == DISPLAYS else _channel(self)
        visit = {"configuration_url": self.page} if self.page else {}
        return {
            "device": {
                "identifiers": [self.names.unique(self.room, self.name)], "name": self.called, "model": self.model,
                "manufacturer": "Frontispiece", "sw_version": __version__, **visit,
            },
            "origin": {"name": "Frontispiece", "sw_version": __version__},
            "availability_topic": self.names.status,
            "components": parts,
        }  # fmt: skip

    def part(self, platform: str, key: str, name: str | None, **more: Any) -> Payload:
        """One entity; ``name`` None: the device's own."""
        entity = "_".join(filter(None, (slug(self.called), slug(name or ""))))
        return {
            "platform": platform, "unique_id": self.names.unique(self.room, self.name, key), "name": name,
            "default_entity_id": f"{platform}.{entity}", **more,
        }  # fmt: skip

    @property
    def state(self) -> str:
        return self.names.at(self.room, self.name, "state")

    def read(self, key: str) -> Payload:
        """That an entity's state is this key of the device's own."""
        return {"state_topic": self.state, "value_template": f"{{{{ value_json.{key} }}}}"}

    def do(self, verb: str) -> Payload:
        return {"command_topic": self.names.do(self.room, self.name, verb)}


def display(names: Names, name: str, called: str, model: str, page: str) -> Device:
    """A screen."""
    return Device(names, DISPLAYS, name, f"{called} {name}", model, page)


def channel(names: Names, name: str, called: str, page: str) -> Device:
    """An audience."""
    return Device(names, CHANNELS, name, f"{called} channel {name}", "channel", page)


def _display(device: Device) -> dict[str, Payload]:
    picture = device.names.at(DISPLAYS, device.name, "image")
    buttons = {
        verb: device.part("button", verb, verb.capitalize(), icon=f"mdi:{icon}", **device.do(verb))
        for verb, icon in ICONS.items()
    }
    return {
        "image": device.part("image", "image", None, image_topic=picture, content_type="image/jpeg"),
        "headline": device.part(
            "sensor", "headline", "Headline", icon="mdi:newspaper-variant-outline",
            json_attributes_topic=device.state, **device.read("headline"),
        ),
        **buttons,
        "pause": device.part(
            "switch", "pause", "Pause", icon="mdi:pause", **device.do("pause"), **device.read("paused"),
        ),
        "error": device.part(
            "sensor", "error", "Last error", icon="mdi:alert-circle-outline", entity_category="diagnostic",
            **device.read("error"),
        ),
    }  # fmt: skip


def _channel(device: Device) -> dict[str, Payload]:
    return {
        "mood": device.part(
            "number", "mood", "Mood", icon="mdi:emoticon-happy-outline", min=-10, max=10, step=1, mode="slider",
            **device.do("mood"), **device.read("mood"),
        ),
        "gate": device.part(
            "sensor", "gate", "Gate", icon="mdi:gate", json_attributes_topic=device.state, **device.read("gate"),
        ),
    }  # fmt: skip


def slug(words: str) -> str:
    """Words as a part of an entity's id."""
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
