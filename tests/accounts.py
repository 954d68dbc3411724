"""Real servers on loopback that speak as much of Miniflux's and of FreshRSS's API as a reader of an account meets."""

import contextlib
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, unquote_plus, urlsplit

from .values import NOON

KEY, PASSWORD, USER = "mf-0123456789-secret", "fresh & süß-secret", "alice"


@dataclass(frozen=True)
class Told:
    """An entry of an account."""

    id: int
    title: str
    feed: str = "The Gull"
    site: str = "https://gull.example"
    category: str = "World"
    content: str = "<p>Words about it.</p>"
    published: datetime = NOON - timedelta(hours=1)
    language: str = ""
    read: bool = False
    starred: bool = False

    @property
    def link(self):
        return f"{self.site}/{self.id}"


@dataclass
class Account:
    """What a server holds, and what it was asked."""

    entries: list[Told] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)  #: "GET /path"
    logins: int = 0
    token: str = "alice/8e6845e089457af25303abc6f53356eb60bdb5f8"
    url: str = ""

    @property
    def categories(self):
        return list(dict.fromkeys(entry.category for entry in self.entries))


def miniflux(account, method, path, query, headers, form):
    """Miniflux as https://miniflux.app/docs/api.html has it: (status, JSON)."""
    if headers.get("X-Auth-Token") != KEY:
        return 401, {"error_message": "access unauthorized"}
    if (method, path) == ("GET", "/v1/categories"):
        return 200, [{"id": n, "title": title, "user_id": 1} for n, title in enumerate(account.categories, 1)]
    if (method, path) != ("GET", "/v1/entries"):
        return 404, {"error_message": "resource not found"}
    found = [entry for entry in account.entries if _wanted_by_miniflux(account, entry, query)]
    if query.get("order") == "published_at" and query.get("direction") == "desc":
        found.sort(key=lambda entry: entry.published, reverse=True)
    found = found[: int(query.get("limit", 100))]
    return 200, {"total": len(account.entries), "entries": [as_miniflux(entry) for entry in found]}


def _wanted_by_miniflux(account, entry, query):
    if "category_id" in query and account.categories[int(query["category_id"]) - 1] != entry.category:
        return False
    status = "read" if entry.read else "unread"
    return query.get("status", status) == status and ("starred" not in query or entry.starred)


def as_miniflux(entry):
    number = abs(hash(entry.feed)) % 1000
    return {
        "id": entry.id, "user_id": 1, "feed_id": number, "status": "read" if entry.read else "unread",
        "hash": f"{entry.id:064x}", "title": entry.title, "url": entry.link, "comments_url": "",
        "language": entry.language, "published_at": entry.published.isoformat().replace("+00:00", ".123456789Z"),
        "created_at": "2026-11-22T11:00:00Z", "changed_at": "2026-11-22T11:30:00Z", "content": entry.content,
        "author": "", "share_code": "", "starred": entry.starred, "reading_time": 1, "enclosures": [], "tags": [],
        "feed": {"id": number, "title": entry.feed, "site_url": entry.site, "feed_url": f"{entry.site}/feed.xml",
                 "language": "", "checked_at": datetime.now().isoformat(), "category": {"id": 1, "title": entry.category}},
    }  # fmt: skip


def freshrss(account, method, path, query, headers, form):
    """FreshRSS's p/api/greader.php: (status, JSON or text). What it does not know as a label, it takes for everything."""
    path = unquote_plus(unquote(path.removeprefix("/api/greader.php")))  # by the web server, and again by FreshRSS
    if path == "/accounts/ClientLogin":
        sent = {**query, **form}
        account.logins += 1
        if (sent.get("Email"), sent.get("Passwd")) != (USER, PASSWORD):
            return 401, "Unauthorized!"
        return 200, f"SID={account.token}\nLSID=null\nAuth={account.token}\n"
    if headers.get("Authorization") != f"GoogleLogin auth={account.token}":
        return 401, "Unauthorized!"
    if path == "/reader/api/0/tag/list":
        labels = [{"id": f"user/-/label/{name}", "type": "folder"} for name in account.categories]
        return 200, {"tags": [{"id": "user/-/state/com.google/starred"}, *labels]}
    stream = path.removeprefix("/reader/api/0/stream/contents/")
    if stream == path:
        return 400, "Bad Request!"
    label = stream.split("/")[3] if "/label/" in stream else None
    found = [
        entry for entry in account.entries
        if (label not in account.categories or entry.category == label)
        and (query.get("xt") != "user/-/state/com.google/read" or not entry.read)
        and (query.get("it") != "user/-/state/com.google/starred" or entry.starred)
    ]  # fmt: skip
    found = sorted(found, key=lambda entry: -entry.id)[: int(query.get("n", 20))]
    items = [as_freshrss(entry) for entry in found]
    return 200, {"id": "user/-/state/com.google/reading-list", "updated": datetime.now().timestamp(), "items": items}


def as_freshrss(entry):
    wide = str.maketrans("&<>", "＆＜＞")
    states = ["read"] * entry.read + ["starred"] * entry.starred
    return {
        "id": f"tag:google.com,2005:reader/item/{entry.id:016x}", "crawlTimeMsec": "1", "timestampUsec": "1",
        "published": int(entry.published.timestamp()), "title": entry.title.translate(wide),
        "canonical": [{"href": entry.link}], "alternate": [{"href": entry.link}],
        "categories": ["user/-/state/com.google/reading-list", f"user/-/label/{entry.category}",
                       *(f"user/-/state/com.google/{state}" for state in states)],
        "origin": {"streamId": f"feed/{abs(hash(entry.feed)) % 1000}", "htmlUrl": entry.site,
                   "title": entry.feed.translate(wide)},
        "summary": {"content": entry.content},
    }  # fmt: skip


@contextmanager
def serving(speak, *entries):
    """A server that answers as ``speak`` does; yields its account."""
    account = Account(list(entries))

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            parts = urlsplit(self.path)
            account.asked.append(f"{self.command} {self.path}")
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            form = {name: values[-1] for name, values in parse_qs(body).items()}
            status, told = speak(account, self.command, parts.path, query, self.headers, form)
            data = (told if isinstance(told, str) else json.dumps(told)).encode()
            with contextlib.suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    account.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield account
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
