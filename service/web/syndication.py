"""Picture feeds in three formats: Atom (RFC 4287), RSS 2.0 with Media RSS, and JSON Feed 1.1. Pure.

Media RSS: https://www.rssboard.org/media-rss; JSON Feed: https://www.jsonfeed.org/version/1.1/.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from xml.etree import ElementTree as ET

from service import __version__

from .entries import Collection, Entry

NAME = "Frontispiece"
ATOM, MEDIA = "http://www.w3.org/2005/Atom", "http://search.yahoo.com/mrss/"
XML = "{http://www.w3.org/XML/1998/namespace}"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 §2.2

ET.register_namespace("media", MEDIA)


def atom(feed: Collection) -> bytes:
    """Atom."""
    root = ET.Element("feed", {"xmlns": ATOM, f"{XML}lang": "en"})
    _add(root, "id", feed.id)
    _add(root, "title", feed.title)
    _add(root, "subtitle", feed.subtitle)
    _add(root, "updated", _rfc3339(feed.updated))
    _add(root, "link", rel="self", type="application/atom+xml", href=feed.address)
    _add(root, "link", rel="alternate", type="text/html", href=f"{feed.home}/")
    _add(root, "icon", f"{feed.home}/static/icon-192.png")
    _add(_add(root, "author"), "name", NAME)
    _add(root, "generator", NAME, version=__version__)
    for entry in feed.entries:
        _atom_entry(_add(root, "entry"), entry)
    return _written(root)


def _atom_entry(node: ET.Element, entry: Entry) -> None:
    if entry.language != "und":
        node.set(f"{XML}lang", entry.language)
    _add(node, "id", entry.id)
    _add(node, "title", entry.title)
    _add(node, "updated", _rfc3339(entry.published))
    _add(node, "published", _rfc3339(entry.published))
    _add(node, "link", rel="alternate", type="text/html", href=entry.link or entry.page)
    if entry.link:
        _add(node, "link", rel="related", type="text/html", href=entry.page)
    for one in entry.enclosures:
        _add(
            node, "link", rel="enclosure", type=one.media_type, length=str(one.length), href=one.address,
            title=one.title,
        )  # fmt: skip
    for tag in entry.tags:
        _add(node, "category", term=tag)
    _add(node, "summary", entry.summary)
    _add(node, "content", entry.html, type="html")


def rss(feed: Collection) -> bytes:
    """RSS 2.0. Its one enclosure is the slide; Media RSS has both pictures, with their sizes."""
    root = ET.Element("rss", {"version": "2.0", "xmlns:atom": ATOM})
    channel = _add(root, "channel")
    _add(channel, "title", feed.title)
    _add(channel, "link", f"{feed.home}/")
    _add(channel, "description", feed.subtitle)
    _add(channel, "language", "en")
    _add(channel, "lastBuildDate", _rfc822(feed.updated))
    _add(channel, "generator", f"{NAME} {__version__}")
    _add(channel, "docs", "https://www.rssboard.org/rss-specification")
    _add(channel, "atom:link", rel="self", type="application/rss+xml", href=feed.address)
    for entry in feed.entries:
        _rss_item(_add(channel, "item"), entry)
    return _written(root)


def _rss_item(node: ET.Element, entry: Entry) -> None:
    slide = entry.enclosures[0]
    _add(node, "title", entry.title)
    _add(node, "link", entry.link or entry.page)
    _add(node, "description", entry.html)
    _add(node, "pubDate", _rfc822(entry.published))
    _add(node, "guid", entry.id, isPermaLink="false")
    _add(node, "enclosure", url=slide.address, type=slide.media_type, length=str(slide.length))
    for tag in entry.tags:
        _add(node, "category", tag)
    group = _add(node, f"{{{MEDIA}}}group")
    for one in entry.enclosures:
        content = _add(
            group, f"{{{MEDIA}}}content", url=one.address, type=one.media_type, fileSize=str(one.length),
            medium="image", width=str(one.width_px), height=str(one.height_px),
            isDefault="true" if one is slide else "false",
        )  # fmt: skip
        _add(content, f"{{{MEDIA}}}title", one.title, type="plain")
        if entry.alt and one is not slide:
            _add(content, f"{{{MEDIA}}}description", entry.alt, type="plain")


def json_feed(feed: Collection) -> bytes:
    """JSON Feed."""
    table = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": f"{feed.home}/",
        "feed_url": feed.address,
        "description": feed.subtitle,
        "icon": f"{feed.home}/static/icon-512.png",
        "favicon": f"{feed.home}/static/icon-192.png",
        "authors": [{"name": NAME}],
        "language": "en",
        "_frontispiece": {"version": __version__},
        "items": [_item(entry) for entry in feed.entries],
    }
    return json.dumps(table, ensure_ascii=False, indent=1).encode()


def _item(entry: Entry) -> Mapping[str, Any]:
    stamp = _rfc3339(entry.published)
    said = {"external_url": entry.link} if entry.link else {}
    said |= {"language": entry.language} if entry.language != "und" else {}
    return {
        "id": entry.id, "url": entry.page, "title": entry.title, "content_html": entry.html,
        "summary": entry.summary, "image": entry.enclosures[-1].address, "date_published": stamp,
        "date_modified": stamp, "tags": list(entry.tags), **said,
        "attachments": [
            {"url": one.address, "mime_type": one.media_type, "title": one.title, "size_in_bytes": one.length}
            for one in entry.enclosures
        ],
    }  # fmt: skip


FORMATS = {
    "atom": (atom, "application/atom+xml; charset=utf-8"),
    "rss": (rss, "application/rss+xml; charset=utf-8"),
    "json": (json_feed, "application/feed+json; charset=utf-8"),
}


def _add(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
    """A new element in its parent, without the few characters that XML cannot carry."""
    node = ET.SubElement(parent, name, {key: _NOT_XML.sub("", value) for key, value in attributes.items()})
    node.text = _NOT_XML.sub("", text) or None
    return node


def _written(root: ET.Element) -> bytes:
    ET.indent(root, " ")
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _rfc822(moment: datetime) -> str:
    """As RFC 5322 refines it, in GMT."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)
