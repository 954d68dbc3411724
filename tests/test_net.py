"""The one room through which foreign URLs go: guarded, bounded, discreet."""

import shutil
import ssl
import subprocess
import threading
import time
import zlib
from datetime import timedelta

import pytest

from service.addresses import redirected, target
from service.errors import SourceError
from service.net import Limits, Net, _kept, masked

from .loopback import Loopback, answer, forever, gzipped
from .values import NOON

PUBLIC = "93.184.216.34"


def net_for(*servers, **other):
    return Net([f"127.0.0.1:{server.port}" for server in servers], clock=lambda: NOON, **other)


def refusing_net(*addresses):
    return Net(resolver=lambda host, port: list(addresses))


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("file:///etc/passwd", id="A1"),
        pytest.param("file://localhost/etc/hosts", id="A1-localhost"),
        pytest.param("/etc/passwd", id="A2"),
        pytest.param("../../secret.xml", id="A2-up"),
        pytest.param("C:\\x", id="A2-drive"),
        *(pytest.param(url, id=f"A3-{url[:6]}") for url in (
            "ftp://x.example/", "gopher://x.example/", "data:text/xml,<rss/>", "javascript:alert(1)",
            "feed:file:///etc/passwd", "jar:http://x/!a", "unix:/run/x",
        )),
        pytest.param("http://[::1", id="A16-bracket"),
        pytest.param("http://exa mple/", id="A16-space"),
        pytest.param("http://x\x00y/", id="A16-nul"),
        pytest.param("http://x.example/" + "a" * 8000, id="A16-8kB"),
        pytest.param("http://ex.example:99999/", id="A16-port"),
        pytest.param("http:///path", id="A16-no-host"),
        pytest.param("http://\u2024.example/", id="A16-idn"),
        pytest.param("", id="A16-empty"),
    ],
)  # fmt: skip
def test_only_sound_web_addresses_are_fetched(url):
    """An address that is not sound http(s) is refused before anything is looked up."""

    def no_lookup(host, port):
        raise AssertionError("looked up")

    with pytest.raises(SourceError, match="refused"):
        Net(resolver=no_lookup).get(url)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "127.1", "2130706433", "0x7f.1", "017700000001"]
)
def test_this_machine_is_refused_however_it_is_spelt(host):
    """A4: the resolved address counts, not its spelling."""
    with Loopback(answer(b"secret")) as server, pytest.raises(SourceError, match="private address"):
        Net().get(f"http://{host}:{server.port}/")
    assert server.requests == []


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1", "172.16.5.5", "192.168.1.1", "100.64.0.1", "169.254.1.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "192.0.2.1", "198.18.0.1", "0.1.2.3", "fc00::1", "fe80::1", "fe80::1%eth0", "ff02::1", "::", "::1", "::127.0.0.1",
        "::ffff:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001:db8::1", "fec0::1",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
    ],
)  # fmt: skip
def test_private_addresses_are_refused(address):
    """A6, A7: no private, reserved, translated or tunnelled address is connected to, whatever name led there."""
    with pytest.raises(SourceError, match=r"net\.allow_private"):
        refusing_net(address).get("http://news.example/")


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"]
)
def test_credentials_of_a_cloud_are_never_fetched(address):
    """A5: metadata addresses are refused even where the owner allowed their host."""
    net = Net(["metadata.example"], resolver=lambda host, port: [address])
    with pytest.raises(SourceError, match="never fetched"):
        net.get("http://metadata.example/latest/meta-data/")


def test_a_listed_host_at_home_may_be_read():
    """A host on the owner's list is fetched, by name or by address, with or without port."""
    with Loopback(answer(b"hello")) as server:
        for entry in ("127.0.0.1", f"127.0.0.1:{server.port}"):
            assert Net([entry]).get(server.url).body == b"hello"
        by_name = Net(["rsshub.lan"], resolver=lambda host, port: ["127.0.0.1"])
        assert by_name.get(f"http://RSSHub.lan:{server.port}/x").status == 200
        with pytest.raises(SourceError, match="private"):
            Net([f"127.0.0.1:{server.port + 1}"]).get(server.url)


def test_a_second_dns_answer_leads_nowhere():
    """A8: a name is resolved once a hop, and the address that was checked is the one connected to."""
    answers = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]])
    with Loopback(answer(b"secret")) as server, pytest.raises(SourceError):
        Net(resolver=lambda host, port: next(answers)).get(
            f"http://rebind.example:{server.port}/", limits=Limits(connect_s=0.2, total_s=1)
        )
    assert server.requests == []


@pytest.mark.parametrize(
    "location",
    [
        pytest.param("http://127.0.0.1:{other}/", id="A9-loopback"),
        pytest.param("http://localhost:{other}/", id="A9-localhost"),
        pytest.param("file:///etc/passwd", id="A9-file"),
        pytest.param("http://169.254.169.254/latest/", id="A9-metadata"),
        pytest.param("//[::ffff:127.0.0.1]:{other}/", id="A9-mapped"),
        pytest.param("http://[::1", id="A16-bracket"),
        pytest.param("", id="A10-nowhere"),
    ],
)
def test_each_redirect_is_checked(location):
    """A9: a redirect to a place that is not allowed is refused at that hop."""
    with Loopback(answer(b"secret")) as other:
        there = location.format(other=other.port)
        with Loopback(answer(status="302 Found", Location=there)) as server, pytest.raises(SourceError):
            net_for(server).get(server.url)
    assert other.requests == []


def test_the_way_from_outside_never_leads_home(monkeypatch):
    """A9: a host on the owner's list cannot be reached through a redirect of a public one."""
    from service import net as room

    with Loopback(answer(b"secret")) as home:
        net = Net([f"127.0.0.1:{home.port}"], resolver=lambda host, port: ["127.0.0.1" if host[0] == "1" else PUBLIC])
        with Loopback(answer(status="302 Found", Location=home.url)) as public:
            connect = room.socket.create_connection
            monkeypatch.setattr(
                room.socket, "create_connection", lambda at, timeout: connect(("127.0.0.1", public.port), timeout)
            )
            with pytest.raises(SourceError, match="private"):
                net.get("http://evil.example/")
    assert home.requests == []


def test_redirects_end():
    """A10: a loop of redirects ends after five."""
    with (
        Loopback(answer(status="302 Found", Location="/again")) as server,
        pytest.raises(SourceError, match="too many"),
    ):
        net_for(server).get(server.url)
    assert len(server.requests) == 6


def test_a_login_stays_with_its_own_host():
    """A12, A15: user, password and secret headers go to the host they were given for, and to no other."""
    with Loopback(answer(b"ok")) as other, Loopback(answer(status="302 Found", Location=other.url)) as server:
        net = net_for(server, other)
        here = server.url.replace("//", "//user:pa%40ss@")
        named = Net(["one.lan", "127.0.0.1"], resolver=lambda host, port: ["127.0.0.1"])
        assert net.get(here, headers={"Accept": "a/b"}).status == 200
        named.get(here.replace("127.0.0.1", "one.lan"), headers={"X-Auth-Token": "secret", "If-None-Match": '"x"'})
    assert "Authorization: Basic dXNlcjpwYUBzcw==" in server.requests[0]
    assert "X-Auth-Token: secret" in server.requests[1]
    for request in other.requests:
        assert "Authorization" not in request
        assert "secret" not in request
    assert 'If-None-Match: "x"' in other.requests[1]


@pytest.mark.parametrize(
    ("here", "location", "there"),
    [
        pytest.param("https://u:p@a.example/x", "http://a.example/x", "http://a.example/x", id="A11-downgrade"),
        pytest.param("http://u:p@a.example/x", "https://a.example/y", "https://u:p@a.example/y", id="A11-upgrade"),
        pytest.param("https://u:p@a.example/x", "/y?b=c", "https://u:p@a.example/y?b=c", id="A12-same"),
        pytest.param("https://u:p@a.example/x", "//b.example/y", "https://b.example/y", id="A12-other"),
        pytest.param("https://u:p@a.example/x", "https://a.example:8443/", "https://a.example:8443/", id="A12-port"),
    ],
)
def test_a_password_stays_with_its_origin(here, location, there):
    """A11, A12: a password follows a redirect within its host and up to https, and nowhere else."""
    where, to = target(here), redirected(target(here), location)
    assert to.url == there
    secret = {"X-Auth-Token": "t", "Accept": "a/b"}
    assert ("X-Auth-Token" in _kept(secret, where, to)) == bool(to.userinfo)
    assert "Accept" in _kept(secret, where, to)


def test_a_permanent_move_is_reported():
    """A13: the address that permanent redirects lead to is told; a temporary one in between ends that."""
    with Loopback(
        answer(status="301 Moved", Location="/new"), answer(status="308 Moved", Location="/newer"), answer(b"x"),
        answer(status="301 Moved", Location="/new"), answer(status="302 Found", Location="/today"), answer(b"x"),
        answer(b"x"),
    ) as server:  # fmt: skip
        net = net_for(server)
        base = server.url.removesuffix("/feed")
        assert net.get(server.url).moved_to == base + "/newer"
        assert net.get(server.url).moved_to == base + "/new"
        assert net.get(server.url).moved_to is None


def test_requests_are_discreet():
    """B22: one informative user agent, gzip only, no cookie and no referrer, even after one was set."""
    with Loopback(
        answer(status="302 Found", Location="/b", Set_Cookie="id=1"), answer(b"ok", Set_Cookie="id=2")
    ) as server:
        net_for(server).get(server.url)
    for request in server.requests:
        assert "User-Agent: Frontispiece/" in request
        assert "Accept-Encoding: gzip\r\n" in request
        assert "cookie" not in request.lower()
        assert "refer" not in request.lower()


HURRIED, PATIENT = Limits(total_s=0.6), Limits(body_bytes=200_000)


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


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(silence, "no answer within 0.6 s", id="B1"),
        pytest.param(drip(b""), "no answer within 0.6 s", id="B2-status"),
        pytest.param(drip(b"HTTP/1.1 200 OK\r\nX-Slow: "), "no answer within 0.6 s", id="B2-header"),
        pytest.param(drip(answer(b"", Content_Length=9999)), "no answer within 0.6 s", id="B2-body"),
        pytest.param(forever(b"HTTP/1.1 200 OK\r\n", b"Set-Cookie: a=b\r\n" * 100), "not a sound|headers are too large", id="B3"),
        pytest.param(forever(b"HTTP/1.1 200 OK\r\nX: ", b"a" * 10_000), "headers are too large|not a sound", id="B3-line"),
        pytest.param(forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100), "headers are too large", id="B3-100"),
        pytest.param(forever(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 10_000), "too large", id="B4"),
        pytest.param(
            forever(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"5\r\nhello\r\n" * 1000), "too large", id="B4-chunked"
        ),
        pytest.param(answer(b"", Content_Length=50_000_000), "too large", id="B4-50MB"),
        pytest.param(answer(b"short", Content_Length=500), "cut short", id="B5-length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "cut short", id="B5-chunk"),
        pytest.param(answer(gzipped(b"hello" * 99)[:-12], Content_Encoding="gzip"), "cut short", id="B5-gzip"),
        pytest.param(answer(gzipped(b"hello")[:-8] + b"\0" * 8, Content_Encoding="gzip"), "gzip is broken", id="B5-crc"),
        pytest.param(answer(gzipped(bytes(64_000_000)), Content_Encoding="gzip"), "MB unzipped", id="B6"),
        pytest.param(answer(gzipped(gzipped(bytes(64_000_000))), Content_Encoding="gzip"), "MB unzipped", id="B6-twice"),
        pytest.param(answer(b"\x1b\x00", Content_Encoding="br"), "not asked for", id="B7"),
        pytest.param(answer(b"no", status="401 Unauthorized"), "needs a login", id="B17"),
        pytest.param(answer(b"no", status="407 Proxy"), "needs a login", id="B17-proxy"),
        pytest.param(answer(b"no", status="403 Forbidden", cf_mitigated="challenge"), "blocked", id="B16"),
        pytest.param(answer(b"no", status="404 Nope"), "HTTP 404 not found", id="B18"),
        pytest.param(answer(status="204 No Content"), "HTTP 204", id="B21-204"),
        pytest.param(answer(b"x", status="206 Partial"), "HTTP 206", id="B21-206"),
        pytest.param(answer(b"x", status="418 Teapot"), "HTTP 418", id="B21-418"),
        pytest.param(answer(b"x", status="999 Odd"), "HTTP 999", id="B21-999"),
        pytest.param(b"SSH-2.0-OpenSSH_9.9\r\n", "not a sound HTTP answer", id="B21-ssh"),
        pytest.param(b"HTTP/1.1 abc OK\r\n\r\n", "not a sound HTTP answer", id="B21-status"),
        pytest.param(b"", "not a sound HTTP answer", id="B21-nothing"),
    ],
)  # fmt: skip
def test_bad_answers_have_a_short_reason(script, reason):
    """Whatever a server does, it costs bounded time and memory and ends in a reason a person can read."""
    began = time.monotonic()
    with Loopback(script) as server:
        with pytest.raises(SourceError, match=reason) as caught:
            net_for(server).get(server.url, limits=HURRIED if "no answer" in reason else PATIENT)
        assert time.monotonic() - began < 5
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzipped(b"news"), "gzip"), (gzipped(b"news"), "x-gzip"), (b"news", "gzip"), (gzipped(b"news"), ""),
        (gzipped(gzipped(b"news")), "gzip, gzip"), (gzipped(b"ne") + gzipped(b"ws"), "gzip"), (b"news", "identity"),
    ],
)  # fmt: skip
def test_encodings_are_guessed_once(body, encoding):
    """B8: a body is read whether its encoding header tells the truth or not."""
    with Loopback(answer(body, Content_Encoding=encoding)) as server:
        assert net_for(server).get(server.url).body == b"news"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("3600", 3600), ("Sun, 22 Nov 2026 13:00:00 GMT", 3600), ("Sat, 21 Nov 2026 12:00:00 GMT", 0), ("-5", None),
     ("99999999999", 99999999999), ("soon", None), ("", None), ("²", None)],
)  # fmt: skip
@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_a_server_may_ask_for_patience(value, seconds, status):
    """B14, B15: Retry-After is read as seconds or as a date."""
    refusal = answer(status=status, Retry_After=value.encode().decode("latin-1"))
    with Loopback(refusal) as server, pytest.raises(SourceError, match=status[:3]) as caught:
        net_for(server).get(server.url)
    assert caught.value.retry_after == seconds
    assert not caught.value.gone


def test_a_feed_that_is_gone_says_so():
    """B19: HTTP 410 is told apart from every other failure."""
    with Loopback(answer(status="410 Gone")) as server, pytest.raises(SourceError, match="410") as caught:
        net_for(server).get(server.url)
    assert caught.value.gone


def test_an_unknown_name_and_a_closed_port_have_reasons():
    """A host that does not exist, and one that does not listen, are told apart."""

    def unknown(host, port):
        raise OSError("Name or service not known")

    with pytest.raises(SourceError, match=r"no such host: nowhere\.example"):
        Net(resolver=unknown).get("http://nowhere.example/")
    with Loopback(b"") as server:
        pass
    with pytest.raises(SourceError, match="cannot connect"):
        net_for(server).get(server.url)


def test_a_slow_resolver_is_not_waited_for():
    """The deadline holds while a name is looked up."""
    release = threading.Event()
    net = Net(resolver=lambda host, port: release.wait(10) and [])
    with pytest.raises(SourceError, match=r"no answer within 0\.1 s"):
        net.get("http://slow.example/", limits=Limits(total_s=0.1))
    release.set()


def test_names_of_any_script_are_looked_up_as_the_network_knows_them():
    """A16: an international name is looked up and sent as punycode."""
    asked = []

    def resolver(host, port):
        asked.append((host, port))
        return ["10.0.0.1"]

    for url in ("http://münchen.example/", "feed:https://MÜNCHEN.example./x", "feed://münchen.example"):
        with pytest.raises(SourceError):
            Net(resolver=resolver).get(url)
    assert asked == [("xn--mnchen-3ya.example", 80), *[("xn--mnchen-3ya.example", 443)] * 2]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pa%40ss@news.example/feed?token=abc&page=2#x", "https://***@news.example/feed?token=***&page=2"),
        ("https://news.example/rss", "https://news.example/rss"),
        ("https://news.example/?id=0123456789abcdef0123456789", "https://news.example/?id=***"),
        ("http://user:secret@[::1", "http://***@[::1"),
        (
            "https://video.example/feed?channel_id=UCabcdefghijklmnopqrstuv",
            "https://video.example/feed?channel_id=UCabcdefghijklmnopqrstuv",
        ),
        (
            "https://news.example/?q=quiet%20trains+in+the%20Alps;$(x)#top",
            "https://news.example/?q=quiet%20trains+in+the%20Alps;$(x)",
        ),
        ("https://news.example/?session_id=1&q=a%20b", "https://news.example/?session_id=***&q=a+b"),
    ],
)
def test_secrets_do_not_reach_the_log(url, shown):
    """A15: passwords and tokens are masked."""
    assert masked(url) == shown


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate that nobody trusts, for news.example."""
    if not shutil.which("openssl"):
        pytest.skip("install openssl to test certificates")
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=news.example"
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(
        [*command.split(), "-addext", "subjectAltName=DNS:news.example", *files], check=True, capture_output=True
    )
    return folder


def test_a_certificate_must_be_trusted_and_name_the_host(certificate):
    """B23: an unknown certificate or a wrong name is refused with its cause; the checked address is asked by its name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    with Loopback(answer(b"hello"), tls=context) as server:
        net = Net(["news.example", "other.example"], resolver=lambda host, port: ["127.0.0.1"])
        with pytest.raises(SourceError, match=r"certificate cannot be trusted: self.signed"):
            net.get(f"https://news.example:{server.port}/")
        net._tls.load_verify_locations(certificate / "cert.pem")
        assert net.get(f"https://news.example:{server.port}/").body == b"hello"
        assert f"Host: news.example:{server.port}" in server.requests[-1]
        with pytest.raises(SourceError, match="Hostname mismatch"):
            net.get(f"https://other.example:{server.port}/")


def test_the_whole_of_a_sound_body_arrives():
    """A large sound body arrives whole, plain or gzipped, chunked or not."""
    body = bytes(range(256)) * 4000
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:500_000], body[500_000:]))
    with Loopback(
        answer(body),
        answer(gzipped(body), Content_Encoding="gzip"),
        answer(chunks + b"0\r\n\r\n", Transfer_Encoding="chunked"),
        b"HTTP/1.0 200 OK\r\n\r\n" + body,
    ) as server:
        for _ in range(4):
            assert zlib.crc32(net_for(server).get(server.url).body) == zlib.crc32(body)


def test_the_clock_is_the_one_given():
    """A Retry-After date is measured from the clock that was passed in."""
    with Loopback(answer(status="429 Slow", Retry_After="Sun, 22 Nov 2026 13:00:00 GMT")) as server:
        net = Net(["127.0.0.1"], clock=lambda: NOON + timedelta(minutes=30))
        with pytest.raises(SourceError) as caught:
            net.get(server.url)
    assert caught.value.retry_after == 1800
