"""Values for tests: a story, a verdict, a prompt, a plate; say only what the test is about."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

from service.model import Mood, Plate, Prompt, Step, Story, Verdict

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def story(title="Night trains return to the Alps after a forty-year absence", **other):
    base = Story(
        id=hashlib.sha256(title.encode()).hexdigest(),
        feed="http://feeds.example/news.xml",
        source="The Daily Example",
        title=title,
        summary="",
        link="https://news.example/story",
        language="en",
        published=NOON,
    )
    return replace(base, **other)


def verdict(**other):
    base = Verdict(gravity=0.1, mood=Mood.CALM, topics=(), why="no grave words", subject_allowed=True)
    return replace(base, **other)


def prompt(**other):
    scene = "a small night train with lit windows crossing a tall stone bridge between snowy peaks under a full moon"
    base = Prompt(scene=scene, words=scene, mood=Mood.CALM, topic="transport", seed=7, alt="A night train on a bridge")
    return replace(base, **other)


def plate(title=None, **other):
    base = Plate(
        id=1,
        channel="home",
        story=story(title) if title else story(),
        step=Step.RENDERED,
        verdict=verdict(),
        prompt=prompt(),
        chosen_at=NOON,
    )
    return replace(base, **other)
