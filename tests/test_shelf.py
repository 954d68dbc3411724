"""Text encoders that do not learn are on the device only to speak, and what is learned and painted is the same."""

from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec

import pytest

from personalization import sampling, shelf, steps
from personalization.errors import TrainingError
from personalization.examples import prepared
from personalization.lesson import fits, opened, placed
from personalization.plan import GIB, Demand, Plan, needed
from personalization.shelf import Shelf

from .learning import QUICK, request, subject

NEEDS = [name for name in ("torch", "diffusers", "transformers", "peft") if find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(NEEDS), reason=f"not installed: {', '.join(NEEDS)}; `make test` installs them")
FAMILIES = ("sd15", "sdxl", "flux2")


@pytest.fixture(scope="module")
def lessons(tmp_path_factory):
    """A lesson of each family in which no text encoder learns."""
    import torch

    from . import tiny_bases, tiny_model

    torch.set_num_threads(1)
    at = tmp_path_factory.mktemp("bases")
    subject(at)
    made = {"sd15": tiny_model.save, "sdxl": tiny_bases.sdxl, "flux2": tiny_bases.flux2}
    told = ("--no-text-encoder", "--side-px", 32, "--rank", 4)
    return {name: opened(request(at, "--base", made[name](at / name), *QUICK, *told)) for name in FAMILIES}


@pytest.mark.parametrize("name", FAMILIES)
def test_words_from_the_shelf_are_the_same_words(lessons, name):
    """A picture, and a step's loss, are those of a model that is told each time."""
    it = lessons[name]
    assert isinstance(it.family, Shelf)
    plain = replace(it, family=it.family.family)
    painted = [sampling.paint(each.family, each.pipe, each.recipe, ["a q dog", "a dog"]) for each in (it, plain)]
    assert (painted[0] - painted[1]).abs().max() < 1e-5
    assert painted[0].std() > 0.01
    shown = prepared(it.family, it.pipe, it.folder, it.used, token="q", noun="dog", side_px=it.recipe.side_px)
    batch = steps.drawn(it, tuple(shown.latents.shape[1:]), len(shown.captions), 0)
    losses = [
        float(steps.loss_of(each, shown, None, steps.Speech(each, [*shown.captions, *shown.classes]), batch).detach())
        for each in (it, plain)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_text_encoders_come_to_speak_and_go_before_the_denoiser_comes_back(lessons, monkeypatch):
    """Never both at once; what was said before brings nobody."""
    it, moves = lessons["flux2"], []
    monkeypatch.setattr(shelf, "moved", lambda module, device: moves.append((type(module).__name__, str(device))))
    family = Shelf(it.family.family, "cuda")
    placed(replace(it, family=family))
    assert dict(moves) == {
        "AutoencoderKLFlux2": "cuda", "Flux2Transformer2DModel": "cuda", "Qwen3ForCausalLM": "cpu",
    }  # fmt: skip
    moves.clear()
    shelf.ready(family, it.pipe, ["a dog", "a cat"])
    assert moves == [
        ("Flux2Transformer2DModel", "cpu"), ("Qwen3ForCausalLM", "cuda"),
        ("Qwen3ForCausalLM", "cpu"), ("Flux2Transformer2DModel", str(it.pipe.transformer.device)),
    ]  # fmt: skip
    told = family.encode_words(it.pipe, ["a cat", "a dog", "a cat"])
    assert len(moves) == 4
    assert told["states"].shape[0] == 3
    assert (told["states"][0] == told["states"][2]).all()


def test_a_whole_lesson_says_everything_before_its_first_step(lessons, monkeypatch, tmp_path):
    """Whatever is painted and measured while it learns, no text encoder is asked again."""
    from personalization import train

    subject(tmp_path)
    monkeypatch.setattr("personalization.asking.OTHERS", ("cat", "house", "ball"))  # of sixteen: it is asked of each
    spoke = []
    speaking = Shelf._speaking
    monkeypatch.setattr(Shelf, "_speaking", lambda self, pipe: spoke.append("spoke") or speaking(self, pipe))
    told = train.run(request(tmp_path, "--base", lessons["sd15"].base, *QUICK, "--no-text-encoder"))
    with suppress(TrainingError):  # a random model is not worth publishing
        spoke.extend(event["event"] for event in told)
    assert "step" in spoke and "measured" in spoke, spoke  # noqa: PT018
    assert "spoke" in spoke[: spoke.index("step")]
    assert "spoke" not in spoke[spoke.index("step") :]


@pytest.mark.parametrize(("name", "cell"), [("sd15", 8), ("sdxl", 8), ("flux2", 16)])
def test_a_side_is_checked_by_the_models_own_grid(lessons, monkeypatch, name, cell):
    """Klein sees two by two latents as one place. The tiny models' latents are finer than those of a real one."""
    it = lessons[name]
    monkeypatch.setattr(it.pipe, "vae_scale_factor", 8)
    fits(it.family, it.pipe, 512 + cell)
    with pytest.raises(TrainingError, match=f"--side-px is a multiple of {cell} on this model: 512 is"):
        fits(it.family, it.pipe, 512 + cell // 2)


def test_learning_needs_no_room_for_encoders_that_rest():
    """Only as much as they need by themselves, where that is more."""
    demand = Demand(denoiser=8 * GIB, text=8 * GIB, decoder=GIB, learning=0, activations=2 * GIB, checkpointed=GIB,
                    painting=GIB)  # fmt: skip
    resting = replace(demand, text_rests=True)
    assert needed(demand, Plan(1)) - needed(resting, Plan(1)) == 8 * GIB
    assert needed(replace(resting, text=20 * GIB), Plan(1)) == 21 * GIB
