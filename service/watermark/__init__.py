"""An invisible mark in pixels: that a machine painted them, and for which plate. Values in, values out.

The mark is a tile of faint noise, laid over the picture again and again. What it says is how far parts of the tile are
shifted against each other, after Kalker, Depovere, Haitsma and Maes, "A video watermarking system for broadcast
monitoring" (SPIE 3657, 1999). A reader averages all tiles, so that cutting and covering take away some of them and not
the mark; compares only phases, as they do, so that what is bright or busy has no louder voice; and tries many sizes of
the tile, so that scaling does no harm. The pattern is no secret: the mark is a label, not a proof.
"""

from .imprint import imprinted
from .label import Label
from .sight import Found, found

__all__ = ["Found", "Label", "found", "imprinted"]
