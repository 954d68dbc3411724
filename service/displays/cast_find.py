"""Where a Cast device is: an address that the owner wrote, or a name or UUID that is looked for by mDNS (RFC 6762)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from .cast_link import Absent, Link, Refused, identity
from .owner import Owner

PORT = 8009
SERVICE = "_googlecast._tcp.local."
SEARCH_SECONDS = 30.0  #: how long a search waits for its device; it costs nothing while it waits
SCREEN = 1  #: the bit of the record's capabilities ("ca") that says: has a screen


@dataclass(frozen=True, slots=True)
class Target:
    """A host and port, or else a name or UUID to look for."""

    host: str = ""
    port: int = PORT
    wanted: str = ""  #: a friendly name, or 32 hex digits of a UUID


def target(address: str) -> Target:
    """Read ``address``: "192.168.1.20", "hub.lan:8009", "Kitchen display" or a UUID. Raises ValueError."""
    text = address.strip()
    if not text:
        raise ValueError("should be the device's address, its name or its UUID")
    try:
        return Target(wanted=UUID(text).hex)
    except ValueError:
        pass
    found = re.fullmatch(r"([A-Za-z0-9._-]+)(?::(\d{1,5}))?", text)
    if not found or not (found[2] or "." in found[1] or found[1] == "localhost"):
        if re.match(r"\[|\w+://", text):
            raise ValueError("should be host or host:port with an IPv4 address, the device's name or its UUID")
        return Target(wanted=text)
    port = int(found[2] or PORT)
    if not 0 < port < 65536:
        raise ValueError(f"there is no port {port}")
    return Target(found[1], port)


def find(sought: Target, owner: Owner) -> tuple[str, int]:
    """The host and port of the device now. Raises Absent, Refused, Closing."""
    return (sought.host, sought.port) if sought.host else _search(sought.wanted, owner)


def reached(sought: Target, owner: Owner) -> str:
    """Connect once, ask how things are, and say it. Nothing is started, stopped or shown. Raises DisplayError."""
    host, port = find(sought, owner)
    link = Link(host, port, owner)
    try:
        link.open()
        seen = link.seen
    finally:
        link.close()
    _, model = identity(host)
    app = f"{seen.name} is in front" if seen.app else "nothing is in front"
    return f"{model or 'a Cast device'} at {host}:{port}; {app}"


@dataclass(frozen=True, slots=True)
class Found:
    """A Cast device that announced itself."""

    name: str
    model: str
    address: str  #: host:port
    uuid: str
    screen: bool


def discovered(seconds: float) -> list[Found]:
    """The Cast devices that answer within so many seconds, those with a screen first. Raises Absent."""
    found: dict[str, Found] = {}

    def heard(record: Mapping[str, str], host: str, port: int) -> None:
        model, uuid = record.get("md", ""), record.get("id", "")
        found[f"{host}:{port}"] = Found(record.get("fn", ""), model, f"{host}:{port}", uuid, has_screen(record))

    with _listening(heard):
        time.sleep(seconds)
    return sorted(found.values(), key=lambda device: (not device.screen, device.name.casefold(), device.address))


def _search(wanted: str, owner: Owner) -> tuple[str, int]:
    found: list[tuple[str, int]] = []
    silent: list[str] = []

    def heard(record: Mapping[str, str], host: str, port: int) -> None:
        if not matches(record, wanted):
            return
        with owner.bell:
            if has_screen(record):
                found.append((host, port))
            else:
                silent.append(record.get("fn", wanted))
            owner.bell.notify_all()

    with _listening(heard):
        owner.wait(lambda: found or silent, SEARCH_SECONDS)
    if silent and not found:
        raise Refused(f"{silent[0]!r} is a speaker or a group of them: it has no screen")
    if not found:
        raise Absent(f"no Cast device {wanted!r} is found on this network; in a container, give its address instead")
    return found[0]


@contextmanager
def _listening(heard: Callable[[Mapping[str, str], str, int], None]) -> Iterator[None]:
    """Tell each device's record, host and port as it answers. Raises Absent where there is no mDNS."""
    from zeroconf import IPVersion, ServiceBrowser, Zeroconf

    def changed(zeroconf: Any, service_type: str, name: str, state_change: Any) -> None:
        info = zeroconf.get_service_info(service_type, name, 2000) if state_change.name != "Removed" else None
        if info is not None and (hosts := info.parsed_addresses(IPVersion.V4Only)):
            record = {k.decode(): (v or b"").decode(errors="replace") for k, v in info.properties.items()}
            heard(record, hosts[0], info.port)

    try:
        zeroconf = Zeroconf(ip_version=IPVersion.V4Only)
    except OSError as error:
        raise Absent(f"mDNS is not to be had on this machine: {error}; give the device's address instead") from error
    try:
        ServiceBrowser(zeroconf, SERVICE, handlers=[changed])
        yield
    finally:
        zeroconf.close()


def matches(record: Mapping[str, str], wanted: str) -> bool:
    """Whether an mDNS record is the device: by its UUID, or by its name whatever the case."""
    uuid = record.get("id", "").replace("-", "").lower()
    return wanted == uuid or wanted.casefold() == record.get("fn", "").casefold()


def has_screen(record: Mapping[str, str]) -> bool:
    """Whether there is a screen; unknown counts as one."""
    group = record.get("md", "").casefold() == "google cast group"
    abilities = record.get("ca", "")
    return not group and not (abilities.isdigit() and not int(abilities) & SCREEN)
