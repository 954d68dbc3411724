"""Input for the doors that answer a line each: a file, or what is typed or piped in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from service import telling
from service.errors import FrontispieceError

from .asked import UsageError

LONGEST_LINE = 65_536  #: bytes; what follows in the same line is not read


def lines_of(file: str, each: str) -> BinaryIO:
    """A file's lines, or standard input's for "-". ``each``: what a line holds. Raises FrontispieceError."""
    if file != "-":
        try:
            return Path(file).open("rb")
        except OSError as error:
            raise FrontispieceError(f"{file} cannot be read: {error.strerror}") from error
    if sys.stdin is None:
        raise UsageError(f"standard input is closed; name a file with {each} a line")
    if sys.stdin.isatty():
        telling.remark(f"{each} a line, please; Ctrl-D ends")
    return sys.stdin.buffer


def numbered(lines: BinaryIO) -> Iterator[tuple[int, str]]:
    """The lines that hold anything, each as far as it is read, with its number from 1."""
    number, begins = 1, True
    while raw := lines.readline(LONGEST_LINE):
        if begins and raw.strip():
            yield number, raw.decode("utf-8", errors="replace")
        begins = raw.endswith(b"\n")
        number += begins
