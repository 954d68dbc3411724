"""What works, what does not, and what to do: every part is tried once, nothing is stored."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from . import clock
from .addresses import masked
from .assembly import Service
from .errors import BrokerError, ConfigError, DataFolderError, DisplayError, FrontispieceError, OffDuty, SubjectError
from .gate.verdict import judge
from .model import Mood, Picture, Prompt, Story
from .pipeline import Desk
from .press import LOW_DISK_BYTES
from .protocols import Bookmark, Brief, Portraying, Reached, Recalling, Reporting, Sending, Wearing
from .settings import Display
from .subjects import load
from .telling import running, several

HEADLINE = "Night trains return to the Alps after forty years"
SCENE = "a small red boat on a calm lake under a round moon, pine trees along the shore"


def findings(service: Service) -> Iterator[dict[str, Any]]:
    """One finding at a time: ``what``, ``ok``, ``says`` and, where something is to be done, ``do``."""
    settings = service.settings
    yield _good("config", f"{several(len(settings.channels), 'channel')}, {several(len(settings.displays), 'display')}")
    try:
        owner = service.store.folder.owner()
        yield _folder(service)
    except DataFolderError as error:
        owner = {}
        yield _bad(f"data folder {service.data}", str(error), "name a folder that this user may write in with --data")
    yield _door(service, owner)
    for desk in service.desks.values():
        yield _editor(service, desk)
        yield from _critic(desk)
        yield from _engines(desk)
        yield from _subjects(service, desk)
    yield from _feeds(service)
    yield from _displays(service, urlsplit(owner.get("url", "")).port or settings.web.port)
    yield from _broker(service)


def mistaken(error: ConfigError) -> Iterator[dict[str, Any]]:
    """A finding for every mistake in a config that nothing else can be tried with."""
    yield from (_bad("config", mistake, "correct it in the config file") for mistake in error.mistakes)


def _door(service: Service, owner: dict[str, Any]) -> dict[str, Any]:
    """Whether the pages can be served: by the service that runs, or by one that would start now."""
    from .web.server import listening

    web = service.settings.web
    if "url" in owner:
        what = f"service at {owner['url']}"
        if running(owner, service.keys.known()):
            return _good(what, "running")
        return _bad(what, "does not answer", f"look at what process {owner.get('pid')} is doing, or start it again")
    what = f"port {web.port}"
    try:
        listening(web.host, web.port).close()
    except ConfigError as error:
        return _bad(what, str(error), "free it, or choose another")
    return _good(what, "free; `frontispiece run` starts the service")


def _editor(service: Service, desk: Desk) -> dict[str, Any]:
    what = f"editor {desk.channel.editor} of {desk.name}"
    verdict = judge(HEADLINE, "", "en", desk.rules)
    story = Story("0" * 64, "", "check", HEADLINE, "", "", "en", clock.now())
    try:
        told = desk.editor.describe(
            story, Brief(verdict, desk.channel.style, clock.now().astimezone(service.settings.zone))
        )
    except OffDuty as off:  # as its owner wished
        return _good(what, str(off))
    except FrontispieceError as error:
        return _bad(what, str(error), f"see editors.{desk.channel.editor} in the config; the house editor takes over")
    return _good(what, f"wrote a scene of {several(len(told.scene.split()), 'word')}")


def _critic(desk: Desk) -> Iterator[dict[str, Any]]:
    """Whether the critic sees: it is shown an empty sheet, in which one that only reads finds what it was told of."""
    if desk.critic is None:
        return
    what, sheet = f"critic {desk.channel.critic} of {desk.name}", io.BytesIO()
    Image.new("RGB", (512, 300), "lightgrey").save(sheet, "PNG")
    advice = f"choose a model with vision in editors.{desk.channel.critic}; pixels alone decide meanwhile"
    try:
        found = desk.critic.critique(
            Picture(sheet.getvalue(), ".png", 512, 300), Prompt(SCENE, SCENE, Mood.CALM, "", 1)
        )
    except FrontispieceError as error:
        yield _bad(what, str(error), advice)
        return
    if found.verdict == "accept":
        yield _bad(what, "saw the scene in an empty sheet: it reads, and does not see", advice)
    else:
        yield _good(what, "saw that an empty sheet was empty")


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
        if isinstance(engine, Reporting) and (says := engine.state().get("says")):  # before what may be a long download
            yield _good(f"model of {what}", str(says))
        try:
            picture = engine.render(prompt, desk.width_px, desk.height_px)
            sends = engine.sends() if isinstance(engine, Sending) else ""
            yield _good(what, f"painted {picture.width_px}x{picture.height_px}" + (f"; {sends}" if sends else ""))
        except FrontispieceError as error:
            yield _bad(what, str(error), f"see engines.{name} in the config; the next engine takes over meanwhile")


def _subjects(service: Service, desk: Desk) -> Iterator[dict[str, Any]]:
    names = desk.channel.subjects
    with suppress(DataFolderError):  # that is a finding of its own
        names = service.subjects(desk)
    for name in names:
        what = f"subject {name} of {desk.name}"
        try:
            subject = load(service.data, name)
        except SubjectError as error:
            yield _bad(what, str(error), f"`frontispiece subject add {name} PHOTOS`, or take it out of the channel")
            continue
        if not subject.consented:
            yield _bad(what, "has not agreed to appear", "ask, and record it in consent_at")
        else:
            known = f"learned on {subject.base}" if subject.base else "known, and not learned yet"
            known += ", appears as its learned photo" if subject.appears == "photo" else ""
            yield _good(what, "; ".join((known, *_from_photos(desk, name))))
            yield from _left_out(desk, name)
            yield from as_photo(desk, name) if subject.appears == "photo" else ()


def _from_photos(desk: Desk, name: str) -> Iterator[str]:
    """The engines that paint a subject from its photos."""
    for at, engine in desk.engines:
        with suppress(FrontispieceError):
            if isinstance(engine, Portraying) and (photos := engine.from_photos(name)):
                yield f"{at} paints it from {several(photos, 'photo')}"


def _left_out(desk: Desk, name: str) -> Iterator[dict[str, Any]]:
    """The engines that cannot use what there is of a subject; one that fails is a finding of its own."""
    for at, engine in desk.engines:
        with suppress(FrontispieceError):
            if isinstance(engine, Wearing) and (why := engine.leaves_out(name)):
                advice = f"learn {name} for it, or name that model in engines.{at}.subject_bases if their shapes agree"
                yield _bad(f"subject {name} with engine {at} of {desk.name}", why, advice)


def as_photo(desk: Desk, name: str) -> Iterator[dict[str, Any]]:
    """The engines that do not paint a subject as its learned photo; those behind one that does stand in for it."""
    for at, engine in desk.engines:
        why = "this kind of engine paints no learned photo"
        with suppress(FrontispieceError):
            why = engine.lacks_photo(name) if isinstance(engine, Recalling) else why
        if not why:
            return
        advice = (
            f"learn the photo for an engine that can, `frontispiece subject one-photo {name} --photo FILE`, and put "
            f"that one first; meanwhile {name} appears as it otherwise would"
        )
        yield _bad(f"photo of {name} with engine {at} of {desk.name}", why, advice)


def _feeds(service: Service) -> Iterator[dict[str, Any]]:
    urls = dict.fromkeys(url for c in service.settings.channels.values() for url in c.feeds)
    with suppress(DataFolderError):  # that is a finding of its own
        known = service.settings.channels
        urls |= dict.fromkeys(s.url for s in service.wishes.subscriptions() if s.channel in known)
    hosts: dict[str, list[str]] = {}
    for url in urls:
        hosts.setdefault(urlsplit(url).netloc.rpartition("@")[2].lower(), []).append(url)
    with ThreadPoolExecutor(8) as pool:  # one visit at a time to a host
        for found in pool.map(lambda group: [_feed(service, url) for url in group], hosts.values()):
            yield from found


def _feed(service: Service, url: str) -> dict[str, Any]:
    what, look = f"feed {masked(url)}", "look at the address in a browser"
    if url in service.accounts:
        what, look = f"source {url}", f"see sources.{url} in the config"
    try:
        fetched = service.source(url, url).fetch(Bookmark())
    except FrontispieceError as error:
        return _bad(what, str(error), f"{look}; other feeds go on meanwhile")
    return _good(what, f"{fetched.title or 'no title'}, {len(fetched.stories)} stories")


def _displays(service: Service, port: int) -> Iterator[dict[str, Any]]:
    with ThreadPoolExecutor(8) as pool:  # one that is off takes its seconds
        yield from pool.map(lambda display: _display(service, display, port), service.settings.displays)


def _display(service: Service, display: Display, port: int) -> dict[str, Any]:
    """Whether a screen can be reached; nothing is shown on it. ``port``: of the pages."""
    what = f"display {display.name}"
    if display.kind == "page":
        return _good(what, f"open http://<this machine>:{port}/d/{display.name} on the screen")
    adapter = service.displays[display.name]
    if not isinstance(adapter, Reached):
        return _good(what, f"{display.kind} at {display.address or 'wherever it is found'}")
    try:
        return _good(what, adapter.reach())
    except DisplayError as error:
        return _bad(what, str(error), "see docs/displays.md; the other displays go on meanwhile")


def _broker(service: Service) -> Iterator[dict[str, Any]]:
    """Whether Home Assistant's broker takes us; nothing is left there."""
    from . import mqtt

    settings = service.settings.mqtt
    if settings is None:
        return
    what = f"MQTT broker {settings.where}"
    try:
        yield _good(what, mqtt.probe(settings))
    except BrokerError as error:
        yield _bad(what, str(error), "see [mqtt] in the config; everything else goes on meanwhile")


def _good(what: str, says: str) -> dict[str, Any]:
    return {"what": what, "ok": True, "says": says}


def _bad(what: str, says: str, do: str) -> dict[str, Any]:
    return {"what": what, "ok": False, "says": says, "do": do}
