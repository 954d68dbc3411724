"""A FreshRSS account: the newest entries of its feeds, by the Google Reader API that FreshRSS documents.

https://freshrss.github.io/FreshRSS/en/developers/06_GoogleReader_API.html
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote, urlencode

from pydantic import Field

from service.clock import Clock, now
from service.errors import SourceError
from service.net import Limits, Response
from service.protocols import Bookmark, Fetched
from service.surroundings import Surroundings

from .account import LIMITS, AccountSettings, Api, Entry, as_many_as_fit, said, secret_of
from .documents.items import Item

_PAGES = re.compile(r"/(?:i|api(?:/greader\.php(?:/reader(?:/api(?:/0)?)?)?)?)$")
_AUTH = re.compile(r"^Auth=([\x21-\x7e]{1,1000})\s*$", re.MULTILINE)
_STATE = "user/-/state/com.google/"
# FreshRSS sends some characters as their full-width relatives, for clients that would take them for markup.
_WIDE = str.maketrans("＆＜＞＂＾？＼／，；", '&<>"^?\\/,;')
_SWITCHED_OFF = ": the server is down, or its API is switched off (in FreshRSS: Authentication, Allow API access)"


class Settings(AccountSettings):
    """What ``[sources.NAME]`` may say for ``kind = "freshrss"``."""

    kind: Literal["freshrss"] = "freshrss"
    user: str = Field(min_length=1)
    password_env: str = Field("FRESHRSS_PASSWORD", min_length=1)  #: the environment variable with the API password


def make(settings: Settings, surroundings: Surroundings) -> FreshRss:
    """The account, as ``config.toml`` selects it. Connects to nothing."""
    return FreshRss(settings, surroundings.name)


class FreshRss:
    """A FreshRSS account as a ``Source``."""

    def __init__(self, settings: Settings, name: str, *, clock: Clock = now, limits: Limits = LIMITS) -> None:
        """``name``: the account's in the config."""
        self._settings, self._name = settings, name
        self._api = Api("FreshRSS", _PAGES.sub("", settings.base_url) + "/api/greader.php", clock, limits)
        self._token = ""  #: of an earlier visit; FreshRSS's do not expire
        self._count = settings.limit  #: entries that fit into one answer, as far as we know

    def fetch(self, bookmark: Bookmark) -> Fetched:
        """Visit once. Raises SourceError."""
        listed, self._count = as_many_as_fit(self._items, self._count)
        if self._settings.category:
            listed = self._in_category(listed)
        return self._api.brought([_entry(item) for item in listed], bookmark, self._name)

    def _items(self, count: int) -> list[Any]:
        category, only = self._settings.category, self._settings.only
        stream = f"user/-/label/{quote(category, safe='')}" if category else _STATE + "reading-list"
        query = {"output": "json", "n": str(count)}
        if only == "unread":
            query["xt"] = _STATE + "read"
        if only == "starred":
            query["it"] = _STATE + "starred"
        path = f"/reader/api/0/stream/contents/{stream}?{urlencode(query)}"
        return self._api.listed(self._asked(path), "items")[:count]

    def _in_category(self, items: list[Any]) -> list[Any]:
        """Those of the category: for one that it does not know, or with + or / in it, FreshRSS gives everything."""
        label = f"/label/{self._settings.category}"
        found = [item for item in items if any(name.endswith(label) for name in _categories(item))]
        if not found:
            tags = self._api.listed(self._asked("/reader/api/0/tag/list?output=json"), "tags")
            known = [said(tag, "id").partition("/label/")[2] for tag in tags]
            if self._settings.category not in known:
                raise self._api.no_category(self._settings.category, filter(None, known))
        return found

    def _asked(self, path: str) -> Any:
        """What the API answers; a token that is no longer good is replaced by one login."""
        response = self._with_token(path) if self._token else None
        if response is None or response.status in (401, 403):
            self._token = self._login()
            response = self._with_token(path)
            if response.status in (401, 403):
                raise SourceError(
                    f"{self._api.host} accepts the login and then does not know it (HTTP {response.status}): its web"
                    " server must pass the header Authorization on"
                )
        return self._api.read(response)

    def _with_token(self, path: str) -> Response:
        return self._api.ask(path, headers={"Authorization": f"GoogleLogin auth={self._token}"})

    def _login(self) -> str:
        """A token for the account. Raises SourceError."""
        user, variable, host = self._settings.user, self._settings.password_env, self._api.host
        password = secret_of(variable, "the account's API password (in FreshRSS: Profile, API password)")
        response = self._api.ask("/accounts/ClientLogin", form={"Email": user, "Passwd": password})
        if response.status in (400, 401, 403):
            raise SourceError(
                f"{host} does not accept user {user!r} with what {variable} holds (HTTP {response.status}): it must"
                " be the API password, which is not that of the web page"
            )
        if response.status != 200:
            raise self._api.failed(response, _SWITCHED_OFF if response.status == 503 else "")
        found = _AUTH.search(response.body.decode("latin-1"))
        if not found:
            raise SourceError(f"{host} answers a login with something else: is FreshRSS there?")
        return found[1]


def _categories(item: Any) -> list[str]:
    listed = item.get("categories") if isinstance(item, dict) else None
    return [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []


def _entry(told: Any) -> Entry:
    return Entry(
        feed=said(told, "origin", "streamId"),
        site=said(told, "origin", "htmlUrl"),
        item=Item(
            guid=said(told, "id"),
            title=_narrow(said(told, "title")),
            summary=said(told, "summary", "content") or said(told, "content", "content"),
            link=said(told, "canonical", 0, "href") or said(told, "alternate", 0, "href"),
            date=_moment(said(told, "published")),
            source=_narrow(said(told, "origin", "title")),
        ),
    )


def _narrow(text: str) -> str:
    """The text as its feed had it, unless it is in a script that has such characters of its own."""
    narrow = text.translate(_WIDE)
    wide = (char.isalnum() and unicodedata.east_asian_width(char) in "WF" for char in narrow)
    return text if any(wide) else narrow


def _moment(seconds: str) -> str:
    """Seconds since 1970 as a date; "" for what is none."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return ""
