"""What it is all for: photos go in, the subject is learned, and it is in the day's news on the wall; not in grave news.

Nothing is stood in for but the world: in the toy world every picture can be read exactly.
"""

import io
import json
import urllib.request
from importlib.util import find_spec

import pytest
from PIL import Image

from bench import loopback

from .command import objects, running, told
from .toyworld import PIPELINE
from .toyworld.oracle import likeness
from .toyworld.world import instance_photos

NEEDS = [name for name in ("torch", "diffusers", "transformers", "peft", "rembg") if find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(NEEDS), reason=f"not installed: {', '.join(NEEDS)}; `make test` installs them")

SHOTS_PX = ((640, 640), (800, 480), (640, 640), (480, 800), (800, 480))
#: without these it takes up to 800 steps and learns somewhat better: docs/measurements.md says what
SHORT = ("--steps", "300", "--measure-every", "150", "--pictures", "6")
GLAD = "Night library opens for shift workers"
SOBER = "Court fines bank over hidden fees"  # may be painted, but with nobody of this home in it
GRIM = "Earthquake kills dozens in coastal town"  # is on the wall in words alone
#: a picture of the toy world has a ground and a place for its thing, which is all the style that it knows
ENGINE = """[engines.diffusion]
kind = "diffusion"
model = "{model}"
device = "cpu"
steps = 12
guidance = 2
style = "in the middle on a white background"
keep_alive_minutes = 0
"""


def photographed(folder):
    """Five photos as files; what each shows, in its owner's words."""
    folder.mkdir()
    shots = instance_photos(5, sizes=SHOTS_PX)
    for number, shot in enumerate(shots, 1):
        Image.fromarray(shot.pixels).save(folder / f"{number}.png")
    return [shot.caption for shot in shots]


def configured(path, feed):
    """A home that paints with the toy world's model, its picture beside the headline."""
    path.write_text(
        f'[channels.home]\nfeeds = ["{feed}"]\nengines = ["diffusion", "papercut"]\ntemplate = "split"\n'
        'max_age_hours = 0\nplates_per_round = 2\n[[displays]]\nname = "hall"\ndwell_seconds = 3600\n'
        '[net]\nallow_private = ["127.0.0.1"]\n' + ENGINE.format(model=PIPELINE)
    )
    return ["--config", path, "--data", path.parent / "data"]


def said(*words):
    """What a command said that went well."""
    ran = told(*words)
    assert ran.code == 0, ran.err or ran.out
    return ran.out


def painted(here):
    """One round: which headlines it put on the wall, and what made each one's picture."""
    return {
        event["what"]: event["note"] for event in objects(said("once", "--json", *here)) if event["verb"] == "render"
    }


def hanging(here, headline):
    """The picture's part of the slide on the display in the hall, once that headline is on it."""
    with running(here[1], here[3]) as (_, address):
        for _ in range(4):
            if json.loads(fetched(f"{address}/api/status"))["displays"][0]["headline"] == headline:
                slide = Image.open(io.BytesIO(fetched(f"{address}/d/hall.jpg"))).convert("RGB")
                return slide.crop((slide.width * 46 // 100, 0, *slide.size))
            said("next", "hall", *here)
    raise AssertionError(f"{headline} never came")


def fetched(address):
    with urllib.request.urlopen(address, timeout=30) as answer:
        return answer.read()


def learned(photos, here):
    """From photos to a subject that may be shown, by its owner's commands; what learning said of it."""
    captions, data = photographed(photos), here[2:]
    said("subject", "add", "rex", photos, "--kind", "thing", "--noun", "ball", "--token", "zqx", *data)
    for number, caption in enumerate(captions, 1):
        said("subject", "caption", "rex", number, caption, *here)
    verdict = said("subject", "train", "rex", *SHORT, *here)
    said("subject", "use", "rex", *here)
    said("subject", "rules", "rex", "--frequency", "always", *here)
    return verdict


def test_from_photos_to_the_wall(tmp_path):
    """It is learned, with its class and all else left as they were; a glad headline shows it, a grave one never."""
    import torch

    from .toyworld import lessons

    torch.set_num_threads(1)
    data, config = tmp_path / "data", tmp_path / "config.toml"
    with loopback.serving({"glad": loopback.rss([GLAD]), "grave": loopback.rss([GLAD, SOBER, GRIM])}) as address:
        here = configured(config, f"{address}/glad")
        assert "looks like rex; other balls unaffected" in learned(tmp_path / "photos", here)
        assert painted(here) == {GLAD: "diffusion"}
        assert likeness(hanging(here, GLAD)) >= 0.6
        configured(config, f"{address}/grave")
        assert painted(here) == {SOBER: "diffusion"}
        assert likeness(hanging(here, SOBER)) <= 0.2
        assert likeness(hanging(here, GRIM)) <= 0.2
    (home,) = (data / "subjects/rex/learning").glob("*/")
    marks, oracle = lessons.marked(lessons.published(data), 18), lessons.by_oracle(home)
    assert marks.likeness >= 0.65, (marks, oracle)
    assert marks.leak <= 0.12, marks
    assert marks.retained >= 0.7, marks
    chosen = json.loads((data / "subjects/rex/evaluation.json").read_text())["step"]
    assert oracle[chosen] >= 0.95 * max(oracle.values()), oracle
