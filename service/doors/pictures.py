"""Doors for pictures: paint one, compose a slide."""

from __future__ import annotations

import io
import os
import warnings
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image, ImageOps

from service import clock, telling, text
from service.assembly import Service, opened
from service.compose import focus
from service.compose.finish import encode, signed
from service.compose.slide import templates
from service.decency import Naked
from service.errors import Declined, EngineError, FrontispieceError
from service.gate.verdict import decide
from service.model import Decision, Mood, Picture, Plate, Prompt, Step, Story
from service.pipeline import Desk, Eye, Sitting, said
from service.profiles import PROFILES
from service.protocols import Critique, Note
from service.settings import Critic

from . import strokes
from .asked import (
    Channel,
    Config,
    Data,
    Headline,
    Language,
    UsageError,
    desk_named,
    directed,
    heard,
    judged,
    profile_named,
    settings_of,
    story_told,
    template_named,
)


def paint(
    output: Annotated[Path, typer.Option("-o", "--output", help="Write the picture here: .png or .jpg.")],
    headline: Annotated[str | None, typer.Option("--headline", help="Paint this headline.")] = None,
    scene: Annotated[str | None, typer.Option("--scene", help="Paint this scene, word for word.")] = None,
    mood: Annotated[Mood, typer.Option(help="The scene's mood.")] = Mood.CALM,
    seed: Annotated[int | None, typer.Option(help="Another number, another picture.", min=0, max=2**32 - 1)] = None,
    profile: Annotated[str | None, typer.Option(help="For this screen. [default: the channel's largest]")] = None,
    lang: Language = None,
    config: Config = None,
    data: Data = Path("data"),
    channel: Channel = None,
) -> None:
    """Paint a headline or a scene with the channel's engines, in their order.

    A headline's picture is looked at as it would be on the wall, by the channel's critic if it has one; a scene is
    painted once, whatever comes of it.
    """
    if (headline is None) == (scene is None):
        raise UsageError("say what to paint: either --headline or --scene")
    suffix = _writable(output, (".png", ".jpg"))
    screen = profile_named(profile) if profile else None
    with opened(settings_of(config), data) as service:
        desk = desk_named(service, channel)
        size = (screen.width_px, screen.height_px) if screen else (desk.width_px, desk.height_px)
        if headline is not None:
            prompt, bounds = _prompt(service, desk, story_told(desk, headline, language=lang)), service.settings.critic
        else:
            prompt, bounds = _word_for_word(desk, scene or "", mood), None
        wanted = replace(prompt, seed=prompt.seed if seed is None else seed)
        picture = _painted(desk, wanted, size, bounds, service.naked if bounds else None)
    _write(output, _as(picture, suffix))
    telling.remark(f"{output}: {picture.width_px}x{picture.height_px}, {picture.recipe.get('engine', '')}")


def _prompt(service: Service, desk: Desk, story: Story) -> Prompt:
    """The direction of a headline, whatever the gate says of it. Raises FrontispieceError where nobody gives one."""
    verdict = judged(service, desk, story.title, "", story.language)
    if decide(verdict, desk.channel.mood) is not Decision.PAINT:
        telling.remark(f"on the wall this story would have no picture: {verdict.why}")
    try:
        return directed(service, desk, story, verdict)
    except Declined as declined:
        raise FrontispieceError(f"not painted, since this would not be on the wall: {declined}") from declined


def _word_for_word(desk: Desk, scene: str, mood: Mood) -> Prompt:
    words = text.clean(heard(scene), 600)
    if not words:
        raise UsageError("the scene is empty; say what a camera would see with --scene")
    return Prompt(words, words, mood, "scene", 1, style=desk.channel.style, alt=words)


def _painted(
    desk: Desk, prompt: Prompt, size: tuple[int, int], bounds: Critic | None = None, naked: Naked | None = None
) -> Picture:
    """The first engine's picture that works; with ``bounds`` the best of some tries, looked at as on the wall.

    Raises EngineError with every engine's reason.
    """
    spend = bounds or Critic()
    eye = Eye(desk.critic if bounds and spend.max_calls else None, naked=naked, naked_above=spend.nsfw_above)
    sitting = Sitting(prompt, eye, spend, clock.now, _tell)
    reasons, made = [], list[Picture]()
    for name, engine in desk.engines:
        while wanted := sitting.wanted():
            try:
                with strokes.told(engine) as progress:
                    picture = focus.looked_at(signed(engine.render(wanted, *size, progress)))
            except EngineError as error:
                reasons.append(f"{name}: {error}")
                telling.remark(reasons[-1])
                break
            if bounds is None:
                return picture
            made.append(picture)
            _tell_local(sitting.look(picture, wanted), eye)
        if sitting.best is not None:
            return made[sitting.best]
    if made and desk.paper:
        telling.remark("every picture was rejected; the house cuts one from paper")
        return signed(desk.paper.render(prompt, *size))
    raise EngineError("no engine could paint it: " + "; ".join(reasons or ["every picture was rejected"]))


def _tell(note: Note) -> None:
    """What the critic is asked, and what it says."""
    telling.remark(f"{note.who} {note.what}: {note.text}")


def _tell_local(critique: Critique, eye: Eye) -> None:
    if critique.verdict != "accept" and eye.critic is None:
        telling.remark(said(critique))


def slide(
    headline: Headline,
    source: Annotated[str, typer.Option(help="The publication.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Write the slide here: .jpg or .png.")],
    profile: Annotated[str, typer.Option(help=f"The screen: {', '.join(PROFILES)}.")] = "nest-hub",
    lang: Language = None,
    picture: Annotated[Path | None, typer.Option(help="Over this picture; painted if left out.")] = None,
    link: Annotated[str, typer.Option(help="The article's address, for the QR code.")] = "",
    template: Annotated[str | None, typer.Option(help="Its design, such as split. [default: the channel's]")] = None,
    published: Annotated[datetime | None, typer.Option(help="When it was published. [default: now]")] = None,
    config: Config = None,
    data: Data = Path("data"),
    channel: Channel = None,
) -> None:
    """Compose a slide: the headline over a picture, for one screen."""
    suffix, screen = _writable(output, (".jpg", ".png", ".bmp")), profile_named(profile)
    if link and not link.lower().startswith(("http://", "https://")):
        raise UsageError(f"--link: {link[:80]!r} is not an http:// or https:// address")
    image = _opened(picture) if picture else None
    with opened(settings_of(config), data) as service:
        desk = desk_named(service, channel)
        design = template_named(template or desk.channel.template, templates(service.templates / "slides"))
        story = story_told(desk, headline, language=lang, source=source)
        story = replace(story, link=heard(link), published=_moment(service, published))
        plate = Plate(0, desk.name, story, Step.RENDERED, judged(service, desk, story.title, "", story.language))
        if image is None:
            plate, image = _illustrated(service, desk, plate, (screen.width_px, screen.height_px))
        now = clock.now().astimezone(service.settings.zone)
        composed = service.composer.compose(plate, image, screen, template=design, now=now, suffix=suffix)
    _write(output, composed)
    telling.remark(f"{output}: {screen.width_px}x{screen.height_px} for {profile}")


def _moment(service: Service, published: datetime | None) -> datetime:
    """When it was published, in the house's time where no zone was said."""
    if published is None:
        return clock.now()
    return published if published.tzinfo else published.replace(tzinfo=service.settings.zone)


def _illustrated(service: Service, desk: Desk, plate: Plate, size: tuple[int, int]) -> tuple[Plate, Image.Image | None]:
    """The plate with its picture, or without one where the gate or the editor will have none."""
    if decide(plate.verdict, desk.channel.mood) is not Decision.PAINT:
        telling.remark(f"text only: {plate.verdict.why}")
        return replace(plate, text_only=True), None
    try:
        prompt = directed(service, desk, plate.story, plate.verdict)
    except Declined as declined:
        telling.remark(f"text only, and not on the wall at all: {declined}")
        return replace(plate, text_only=True), None
    painted = _painted(desk, prompt, size, service.settings.critic, service.naked)
    return replace(plate, prompt=prompt), focus.opened(painted.data, painted.recipe)


def _opened(path: Path) -> Image.Image:
    """A picture of the owner's, upright. Raises FrontispieceError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(path)
            image.load()
            return ImageOps.exif_transpose(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise FrontispieceError(
            f"{path} is too large for a slide; a picture may have {(Image.MAX_IMAGE_PIXELS or 0) / 1e6:.0f} megapixels"
        ) from error
    except FileNotFoundError as error:
        raise FrontispieceError(f"{path} is not there") from error
    except Exception as error:  # whatever a decoder trips over in a damaged file
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a picture, or a damaged one"
        raise FrontispieceError(f"{path} cannot be read: {reason}") from error


def _as(picture: Picture, suffix: str) -> bytes:
    """The picture in the file format its name asks for, its mark of origin kept."""
    if suffix == picture.suffix:
        return picture.data
    image = Image.open(io.BytesIO(picture.data)).convert("RGB")
    return signed(replace(picture, data=encode(image, suffix), suffix=suffix)).data


def _writable(path: Path, endings: tuple[str, ...]) -> str:
    """The ending a file's name asks for; its folder is made. Said before any work is done for nothing.

    Raises UsageError for an ending there is no format for, FrontispieceError where nothing can be written.
    """
    suffix = {".jpeg": ".jpg"}.get(path.suffix.lower(), path.suffix.lower())
    if path.is_dir() or suffix not in endings:
        raise UsageError(f"-o {path}: name a file that ends in {' or '.join(endings[:2])}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FrontispieceError(f"{path} cannot be written: {error.strerror}") from error
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise FrontispieceError(f"{path} cannot be written: this user may not")
    return suffix


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise FrontispieceError(f"{path} cannot be written: {error.strerror}") from error
