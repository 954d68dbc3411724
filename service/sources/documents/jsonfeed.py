"""JSON Feed 1.0 and 1.1 (https://www.jsonfeed.org/version/1.1/), read leniently: what is no text is left out."""

from __future__ import annotations

import json
from typing import Any

from service.errors import SourceError

from .items import MOST_ITEMS, Document, Item


def read(body: bytes) -> Document:
    """The document in a JSON Feed. Raises SourceError."""
    try:
        data = json.loads(body.decode(json.detect_encoding(body), "replace"), strict=False)
    except RecursionError as error:
        raise SourceError("not a feed: JSON nested too deeply") from error
    except ValueError as error:
        raise SourceError("not a feed: broken JSON") from error
    items = data.get("items") if isinstance(data, dict) else None
    if not isinstance(items, list) and "jsonfeed.org" not in _text(data, "version"):
        raise SourceError("not a feed: JSON of another kind")
    listed = items if isinstance(items, list) else []
    return Document(
        title=_text(data, "title"),
        language=_text(data, "language"),
        items=tuple(map(_item, listed[:MOST_ITEMS])) + (Item(),) * max(0, len(listed) - MOST_ITEMS),
    )


def _item(item: Any) -> Item:
    return Item(
        guid=_text(item, "id"),
        title=_text(item, "title"),
        summary=_text(item, "summary") or _text(item, "content_text") or _text(item, "content_html"),
        link=_text(item, "url") or _text(item, "external_url"),
        date=_text(item, "date_published") or _text(item, "date_modified"),
        language=_text(item, "language"),
    )


def _text(holder: Any, name: str) -> str:
    """A member that should be text; the standard asks readers to take a number for an id as text."""
    value = holder.get(name) if isinstance(holder, dict) else None
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
