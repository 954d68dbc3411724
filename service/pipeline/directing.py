"""Direct one picture: the channel's editor, the house editor where that fails, and the gate over the words of both."""

from __future__ import annotations

import re
from dataclasses import replace

from ..errors import Declined, EditorError, OffDuty
from ..gate.verdict import UNREAD_GRAVITY, Rules, judge
from ..model import Prompt, Story
from ..protocols import Brief, Note
from .line import Desk


def directed(desk: Desk, story: Story, told: Brief, *, house: bool = False) -> tuple[Prompt, EditorError | None]:
    """The direction, and why it is not the channel's editor's but the house editor's, if it is. Raises Declined."""
    error = None
    try:
        prompt = (desk.house if house else desk.editor).describe(story, told)
    except Declined:
        raise
    except EditorError as failed:
        error = failed
        what = "was not asked" if isinstance(failed, OffDuty) else "failed"
        told.note(Note("editor", what, f"{failed}; the house editor did it"))
        prompt = desk.house.describe(story, told)
    return _no_graver(prompt, told), error


def _no_graver(prompt: Prompt, told: Brief) -> Prompt:
    """With an alt text that the gate would let on the wall: an editor's own rules read English only."""
    language = prompt.alt_language
    if language.split("-")[0] == "en":
        return prompt
    found = judge(prompt.alt, "", language, Rules(trusted_languages=(language,)))
    if not found.veto and found.gravity <= max(UNREAD_GRAVITY, told.verdict.gravity):
        return prompt
    told.note(Note("gate", "replaced the alt text", f"{prompt.alt} ({found.why})"))
    first = re.split(r"(?<=[.!?])\s", prompt.scene)[0]
    return replace(prompt, alt=f"{first[:1].upper()}{first[1:].rstrip('.')}.", alt_language="en")
