"""Weights as they lie on disk: safetensors files, mapped into memory rather than read.

https://github.com/huggingface/safetensors#format: eight bytes of header length, a JSON header, then plain arrays.
Mapped pages are the file's own: the system loads those that are used, and takes them back when it needs the memory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Tensors = Mapping[str, NDArray[Any]]

HEADER_BYTES = 16 * 2**20  #: more is no header of a model that embeds sentences

_KINDS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1"}


def tensors(path: Path) -> Tensors:
    """Map every array of a safetensors file, read-only, by its name. Raises ConfigError for what is no such file."""
    import numpy as np

    try:
        held = np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))
        header, data = _header(held)
        return {name: _array(data, told) for name, told in header.items() if name != "__metadata__"}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(f"{path} is not a safetensors file that can be read ({error})") from error


def _header(held: NDArray[np.uint8]) -> tuple[dict[str, Any], NDArray[np.uint8]]:
    size = int.from_bytes(held[:8].tobytes(), "little")
    if not 2 <= size <= min(HEADER_BYTES, len(held) - 8):
        raise ValueError(f"a header of {size} bytes")
    return json.loads(held[8 : 8 + size].tobytes()), held[8 + size :]


def _array(data: NDArray[np.uint8], told: Mapping[str, Any]) -> NDArray[Any]:
    kind = _KINDS.get(told["dtype"])
    if kind is None:
        raise ValueError(f"numbers of the kind {told['dtype']}")
    begin, end = told["data_offsets"]
    shape = tuple(int(side) for side in told["shape"])
    found = data[begin:end].view(kind)
    if not 0 <= begin <= end <= len(data) or prod(shape) != len(found):
        raise ValueError("an array that is not as large as the header says")
    return found.reshape(shape)
