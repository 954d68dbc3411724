"""A Miniflux account: the newest entries of its feeds, by its API (https://miniflux.app/docs/api.html)."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlencode

from pydantic import Field

from service.clock import Clock, now
from service.errors import SourceError
from service.net import Limits
from service.protocols import Bookmark, Fetched
from service.surroundings import Surroundings

from .account import LIMITS, AccountSettings, Api, Entry, as_many_as_fit, said, secret_of
from .documents.items import Item

_ONLY = {"all": {}, "unread": {"status": "unread"}, "starred": {"starred": "true"}}


class Settings(AccountSettings):
    """What ``[sources.NAME]`` may say for ``kind = "miniflux"``."""

    kind: Literal["miniflux"] = "miniflux"
    api_key_env: str = Field("MINIFLUX_API_KEY", min_length=1)  #: the environment variable with the key


def make(settings: Settings, surroundings: Surroundings) -> Miniflux:
    """The account, as ``config.toml`` selects it. Connects to nothing."""
    return Miniflux(settings, surroundings.name)


class Miniflux:
    """A Miniflux account as a ``Source``."""

    def __init__(self, settings: Settings, name: str, *, clock: Clock = now, limits: Limits = LIMITS) -> None:
        """``name``: the account's in the config."""
        self._settings, self._name = settings, name
        self._api = Api("Miniflux", settings.base_url.removesuffix("/v1").rstrip("/"), clock, limits)
        self._count = settings.limit  #: entries that fit into one answer, as far as we know

    def fetch(self, bookmark: Bookmark) -> Fetched:
        """Visit once. Raises SourceError."""
        listed, self._count = as_many_as_fit(self._entries, self._count)
        kept = [entry for entry in listed if said(entry, "status") != "removed"]
        return self._api.brought([_entry(entry) for entry in kept], bookmark, self._name)

    def _entries(self, count: int) -> list[Any]:
        query = {"order": "published_at", "direction": "desc", "limit": str(count), **_ONLY[self._settings.only]}
        if self._settings.category:
            query["category_id"] = self._category()
        return self._api.listed(self._asked(f"/v1/entries?{urlencode(query)}"), "entries")[:count]

    def _category(self) -> str:
        """The number of the category with the name in the config."""
        answer, wanted = self._asked("/v1/categories"), self._settings.category.casefold()
        categories = {said(each, "title"): said(each, "id") for each in answer} if isinstance(answer, list) else {}
        found = next((number for title, number in categories.items() if title.casefold() == wanted), None)
        if not found:
            raise self._api.no_category(self._settings.category, categories)
        return found

    def _asked(self, path: str) -> Any:
        variable = self._settings.api_key_env
        key = secret_of(variable, "an API key (in Miniflux: Settings, API Keys)")
        if not key.isascii() or not key.isprintable():
            raise SourceError(f"{variable} holds something that cannot be a key")
        response = self._api.ask(path, headers={"X-Auth-Token": key, "Accept": "application/json"})
        if response.status in (401, 403):
            raise SourceError(f"the key in {variable} is not accepted by {self._api.host} (HTTP {response.status})")
        return self._api.read(response)


def _entry(told: Any) -> Entry:
    return Entry(
        feed=said(told, "feed_id") or said(told, "feed", "id"),
        site=said(told, "feed", "site_url") or said(told, "feed", "feed_url"),
        item=Item(
            guid=said(told, "id") or said(told, "hash"),
            title=said(told, "title"),
            summary=said(told, "content"),
            link=said(told, "url"),
            date=said(told, "published_at"),
            language=said(told, "language") or said(told, "feed", "language"),
            source=said(told, "feed", "title"),
        ),
    )
