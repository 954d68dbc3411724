"""House styles and families: the same direction, worded for the model in use."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from service import styles
from service.editors import house
from service.engines.wording import CLIP_TOKENS, Wording, clip_tokens, family_of, phrases, within
from service.errors import EngineError
from service.gate.verdict import judge
from service.protocols import Brief
from service.surroundings import Surroundings

from .values import prompt, story

TEMPLATES = Path(__file__).parent.parent / "templates"
STYLES = TEMPLATES / "styles"
FAMILIES = ("tags", "prose", "flux", "labelled")
SUNDAY, MONDAY = datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def wording(tmp_path):
    return Wording(TEMPLATES, tmp_path / "subjects")


def test_there_are_styles_to_choose_from():
    """At least ten, each with words for both kinds of model; a tag list leaves room for the scene."""
    found = {name: styles.style(STYLES, name) for name in styles.known(STYLES)}
    assert len(found) >= 10
    for style in found.values():
        assert 8 <= len(style.words.split()) <= 30
        assert clip_tokens(style.tags) <= 22
        assert " no " not in f" {style.words} {style.tags} "
    assert len({style.words for style in found.values()}) == len(found)


def test_a_style_nobody_described_is_its_name(tmp_path):
    """A file that is missing or broken costs a nicer picture, not the picture."""
    (tmp_path / "broken.toml").write_text("words = ")
    assert styles.style(tmp_path, "broken").words == "broken style illustration"
    assert styles.style(STYLES, "stained-glass").tags == "stained glass style illustration"


def test_an_edited_style_is_taken_up(tmp_path):
    """The owner may write one while the service runs."""
    (tmp_path / "mine.toml").write_text('words = "chalk on slate"')
    assert styles.style(tmp_path, "mine").words == "chalk on slate"
    (tmp_path / "mine.toml").write_text('words = "wax crayon on brown paper"')
    assert styles.style(tmp_path, "mine").words == "wax crayon on brown paper"


@pytest.mark.parametrize(
    ("topics", "day", "style"),
    [((), MONDAY, "linocut"), ((), SUNDAY, "watercolour"), (("animals",), SUNDAY, "felt"),
     (("politics", "animals"), MONDAY, "felt"), (("politics",), SUNDAY, "watercolour")],
)  # fmt: skip
def test_a_topic_or_a_weekday_may_have_its_style(topics, day, style):
    """The first topic that has one, else the weekday's, else the channel's."""
    assert styles.chosen("linocut", {"sunday": "watercolour", "animals": "felt"}, topics, day) == style


@pytest.mark.parametrize(
    ("name", "family"),
    [("black-forest-labs/FLUX.2-klein-4B", "flux"), ("Flux2KleinPipeline", "flux"), ("gpt-image-2.5-flare", "labelled"),
     ("stable-diffusion-v1-5/stable-diffusion-v1-5", "tags"), ("StableDiffusionXLPipeline", "tags"),
     ("StableDiffusion3Pipeline", "prose"), ("stabilityai/stable-diffusion-3.5-medium", "prose"), ("sd3.5", "prose"),
     ("Qwen/Qwen-Image", "prose"), ("Tongyi-MAI/Z-Image-Turbo", "prose"), ("SimianLuo/LCM_Dreamshaper_v7", "tags"),
     ("sdxl-turbo", "tags"), ("a-model-of-mine", "prose")],
)  # fmt: skip
def test_a_name_tells_the_family(name, family):
    """Names on the hub, of servers' models and of diffusers' pipelines."""
    assert family_of(name) == family


def test_the_same_direction_in_every_family(wording):
    """Tags, prose, positive prose, labelled lines: each holds scene, style and mood in its own form."""
    asked = prompt(
        words="A ferryman rows a piano over a calm lake, while two herons watch, pink dawn", style="linocut",
        avoid=("flags",),
    )  # fmt: skip
    said = {family: wording.said(asked, family) for family in FAMILIES}
    for one in said.values():
        assert "A ferryman rows a piano over a calm lake" in one.words
        assert "linocut" in one.words
        assert asked.mood.value in one.words
    assert "A ferryman rows a piano over a calm lake, linocut print" in said["tags"].words
    assert said["prose"].words.startswith("A ferryman rows a piano over a calm lake, while two herons watch")
    assert said["labelled"].words.splitlines()[0].startswith("Scene: A ferryman")
    assert "Leave out: flags, photograph" in said["labelled"].words
    assert (said["flux"].avoid, said["labelled"].avoid) == ("", "")
    assert said["tags"].avoid == said["prose"].avoid == "flags, photograph, gradient shading, airbrush"
    assert "flags" not in said["flux"].words


def test_tags_of_every_style_fit_what_clip_reads(wording):
    """A house scene of the longest kind keeps its first phrase and its style within 75 tokens."""
    editor = house.make(house.Settings(), Surroundings("house", None, None))
    for name in styles.known(STYLES):
        told = story(f"Village opens a {name} museum beside the canal")
        verdict = judge(told.title)
        words = wording.said(editor.describe(told, Brief(verdict, name, SUNDAY)), "tags", clip_tokens).words
        assert clip_tokens(words) <= CLIP_TOKENS
        assert styles.style(STYLES, name).tags.split(",")[0] in words


@given(st.lists(st.text("abcdefghij ,.", min_size=1, max_size=80), min_size=1, max_size=20))
def test_what_does_not_fit_goes_from_the_end(tags):
    """What is left is a beginning of what was there, and fits unless its first tag alone is too long."""
    left = within(tags, clip_tokens, 20)
    assert "".join(", ".join(tags).split()).startswith("".join(left.split()))  # blanks may be joined
    assert clip_tokens(left) <= 20 or left == ", ".join(tags).split(", ")[0]


def test_phrases_keep_every_thing_in_a_scene():
    """A scene falls apart at commas and joining words, in order."""
    assert phrases("A cook stirs a pot, while a cat sleeps beside a red stove. Warm light") == [
        "A cook stirs a pot", "a cat sleeps", "a red stove", "Warm light",
    ]  # fmt: skip
    assert phrases("a bass as tall as a house, swallows") == ["a bass as tall as a house", "swallows"]


def test_an_owners_broken_template_is_a_sentence(tmp_path):
    """It names the file, and costs that picture one attempt."""
    (tmp_path / "prompts").mkdir(parents=True)
    (tmp_path / "prompts/family-prose.j2").write_text("{{ scne }}")
    with pytest.raises(EngineError, match=r"prompts/family-prose.j2: 'scne' is undefined"):
        Wording(tmp_path, tmp_path).said(prompt(), "prose")
