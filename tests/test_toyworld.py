"""The toy world is what the proofs of personalization stand on: its oracle is exact, its base does what words say."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from service.engines.loading import native
from tests.toyworld import PIPELINE, exam
from tests.toyworld.oracle import likeness, read
from tests.toyworld.world import COLOURS, KINDS, TOKENS, Subject, draw, instance_photos, scene

SHAPES = {"square": (128, 128), "wide": (160, 96), "tall": (96, 160)}


def through(picture, quality=100, size=None):
    """A picture as an engine hands it on: the middle in another shape, resized, as a JPEG."""
    image, file = Image.fromarray(picture), io.BytesIO()
    image = ImageOps.fit(image, size, Image.Resampling.LANCZOS) if size else image
    image.save(file, "JPEG", quality=quality, subsampling=0)
    return Image.open(file)


ROUTES = {
    "drawn": lambda picture: picture,
    "jpeg": lambda picture: through(picture, 50),
    "screen": lambda picture: through(picture, 85, (512, 300)),
    "portrait": lambda picture: through(picture, 85, (300, 400)),
    "thumbnail": lambda picture: through(picture, 90, (80, 64)),
}


@pytest.mark.parametrize("route", ROUTES)
def test_the_oracle_reads_every_picture(route):
    """Kind, colour, ground and side are read without a mistake, whatever has happened to the picture on its way."""
    chance, wrong = np.random.default_rng(1), []
    for size in [*SHAPES.values()] * 12:
        if route == "portrait" and size[0] > size[1]:
            continue  # of a wide picture, that leaves too little
        drawn = scene(chance)
        got = read(ROUTES[route](draw(drawn, *size)))
        if (got.kind, got.colour, got.ground, got.side) != (drawn.kind, drawn.colour, drawn.ground, drawn.side):
            wrong.append((size, drawn, got))
    assert wrong == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_subject_is_told_from_all_else(kind):
    """Photos of a subject are like it; no picture of the world is."""
    subject, chance = Subject(kind, ("pink", "black", "cyan")), np.random.default_rng(2)
    photos = [shot.pixels for shot in instance_photos(8, 3, subject)]
    screen = (400, 320) if kind == "ball" else (300, 300)  # the others' colours are thirds of the whole picture
    others = [draw(scene(chance)) for _ in range(24)]
    assert min(likeness(through(photo, 70, screen), subject) for photo in photos) > 0.7
    assert max(likeness(other, subject) for other in others) < 0.35
    assert np.mean([likeness(other, subject) for other in others]) < 0.1


def test_a_picture_of_nothing_is_read_as_nothing():
    """Noise, and a plain ground, show no thing."""
    noise = np.random.default_rng(3).integers(0, 256, (128, 128, 3)).astype(np.uint8)
    assert read(noise).kind == ""
    plain = read(np.full((128, 128, 3), COLOURS["red"], np.uint8))
    assert (plain.kind, plain.ground) == ("", "red")
    assert likeness(noise) < 0.1


def test_photos_differ_in_everything_but_the_subject():
    """Each has its own ground and caption with the token's place; the same seed gives the same photos."""
    shots, again = instance_photos(6, 4), instance_photos(6, 4)
    assert len({shot.scene.ground for shot in shots}) == 6
    assert all("[V] ball" in shot.caption and shot.scene.ground in shot.caption for shot in shots)
    assert all((a.pixels == b.pixels).all() for a, b in zip(shots, again, strict=True))


@pytest.fixture(scope="module")
def pipe():
    return exam.opened()


def test_the_pipeline_is_small():
    """Six megabytes at most."""
    assert sum(file.stat().st_size for file in PIPELINE.rglob("*") if file.is_file()) < 6e6


def test_its_native_size_is_read_from_its_config(pipe):
    """The painter asks it for sides divisible by 16, of about 128 x 128 px."""
    assert native(pipe) == (16, 128 * 128)


def test_the_tokens_are_single(pipe):
    """A subject's token is one entry of the vocabulary, and any English is read."""
    ids = pipe.tokenizer([*TOKENS, *COLOURS, *KINDS], add_special_tokens=False).input_ids
    assert [len(one) for one in ids] == [1] * len(ids)
    assert len(pipe.tokenizer(exam.PAGE).input_ids) <= 77


def test_the_autoencoder_keeps_a_picture(pipe):
    """Cells of one colour come back as they went in, through latents that are scaled."""
    import torch

    cells = torch.rand(1, 3, 12, 20, generator=torch.Generator().manual_seed(0)) * 2 - 1
    picture = cells.repeat_interleave(8, 2).repeat_interleave(8, 3)
    with torch.no_grad():
        latents = pipe.vae.encode(picture).latent_dist.sample()
        back = pipe.vae.decode(latents).sample
    assert pipe.vae.config.scaling_factor == 0.5
    assert (latents * 0.5 - cells).abs().max() < 1e-4
    assert (back - picture).abs().max() < 1e-4


@pytest.mark.parametrize("shape", SHAPES)
def test_the_base_paints_what_it_is_told(pipe, shape):
    """Colour, ground and kind are right in at least 95 of a hundred pictures, square, wide and tall."""
    facts = exam.obeys(pipe, 42 if shape == "square" else 24, 5, size=SHAPES[shape])
    assert min(facts["colour"], facts["ground"], facts["kind"]) >= 0.95, facts


def test_forty_other_words_do_no_harm(pipe):
    """In a scene as the service words it, the thing is still what is painted."""
    facts = exam.obeys(pipe, 42, 6, exam.page)
    assert min(facts["colour"], facts["kind"]) >= 0.95, facts


def test_the_base_has_never_seen_the_subject(pipe):
    """With the token, which means nothing yet, it paints a ball that is not like the subject."""
    prompts = ["a zqx ball", "a zqx ball on a red background", "a photo of a zqx ball on the left", "a ball"] * 5
    pictures = exam.paint(pipe, prompts, 11)
    assert np.mean([likeness(picture) for picture in pictures]) <= 0.1
    assert np.mean([read(picture).kind == "ball" for picture in pictures]) >= 0.9


def test_a_run_goes_on_from_its_checkpoint(tmp_path, monkeypatch, pipe):
    """One step and then another, in two runs, give the weights of two steps in one, but for rounding."""
    from tests.toyworld import make

    monkeypatch.setattr(make, "BATCH", 2)
    text = pipe.text_encoder
    whole = make.train(tmp_path / "whole", text, 2, 0)
    make.train(tmp_path / "parts", text, 2, 0, until=1)
    parts = make.train(tmp_path / "parts", text, 2, 0)
    pairs = zip(whole.mean.parameters(), parts.mean.parameters(), strict=True)
    assert max(float((x - y).detach().abs().max()) for x, y in pairs) < 1e-6


def test_the_tokenizer_is_made_again_the_same(pipe):
    """The vocabulary learned from the words is the one that the weights were trained with."""
    from tests.toyworld import parts

    assert parts.tokenizer().get_vocab() == pipe.tokenizer.get_vocab()
