"""Files that another program sends with a form. They are held in memory, bounded, and never written anywhere."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

MOST_FILES = 4
MOST_BYTES = 10_000_000  #: of one file
_ALL_BYTES = MOST_FILES * MOST_BYTES + 1_000_000  #: of the whole form
_FIELDS = 40
_FIELD_BYTES = 200_000  #: of one field: the longest prompt of the protocol in four-byte letters, and more


class TooMuch(Exception):
    """The form, or a file in it, is larger than is taken; the message says what is."""


class Unreadable(Exception):
    """What came is no such form; the message says why."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A form's fields, and its files by the name of their field, in their order."""

    fields: dict[str, str]
    files: tuple[tuple[str, bytes], ...]


class _InMemory(MultiPartParser):
    spool_max_size = _ALL_BYTES + 1  # starlette would write what is larger to a file


async def sent(request: Request) -> Sent:
    """A form as multipart/form-data (RFC 7578). Raises TooMuch, Unreadable."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Unreadable("pictures are sent as multipart/form-data")
    parser = _InMemory(
        request.headers, _bounded(request), max_files=MOST_FILES, max_fields=_FIELDS, max_part_size=_FIELD_BYTES
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, UnicodeError) as error:  # KeyError: no boundary
        raise Unreadable(f"the form cannot be read: {error}") from error
    fields: dict[str, str] = {}
    files: list[tuple[str, bytes]] = []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            files.append((name, await _file(value)))
        else:
            fields[name] = value
    return Sent(fields, tuple(files))


async def _file(file: UploadFile) -> bytes:
    try:
        if (file.size or 0) > MOST_BYTES:
            raise TooMuch(f"a file has at most {MOST_BYTES // 1_000_000} MB")
        return await file.read()
    finally:
        await file.close()


async def _bounded(request: Request) -> AsyncGenerator[bytes, None]:
    seen = 0
    async for part in request.stream():
        seen += len(part)
        if seen > _ALL_BYTES:
            raise TooMuch(f"a form has at most {_ALL_BYTES // 1_000_000} MB")
        yield part
