"""Everything a feed's address or its server can do to a reader. A test's id begins with the row of the catalogue.

A: addresses, and where they lead. B: what servers answer. Real sockets on loopback, the real store and the real parser;
names under .example lead to this machine and count as hosts on the internet, 127.0.0.1 is one at home.
"""

import gc
import itertools
import json
import logging
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import psutil
import pytest

from service import net as room, reading
from service.addresses import masked, redirected, target
from service.assembly import ROOMS
from service.errors import ConfigError, SourceError
from service.gate.verdict import Rules
from service.net import Limits, Net, resolve
from service.pipeline import Desk, Line, fetch
from service.pipeline.visits import Pace
from service.press import Press
from service.settings import Channel, Settings
from service.sources.feed import Feed
from service.sources.parse import Parser
from service.store import Archive, Journal, Store, Wishes

from .loopback import Loopback, answer, forever, gzipped
from .values import NOON

PUBLIC = "93.184.216.34"
RSS = b"""<rss version="2.0"><channel><title>The Daily Example</title>
<item><title>A lighthouse keeper reads to seals</title><link>/seals</link></item></channel></rss>"""
OTHER = RSS.replace(b"seals", b"otters")
PARKED = answer(b"<!DOCTYPE html><html><body>Buy this domain", Content_Type="text/html", ETag='"parked"')
AT_ONCE = Pace(apart_s=0)
HURRIED, SMALL = Limits(total_s=0.6), Limits(body_bytes=200_000)
NOT_MODIFIED = answer(status="304 Not Modified")


def row(*ids):
    """The rows that a test without parameters of its own stands for."""
    return pytest.mark.parametrize((), [pytest.param(id=each) for each in ids])


def rows(name, values):
    """Parameters from ``{id: value}``; a tuple for several names."""
    several = "," in name
    return pytest.mark.parametrize(
        name, [pytest.param(*(value if several else [value]), id=each) for each, value in values.items()]
    )


def here(host, port):
    """Names under .example are this machine; the system knows the rest."""
    return ["127.0.0.1"] if host.endswith(".example") else resolve(host, port)


def at(server, host="one.example", path="/feed"):
    return f"http://{host}:{server.port}{path}"


class Home:
    """The service's first verb over a real data folder, with a clock that stands still."""

    def __init__(self, folder, parser, beside):
        self.folder, self.parser, self.beside = folder, parser, beside
        self.now, self.limits = NOON, Limits()
        self.stores = []
        self.restart()

    def restart(self):
        self.store = Store(self.folder, lambda: self.now)
        self.stores.append(self.store)

    def line(self, feeds):
        names = {masked(url).split("/")[2].rpartition("@")[2] for url in feeds if url.count("/") > 2}
        names = {name.partition(":")[0] for name in names if ".example" in name}
        net = Net(
            ["127.0.0.1", "beside.example", "elsewhere.example", *names], here, lambda: self.now, limits=self.limits
        )
        channel = Channel(feeds=tuple(feeds))
        settings = Settings(timezone="UTC", channels={"home": channel}, net={"allow_private": ["127.0.0.1"]})
        return Line(
            settings, self.store, Archive(self.store), Wishes(self.store), Journal(self.store),
            [Desk("home", channel, Rules(), None, None, None, [], 8, 6)],
            lambda feed, address: Feed(feed, net, self.parser, lambda: self.now, at=address), {}, lambda: None,
        )  # fmt: skip

    def visit(self, *feeds, pace=AT_ONCE):
        """One round; its events by address. The feed beside them is always read."""
        line = self.line([*feeds, at(self.beside, "beside.example")])
        events = list(fetch(line, line.desks, pace))
        assert not self.row(at(self.beside, "beside.example")).error
        return {event.what: event for event in events}

    def row(self, url):
        return self.store.feed(url)

    def wait(self, url):
        """Minutes until the next visit."""
        return (self.row(url).next_check - self.now).total_seconds() / 60

    def titles(self, url):
        return {
            r["title"]: r["id"] for r in self.store.db.execute("SELECT title, id FROM stories WHERE feed = ?", (url,))
        }


@pytest.fixture(scope="module")
def parser():
    """One parser for the whole module, its worker started."""
    parser = Parser()
    parser.parse(RSS, "http://x.example/", now=NOON)
    yield parser
    parser.close()


@pytest.fixture(scope="module")
def beside():
    """A server that is always well."""
    with Loopback(answer(RSS)) as server:
        yield server


@pytest.fixture(autouse=True)
def _nothing_is_left(parser, beside):
    """No test leaves a file, a socket, a thread or much memory behind, or takes long."""
    me, threads, began = psutil.Process(), set(threading.enumerate()), time.monotonic()
    files, memory = me.num_fds(), me.memory_info().rss
    yield
    for thread in set(threading.enumerate()) - threads:
        thread.join(5)
        assert not thread.is_alive(), thread.name
    if me.num_fds() > files:
        gc.collect()
    assert me.num_fds() <= files
    assert me.memory_info().rss - memory < 200_000_000
    assert time.monotonic() - began < 10


@pytest.fixture
def home(tmp_path, parser, beside, _nothing_is_left):
    """A data folder to read feeds into."""
    home = Home(tmp_path, parser, beside)
    yield home
    for store in home.stores:
        store.db.close()


# -- A: addresses -------------------------------------------------------------------------------------------------------

NO_WEB_ADDRESSES = {
    "A1": "file:///etc/passwd", "A1-localhost": "file://localhost/etc/hosts", "A1-upper": "FILE:///etc/passwd",
    "A2": "/etc/passwd", "A2-up": "../../secret.xml", "A2-drive": "C:\\x",
    "A3-ftp": "ftp://x.example/", "A3-gopher": "gopher://x.example/", "A3-data": "data:text/xml,<rss/>",
    "A3-javascript": "javascript:alert(1)", "A3-feed-file": "feed:file:///etc/passwd", "A3-jar": "jar:http://x/!a",
    "A3-unix": "unix:/run/x", "A16-empty": "",
}  # fmt: skip
NO_HOSTS = {
    "A16-bracket": "http://[::1", "A16-space": "http://exa mple/", "A16-nul": "http://\x00/", "A16-nul-inside": "http://x\x00y/",
    "A16-8kB": "http://x.example/" + "a" * 8000, "A16-port": "http://ex.example:99999/", "A16-no-host": "http:///path",
    "A16-port-word": "http://ex.example:news/", "A16-dots": "http://\u2024.example/", "A16-newline": "http://x.example/\r\nX: y",
    "A16-nfkc": "http://user:secret@x\u2100.example/",
}  # fmt: skip


def no_lookup(host, port):
    raise AssertionError("looked up")


@rows("url", NO_WEB_ADDRESSES | NO_HOSTS)
def test_only_sound_web_addresses_are_fetched(url):
    """An address that is not sound http(s) is refused, readably, before anything is looked up."""
    with pytest.raises(SourceError, match="refused") as caught:
        Net(resolver=no_lookup).get(url)
    assert len(str(caught.value)) < 100
    assert "secret" not in str(caught.value)


@rows("url", NO_WEB_ADDRESSES)
def test_the_config_takes_web_addresses_only(url):
    """What is no web address is not taken into the config."""
    with pytest.raises(
        ConfigError, match=r"channels\.home\.feeds.*(not an http:// or https:// address|write an address)"
    ):
        reading.build({"channels": {"home": {"feeds": [url]}}}, reading.Known({room: {} for room in ROOMS}))


@rows("url", {each: url for each, url in NO_HOSTS.items() if each != "A16-newline"})
def test_an_address_without_a_host_is_a_failing_feed(home, url):
    """A web address that leads nowhere fails like any other feed and is tried again."""
    (event,) = [event for event in home.visit(url).values() if event.error]
    assert event.error.startswith("refused")
    assert home.row(url).failures == 1
    assert home.wait(url) >= 30


@rows("url", {"A3-feed-https": "feed:https://x.example/f", "A3-feed": "feed://x.example/f"})
def test_the_feed_scheme_means_https(url):
    """``feed:`` is another way to write https."""
    asked = []
    with pytest.raises(SourceError, match="no such host"):
        Net(resolver=lambda host, port: asked.append((host, port)) or (_ for _ in ()).throw(OSError())).get(url)
    assert asked == [("x.example", 443)]


@rows("url,host", {
    "A16-idn": ("http://münchen.example/", "xn--mnchen-3ya.example"), "A16-idn-upper": ("http://MÜNCHEN.example./x", "xn--mnchen-3ya.example"),
    "A16-mixed-script": ("http://р\u0430ypal.example/", "xn--ypal-43d9g.example"),
})  # fmt: skip
def test_names_of_any_script_are_looked_up_as_the_network_knows_them(url, host):
    """An international name is looked up as punycode, so that a look-alike is seen for what it is."""
    asked = []
    with pytest.raises(SourceError, match="private"):
        Net(resolver=lambda name, port: asked.append(name) or ["10.0.0.1"]).get(url)
    assert asked == [host]


@rows("host", {
    f"A4-{host}": host
    for host in ("127.0.0.1", "localhost", "[::1]", "0.0.0.0", "127.1", "2130706433", "0x7f.1", "017700000001", "LOCALHOST.", "127.0.0.2")
})  # fmt: skip
def test_this_machine_is_refused_however_it_is_spelt(host):
    """The resolved address counts, not its spelling; nothing is connected to."""
    with Loopback(answer(b"secret")) as server, pytest.raises(SourceError, match="private address"):
        Net().get(f"http://{host}:{server.port}/")
    assert server.requests == []


@rows("entry", {"A4-listed": "127.0.0.1", "A4-listed-port": "127.0.0.1:{port}", "A4-listed-name": "localhost"})
def test_a_listed_host_at_home_may_be_read(entry):
    """The owner may list a host, with or without its port."""
    with Loopback(answer(b"hello")) as server:
        entry = entry.format(port=server.port)
        host = entry.partition(":")[0]
        assert Net([entry]).get(f"http://{host}:{server.port}/").body == b"hello"
        with pytest.raises(SourceError, match="private"):
            Net([f"{host}:{server.port + 1}"]).get(f"http://{host}:{server.port}/")


METADATA = ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe")


@rows("address", {f"A5-{address}": address for address in METADATA})
def test_credentials_of_a_cloud_are_never_fetched(address):
    """Metadata addresses are refused by name and by number, even where the owner listed them."""
    literal = f"[{address}]" if ":" in address else address
    for host in ("metadata.example", literal):
        net = Net([host, address], resolver=lambda host, port: [address])
        with pytest.raises(SourceError, match="never fetched"):
            net.get(f"http://{host}/latest/meta-data/")


PRIVATE = (
    "10.0.0.1", "172.16.5.5", "172.31.255.255", "192.168.1.1", "100.64.0.1", "169.254.1.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "192.0.2.1", "198.18.0.1", "0.1.2.3", "fc00::1", "fd12::1", "fe80::1", "fe80::1%eth0", "ff02::1", "::", "::1", "::127.0.0.1",
    "::ffff:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001:db8::1", "fec0::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
)  # fmt: skip


@rows("address", {f"A6-{address}": address for address in PRIVATE})
def test_private_addresses_are_refused(address):
    """No private, reserved, translated or tunnelled address is connected to, whatever name led there."""
    with pytest.raises(SourceError, match=r"net\.allow_private"):
        Net(resolver=lambda host, port: [address]).get("http://news.example/")


@row("A7")
def test_a_public_name_may_not_mean_this_machine():
    """A name on the internet whose address is 127.0.0.1 is refused before anything is sent."""
    with Loopback(answer(b"secret")) as server, pytest.raises(SourceError, match="private address"):
        Net(resolver=here).get(at(server, "public.example"))
    assert server.requests == []


@row("A8")
def test_a_second_dns_answer_leads_nowhere(monkeypatch):
    """A name is resolved once a hop, and the address that was checked is the one connected to."""
    answers, connected = iter([[PUBLIC], ["127.0.0.1"]]), []

    def connect(address, timeout):
        connected.append(address)
        raise OSError("unplugged")

    monkeypatch.setattr(room.socket, "create_connection", connect)
    with pytest.raises(SourceError, match="cannot connect"):
        Net(resolver=lambda host, port: next(answers)).get("http://rebind.example:8080/")
    assert connected == [(PUBLIC, 8080)]
    assert next(answers) == ["127.0.0.1"]


@row("A8-redirect")
def test_a_redirect_to_the_same_name_is_checked_again(monkeypatch):
    """The second hop resolves and checks anew: what was public a moment ago may not be now."""
    answers, connect = iter([[PUBLIC], ["127.0.0.1"]]), socket.create_connection
    with Loopback(answer(status="302 Found", Location="/b")) as server:
        monkeypatch.setattr(
            room.socket, "create_connection", lambda at, timeout: connect(("127.0.0.1", server.port), timeout)
        )
        with pytest.raises(SourceError, match="private"):
            Net(resolver=lambda host, port: next(answers)).get("http://rebind.example/")
    assert len(server.requests) == 1


@rows("location", {
    "A9-loopback": "http://127.0.0.1:{other}/", "A9-localhost": "http://localhost:{other}/", "A9-file": "file:///etc/passwd",
    "A9-metadata": "http://169.254.169.254/latest/", "A9-mapped": "//[::ffff:127.0.0.1]:{other}/", "A9-short": "http://127.1:{other}/",
    "A9-bracket": "http://[::1", "A9-data": "data:text/xml,<rss/>", "A9-nowhere": "",
})  # fmt: skip
def test_each_redirect_is_checked(location):
    """A redirect to a place that is not allowed is refused at that hop."""
    with Loopback(answer(b"secret")) as other:
        moved = answer(status="302 Found", Location=location.format(other=other.port))
        with Loopback(moved) as server, pytest.raises(SourceError, match=r"refused|nowhere"):
            Net([f"127.0.0.1:{server.port}"]).get(server.url)
    assert other.requests == []


@row("A9-listed")
def test_the_way_from_outside_never_leads_home(monkeypatch):
    """A host on the owner's list cannot be reached through a redirect of a public one."""
    with Loopback(answer(b"secret")) as home:
        net = Net([f"127.0.0.1:{home.port}"], resolver=lambda host, port: ["127.0.0.1" if host[0] == "1" else PUBLIC])
        with Loopback(answer(status="302 Found", Location=home.url)) as public:
            connect = socket.create_connection
            monkeypatch.setattr(
                room.socket, "create_connection", lambda at, timeout: connect(("127.0.0.1", public.port), timeout)
            )
            with pytest.raises(SourceError, match="private"):
                net.get("http://evil.example/")
    assert home.requests == []


def growing(sock, request):
    path = request.split(" ")[1]
    sock.sendall(answer(status="302 Found", Location=f"{path}{'&' if '?' in path else '?'}again=1"))


@rows("script", {
    "A10-loop": answer(status="302 Found", Location="/feed"), "A10-30": growing, "A10-growing": growing,
    "A10-permanent": answer(status="301 Moved", Location="/feed"),
})  # fmt: skip
def test_redirects_end(home, script):
    """Redirects end after five, and the feed stays where it is."""
    with Loopback(script) as server:
        assert home.visit(at(server))[at(server)].error == "too many redirects (more than 5)"
    assert len(server.requests) == 6
    assert home.row(at(server)).moved_to is None


@rows("hops,refused", {"A11": (["http"], False), "A11-twice": (["http", "https", "http"], True)})
def test_leaving_https_is_followed_once_and_without_a_password(certificates, hops, refused):
    """A redirect from https to http is followed once; it never carries the credentials."""
    with ExitStack() as stack:
        plain, secure = Loopback(), Loopback(tls=certificates.server("good"))
        stack.enter_context(plain)
        stack.enter_context(secure)
        url = {"http": at(plain, "news.example"), "https": f"https://news.example:{secure.port}/feed"}
        secure.scripts = [answer(status="302 Found", Location=url[hop]) for hop in hops if hop == "http"]
        plain.scripts = [answer(status="302 Found", Location=url[hop]) for hop in hops if hop == "https"] or [
            answer(RSS)
        ]
        net = certificates.net("good")
        if refused:
            with pytest.raises(SourceError, match="keep leaving https"):
                net.get(url["https"])
        else:
            assert net.get(url["https"].replace("//", "//user:secret@")).status == 200
            assert "Authorization: Basic" in secure.requests[0]
    assert all("Authorization" not in request for request in plain.requests)


@rows("name,value", {
    "A12": ("Authorization", "Bearer secret"), "A12-header": ("X-Auth-Token", "secret"), "A12-cookie": ("Cookie", "id=secret"),
})  # fmt: skip
def test_a_login_stays_with_its_own_host(name, value):
    """User, password and secret headers go to the host they were given for, and to no other."""
    with Loopback(answer(b"ok")) as other:
        moved = answer(status="302 Found", Location=at(other, "elsewhere.example"))
        with Loopback(moved) as server:
            net = Net(["one.example", "elsewhere.example"], resolver=here)
            net.get(at(server).replace("//", "//user:pa%40ss@"), headers={"If-None-Match": '"x"'})
            net.get(at(server), headers={name: value})
    assert "Authorization: Basic dXNlcjpwYUBzcw==" in server.requests[0]
    assert f"{name}: {value}" in server.requests[1]
    assert 'If-None-Match: "x"' in other.requests[0]
    for request in other.requests:
        assert "Authorization" not in request
        assert "secret" not in request


@rows("here_is,location,there", {
    "A11-downgrade": ("https://u:p@a.example/x", "http://a.example/x", "http://a.example/x"),
    "A11-upgrade": ("http://u:p@a.example/x", "https://a.example/y", "https://u:p@a.example/y"),
    "A12-same": ("https://u:p@a.example/x", "/y?b=c", "https://u:p@a.example/y?b=c"),
    "A12-other": ("https://u:p@a.example/x", "//b.example/y", "https://b.example/y"),
    "A12-port": ("https://u:p@a.example/x", "https://a.example:8443/", "https://a.example:8443/"),
    "A12-given": ("https://u:p@a.example/x", "https://v:q@b.example/y", "https://b.example/y"),
})  # fmt: skip
def test_a_password_stays_with_its_origin(here_is, location, there):
    """A password follows a redirect within its host and up to https, and nowhere else; none is taken from a redirect."""
    assert redirected(target(here_is), location).url == there


def moved_for_good(old, new):
    """A server that sends ``/feed`` on to ``/new``."""

    def script(sock, request):
        sock.sendall(old if request.split(" ")[1].startswith("/feed") else new)

    return script


@rows("status", {"A13-301": "301 Moved Permanently", "A13-308": "308 Permanent Redirect"})
def test_a_move_is_believed_when_it_was_met_twice(home, status):
    """The new address is asked after two good visits; the feed keeps its name, and its stories are not new again."""
    with Loopback(moved_for_good(answer(status=status, Location="/new"), answer(RSS))) as server:
        feed, seen = at(server), []
        for _ in range(3):
            before = len(server.requests)
            home.visit(feed)
            seen.append([request.split(" ")[1] for request in server.requests[before:]])
            home.now += timedelta(days=1)
            server.scripts = [moved_for_good(answer(status=status, Location="/new"), answer(OTHER))]
    assert seen == [["/feed", "/new"], ["/feed", "/new"], ["/new"]]
    assert set(home.titles(feed)) == {"A lighthouse keeper reads to seals", "A lighthouse keeper reads to otters"}
    assert home.row(feed).moved_to == at(server, path="/new")


@row("A13-back")
def test_a_move_that_turns_out_badly_is_taken_back(home):
    """Where the new address fails, the old one is asked again."""
    with Loopback(moved_for_good(answer(status="301 Moved", Location="/new"), answer(RSS))) as server:
        feed = at(server)
        for new in (answer(RSS), answer(RSS), answer(status="404 Nope")):
            server.scripts = [moved_for_good(answer(status="301 Moved", Location="/new"), new)]
            home.visit(feed)
            home.now += timedelta(days=1)
        server.scripts = [answer(RSS)]
        home.visit(feed)
    assert server.requests[-1].startswith("GET /feed ")
    assert (home.row(feed).moved_to, home.row(feed).error) == (None, None)


@row("A13-temporary")
def test_only_permanent_moves_are_reported():
    """A temporary redirect among permanent ones ends what is believed."""
    moved, away = answer(status="301 Moved", Location="/new"), answer(status="302 Found", Location="/today")
    with Loopback(
        moved, answer(status="308 Moved", Location="/newer"), answer(b"x"), moved, away, answer(b"x")
    ) as server:
        net = Net(["127.0.0.1"])
        base = server.url.removesuffix("/feed")
        assert net.get(server.url).moved_to == base + "/newer"
        assert net.get(server.url).moved_to == base + "/new"


@row("A14")
def test_a_move_to_a_parked_domain_is_not_believed(home):
    """However often a redirect leads to a page that is no feed, the old address and the old stories are kept."""
    with Loopback(answer(RSS)) as server:
        feed = at(server)
        home.visit(feed)
        server.scripts = [moved_for_good(answer(status="301 Moved", Location="/new"), PARKED)]
        for _ in range(4):
            home.now += timedelta(days=2)
            assert "HTML page" in home.visit(feed)[feed].error
    assert (home.row(feed).moved_to, home.row(feed).failures) == (None, 4)
    assert home.titles(feed)


@rows("url", {"A15-login": "http://user:pa%40ss@{}/feed", "A15-token": "http://{}/feed?page=2&token=pa%40ss"})
@rows("script", {"": answer(RSS), "-failing": answer(status="500 Oops"), "-hung-up": b""})
def test_secrets_of_an_address_work_and_are_told_to_nobody(home, caplog, url, script):
    """Passwords and tokens go to their server, and to no log, page, status or story."""
    caplog.set_level(logging.DEBUG)
    with Loopback(script) as server:
        feed = url.format(f"one.example:{server.port}")
        events = home.visit(feed)
    assert "Authorization: Basic dXNlcjpwYUBzcw==" in server.requests[0] or "token=pa%40ss" in server.requests[0]
    told = [repr(events), caplog.text, json.dumps(Press(home.line([feed])).status())]
    told += [str(tuple(each)) for each in home.store.db.execute("SELECT id, source, link, summary FROM stories")]
    assert not [text for text in told if "pa@ss" in text or "pa%40ss" in text]
    assert any("***" in text for text in told)


@rows("url,shown", {
    "A15-masked": ("https://user:pa%40ss@news.example/feed?token=abc&page=2#x", "https://***@news.example/feed?token=***&page=2"),
    "A15-plain": ("https://news.example/@paper/rss", "https://news.example/@paper/rss"),
    "A15-long": ("https://news.example/?id=0123456789abcdef0123456789", "https://news.example/?id=***"),
    "A15-bracket": ("http://user:secret@[::1", "http://***@[::1"),
    "A15-slash": ("http://user:se/cret@news.example/", "http://***@news.example/"),
})  # fmt: skip
def test_secrets_are_masked(url, shown):
    """What looks like a secret in an address is not shown, also where the address is not sound."""
    assert masked(url) == shown


TRAPPED = """<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="{0}/A19"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/" xml:base="{0}/A18/">
<channel><title>x</title><atom:link rel="hub" href="{0}/A18"/><atom:link rel="self" href="{0}/A18"/>
<image><url>{0}/A20.png</url></image><atom:icon>{0}/favicon.ico</atom:icon><atom:logo>{0}/A20</atom:logo>
<item><title>A heron visits the town pond</title><link>{0}/A17</link><enclosure url="{0}/A17.mp3" length="9" type="audio/mpeg"/>
<media:content url="{0}/A17.jpg"/><media:thumbnail url="http://169.254.169.254/A17.jpg"/><source url="{0}/A17">y</source>
<comments>{0}/A17</comments><description>&lt;img src="{0}/A17.png"&gt;</description></item>
<item><title>A kiln is found below the market</title><link>file:///etc/passwd</link></item></channel></rss>"""


@row("A17", "A18", "A19", "A20")
def test_addresses_inside_a_document_are_not_fetched(home):
    """Links, pictures, hubs, bases, stylesheets and icons of a document are at most words; nothing asks for them."""
    with Loopback(answer(b"x")) as trap:
        inside = f"http://127.0.0.1:{trap.port}"
        headers = {"Content_Location": inside, "Link": f'<{inside}/hub>; rel="hub"', "Refresh": f"0; url={inside}"}
        with Loopback(answer(TRAPPED.format(inside).encode(), **headers)) as server:
            for _ in range(2):
                assert home.visit(at(server))[at(server)].error is None
                home.now += timedelta(days=1)
    assert trap.requests == []
    assert len(server.requests) == 2
    links = [r["link"] for r in home.store.db.execute("SELECT link FROM stories WHERE feed = ?", (at(server),))]
    assert sorted(links) == ["", f"{inside}/A17"]


# -- B: answers ---------------------------------------------------------------------------------------------------------


def silence(sock, _):
    sock.recv(1)


def drip(first):
    """A server that sends ``first`` and then a byte now and then."""

    def script(sock, _):
        sock.sendall(first)
        stop = threading.Event()
        for _ in range(200):
            stop.wait(0.05)
            sock.sendall(b"a")

    return script


def chunked(data):
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + data


ZEROS = gzipped(bytes(64_000_000))
BR_BOMB = b"\x1b\xff\xff\xff\x3f\x00" * 200
BAD_ANSWERS = {
    "B1": (silence, "no answer within 0.6 s"),
    "B2-status": (drip(b""), "no answer within 0.6 s"),
    "B2-header": (drip(b"HTTP/1.1 200 OK\r\nX-Slow: "), "no answer within 0.6 s"),
    "B2-body": (drip(answer(b"", Content_Length=9999)), "no answer within 0.6 s"),
    "B2-chunk": (drip(chunked(b"fff\r\n")), "no answer within 0.6 s"),
    "B2-redirects": (lambda sock, _: (silence(sock, _) if "/b" in _ else sock.sendall(answer(status="302 x", Location="/b"))), "no answer within 0.6 s"),
    "B3-endless": (forever(b"HTTP/1.1 200 OK\r\n", b"Set-Cookie: a=b\r\n" * 100), "not a sound|headers are too large"),
    "B3-1MB": (answer(RSS, X="a" * 1_000_000), "headers are too large|not a sound"),
    "B3-cookies": (b"HTTP/1.1 200 OK\r\n" + b"Set-Cookie: a=b\r\n" * 10_000 + b"\r\n" + RSS, "not a sound|headers are too large"),
    "B3-line": (forever(b"HTTP/1.1 200 OK\r\nX: ", b"a" * 10_000), "headers are too large|not a sound"),
    "B3-100": (forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100), "headers are too large"),
    "B4-endless": (forever(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 10_000), "too large"),
    "B4-chunked": (forever(chunked(b""), b"5\r\nhello\r\n" * 1000), "too large"),
    "B4-tiny-chunks": (forever(chunked(b""), b"1\r\nx\r\n" * 1000), "too large"),
    "B4-chunk-size": (forever(chunked(b""), b"0" * 10_000), "not a sound|too large|cut short"),
    "B4-50MB": (answer(b"", Content_Length=50_000_000), "too large"),
    "B5-longer": (answer(RSS, Content_Length=500_00), "cut short"),
    "B5-empty": (answer(b"", ETag='"x"'), "empty"),
    "B5-chunk": (chunked(b"5\r\nhel"), "cut short"),
    "B5-gzip": (answer(gzipped(RSS)[:-12], Content_Encoding="gzip"), "cut short"),
    "B5-crc": (answer(gzipped(RSS)[:-8] + bytes(8), Content_Encoding="gzip"), "gzip is broken"),
    "B6": (answer(ZEROS, Content_Encoding="gzip"), "MB unzipped"),
    "B6-unlabelled": (answer(ZEROS), "MB unzipped"),
    "B6-twice": (answer(gzipped(ZEROS), Content_Encoding="gzip"), "MB unzipped"),
    "B6-members": (answer(gzipped(bytes(150_000)) * 90, Content_Encoding="gzip"), "MB unzipped"),
    "B7-br": (answer(BR_BOMB, Content_Encoding="br"), "not asked for"),
    "B7-zstd": (answer(b"\x28\xb5\x2f\xfd" * 9, Content_Encoding="zstd"), "not asked for"),
    "B7-gzip-br": (answer(BR_BOMB, Content_Encoding="gzip, br"), "not asked for"),
    "B8-nonsense": (answer(b"\x1f\x8b" + RSS, Content_Encoding="gzip"), "gzip is broken"),
    "B8-deflate": (answer(RSS, Content_Encoding="deflate"), "not asked for"),
    "B10": (NOT_MODIFIED, 'answered "not modified" to a plain request'),
    "B10-body": (answer(RSS, status="304 Not Modified"), 'answered "not modified" to a plain request'),
    "B13-html": (PARKED, "an HTML page"),
    "B15-500": (answer(status="500 Oops"), "HTTP 500 internal server error"),
    "B15-502": (answer(b"<html>", status="502 Bad Gateway"), "HTTP 502 bad gateway"),
    "B16-cloudflare": (answer(b"<html>", status="403 Forbidden", cf_mitigated="challenge"), "blocked"),
    "B16-403": (answer(b"<html>", status="403 Forbidden"), "HTTP 403 forbidden"),
    "B16-406": (answer(b"<html>", status="406 Not Acceptable"), "HTTP 406 not acceptable"),
    "B17-401": (answer(b"no", status="401 Unauthorized"), "needs a login"),
    "B17-407": (answer(b"no", status="407 Proxy"), "needs a login"),
    "B18-once": (answer(b"no", status="404 Nope"), "HTTP 404 not found$"),
    "B21-203": (answer(RSS, status="203 Non-Authoritative"), "HTTP 203"),
    "B21-204": (answer(status="204 No Content"), "HTTP 204"),
    "B21-206": (answer(RSS, status="206 Partial"), "HTTP 206"),
    "B21-100": (b"HTTP/1.1 100 Continue\r\n\r\n", "not a sound HTTP answer"),
    "B21-101": (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "HTTP 101"),
    "B21-300": (answer(status="300 Choices"), "HTTP 300"),
    "B21-418": (answer(b"x", status="418 Teapot"), "HTTP 418"),
    "B21-999": (answer(b"x", status="999 Odd"), "HTTP 999"),
    "B21-ssh": (b"SSH-2.0-OpenSSH_9.9\r\n", "not a sound HTTP answer"),
    "B21-http09": (b"<html>hello</html>", "not a sound HTTP answer"),
    "B21-status": (b"HTTP/1.1 abc OK\r\n\r\n", "not a sound HTTP answer"),
    "B21-nothing": (b"", "not a sound HTTP answer"),
    "B26": (answer(b"<html><h1>Welcome to the hotel</h1>", Content_Type="text/html"), "an HTML page"),
}  # fmt: skip


@rows("script,reason", BAD_ANSWERS)
def test_a_bad_answer_costs_little_and_loses_nothing(home, script, reason):
    """It ends in a short reason, leaves stories, address and validators, and waits; other feeds go on."""
    home.limits = HURRIED if "no answer" in reason else SMALL
    with Loopback(script) as server:
        event = home.visit(at(server))[at(server)]
    row = home.row(at(server))
    assert re.search(reason, event.error)
    assert len(event.error) < 110
    assert (row.error, row.failures) == (event.error, 1)
    assert row.bookmark == type(row.bookmark)()
    assert 30 <= home.wait(at(server)) <= 24 * 60


@rows("script", {
    "B5-shorter": answer(RSS + b"<!-- more -->", Content_Length=len(RSS) - 6, ETag='"x"'), "B5-cut": answer(RSS[:-70], Content_Length=len(RSS), ETag='"x"'),
    "B5-empty-etag": answer(b"", ETag='"x"'), "B13": answer(b"<html>", ETag='"x"', Last_Modified="yesterday"),
    "B13-not-xml": answer(b"not a feed", ETag='"x"'), "B13-500": answer(status="500 Oops", ETag='"x"'),
})  # fmt: skip
def test_validators_are_kept_after_a_good_reading_only(home, script):
    """What was not read whole and well is asked for without a condition the next time, and then read."""
    with Loopback(script, answer(RSS, ETag='"good"'), NOT_MODIFIED) as server:
        for _ in range(3):
            home.visit(at(server))
            home.now += timedelta(days=1)
    assert ["If-None-Match" in request for request in server.requests] == [False, False, True]
    assert "If-Modified-Since" not in server.requests[1]
    assert len(home.titles(at(server))) == 1


@rows("body,encoding", {
    "B8": (gzipped(RSS), "gzip"), "B8-x-gzip": (gzipped(RSS), "x-gzip"), "B8-plain": (RSS, "gzip"), "B8-unlabelled": (gzipped(RSS), ""),
    "B8-twice": (gzipped(gzipped(RSS)), "gzip, gzip"), "B8-once-of-twice": (gzipped(RSS), "gzip, gzip"),
    "B8-twice-of-once": (gzipped(gzipped(RSS)), "gzip"), "B8-members": (gzipped(RSS[:50]) + gzipped(RSS[50:]), "gzip"),
    "B8-identity": (RSS, "identity"),
})  # fmt: skip
def test_encodings_are_guessed_once(home, body, encoding):
    """A body is read whether its encoding header tells the truth or not."""
    with Loopback(answer(body, Content_Encoding=encoding)) as server:
        assert home.visit(at(server))[at(server)].note == "1 new"


@row("B9")
def test_not_modified_brings_nothing_and_keeps_the_bookmark(home):
    """After 304 the ETag stays, a new Last-Modified is taken, and the document's own wish for patience still holds."""
    patient = RSS.replace(b"<item>", b"<ttl>300</ttl><item>")
    with Loopback(
        answer(patient, ETag='"x"', Last_Modified="yesterday"),
        answer(status="304 Not Modified", Last_Modified="today"),
        NOT_MODIFIED,
    ) as server:
        for _ in range(3):
            event = home.visit(at(server))[at(server)]
            assert 300 <= home.wait(at(server)) <= 330
            home.now += timedelta(days=1)
    assert event.note == "not modified"
    row = home.row(at(server))
    assert (row.bookmark.etag, row.bookmark.last_modified, row.title) == ('"x"', "today", "The Daily Example")
    assert "If-Modified-Since: today" in server.requests[2]
    assert 'If-None-Match: "x"' in server.requests[2]


@row("B10-conditional")
def test_a_body_of_304_is_ignored(home):
    """304 with a body is 304."""
    with Loopback(answer(RSS, ETag='"x"'), answer(OTHER, status="304 Not Modified")) as server:
        home.visit(at(server))
        home.now += timedelta(days=1)
        assert home.visit(at(server))[at(server)].note == "not modified"
    assert len(home.titles(at(server))) == 1


@rows("tags", {"B11": ['"1"', '"2"', '"3"'], "B11-none": [None, None, None], "B11-weak": ['W/"1"', "", '"3"']})
def test_an_equal_body_brings_nothing_new(home, tags):
    """A body that was read before is not read again, whatever its ETag says; the newest ETag is handed back."""
    with Loopback(*(answer(RSS, **({} if tag is None else {"ETag": tag})) for tag in tags)) as server:
        notes = []
        for _ in tags:
            notes.append(home.visit(at(server))[at(server)].note)
            home.now += timedelta(days=1)
    assert notes == ["1 new", "not modified", "not modified"]
    assert home.row(at(server)).bookmark.etag == tags[-1]


VALIDATORS = {
    "B12-weak": 'W/"x"', "B12-unquoted": "unquoted", "B12-empty": '""', "B12-latin": '"caf\xe9"', "B12-comma": '"a,  b"',
    "B12-gzip": '"x-gzip"', "B12-tab": '"a\tb"', "B12-0": "0", "B12-never": "never", "B12-2038": "Tue, 19 Jan 2038 03:14:08 GMT",
    "B12-1970": "Thu, 01 Jan 1970 00:00:00 GMT",
}  # fmt: skip


@rows("value", VALIDATORS)
@rows("header,back", {"": ("ETag", "If-None-Match"), "-date": ("Last_Modified", "If-Modified-Since")})
def test_validators_go_back_byte_for_byte(home, value, header, back):
    """Validators are opaque: handed back as they came, never repaired."""
    with Loopback(answer(RSS, **{header: value}), NOT_MODIFIED) as server:
        home.visit(at(server))
        home.now += timedelta(days=1)
        assert home.visit(at(server))[at(server)].note == "not modified"
    assert f"{back}: {value}\r\n" in server.requests[1]


@rows("raw,dropped", {
    "B12-10kB": (b'ETag: "' + b"x" * 10_000 + b'"', True), "B12-control": (b'ETag: "a\x01b"', True), "B12-folded": (b'ETag: "a\r\n Injected: b"', True),
    "B12-nothing": (b"ETag:", True), "B12-cr": (b'ETag: "a\rInjected: b"', False),
})  # fmt: skip
def test_validators_that_cannot_be_sent_are_dropped(home, raw, dropped):
    """What would not be a sound header is not sent back, and never becomes a header of its own."""
    script = b"HTTP/1.1 200 OK\r\n" + raw + b"\r\nContent-Length: %d\r\n\r\n" % len(RSS) + RSS
    with Loopback(script) as server:
        assert home.visit(at(server))[at(server)].note == "1 new"
        home.now += timedelta(days=1)
        home.visit(at(server))
    assert ("If-None-Match" not in server.requests[1]) == dropped
    assert "Injected" not in server.requests[1]


LATER = "Sun, 22 Nov 2026 13:00:00 GMT"
PATIENCE = {
    "3600": ("3600", 60), "date": (LATER, 60), "past": ("Sat, 21 Nov 2026 12:00:00 GMT", 1), "-5": ("-5", 30), "0": ("0", 1),
    "huge": ("99999999999", 1440), "soon": ("soon", 30), "empty": ("", 30), "missing": (None, 30), "odd-digit": ("\xb2", 30),
    "year": ("Sun, 22 Nov 99999999999999999999 13:00:00 GMT", 30), "float": ("3600.5", 30),
}  # fmt: skip


@rows("status", {"B14-429": "429 Too Many Requests", "B15-503": "503 Service Unavailable"})
@rows("value,minutes", PATIENCE)
def test_a_server_may_ask_for_patience(home, status, value, minutes):
    """Retry-After is waited for, within a minute and a day, and also by the next process; nonsense is half an hour."""
    with Loopback(answer(status=status, **({} if value is None else {"Retry_After": value}))) as server:
        assert status[:3] in home.visit(at(server))[at(server)].error
        assert minutes <= home.wait(at(server)) <= minutes * 1.1
        home.restart()
        home.now += timedelta(minutes=minutes - 0.5)
        home.visit(at(server))
        assert len(server.requests) == 1
        home.now += timedelta(minutes=minutes * 0.1 + 1)
        home.visit(at(server))
        assert len(server.requests) == 2


@rows("status", {"B15-500x10": "500 Oops", "B15-502x10": "502 Bad Gateway", "B14-429x10": "429 Too Many Requests"})
def test_failures_in_a_row_are_spaced_out(home, status):
    """Each failure doubles the wait, up to a day, and a good visit ends that."""
    with Loopback(answer(status=status)) as server:
        waits = []
        for _ in range(10):
            home.visit(at(server))
            waits.append(home.wait(at(server)))
            home.now = home.row(at(server)).next_check
        server.scripts = [answer(RSS)]
        home.visit(at(server))
    for wait, least in zip(waits, (30, 60, 120, 240, 480, 960, 1440, 1440, 1440, 1440), strict=True):
        assert least <= wait <= least * 1.1
    assert (home.row(at(server)).failures, home.row(at(server)).error) == (0, None)


@rows("status", {"B14-siblings": "429 Too Many Requests", "B15-siblings": "503 Service Unavailable"})
def test_a_crowded_host_is_spared_by_all_its_feeds(home, status):
    """One feed's 429 or 503 lets the others of a host on the internet wait as long; those of other hosts go on."""
    busy = answer(status=status, Retry_After="7200")
    with Loopback(moved_for_good(busy, answer(RSS))) as server:
        feeds = [at(server), at(server, path="/b"), at(server, path="/c")]
        home.visit(feeds[2])
        home.now += timedelta(hours=3)
        events = home.visit(*feeds)
        assert len(server.requests) == 2
        assert events["one.example"].note == "2 more wait for another round"
        assert all(120 <= home.wait(url) <= 132 for url in feeds)
        assert [home.row(url).error for url in feeds[1:]] == [None, None]
        home.now += timedelta(minutes=119)
        home.visit(*feeds)
        assert len(server.requests) == 2


@row("B15-home")
def test_a_crowded_host_at_home_is_asked_on(home):
    """A reader's own bridge at home refuses one feed for its publisher's sake: its others are visited."""
    with Loopback(moved_for_good(answer(status="429 Slow", Retry_After="7200"), answer(RSS))) as server:
        events = home.visit(server.url, server.url.replace("/feed", "/b"))
    assert events[server.url.replace("/feed", "/b")].note == "1 new"


@rows("status,header", {
    "B16-challenge": ("403 Forbidden", {"cf_mitigated": "challenge"}), "B16-403-slow": ("403 Forbidden", {}), "B16-406-slow": ("406 Not Acceptable", {}),
    "B17-slow": ("401 Unauthorized", {"WWW_Authenticate": "Basic"}),
})  # fmt: skip
def test_a_shut_door_is_knocked_at_seldom(home, status, header):
    """Who is not let in tries again after six hours, then less often, always by the same name."""
    with Loopback(answer(b"<html>", status=status, **header)) as server:
        waits = []
        for _ in range(3):
            home.visit(at(server))
            waits.append(home.wait(at(server)))
            home.now = home.row(at(server)).next_check
    assert all(least <= wait <= least * 1.1 for wait, least in zip(waits, (360, 720, 1440), strict=True))
    assert {re.search("User-Agent: (.*)", request)[1][:13] for request in server.requests} == {"Frontispiece/"}


@row("B18-week")
def test_a_week_of_failures_asks_the_owner(home):
    """After seven days of 404 the feed's error asks whether the address is right; one good visit forgets it."""
    with Loopback(answer(status="404 Nope")) as server:
        told = []
        while home.now < NOON + timedelta(days=8):
            told.append((home.now - NOON, home.visit(at(server))[at(server)].error))
            home.now = home.row(at(server)).next_check
        assert all(("is its address still right?" in error) == (age >= timedelta(days=7)) for age, error in told)
        assert "for 7 days now" in told[-1][1]
        assert len(told) < 20
        server.scripts = [answer(RSS)]
        home.visit(at(server))
    assert home.row(at(server)).failing_since is None


@row("B19")
def test_a_feed_that_is_gone_is_never_asked_again(home):
    """410 ends it, with a message; its stories stay."""
    with Loopback(answer(RSS), answer(status="410 Gone")) as server:
        for _ in range(4):
            events = home.visit(at(server))
            home.now += timedelta(days=30)
            home.restart()
    assert len(server.requests) == 2
    assert at(server) not in events
    assert "HTTP 410 gone: its publisher has ended it" in home.row(at(server)).error
    assert home.titles(at(server))


TTL = RSS.replace(b"<item>", b"<ttl>%s</ttl><item>")
INTERVALS = {
    "B20-nothing": ({}, RSS, 30), "B20-year": ({"Cache_Control": "max-age=31536000"}, RSS, 1440), "B20-0": ({"Cache_Control": "max-age=0"}, RSS, 30),
    "B20-no-store": ({"Cache_Control": "no-store"}, RSS, 30), "B20-abc": ({"Cache_Control": "max-age=abc"}, RSS, 30),
    "B20-hour": ({"Cache_Control": 'public, MAX-AGE="3600"'}, RSS, 60), "B20-digits": ({"Cache_Control": "max-age=" + "9" * 5000}, RSS, 1440),
    "B20-expires-0": ({"Expires": "0"}, RSS, 30), "B20-expires-past": ({"Expires": "Sun, 22 Nov 2026 11:00:00 GMT"}, RSS, 30),
    "B20-expires": ({"Expires": "Sun, 22 Nov 2026 14:00:00 GMT"}, RSS, 120), "B20-expires-year": ({"Expires": "Sun, 22 Nov 2099 14:00:00 GMT"}, RSS, 1440),
    "B20-expires-huge": ({"Expires": "Sun, 22 Nov 99999999999999999999 14:00:00 GMT"}, RSS, 30),
    "B20-both": ({"Cache_Control": "max-age=3600", "Expires": "Sun, 22 Nov 2026 14:00:00 GMT"}, RSS, 60),
    "B20-ttl": ({}, TTL.replace(b"%s", b"180"), 180), "B20-ttl-huge": ({}, TTL.replace(b"%s", b"999999"), 1440), "B20-ttl-0": ({}, TTL.replace(b"%s", b"0"), 30),
    "B20-ttl-word": ({}, TTL.replace(b"%s", b"soon"), 30), "B20-longest": ({"Cache_Control": "max-age=3600"}, TTL.replace(b"%s", b"180"), 180),
    "B20-skip": ({}, RSS.replace(b"<item>", b"<skipHours>" + b"".join(b"<hour>%d</hour>" % n for n in range(24)) + b"</skipHours><item>", 1), 30),
}  # fmt: skip


@rows("headers,body,minutes", INTERVALS)
def test_the_next_visit_is_within_half_an_hour_and_a_day(home, headers, body, minutes):
    """The longest of the owner's wish and what headers and document ask for, within bounds; nonsense counts nothing."""
    with Loopback(answer(body, **headers)) as server:
        assert home.visit(at(server))[at(server)].error is None
    assert minutes <= home.wait(at(server)) <= min(minutes * 1.1, 1440)


@row("B21-continue")
def test_an_interim_answer_is_passed_over(home):
    """100 Continue before the real answer is part of HTTP."""
    with Loopback(b"HTTP/1.1 100 Continue\r\n\r\n" + answer(RSS)) as server:
        assert home.visit(at(server))[at(server)].note == "1 new"


@row("B22")
def test_requests_are_discreet(home):
    """One informative user agent, gzip only, no cookie and no referrer, even after one was set."""
    with Loopback(
        answer(status="302 Found", Location="/b", Set_Cookie="id=1"),
        answer(RSS, Set_Cookie="id=2", Referrer_Policy="unsafe-url"),
    ) as server:
        for _ in range(2):
            home.visit(at(server))
            home.now += timedelta(days=1)
    assert len(server.requests) == 3
    for request in server.requests:
        assert "User-Agent: Frontispiece/" in request
        assert "Accept-Encoding: gzip\r\n" in request
        assert "cookie" not in request.lower()
        assert "refer" not in request.lower()


class Certificates:
    """Certificates for news.example that some net trusts."""

    def __init__(self, folder):
        self.folder = folder
        self._make("good", "-addext", "subjectAltName=DNS:news.example")
        self._openssl(f"req -new {KEY} -subj /CN=news.example -keyout {folder}/old.key -out {folder}/old.csr")
        self._openssl(f"x509 -req -in {folder}/old.csr -signkey {folder}/old.key -days -1 -out {folder}/old.pem")

    def _make(self, name, *more):
        self._openssl(
            f"req -x509 {KEY} -days 2 -subj /CN=news.example -keyout {self.folder}/{name}.key -out {self.folder}/{name}.pem",
            *more,
        )

    @staticmethod
    def _openssl(words, *more):
        subprocess.run(["openssl", *words.split(), *more], check=True, capture_output=True)

    def server(self, name):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return context

    def net(self, *trusted):
        net = Net(["news.example", "other.example"], resolver=here)
        for name in trusted:
            net._tls.load_verify_locations(self.folder / f"{name}.pem")
        return net


KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Certificates for news.example: one that is good, one that has expired."""
    if not shutil.which("openssl"):
        pytest.skip("install openssl to test certificates")
    return Certificates(tmp_path_factory.mktemp("tls"))


@rows("host,server,trusted,reason", {
    "B23-expired": ("news.example", "old", ["old"], "certificate cannot be trusted: certificate has expired"),
    "B23-host": ("other.example", "good", ["good"], "certificate cannot be trusted: Hostname mismatch"),
    "B23-self-signed": ("news.example", "good", [], "certificate cannot be trusted: self.signed certificate"),
    "B23-tls10": ("news.example", "tls10", ["good"], "no secure connection"),
})  # fmt: skip
def test_a_secure_connection_is_secure_or_none(certificates, host, server, trusted, reason):
    """A bad certificate or an old protocol is refused with its cause; nothing is sent, and never without TLS."""
    context = certificates.server("good" if server == "tls10" else server)
    if server == "tls10":
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            context.maximum_version = ssl.TLSVersion.TLSv1
    with Loopback(answer(RSS), tls=context) as there, pytest.raises(SourceError, match=reason):
        certificates.net(*trusted).get(f"https://{host}:{there.port}/")
    assert there.requests == []


@row("B23-good")
def test_the_checked_address_is_asked_by_its_name(certificates):
    """A good certificate for the host's name is taken, and the request names that host."""
    with Loopback(answer(b"hello"), tls=certificates.server("good")) as server:
        assert certificates.net("good").get(f"https://news.example:{server.port}/").body == b"hello"
    assert f"Host: news.example:{server.port}" in server.requests[0]


@rows("jump", {"B24-ahead": timedelta(days=365), "B24-back": timedelta(days=-365), "B24-hours": timedelta(hours=-5)})
def test_a_clock_that_jumps_causes_no_storm(home, jump):
    """A clock that leaves and returns costs a visit or two, and no feed sleeps for a year."""
    with Loopback(answer(RSS)) as server:
        for step in (timedelta(0), jump, timedelta(seconds=30), -jump, timedelta(seconds=30)):
            home.now += step
            home.restart()
            home.visit(at(server))
        assert len(server.requests) <= 3
        home.now += timedelta(hours=6)
        before = len(server.requests)
        home.visit(at(server))
    assert len(server.requests) == before + 1


@row("B24-summer")
def test_the_end_of_summer_time_changes_nothing(home):
    """Half an hour is half an hour, also while the owner's clock is put back."""
    berlin = ZoneInfo("Europe/Berlin")
    with Loopback(answer(RSS)) as server:
        for hour, minute, fold in ((2, 40, 0), (2, 5, 1), (2, 14, 1)):
            home.now = datetime(2026, 10, 25, hour, minute, fold=fold, tzinfo=berlin).astimezone(UTC)
            home.visit(at(server))
    assert len(server.requests) == 2


@row("B24-crash")
def test_a_visit_that_the_service_dies_of_is_not_repeated_at_once(home):
    """A visit is written down before it begins: whoever starts again meanwhile leaves that feed alone for half an hour."""
    asked, release = threading.Event(), threading.Event()

    def script(sock, _):
        asked.set()
        release.wait(10)

    with Loopback(script) as server:
        dying = threading.Thread(target=lambda: list(fetch(line, line.desks, AT_ONCE)))
        line = home.line([at(server)])
        dying.start()
        assert asked.wait(10)
        for _ in range(10):
            home.restart()
            home.now += timedelta(minutes=2, seconds=50)
            home.visit(at(server))
        assert len(server.requests) == 1
        release.set()
        dying.join(10)
    assert home.row(at(server)).failures == 1


@row("B24-stopped")
def test_a_round_that_is_stopped_leaves_the_rest_for_the_next(home):
    """Stopping waits for no slow server, and costs only the feeds under way their turn."""
    home.limits = HURRIED
    with Loopback(silence) as slow, Loopback(answer(RSS)) as well:
        line = home.line([at(slow), at(slow, path="/b"), at(well, "elsewhere.example")])
        events = fetch(line, line.desks, AT_ONCE)
        next(events)
        began = time.monotonic()
        events.close()
        assert time.monotonic() - began < 0.3
        assert home.wait(at(slow)) == 30
        assert home.row(at(slow, path="/b")).next_check is None


class Crowd:
    """A server that notes when it was asked, and how many asked at once."""

    def __init__(self, reply):
        self.reply, self.times, self.now, self.most, self.lock = reply, [], 0, 0, threading.Lock()

    def __call__(self, sock, request):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.times.append(time.monotonic())
        sock.sendall(self.reply[:-1])
        with self.lock:
            self.now -= 1
        sock.sendall(self.reply[-1:])  # whoever waits for the whole of it has not gone on before


@row("B25-one-host")
def test_many_feeds_of_a_host_are_visited_one_by_one(home):
    """200 feeds of one host: one at a time, apart, and those that a round has no time for in the next ones."""
    crowd, pace = Crowd(answer(status="404 Nope")), Pace(apart_s=0.05, host_s=0.3)
    with Loopback(crowd) as server, Loopback(answer(RSS)) as other:
        feeds = [at(server, path=f"/{n}") for n in range(200)]
        began = time.monotonic()
        events = home.visit(*feeds, at(other, "elsewhere.example"), pace=pace)
        assert time.monotonic() - began < 3
        assert events[at(other, "elsewhere.example")].note == "1 new"
        first = len(crowd.times)
        assert 2 <= first <= 8
        assert events["one.example"].note == f"{200 - first} more wait for another round"
        home.now += timedelta(minutes=15)
        home.visit(*feeds, pace=pace)
    assert crowd.most == 1
    for times in (crowd.times[:first], crowd.times[first:]):
        assert all(b - a >= 0.05 for a, b in itertools.pairwise(times))
    assert len(set(server.requests)) == len(server.requests) > first


@row("B25-two-rounds")
def test_rounds_of_two_channels_are_apart_too(home):
    """A host that another channel's round, or a process before this one, has just asked is not asked at once."""
    crowd, pace = Crowd(answer(RSS)), Pace(apart_s=0.3)
    with Loopback(crowd) as server:
        home.visit(at(server, path="/a"), pace=pace)
        home.restart()
        home.visit(at(server, path="/a"), at(server, path="/b"), pace=pace)
    assert crowd.times[1] - crowd.times[0] >= 0.3


@row("B25-home")
def test_a_host_at_home_needs_no_pauses(home):
    """A bridge at home is asked one thing at a time, without waiting between."""
    crowd = Crowd(answer(status="404 Nope"))
    with Loopback(crowd) as server:
        home.visit(*(server.url + str(n) for n in range(20)), pace=Pace(apart_s=60))
    assert (crowd.most, len(crowd.times)) == (1, 20)


@row("B25-boot")
def test_a_thousand_feeds_at_the_first_start(home):
    """1000 hosts are asked once each, a few at a time, and their next visits are spread out."""
    crowd = Crowd(answer(status="404 Nope"))
    with Loopback(crowd) as server:
        feeds = [at(server, f"h{n}.example") for n in range(1000)]
        home.visit(*feeds)
        home.visit(*feeds)
    assert len(crowd.times) == len({request.split("Host: ")[1] for request in server.requests}) == 1000
    assert crowd.most <= Pace().threads
    waits = sorted(home.wait(url) for url in feeds)
    assert waits[900] - waits[100] > 2


@rows("portal", {
    "B26-portal": PARKED, "B26-302": moved_for_good(answer(status="302 Found", Location="/login"), PARKED),
    "B26-301": moved_for_good(answer(status="301 Moved", Location="/login"), PARKED),
})  # fmt: skip
def test_a_captive_portal_changes_nothing(home, portal):
    """While every address gives the same page, every feed fails; nothing is deleted, moved or learnt from it."""
    with ExitStack() as stack:
        servers = [stack.enter_context(Loopback(answer(RSS, ETag='"1"'))) for _ in range(3)]
        feeds = [at(server, f"h{n}.example") for n, server in enumerate(servers)]
        home.visit(*feeds)
        before = [home.row(url).bookmark for url in feeds]
        for server in servers:
            server.scripts = [portal]
        for _ in range(3):
            home.now += timedelta(days=1)
            events = home.visit(*feeds)
            assert all("HTML page" in events[url].error for url in feeds)
    assert [home.row(url).bookmark for url in feeds] == before
    assert [home.row(url).moved_to for url in feeds] == [None] * 3
    assert all(home.titles(url) for url in feeds)
