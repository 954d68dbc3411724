"""Small doors that let a person try one part. Each does just what the channel would do, and stores nothing."""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image

from . import clock, telling, text
from .assembly import Service, desk_of, opened, read_settings, shipped
from .compose import focus
from .compose.finish import encode, signed
from .errors import ConfigError, Declined, EditorError, EngineError, FrontispieceError, SourceError
from .gate.verdict import decide, judge as find_verdict
from .model import Decision, Mood, Picture, Plate, Prompt, Step, Story, Verdict
from .pipeline import Desk
from .profiles import PROFILES
from .protocols import Brief
from .settings import Settings

Config = Annotated[
    Path | None,
    typer.Option("--config", envvar="FRONTISPIECE_CONFIG", help="The config file. [default: ./config.toml]"),
]
Data = Annotated[Path, typer.Option("--data", envvar="FRONTISPIECE_DATA", help="The data folder.")]
Channel = Annotated[str | None, typer.Option("--channel", help="As this channel would. [default: the first]")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON lines for programs.")]
Headline = Annotated[str, typer.Option("--headline", help="The headline, as a feed would give it.")]
Language = Annotated[str | None, typer.Option("--lang", help="Its language, such as de or pt-BR. [default: a guess]")]


def settings_of(config: Path | None) -> Settings:
    """The named config, else the one in this folder, else the shipped one. Raises ConfigError."""
    here = Path("config.toml")
    return read_settings(config or (here if here.exists() else shipped("config.toml")))


def parse(
    files: Annotated[list[Path], typer.Argument(help="Feed documents: RSS, Atom, RDF or JSON Feed.")],
    config: Config = None,
    data: Data = Path("data"),
    channel: Channel = None,
    json: AsJson = False,
) -> None:
    """Read feed documents from files and say what is in them; one object a file with --json."""
    with opened(settings_of(config), data) as service:
        languages = _desk(service, channel).channel.languages
        found = [_parsed(service, path, languages) for path in files]
    for result in found:
        if json:
            telling.line(result)
        else:
            telling.parsed(result)
    if not all(result["ok"] for result in found):
        raise typer.Exit(1)


def _parsed(service: Service, path: Path, languages: Sequence[str]) -> dict[str, Any]:
    result: dict[str, Any] = {"file": str(path), "ok": True, "error": None, "title": "", "dropped": 0, "stories": []}
    try:
        fetched = service.parser.parse(path.read_bytes(), f"file:///{path.name}", now=clock.now(), usual=languages)
    except OSError as error:
        return result | {"ok": False, "error": f"cannot be read: {error.strerror}"}
    except SourceError as error:
        return result | {"ok": False, "error": str(error)}
    return result | {
        "title": fetched.title, "dropped": fetched.dropped, "stories": [asdict(story) for story in fetched.stories],
    }  # fmt: skip


def judge(
    file: Annotated[str, typer.Argument(help="A file with a headline a line; - is standard input.")] = "-",
    lang: Annotated[str, typer.Option("--lang", help="The headlines' language.")] = "en",
    config: Config = None,
    data: Data = Path("data"),
    channel: Channel = None,
    json: AsJson = False,
) -> None:
    """Say what the gate finds about each headline, and what the channel would do with it."""
    with opened(settings_of(config), data) as service:
        desk = _desk(service, channel)
        for raw in _lines(file):
            story = _story(raw, lang)
            verdict = find_verdict(story.title, "", lang, desk.rules)
            result = {
                "headline": story.title, "decision": decide(verdict, desk.channel.mood),
                "gravity": round(verdict.gravity, 4), "mood": verdict.mood, "topics": verdict.topics,
                "subject_allowed": verdict.subject_allowed, "why": verdict.why,
            }  # fmt: skip
            if json:
                telling.line(result)
            else:
                telling.judged(result)


def _lines(file: str) -> Iterator[str]:
    try:
        stream = sys.stdin.buffer if file == "-" else Path(file).open("rb")  # noqa: SIM115 - closed with the process
    except OSError as error:
        raise FrontispieceError(f"{file} cannot be read: {error.strerror}") from error
    for raw in stream:
        if raw.strip():
            yield raw.decode("utf-8", errors="replace")


def describe(
    headline: Headline,
    summary: Annotated[str, typer.Option(help="The story's summary.")] = "",
    source: Annotated[str, typer.Option(help="The publication.")] = "",
    lang: Language = None,
    config: Config = None,
    data: Data = Path("data"),
    channel: Channel = None,
    json: AsJson = False,
) -> None:
    """Say how a headline would be illustrated: scene, mood, the words for the engine, and why."""
    with opened(settings_of(config), data) as service:
        desk = _desk(service, channel)
        direction = _directed(service, desk, _story(headline, lang or _language(desk, headline), source, summary))
    if json:
        telling.line(direction)
    else:
        telling.directed(direction)


def _directed(service: Service, desk: Desk, story: Story) -> dict[str, Any]:
    """One object with the whole direction; ``keep`` false where the story would not be on this wall."""
    verdict = find_verdict(story.title, story.summary, story.language, desk.rules)
    decision = decide(verdict, desk.channel.mood)
    told: dict[str, Any] = {
        "headline": story.title, "keep": decision is not Decision.SKIP, "decision": decision, "mood": verdict.mood,
        "scene": "", "prompt": "", "avoid": (), "alt": "", "why": verdict.why, "topic": "", "style": "", "seed": 0,
        "subject": None, "gravity": round(verdict.gravity, 4),
    }  # fmt: skip
    try:
        prompt = _prompt(service, desk, story, verdict)
    except Declined as error:
        return told | {"keep": False, "why": str(error)}
    return told | asdict(prompt) | {"prompt": prompt.words, "why": f"{prompt.why}; {verdict.why}"}


def _prompt(service: Service, desk: Desk, story: Story, verdict: Verdict) -> Prompt:
    """The editor's direction; the house editor's where it fails. Raises Declined."""
    rulings = desk.house.decide([(story, verdict)])
    if not rulings[0].keep:
        raise Declined(rulings[0].why)
    brief = Brief(
        verdict, desk.channel.style, clock.now().astimezone(service.settings.zone),
        subjects=desk.channel.subjects if verdict.subject_allowed else (),
    )  # fmt: skip
    try:
        return desk.editor.describe(story, brief)
    except Declined:
        raise
    except EditorError as error:
        telling.remark(f"{error}; the house editor does it")
        return desk.house.describe(story, brief)


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
    """Paint a headline or a scene with the channel's engines, in their order."""
    if (headline is None) == (scene is None):
        raise typer.BadParameter("say either --headline or --scene")
    with opened(settings_of(config), data) as service:
        desk = _desk(service, channel)
        if headline is not None:
            story = _story(headline, lang or _language(desk, headline))
            verdict = find_verdict(story.title, "", story.language, desk.rules)
            if decide(verdict, desk.channel.mood) is not Decision.PAINT:
                telling.remark(f"on the wall this story would have no picture: {verdict.why}")
            prompt = _prompt(service, desk, story, verdict)
        else:
            words = text.clean(scene or "", 600)
            prompt = Prompt(words, words, mood, "scene", 1, style=desk.channel.style, alt=words)
        screen = _profile(profile) if profile else None
        size = (screen.width_px, screen.height_px) if screen else (desk.width_px, desk.height_px)
        picture = _painted(desk, replace(prompt, seed=prompt.seed if seed is None else seed), size)
    _write(output, _as(picture, output.suffix.lower()))
    telling.remark(f"{output}: {picture.width_px}x{picture.height_px}, {picture.recipe.get('engine', '')}")


def _painted(desk: Desk, prompt: Prompt, size: tuple[int, int]) -> Picture:
    """The first engine's picture that works. Raises EngineError with every engine's reason."""
    reasons = []
    for name, engine in desk.engines:
        try:
            return signed(engine.render(prompt, *size))
        except EngineError as error:
            reasons.append(f"{name}: {error}")
            telling.remark(reasons[-1])
    raise EngineError("; ".join(reasons))


def slide(
    headline: Headline,
    source: Annotated[str, typer.Option(help="The publication.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Write the slide here: .jpg or .png.")],
    profile: Annotated[str, typer.Option(help=f"The screen: {', '.join(PROFILES)}.")] = "nest-hub",
    lang: Language = None,
    picture: Annotated[Path | None, typer.Option(help="Over this picture; painted if left out.")] = None,
    link: Annotated[str, typer.Option(help="The article's address, for the QR code.")] = "",
    template: Annotated[str | None, typer.Option(help="[default: the channel's]")] = None,
    published: Annotated[datetime | None, typer.Option(help="When it was published. [default: now]")] = None,
    config: Config = None,
    data: Data = Path("data"),
    channel: Channel = None,
) -> None:
    """Compose a slide: the headline over a picture, for one screen."""
    screen = _profile(profile)
    with opened(settings_of(config), data) as service:
        desk = _desk(service, channel)
        story = _story(headline, lang or _language(desk, headline), source)
        story = replace(story, link=link, published=(published or clock.now()).astimezone())
        plate, image = _plate(service, desk, story, picture, (screen.width_px, screen.height_px))
        now = clock.now().astimezone(service.settings.zone)
        data_ = service.composer.compose(
            plate, image, screen, template=template or desk.channel.template, now=now,
            suffix={".jpeg": ".jpg"}.get(output.suffix.lower(), output.suffix.lower()),
        )  # fmt: skip
    _write(output, data_)
    telling.remark(f"{output}: {screen.width_px}x{screen.height_px} for {profile}")


def _plate(
    service: Service, desk: Desk, story: Story, picture: Path | None, size: tuple[int, int]
) -> tuple[Plate, Image.Image | None]:
    verdict = find_verdict(story.title, story.summary, story.language, desk.rules)
    plate = Plate(0, desk.name, story, Step.RENDERED, verdict)
    if picture is not None:
        return plate, _opened(picture)
    if decide(verdict, desk.channel.mood) is not Decision.PAINT:
        telling.remark(f"text only: {verdict.why}")
        return replace(plate, text_only=True), None
    prompt = _prompt(service, desk, story, verdict)
    painted = _painted(desk, prompt, size)
    return replace(plate, prompt=prompt), focus.opened(painted.data, painted.recipe)


# -- small parts -----------------------------------------------------------------------------


def _desk(service: Service, channel: str | None) -> Desk:
    return desk_of(service, channel or next(iter(service.settings.channels)))


def _story(headline: str, language: str, source: str = "", summary: str = "") -> Story:
    title = text.headline(headline)
    if not title:
        raise FrontispieceError("the headline is empty")
    name = text.clean(source, 60)
    return Story(
        hashlib.sha256(title.encode()).hexdigest(), "", name, title, text.clean(summary, 500), "", language, clock.now()
    )


def _language(desk: Desk, headline: str) -> str:
    return text.language(headline, None, desk.channel.languages)


def _profile(name: str) -> Any:
    try:
        return PROFILES[name]
    except KeyError:
        raise ConfigError(f"there is no profile {name!r}; there are {', '.join(PROFILES)}") from None


def _opened(path: Path) -> Image.Image:
    try:
        image = Image.open(path)
        image.load()
    except (OSError, Image.DecompressionBombError) as error:
        raise FrontispieceError(f"{path} is not a picture that can be read: {error}") from error
    return image


def _as(picture: Picture, suffix: str) -> bytes:
    """The picture in the file format its name asks for, its mark of origin kept."""
    suffix = {".jpeg": ".jpg"}.get(suffix, suffix)
    if suffix not in (".png", ".jpg"):
        raise FrontispieceError(f"a picture can be written as .png or .jpg, not {suffix or 'without an ending'}")
    if suffix == picture.suffix:
        return picture.data
    image = Image.open(io.BytesIO(picture.data)).convert("RGB")
    return signed(replace(picture, data=encode(image, suffix), suffix=suffix)).data


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise FrontispieceError(f"{path} cannot be written: {error.strerror}") from error
