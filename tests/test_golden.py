"""Forty invented headlines and how they are directed, read one by one by a person: by the house editor, and by a model.

``golden/directions.json`` holds each headline, the mood and gravity it is given, the house editor's picture, a model's
answer (written by hand, as a good model writes), and what becomes of it. ``golden/conversation.json`` is the first of
these in full, in llama.cpp's dialect: what the server was sent and what it said. After a change of the scenes, the
topics, the prompts or the checks, write both anew with ``UPDATE_GOLDEN=1 python -m pytest tests/test_golden.py``, read
what changed (``git diff``), and commit what is good.
"""

import json
import os
from pathlib import Path

import pytest

from service.editors.house import House
from service.editors.quoting import quoted
from service.editors.scenery import MIN_WORDS
from service.editors.taste import faults
from service.model import Mood

from .dialects import said, speaking
from .test_chat import brief, chat
from .values import story, verdict

GOLDEN = Path(__file__).parent / "golden"
CASES = json.loads((GOLDEN / "directions.json").read_text(encoding="utf-8"))
UPDATE = bool(os.environ.get("UPDATE_GOLDEN"))


def llama_cpp(heard):
    """The model's recorded answers, as llama.cpp's server sends them where it constrains nothing."""
    case = next(case for case in CASES if f"headline: {quoted(case['headline'])}\n" in heard.user)
    return said(f"Here is my direction:\n\n{json.dumps(case['answer'], ensure_ascii=False)}\n", model="tiny")


def told(case):
    grave = verdict(mood=Mood(case["mood"]), gravity=case["gravity"], subject_allowed=False)
    return story(case["headline"], language=case["language"]), brief(verdict=grave, style="papercut")


def table(prompt):
    return {
        "mood": str(prompt.mood), "scene": prompt.scene, "alt": prompt.alt, "avoid": list(prompt.avoid),
        "why": prompt.why,
    }  # fmt: skip


def held(found, case, key):
    if UPDATE:
        case[key] = found
    assert found == case[key], case["headline"]


def written(name, value):
    if UPDATE:
        (GOLDEN / name).write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def test_forty_headlines_of_many_moods_and_languages():
    """Forty headlines, nine languages, every mood but one word's difference; no two scenes alike."""
    assert len(CASES) == 40
    assert len({case["language"] for case in CASES}) >= 9
    assert len({case["mood"] for case in CASES}) >= 6
    assert len({case["answer"]["scene"] for case in CASES}) == 40


def test_the_house_editors_directions():
    """The very pictures that a person has read and approved."""
    for case in CASES:
        prompt = House().describe(*told(case))
        assert faults(prompt.scene) == ()
        held(table(prompt) | {"topic": prompt.topic}, case, "house")
    written("directions.json", CASES)


def test_a_models_directions(tmp_path):
    """A model's recorded answers pass every check and become the prompts that a person has read."""
    with speaking(llama_cpp) as server:
        editor = chat(server.url, tmp_path)
        for case in CASES:
            prompt = editor.describe(*told(case))
            assert len(prompt.scene.split()) >= MIN_WORDS
            held(table(prompt), case, "chat")
    written("directions.json", CASES)
    first = {"sent": server.heard[0].body, "answered": llama_cpp(server.heard[0])}
    if UPDATE:
        written("conversation.json", first)
    assert json.loads((GOLDEN / "conversation.json").read_text(encoding="utf-8")) == first


@pytest.mark.parametrize("editor", ["house", "chat"])
def test_a_grave_headlines_picture_is_never_brighter(editor):
    """What the gate found grim or somber stays so."""
    order = [str(mood) for mood in Mood]
    for case in CASES:
        if case["gravity"] > 0.5:
            assert order.index(case[editor]["mood"]) >= order.index(case["mood"])
