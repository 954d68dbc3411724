"""A subject with photos, and learning asked for as the command asks."""

import threading
from argparse import ArgumentParser

from personalization import train
from personalization.dataset import Photo, keep
from personalization.request import Request
from service.subjects import Subject, save

GROUNDS = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200)}
QUICK = ("--steps", "4", "--measure-every", "2", "--pictures", "2", "--sampling-steps", "1", "--batch", "2", "--side-px", "32",
         "--device", "cpu")  # fmt: skip


def subject(data, **card):
    """Rex, two photos of 40x32 pixels, one of them with a mask, and an upright one of 32x40."""
    import numpy as np
    from PIL import Image

    rex = Subject(**{"name": "rex", "kind": "dog", "class_noun": "dog", "token": "q"} | card)
    folder = data / "subjects" / rex.name
    (folder / "photos").mkdir(parents=True)
    (folder / "masks").mkdir()
    found = []
    for number, (name, colour) in enumerate(GROUNDS.items()):
        wide, tall = (32, 40) if name == "blue" else (40, 32)
        shown = np.full((tall, wide, 3), colour, np.uint8)
        shown[8:24, 12:28] = 120, 60, 20
        Image.fromarray(shown).save(folder / f"photos/{number:03}.png")
        found.append(Photo(f"photos/{number:03}.png", "x.jpg", f"{number:064}", wide, tall, f"a [V] dog on a {name} background", (12, 8, 28, 24),
                           mask="masks/000.png" if number == 0 else ""))  # fmt: skip
    cut = np.zeros((32, 40), np.uint8)
    cut[8:24, 12:28] = 255
    Image.fromarray(cut).save(folder / "masks/000.png")
    keep(folder, found)
    save(data, rex)
    return folder


def request(data, *words, verb=train, name="rex"):
    parser = ArgumentParser()
    verb.options(parser)
    return Request(data, name, parser.parse_args([str(word) for word in words]), threading.Event())


def heard(events):
    """Everything that was said, and the error that ended it, if one did."""
    from personalization.errors import PersonalizationError

    found = []
    try:
        found.extend(events)
    except PersonalizationError as error:
        return found, str(error)
    return found, ""
