"""A model comes from the Hugging Face hub: what of it is needed, whether it fits the disk, and how far it has got.

Runs in the worker process. ``HF_HOME``, ``HF_HUB_OFFLINE``, ``HF_ENDPOINT`` and ``HF_TOKEN`` are the client's own:
https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
What is there whole is not asked for again. A connection that breaks is taken up where it broke; after the end of the
process whole files are kept, and the one that was on its way begins again.
"""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import EngineError
from . import weights

Heard = Callable[[dict[str, Any]], None]  #: told how reading goes on: ``says`` and, of a download, ``bytes`` and ``of``

_ANSWER_S = 5.0  #: for the hub's host to say anything
_EVERY_S = 0.5  #: how often a download is told of
_STALE_S = 600  #: what a killed process left half-fetched is removed after this
_SPARE = 200_000_000  #: bytes of disk that are left free
_KINDS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".msgpack", ".onnx", ".onnx_data", ".h5", ".gguf", ".pb")
_SMALL = (".json", ".txt", ".model", ".jinja")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of a repository."""

    variant: str = ""
    without: str = ""  #: the folder whose weights come from elsewhere
    small: bool = False  #: configs and tokenizers only
    allow_pickle: bool = False


def chosen(sizes: Mapping[str, int], table: Mapping[str, Any], wanted: Wanted) -> dict[str, int]:
    """The files that a pipeline is made of, with their sizes, out of all in its repository."""
    found = {weights.INDEX: sizes.get(weights.INDEX, 0)}
    for part in weights.parts(table):
        inside = {name: size for name, size in sizes.items() if name.startswith(f"{part}/") and name.count("/") == 1}
        found |= {name: size for name, size in inside.items() if name.endswith(_SMALL)}
        if not wanted.small and part != wanted.without:
            found |= _of(inside, wanted)
    return found


def _of(inside: Mapping[str, int], wanted: Wanted) -> dict[str, int]:
    """The weights of one part: the variant's if it has any, safetensors unless only pickles are there and allowed."""
    for suffix in (".safetensors", ".bin") if wanted.allow_pickle else (".safetensors",):
        there = {name: size for name, size in inside.items() if name.endswith(suffix)}
        slim = {name: size for name, size in there.items() if wanted.variant and _is_variant(name, wanted.variant)}
        plain = {name: size for name, size in there.items() if name.rpartition("/")[2].count(".") == 1}
        if slim or plain:
            return slim or plain
    return {}


def _is_variant(name: str, variant: str) -> bool:
    return re.search(rf"\.{re.escape(variant)}(?:-\d{{5}}-of-\d{{5}})?\.", name.rpartition("/")[2]) is not None


def pipeline(hub: str, wanted: Wanted, heard: Heard) -> Path:
    """The folder of a pipeline that the hub has: as it lies in the cache, else fetched. Raises EngineError."""
    folder = cached(hub)
    if folder is not None and not _incomplete(folder, wanted):
        return folder
    with _explained(hub):
        return _fetched(hub, wanted, heard)


def files(hub: str, names: Sequence[str], heard: Heard) -> Path:
    """The folder that has these files of a repository: in the cache, else fetched. Raises EngineError."""
    from huggingface_hub import HfApi, try_to_load_from_cache

    there = [try_to_load_from_cache(hub, name) for name in names]
    if all(isinstance(each, str) for each in there):
        return Path(str(there[0])).parents[names[0].count("/")]
    with _explained(hub):
        info = HfApi().model_info(hub, files_metadata=True)
        sizes = {each.rfilename: each.size or 0 for each in info.siblings or ()}
        if lacks := [name for name in names if name not in sizes]:
            raise EngineError(f"{hub} has no {lacks[0]}")
        return _brought(hub, {name: sizes[name] for name in names}, info.sha or "main", heard)


def file(hub: str, name: str, heard: Heard) -> Path:
    """One file of a repository. Raises EngineError."""
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    there = try_to_load_from_cache(hub, name)
    if isinstance(there, str):
        return Path(there)
    with _explained(hub):
        heard({"says": f"fetching {name} of {hub}"})
        _knocked()
        return Path(hf_hub_download(hub, name))


def _knocked() -> None:
    """See that the hub can be reached: for one file its client goes on trying for half a minute. Raises its errors."""
    from huggingface_hub import constants, get_session

    get_session().head(constants.ENDPOINT, timeout=_ANSWER_S)


def cached(hub: str) -> Path | None:
    """Where the cache keeps a repository's newest snapshot, whole or not."""
    from huggingface_hub import try_to_load_from_cache

    there = try_to_load_from_cache(hub, weights.INDEX)
    return Path(there).parent if isinstance(there, str) else None


def _incomplete(folder: Path, wanted: Wanted) -> bool:
    if wanted.small:
        return any(not (folder / part).is_dir() for part in weights.parts(weights.index(folder)))
    return bool(weights.lacking(folder, without=wanted.without, allow_pickle=wanted.allow_pickle))


def _fetched(hub: str, wanted: Wanted, heard: Heard) -> Path:
    from huggingface_hub import HfApi, hf_hub_download

    info = HfApi().model_info(hub, files_metadata=True)
    sizes = {each.rfilename: each.size or 0 for each in info.siblings or ()}
    if weights.INDEX not in sizes:
        raise EngineError(_odd(hub, sizes))
    table = weights.index(Path(hf_hub_download(hub, weights.INDEX, revision=info.sha)).parent)
    return _brought(hub, chosen(sizes, table, wanted), info.sha or "main", heard)


def _brought(hub: str, files: Mapping[str, int], sha: str, heard: Heard) -> Path:
    from huggingface_hub import snapshot_download

    todo = _todo(hub, files, sha)
    _room(hub, todo)
    heard({"says": f"fetching {hub}", "bytes": 0, "of": todo})
    return Path(snapshot_download(hub, allow_patterns=list(files), revision="main", max_workers=1,
                                  tqdm_class=_bar(hub, todo, heard)))  # fmt: skip


def _odd(hub: str, sizes: Mapping[str, int]) -> str:
    single = sorted(name for name in sizes if name.endswith((".safetensors", ".gguf", ".ckpt")) and "/" not in name)
    if any("lora" in name.lower() or name == "adapter_config.json" for name in sizes):
        return f"{hub} holds a LoRA, which changes a model and is none: name the model it was made for"
    if single:
        return f"{hub} is no pipeline of diffusers, but has {single[0]}: fetch that file, and name it as model"
    return f"{hub} is no pipeline of diffusers: it has no {weights.INDEX}"


def _todo(hub: str, files: Mapping[str, int], sha: str) -> int:
    """Bytes that are still to come. Removes what a killed process left half-fetched."""
    from huggingface_hub import constants, try_to_load_from_cache
    from huggingface_hub.file_download import repo_folder_name

    blobs = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=hub, repo_type="model") / "blobs"
    for left in blobs.glob("*.incomplete"):
        if time.time() - left.stat().st_mtime > _STALE_S:
            left.unlink(missing_ok=True)
    return sum(n for name, n in files.items() if not isinstance(try_to_load_from_cache(hub, name, revision=sha), str))


def _room(hub: str, todo: int) -> None:
    """Raises EngineError where the disk is too full to begin."""
    from huggingface_hub import constants

    place = Path(constants.HF_HUB_CACHE)
    there = next(path for path in (place, *place.parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < todo + _SPARE:
        raise EngineError(f"{hub} takes {_gb(todo)} more, and {place} has {_gb(free)} free: make room, "
                          "or name a folder on another disk in HF_HOME")  # fmt: skip


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 100_000_000 else f"{size / 1e6:.1f} MB"


def _bar(hub: str, todo: int, heard: Heard) -> type:
    """What the client takes for a progress bar: tells of bytes, at most twice a second."""
    from tqdm.std import tqdm  # type: ignore[import-untyped]

    began, lock = [0.0], threading.Lock()

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **named: Any) -> None:
            self.bytes = named.get("unit") == "B" and "bytes" not in str(named.get("desc")).lower()
            super().__init__(*arguments, **(named | {"disable": True}))
            self.sum = 0

        def update(self, n: float | None = 1) -> None:
            self.sum += int(n or 0)
            with lock:
                if self.bytes and (self.sum >= todo or time.monotonic() - began[0] > _EVERY_S):
                    began[0] = time.monotonic()
                    heard({"says": f"fetching {hub}", "bytes": min(self.sum, todo), "of": todo})

    return Bar


@contextmanager
def _explained(hub: str) -> Iterator[None]:
    """The client's errors as sentences that say what to do."""
    import httpx2
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise EngineError(f"{hub} is given out to those who accepted its terms: do so at https://huggingface.co/{hub}, "
                          "and put a token of that account into HF_TOKEN") from error  # fmt: skip
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
        raise EngineError(f"the hub knows no model {hub}, or does not show it: is the name right? A private one needs "
                          "a token in HF_TOKEN; a folder begins with / or .") from error  # fmt: skip
    except errors.OfflineModeIsEnabled as error:
        raise EngineError(f"{hub} is not on this machine as a whole, and HF_HUB_OFFLINE forbids to fetch it") from error
    except errors.HfHubHTTPError as error:
        code = error.response.status_code if error.response is not None else "no status"
        raise EngineError(f"the hub failed while {hub} was fetched ({code}): it is tried again later") from error
    except (httpx2.HTTPError, errors.LocalEntryNotFoundError, ConnectionError, TimeoutError) as error:
        raise EngineError(f"{hub} is not on this machine as a whole, and the hub it comes from does not answer: see "
                          f"the network, and HF_ENDPOINT ({type(error).__name__})") from error  # fmt: skip
    except OSError as error:
        if error.errno in (28, 122):  # ENOSPC, EDQUOT
            raise EngineError(f"the disk was full before {hub} was whole: make room, or see HF_HOME") from error
        raise EngineError(f"{hub} could not be fetched: {' '.join(str(error).split())[:200]}") from error
