"""What works, what does not, and what to do: every part is tried once, nothing is stored."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .assembly import Service
from .errors import FrontispieceError
from .model import Mood, Prompt
from .pipeline import Desk
from .press import LOW_DISK_BYTES
from .protocols import Bookmark

SCENE = "a small red boat on a calm lake under a round moon, pine trees along the shore"


def findings(service: Service) -> Iterator[dict[str, Any]]:
    """One finding at a time: ``what``, ``ok``, ``says`` and, where something is to be done, ``do``."""
    yield {"what": "config", "ok": True, "says": f"{len(service.settings.channels)} channels, "
           f"{len(service.settings.displays)} displays"}  # fmt: skip
    yield _folder(service)
    for desk in service.desks.values():
        yield from _engines(desk)
        yield from _subjects(service, desk)
    yield from _feeds(service)
    yield from _displays(service)


def _folder(service: Service) -> dict[str, Any]:
    path = service.store.folder.path
    free = shutil.disk_usage(path).free
    if not os.access(path, os.W_OK):
        return _bad(f"data folder {path}", "cannot be written", "give this user the right to write there")
    if free < LOW_DISK_BYTES:
        return _bad(f"data folder {path}", f"{free / 1e6:.0f} MB free", "make room, or lower store.keep_gb")
    return _good(f"data folder {path}", f"writable, {free / 1e9:.1f} GB free")


def _engines(desk: Desk) -> Iterator[dict[str, Any]]:
    prompt = Prompt(SCENE, SCENE, Mood.CALM, "check", 1)
    for name, engine in desk.engines:
        what = f"engine {name} of {desk.name}"
        try:
            picture = engine.render(prompt, desk.width_px, desk.height_px)
            yield _good(what, f"painted {picture.width_px}x{picture.height_px}")
        except FrontispieceError as error:
            yield _bad(what, str(error), f"see engines.{name} in the config; the next engine takes over meanwhile")


def _subjects(service: Service, desk: Desk) -> Iterator[dict[str, Any]]:
    for name in desk.channel.subjects:
        there = (service.data / "subjects" / name / "subject.toml").exists()
        yield (
            _good(f"subject {name}", "trained")
            if there
            else _bad(
                f"subject {name}", "is not in the data folder", "train it, or take it out of channels." + desk.name
            )
        )


def _feeds(service: Service) -> Iterator[dict[str, Any]]:
    urls = list(dict.fromkeys(url for c in service.settings.channels.values() for url in c.feeds))
    with ThreadPoolExecutor(8) as pool:
        yield from pool.map(lambda url: _feed(service, url), urls)


def _feed(service: Service, url: str) -> dict[str, Any]:
    try:
        fetched = service.source(url, url).fetch(Bookmark())
    except FrontispieceError as error:
        return _bad(f"feed {url}", str(error), "check the address in a browser; other feeds go on meanwhile")
    return _good(f"feed {url}", f"{len(fetched.stories)} stories, {fetched.title}")


def _displays(service: Service) -> Iterator[dict[str, Any]]:
    for display in service.settings.displays:
        port = service.settings.web.port
        if display.kind == "page":
            yield _good(f"display {display.name}", f"open http://<this machine>:{port}/d/{display.name} on the screen")
        else:
            yield _good(f"display {display.name}", f"{display.kind} at {display.address or 'wherever it is found'}")


def _good(what: str, says: str) -> dict[str, Any]:
    return {"what": what, "ok": True, "says": says}


def _bad(what: str, says: str, do: str) -> dict[str, Any]:
    return {"what": what, "ok": False, "says": says, "do": do}
