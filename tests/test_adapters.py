"""Every adapter there is, found by itself, keeps to the seam."""

import inspect
import subprocess
import sys
import typing

import pytest
from pydantic import ValidationError

from service import protocols
from service.assembly import ROOMS, adapters
from service.surroundings import Surroundings

SEAMS = {
    "sources": protocols.Source, "editors": protocols.Editor, "engines": protocols.Engine,
    "displays": protocols.Display,
}  # fmt: skip
FOUND = {(room, kind): module for room in SEAMS for kind, module in adapters(room).items()}
SLOW = {
    "torch",
    "diffusers",
    "transformers",
    "accelerate",
    "peft",
    "safetensors",
    "ray",
    "openai",
    "httpx2",
    "websockets",
    "pychromecast",
    "trafilatura",
    "lxml",
}

each_adapter = pytest.mark.parametrize(("room", "kind"), FOUND, ids="/".join)


def required(model, answer="http://127.0.0.1:9/v1"):
    """The least that a table must say; an address does for any text, a display's has neither scheme nor path."""
    needed = {name: answer for name, field in model.model_fields.items() if field.is_required()}
    return needed | ({"address": "127.0.0.1:9"} if "address" in needed else {})


def methods(protocol):
    return {name: f for name, f in vars(protocol).items() if inspect.isfunction(f) and not name.startswith("_")}


def test_every_room_with_a_seam_is_looked_at():
    """A new room of adapters gets its line here."""
    assert set(SEAMS) == set(ROOMS)
    assert {"house", "papercut", "images-api", "diffusion"} <= {kind for _, kind in FOUND}


@each_adapter
def test_settings_are_frozen_and_know_their_keys(room, kind):
    """A value cannot be changed, an unknown key is a mistake, and the table's kind is the file's name."""
    settings = FOUND[room, kind].Settings(**required(FOUND[room, kind].Settings))
    assert settings.kind == kind
    with pytest.raises(ValidationError, match="frozen"):
        settings.kind = "other"
    with pytest.raises(ValidationError, match="Extra inputs"):
        type(settings)(**required(type(settings)), keey="x")
    with pytest.raises(ValidationError, match="kind"):
        type(settings)(**required(type(settings)) | {"kind": "another-file"})


@each_adapter
def test_what_is_made_has_the_methods_of_its_protocol(room, kind, tmp_path):
    """``make`` connects to nothing and starts nothing; what it gives takes the protocol's arguments by their names."""
    module = FOUND[room, kind]
    assert list(inspect.signature(module.make).parameters) == ["settings", "surroundings"]
    settings = module.Settings(**required(module.Settings))
    made = module.make(settings, Surroundings("name", tmp_path / "data", tmp_path / "templates"))
    assert isinstance(made, typing.get_type_hints(module.make)["return"])
    for name, wanted in methods(SEAMS[room]).items():
        names = list(inspect.signature(wanted).parameters)[1:]
        assert list(inspect.signature(getattr(made, name)).parameters)[: len(names)] == names
    if "close" in methods(SEAMS[room]):
        made.close()
        made.close()
    assert not (tmp_path / "data").exists()


def test_importing_adapters_imports_nothing_slow():
    """Model libraries, clients and Cast come with the first use, not with the config."""
    modules = [module.__name__ for module in FOUND.values()]
    code = f"import sys, {', '.join(modules)}; print(*sorted(set(sys.argv[1:]) & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code, *SLOW], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []
