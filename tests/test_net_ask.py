"""An API is asked once: what its owner's account sends goes to that place alone."""

import pytest

from service.errors import SourceError
from service.net import Net

from .loopback import Loopback, answer


def test_an_api_is_asked_once_and_its_answer_told_whatever_it_is():
    """A form is posted, a refusal is an answer, and no redirect takes a password anywhere."""
    moved = answer(status="307 Temporary Redirect", Location="/elsewhere")
    with Loopback(answer(b"Auth=x", ETag="1"), answer(b"no", status="401 Unauthorized"), moved) as server:
        net = Net([f"127.0.0.1:{server.port}"])
        welcome = net.ask(server.url, form={"Email": "alice", "Passwd": "a&b=ü"})
        refused = net.ask(server.url, headers={"X-Auth-Token": "t"})
        redirect = net.ask(server.url, form={"Passwd": "secret"})
    posted, asked, last = server.requests
    assert (welcome.status, welcome.body, welcome.headers["etag"]) == (200, b"Auth=x", "1")
    assert posted.startswith("POST /feed HTTP/1.1\r\n")
    assert "Content-Type: application/x-www-form-urlencoded\r\n" in posted
    assert posted.endswith("\r\n\r\nEmail=alice&Passwd=a%26b%3D%C3%BC")
    assert (refused.status, refused.body) == (401, b"")
    assert asked.startswith("GET /feed ")
    assert "X-Auth-Token: t\r\n" in asked
    assert (redirect.status, redirect.headers["location"]) == (307, "/elsewhere")
    assert last.endswith("Passwd=secret")


def test_an_api_at_home_must_be_allowed_too():
    """Asking an API goes by the same list of hosts at home as a feed."""
    with Loopback(answer(b"{}")) as server, pytest.raises(SourceError, match="private address"):
        Net().ask(server.url)
    assert server.requests == []
