"""Messages on a pipe: four bytes of length, big-endian, then that many bytes."""

from __future__ import annotations

import io
import struct
from typing import IO

_LONGEST = 128_000_000  # bytes; 500 stories have about 1 MB, the bare pixels of a large picture 40 MB


def send(pipe: IO[bytes], *frames: bytes) -> None:
    """Write frames and see them off."""
    for frame in frames:
        pipe.write(struct.pack(">I", len(frame)))
        pipe.write(frame)
    pipe.flush()


def opened(descriptor: int) -> IO[bytes]:
    """A pipe to receive from. It is read no further than asked: what waits in it is seen by ``select``."""
    return io.BufferedReader(io.FileIO(descriptor), 1)


def receive(pipe: IO[bytes]) -> bytes | None:
    """The next frame, or None where the pipe was closed or the frame would be absurdly long."""
    head = pipe.read(4)
    if len(head) < 4:
        return None
    length = struct.unpack(">I", head)[0]
    if length > _LONGEST:
        return None
    frame = pipe.read(length)
    return frame if len(frame) == length else None
