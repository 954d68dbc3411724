"""The toy world: a small true Stable Diffusion pipeline, and an oracle that reads its pictures exactly.

``world`` draws and captions, ``oracle`` reads, ``exam`` paints and counts, ``make`` trains what is in ``pipeline``.
"""

from pathlib import Path

PIPELINE = Path(__file__).with_name("pipeline")  #: as diffusers writes it
