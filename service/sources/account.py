"""What accounts at an aggregator share: settings, the way to its API, and its entries as stories.

An account is only read. Nothing in it is marked as read, starred or changed.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from service.addresses import Target, masked, target
from service.clock import Clock, now
from service.errors import SourceError
from service.model import Story
from service.net import Limits, Net, Response, retry_after
from service.protocols import Bookmark, Fetched
from service.settings import secret
from service.text import language, one_line

from .documents.items import Document, Item, Origin, absolute, fetched
from .documents.names import publication

LIMITS = Limits()  #: what one request may cost
LEAST = 10  #: entries a visit still asks for where more do not fit into an answer
_LONGEST = 50_000  # characters of any text; a summary is 500
_ADDRESS = re.compile(r"https?://[^\s?#]+", re.IGNORECASE)
_T = TypeVar("_T")


class AccountSettings(BaseModel):
    """What ``[sources.NAME]`` may say of any account."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str  #: where its pages are
    only: Literal["all", "unread", "starred"] = "all"
    category: str = ""  #: the name of one; "": every category
    limit: int = Field(200, ge=1, le=500)  #: the newest entries that a visit asks for

    @field_validator("base_url")
    @classmethod
    def _web_address(cls, url: str) -> str:
        url = url.strip().rstrip("/")
        if not _ADDRESS.fullmatch(url):
            raise ValueError("should be an http:// or https:// address, such as https://reader.example")
        try:
            target(url)
        except SourceError as error:
            raise ValueError(str(error)) from error
        return url


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of an account, as its server tells it."""

    feed: str  #: what the server calls the feed it is from
    site: str  #: the address of that feed's site
    item: Item


class Api:
    """The API of one server. The owner named it, so it may be at home."""

    def __init__(self, product: str, url: str, clock: Clock = now, limits: Limits = LIMITS) -> None:
        where = target(url)
        self.product, self.url, self.host = product, url, where.name
        self._login_in_url = bool(where.userinfo)
        self._net, self._clock, self._limits = Net([_listed(where)]), clock, limits

    def ask(
        self, path: str, *, headers: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None
    ) -> Response:
        """One answer. Raises SourceError where no API is there; a refusal is an answer."""
        if self._login_in_url:
            raise SourceError("base_url holds a password: take it out of the config, secrets are in the environment")
        response = self._net.ask(self.url + path, headers=headers, form=form, limits=self._limits)
        if 300 <= response.status < 400:
            there = one_line(masked(response.headers.get("location", "")), 200) or "nowhere"
            raise SourceError(f"{self.host} redirects to {there}: write the address that answers as base_url")
        if response.status == 404:
            raise SourceError(f"there is no {self.product} API at {self.url} (HTTP 404): look at base_url")
        return response

    def read(self, response: Response) -> Any:
        """What an answer holds. Raises SourceError for any but a good one."""
        if response.status != 200:
            raise self.failed(response)
        try:
            return json.loads(response.body.decode("utf-8-sig", "replace"))
        except RecursionError as error:
            raise SourceError(f"{self.host} answered with JSON that is nested too deeply") from error
        except ValueError as error:
            raise SourceError(
                f"{self.host} answered with something that is not JSON: is {self.product} there?"
            ) from error

    def failed(self, response: Response, hint: str = "") -> SourceError:
        """The error that an answer is."""
        status, after = response.status, response.headers.get("retry-after", "")
        wait = retry_after(after, self._clock()) if status in (429, 503) else None
        return SourceError(
            f"HTTP {status} {http.client.responses.get(status, '').lower()}".strip() + hint, retry_after=wait
        )

    def listed(self, answer: Any, key: str) -> list[Any]:
        """The list that an answer must hold. Raises SourceError."""
        found = answer.get(key) if isinstance(answer, dict) else None
        if not isinstance(found, list):
            raise SourceError(f"{self.host} answered with JSON that has no {key}: is {self.product} there?")
        return found

    def no_category(self, wanted: str, known: Iterable[str]) -> SourceError:
        """What to say of a category that is not there."""
        names = ", ".join(one_line(name, 40) for name in [*known][:12])
        return SourceError(f"there is no category {wanted!r} at {self.host}; there is {names or 'none'}")

    def brought(self, entries: Sequence[Entry], bookmark: Bookmark, name: str) -> Fetched:
        """What a visit brought. ``name`` is the account's in the config: its stories are filed under it.

        Aggregators give no validators, and their answers hold moments that always change: the entries are compared.
        """
        digest = _digest(entries)
        if digest == bookmark.body_sha256:
            return Fetched(bookmark=bookmark, not_modified=True)
        feeds: dict[str, list[Item]] = {}
        for entry in entries:
            feeds.setdefault(entry.feed, []).append(_item(entry))
        origin = Origin(self.url, self._clock())
        visits = [fetched(Document(items=tuple(items)), origin) for items in feeds.values()]
        stories = [replace(story, feed=name) for visit in visits for story in visit.stories]
        return Fetched(
            stories=tuple(_in_some_language(stories)),
            bookmark=Bookmark(body_sha256=digest),
            title=f"{self.product} at {self.host}",
            dropped=sum(visit.dropped for visit in visits),
        )


def _listed(where: Target) -> str:
    """A place as ``Net`` has it on its list of those at home that may be reached."""
    return f"[{where.host}]:{where.port}" if ":" in where.host else f"{where.host}:{where.port}"


def secret_of(variable: str, what: str) -> str:
    """The account's secret. Raises SourceError that names the variable, never what it holds."""
    try:
        held = (secret(variable) or "").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"the file that {variable}_FILE names cannot be read") from error
    if not held:
        raise SourceError(f"{variable} is not set: it (or the file that {variable}_FILE names) must hold {what}")
    return held


def as_many_as_fit(visit: Callable[[int], _T], count: int) -> tuple[_T, int]:
    """What a visit for ``count`` entries brings, or for fewer where so many are too large; and how many those were."""
    while True:
        try:
            return visit(count), count
        except SourceError as error:
            if not str(error).startswith("too large") or count <= LEAST:
                raise
            count = max(count // 2, LEAST)


def said(holder: Any, *path: str | int) -> str:
    """A text within JSON; "" where there is none. Ids may be numbers."""
    for step in path:
        if isinstance(step, int):
            holder = holder[step] if isinstance(holder, list) and len(holder) > step else None
        else:
            holder = holder.get(step) if isinstance(holder, dict) else None
    if isinstance(holder, str):
        return holder[:_LONGEST]
    return str(holder) if isinstance(holder, int) and not isinstance(holder, bool) else ""


def _digest(entries: Iterable[Entry]) -> str:
    found = hashlib.sha256()
    for entry in entries:
        found.update(repr(entry).encode("utf-8", "backslashreplace"))
    return found.hexdigest()


def _item(entry: Entry) -> Item:
    item, site = entry.item, entry.site or entry.item.link
    return replace(item, source=publication(item.source, site), link=absolute(item.link, site))


def _in_some_language(stories: Sequence[Story]) -> list[Story]:
    """The stories; one whose language nobody can tell is taken to be in those that the account is mostly in."""
    counts = Counter(story.language for story in stories if story.language != "und")
    usual = [tag for tag, _ in counts.most_common(3)]
    return [
        story if story.language != "und" else replace(story, language=language(story.title, None, usual))
        for story in stories
    ]
