"""What a model without eyes of its own looks at photos through: an IP-Adapter, put before it for pictures from photos.

Ye et al. 2023, https://arxiv.org/abs/2308.06721, by diffusers' own ``load_ip_adapter``:
https://huggingface.co/docs/diffusers/using-diffusers/ip_adapter
It adds a second, parallel attention over what an image encoder makes of the photos; those of one subject are looked at
side by side. It is taken off again after each run, so that every other picture is painted by the model as it was.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import EngineError
from . import fetching, weights
from .cards import IpAdapter
from .fetching import Heard
from .machine import ram_left

MOST = 16  #: sets of photos whose encoding is kept; one has 5 MB
_ROOM = 1.2  #: the encoder's own size, so many times, is what it takes to run


def fetch(adapter: IpAdapter, heard: Heard) -> Path:
    """The folder with all of an adapter: the owner's, else the hub's, fetched once. Raises EngineError."""
    folder = Path(adapter.hub)
    if not folder.is_absolute():
        terms = f"{adapter.licence or 'its licence is not known'}, to look at photos with; once"
        return fetching.files(adapter.hub, adapter.files, lambda news: heard(news | {"terms": terms}))
    if lacks := [name for name in adapter.files if not (folder / name).is_file()]:
        raise EngineError(f"there is no {folder / lacks[0]}")
    return folder


class Lens:
    """An adapter and the pipeline it is put before."""

    def __init__(self, pipe: Any, adapter: IpAdapter, folder: Path) -> None:
        """Raises EngineError for a pipeline that knows no such thing."""
        if getattr(pipe, "unet", None) is None or not hasattr(pipe, "load_ip_adapter"):
            raise EngineError(f"{type(pipe).__name__} takes no IP-Adapter")
        self.adapter, self._pipe, self._folder = adapter, pipe, folder
        self._without = _worn(pipe)
        self._with = self._without
        self._known: OrderedDict[tuple[Any, ...], Any] = OrderedDict()

    def fit(self, placed: Callable[[], None] | None) -> None:
        """Read the adapter and put it aside. Raises EngineError where it is not for this model.

        ``placed``: puts a pipeline back where it is held in parts; None where it is held whole.
        """
        _suits(self._pipe, self.adapter, self._folder)
        extractor, name = getattr(self._pipe, "feature_extractor", None), PurePosixPath(self.adapter.file)
        if placed:
            self._pipe.remove_all_hooks()
        try:
            self._pipe.load_ip_adapter(
                str(self._folder), subfolder=str(name.parent), weight_name=name.name, image_encoder_folder=None,
                local_files_only=True,
            )  # fmt: skip
            self._pipe.set_ip_adapter_scale(self.adapter.scale)
            self._with = _worn(self._pipe)
        except Exception as error:
            _wear(self._pipe, self._without)
            if _of_memory(error):
                raise
            raise EngineError(f"{self._folder / name} does not fit this model ({_words(error)})") from error
        finally:
            self._pipe.register_modules(feature_extractor=extractor)
            if placed:
                placed()  # while the adapter is on: its layers are held as the model's are
            _wear(self._pipe, self._without)

    @contextmanager
    def before(self, photos: tuple[Any, ...], *, guided: bool) -> Iterator[dict[str, Any]]:
        """The model looking at photos, RGB pictures; what its pipeline is told. Raises EngineError.

        ``guided``: it is run without the words, too, and then sees black pictures.
        """
        _wear(self._pipe, self._with)
        try:
            both = self._seen(photos)  # (2, photos, tokens, width), of black first
            yield {"ip_adapter_image_embeds": [both if guided else both[1:]]}
        finally:
            _wear(self._pipe, self._without)

    def _seen(self, photos: tuple[Any, ...]) -> Any:
        key = tuple((photo.size, hash(photo.tobytes())) for photo in photos)
        if key not in self._known:
            self._known[key] = self._encoded(photos)
        self._known.move_to_end(key)
        while len(self._known) > MOST:
            self._known.popitem(last=False)
        return self._known[key]

    def _encoded(self, photos: tuple[Any, ...]) -> Any:
        """What the encoder sees in photos. It is read for this alone, and let go of."""
        import torch
        from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

        pipe, folder = self._pipe, self._folder / self.adapter.encoder
        device, dtype = pipe._execution_device, pipe.unet.dtype  # noqa: SLF001 - where an offloaded pipeline paints
        where = _roomy(torch, device, (folder / "model.safetensors").stat().st_size)
        kind: Any = CLIPVisionModelWithProjection
        before = getattr(pipe, "feature_extractor", None)
        try:
            encoder = kind.from_pretrained(
                folder, dtype=torch.float32 if where == "cpu" else dtype, use_safetensors=True, local_files_only=True
            ).to(where)
            eyes = CLIPImageProcessor(size=encoder.config.image_size, crop_size=encoder.config.image_size)
            pipe.register_modules(image_encoder=encoder, feature_extractor=eyes)
            with torch.inference_mode():
                (seen,) = pipe.prepare_ip_adapter_image_embeds([list(photos)], None, where, 1, True)
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            if _of_memory(error):
                raise
            raise EngineError(f"the image encoder in {folder} cannot be used ({_words(error)})") from error
        finally:
            pipe.register_modules(image_encoder=None, feature_extractor=before)
        return seen.to(device, dtype)


_Worn = tuple[dict[str, Any], Any, Any]


def _worn(pipe: Any) -> _Worn:
    """What of a U-Net an adapter exchanges."""
    unet = pipe.unet
    own = {name: each for name, each in unet.attn_processors.items() if not name.startswith("encoder_hid_proj.")}
    return own, unet.encoder_hid_proj, unet.config.encoder_hid_dim_type


def _wear(pipe: Any, worn: _Worn) -> None:
    unet, (processors, projection, kind) = pipe.unet, worn
    unet.encoder_hid_proj = None  # it has processors of its own, which would be counted
    unet.set_attn_processor(dict(processors))
    unet.encoder_hid_proj, unet.config.encoder_hid_dim_type = projection, kind


def _suits(pipe: Any, adapter: IpAdapter, folder: Path) -> None:
    """Raises EngineError where a look at names and widths tells that an adapter is none, or not for this model."""
    path = folder / adapter.file
    tensors = weights.widths(path)
    there = {name.partition(".")[0] for name in tensors}
    if not {"image_proj", "ip_adapter"} <= there:
        raise EngineError(f"{path} holds no IP-Adapter")
    faces = "image_proj.norm.weight" in tensors and "image_proj.proj.weight" not in tensors
    if faces or any("perceiver_resampler" in name or "_lora." in name for name in tensors):
        raise EngineError(f"{path} is of the kind FaceID, which needs a face recogniser that is not free for every "
                          "use: name another")  # fmt: skip
    reads, wants = tensors.get("ip_adapter.1.to_k_ip.weight", 0), pipe.unet.config.cross_attention_dim
    if reads != wants:
        raise EngineError(f"{path} is for models whose words are {reads} wide, and this one's are {wants}")
    sees, shows = _widths(tensors, folder / adapter.encoder)
    if sees != shows:
        raise EngineError(f"{path} wants an image encoder {sees} wide, and that in {adapter.encoder} is {shows} wide")


def _widths(tensors: weights.Widths, encoder: Path) -> tuple[int, int]:
    """How wide the pictures are that an adapter reads, and those that an encoder makes. Raises EngineError."""
    weights.widths(encoder / "model.safetensors")
    try:
        config = json.loads((encoder / "config.json").read_text(encoding="utf-8"))
        plain = tensors.get(
            "image_proj.proj.weight", 0
        )  # the first kind reads one projected vector, "plus" all patches
        if plain:
            return plain, int(config["projection_dim"])
        first = "image_proj.proj_in.weight" if "image_proj.proj_in.weight" in tensors else "image_proj.proj.0.weight"
        return tensors.get(first, 0), int(config["hidden_size"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EngineError(f"{encoder} holds no image encoder: fetch it again ({error})") from error


def _roomy(torch: Any, device: Any, size: int) -> Any:
    """Where an encoder of so many bytes, in 32 bits, is run: beside the model if there is room, else on the processor.

    Raises EngineError where there is room nowhere.
    """
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device)
        if free - torch.cuda.memory_allocated(device) > size / 2 * _ROOM:  # in 16 bits there
            return device
    left = ram_left()
    if left is not None and left < size * _ROOM:
        raise EngineError(f"the image encoder takes {size / 1e9:.1f} GB of memory, and {left / 1e9:.1f} GB are free")
    return device if device.type not in ("cpu", "cuda") else "cpu"


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:150]


def _of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or "out of memory" in str(error).lower()
