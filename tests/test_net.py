"""The one room through which foreign URLs go; what is wrong with addresses and answers is in test_bad_inputs_net."""

import socket
import sys
import threading
import zlib
from datetime import timedelta

import pytest
from hypothesis import given, strategies as st

from service.addresses import in_turns
from service.errors import SourceError
from service.net import Limits, Net, retry_after
from service.sources.manners import asked_to_wait

from .loopback import Loopback, answer, gzipped
from .values import NOON


def net_for(*servers):
    return Net([f"127.0.0.1:{server.port}" for server in servers], clock=lambda: NOON)


def test_a_listed_host_at_home_may_be_read():
    """A host on the owner's list is fetched, by name or by address, with or without port."""
    with Loopback(answer(b"hello")) as server:
        for entry in ("127.0.0.1", f"127.0.0.1:{server.port}"):
            assert Net([entry]).get(server.url).body == b"hello"
        by_name = Net(["rsshub.lan"], resolver=lambda host, port: ["127.0.0.1"])
        assert by_name.get(f"http://RSSHub.lan:{server.port}/x").status == 200
        with pytest.raises(SourceError, match="private"):
            Net([f"127.0.0.1:{server.port + 1}"]).get(server.url)


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
    net = Net(resolver=lambda host, port: release.wait(10) and [], limits=Limits(total_s=0.1))
    with pytest.raises(SourceError, match=r"no answer within 0\.1 s"):
        net.get("http://slow.example/")
    release.set()


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


@pytest.mark.parametrize(
    ("found", "tried"),
    [
        (["::1", "::2", "1.1.1.1", "2.2.2.2"], ["::1", "1.1.1.1", "::2", "2.2.2.2"]),
        (["1.1.1.1", "::1", "::2"], ["1.1.1.1", "::1", "::2"]),
        (["1.1.1.1", "2.2.2.2"], ["1.1.1.1", "2.2.2.2"]),
        (["::1"], ["::1"]),
    ],
)
def test_families_of_addresses_are_tried_by_turns(found, tried):
    """Where IPv6 is broken, as in many homes, the second address tried is an IPv4 one."""
    assert in_turns(found) == tried


@pytest.mark.skipif(sys.platform != "linux", reason="needs a second address on loopback")
def test_an_address_that_does_not_answer_costs_little():
    """A host's next address is tried soon: one that swallows everything does not use up the visit."""
    with (
        Loopback(answer(b"hello")) as server,
        socket.socket() as full,
        socket.socket() as first,
        socket.socket() as second,
    ):
        full.bind(("127.0.0.2", server.port))
        full.listen(0)
        for waiting in (first, second):  # a full queue of connections: whatever comes now is met with silence
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.2", server.port))
        net = Net(["two.example"], lambda host, port: ["127.0.0.2", "127.0.0.1"], limits=Limits(next_s=0.1))
        assert net.get(f"http://two.example:{server.port}/").body == b"hello"


@given(st.one_of(st.text(max_size=60), st.from_regex(r"\w{3}, \d{1,30} (Jan|Nov) \d{1,30} \d+:\d+:\d+ ([+-]\d+|GMT)")))
def test_no_date_of_a_server_breaks_anything(value):
    """Whatever stands where a date or a number of seconds should, it is a wait of some seconds or none."""
    assert (retry_after(value, NOON) or 0) >= 0
    assert (asked_to_wait({"expires": value, "cache-control": value}, NOON) or 0) >= 0
