"""The ControlNet of a web UI, through which it is shown a photo: an IP-Adapter, as one unit of a request.

After ``internal_controlnet/args.py`` of the extension for AUTOMATIC1111 (1.1.455) and ``lib_controlnet`` of Forge: the
fields of a unit are the same in both, the names of what prepares a photo are not, and Forge knows a model by its whole
name only, with the hash behind it. So the server is asked for both.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

from ...errors import EngineError
from ..images_refusal import Refusal
from .http import table

SCALE = 0.6  #: how strongly a photo counts beside the words, as our own cards have it
_API = "a ControlNet with an API"
_AUTO = "ip-adapter-auto"  #: what looks at a photo: AUTOMATIC1111's, from 1.1.443 on, chooses by the model
_SMALL, _LARGE = "CLIP-ViT-H (IPAdapter)", "CLIP-ViT-bigG (IPAdapter)"  #: Forge's; the latter for the first of XL
_FACES = ("faceid", "face_id", "face-id")


def unit(ask: Callable[[str], bytes], model: str, photo: bytes) -> dict[str, Any]:
    """What a request says so that a picture is painted from a photo, a JPEG file.

    ``ask`` is given a path and answers with a body; ``model``: the adapter by its name there. Raises EngineError, for
    people, where the server has no such thing.
    """
    if any(word in model.lower() for word in _FACES):
        raise EngineError("adapters of the kind FaceID need a face recogniser that is not free for every use: "
                          "name another in ip_adapter")  # fmt: skip
    known = named(model, _listed(ask, "model_list"))
    return {
        "enabled": True, "module": preparer(known, _listed(ask, "module_list")), "model": known, "weight": SCALE,
        "image": base64.b64encode(photo).decode(), "resize_mode": "Crop and Resize", "guidance_start": 0.0,
        "guidance_end": 1.0, "save_detected_map": False,  # else it comes back beside the picture
    }  # fmt: skip


def named(model: str, there: Sequence[str]) -> str:
    """The whole name of a model: "ip-adapter-plus_sd15 [1234abcd]". Raises EngineError."""
    same = [name for name in there if _bare(name) == _bare(model)]
    if same:
        return model if model in same else same[0]
    others = [name for name in there if "ip-adapter" in name.lower() or "ip_adapter" in name.lower()]
    raise EngineError(f"there is no ip_adapter {model!r} there; there is {', '.join(others[:6]) or 'none at all'}")


def _bare(name: str) -> str:
    return (name.rpartition(" [")[0] or name).lower()


def preparer(model: str, there: Sequence[str]) -> str:
    """What looks at a photo for a model. Raises EngineError."""
    name = model.lower().replace("_", "-")
    forge = _LARGE if "sdxl" in name and "vit-h" not in name else _SMALL
    if found := next((each for each in (_AUTO, forge) if each in there), ""):
        return found
    raise EngineError("its ControlNet knows no preparer for IP-Adapters that we know: bring it up to date")


def _listed(ask: Callable[[str], bytes], what: str) -> list[str]:
    try:
        found = table(ask(f"/controlnet/{what}"), _API).get(what)
    except Refusal as error:
        why = f"there is no ControlNet with an API there ({error.status})"
        raise EngineError(f"{why}: install the extension, or leave ip_adapter out") from error
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []
