"""Any feed document, whatever its kind, to stories. It runs in the parser's worker process."""

from __future__ import annotations

import re

from service.addresses import OWN_TAG
from service.errors import SourceError
from service.protocols import Fetched
from service.wire import inflated

from . import jsonfeed
from .items import LONGEST, Document, Origin, fetched


def read(body: bytes, content_type: str, origin: Origin) -> Fetched:
    """The stories in a document. Raises SourceError, whatever is wrong with it; MemoryError where it is too large."""
    body = inflated(body, "", LONGEST)  # some servers send a zipped file as it lies there
    start = body[:200].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")[:1]
    if start in (b"{", b"["):
        return fetched(_foreign(jsonfeed.read(body)), origin)
    from . import xmlfeed  # feedparser takes a while to import

    charset = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", content_type, re.IGNORECASE)
    try:
        return fetched(_foreign(xmlfeed.read(body, charset[1] if charset else "")), origin)
    except (SourceError, MemoryError):
        raise
    except Exception as error:  # feedparser raises a dozen kinds where it promises none (its issues 591 and 599)
        raise SourceError(f"not readable as a feed ({type(error).__name__})") from error


def _foreign(document: Document) -> Document:
    """The document, unless it is a picture feed of our own kind: what hung once would hang again, without end."""
    if any(item.guid.startswith(OWN_TAG) for item in document.items):
        raise SourceError("a picture feed of Frontispiece's own: add the feeds that its headlines came from instead")
    return document
