"""``frontispiece feeds``: what there is, add, remove, import and export, with real servers, rows and processes."""

import signal
import subprocess
import threading
from pathlib import Path

import pytest

from bench import loopback
from service import clock
from service.assembly import opened
from service.doors.asked import settings_of
from service.sources import opml
from service.store import Store, Wishes

from .command import command, ended, objects, running, started, told, until
from .loopback import Loopback, answer, paths, site

FEED = answer(loopback.rss(loopback.headlines(12)), Content_Type="application/xml")
OTHER = answer(loopback.rss(loopback.headlines(3), title="The Karvik Sun", language="de"))
FRONT = (
    b"<html><head><link rel='alternate' type='application/rss+xml' title='World' href='/world.xml'>"
    b"<link rel='alternate' type='application/rss+xml' title='Sport; $(reboot)' href='/sport.xml?a=1;$(x)'></head></html>"
)
PAGES = {"/": FRONT, "/world.xml": FEED, "/sun.xml": OTHER, "/own.xml": OTHER, "/page": b"<html>no</html>"}


@pytest.fixture
def server():
    with Loopback(site(PAGES)) as server:
        yield server


@pytest.fixture
def base(server):
    return f"http://127.0.0.1:{server.port}"


@pytest.fixture
def here(base, tmp_path):
    """The options that every command takes; the config has one feed and two channels."""
    path = tmp_path / "config.toml"
    channels = f'[channels.home]\nfeeds = ["{base}/own.xml"]\nplates_per_round = 1\nmax_age_hours = 0\n[channels.kids]\nfeeds = []\n'
    path.write_text(channels + '[[displays]]\nname = "hall"\n[net]\nallow_private = ["127.0.0.1"]\n')
    return ["--config", path, "--data", tmp_path / "data"]


def listed(here, *more):
    return objects(told("feeds", "--json", *here, *more).out)


def addresses(here, *more):
    return [entry["address"] for entry in listed(here, *more)]


def subscribe(here, *feeds):
    """Add feeds as rows, without a visit."""
    store = Store(here[3])
    Wishes(store).subscribe_all(feeds)
    store.db.close()


# -- list ---------------------------------------------------------------------------------------


def test_the_list_has_every_feed_of_every_channel(base, here):
    """The config's feeds come first, then those added; after a round their visits and stories are told."""
    assert told("feeds", "add", f"{base}/world.xml", *here).code == 0
    assert told("feeds", "add", f"{base}/world.xml", "--channel", "kids", *here).code == 0
    before = listed(here)
    assert [(e["number"], e["channel"], e["from"], e["address"]) for e in before] == [
        (1, "home", "config", f"{base}/own.xml"), (2, "home", "added", f"{base}/world.xml"),
        (3, "kids", "added", f"{base}/world.xml"),
    ]  # fmt: skip
    assert {e["checked_at"] for e in before} == {None}
    assert listed(here, "--channel", "kids") == before[2:]
    assert told("once", *here).code == 0
    after = listed(here)
    assert [(e["feed"], e["stories_last_day"], e["error"]) for e in after] == [
        ("The Karvik Sun", 3, None), ("The Lindow Courier", 12, None), ("The Lindow Courier", 12, None),
    ]  # fmt: skip
    assert all(e["checked_at"] and e["next_check_at"] for e in after)
    for_people = told("feeds", *here).out
    assert f"  2  The Lindow Courier  {base}/world.xml\n     home, added; ok; visited " in for_people
    assert "; 12 stories in 24 h\n" in for_people
    assert told("feeds", "list", *here).out == for_people


def test_a_failing_and_a_lost_feed_say_so(server, base, here):
    """What became of the last visit stands in the list; a feed that is gone has no next visit."""
    subscribe(here, ("home", f"{base}/page", ""), ("home", f"{base}/gone", "Gone Gazette"))
    pages = PAGES | {"/gone": answer(b"", "410 Gone")}
    server.scripts = [site(pages)]
    told("once", *here)
    by_name = {entry["address"].rpartition("/")[2]: entry for entry in listed(here)}
    assert by_name["page"]["error"] == "not a feed: an HTML page"
    assert (by_name["gone"]["gone"], by_name["gone"]["next_check_at"]) == (True, None)
    assert "not visited again" in told("feeds", *here).out


def test_options_before_a_part_are_not_lost_in_silence(here):
    """``feeds --data X add`` would use another folder than its owner meant; it is refused."""
    code, _, err = told("feeds", *here, "add", "x.example")
    assert (code, err) == (2, "write --config after `feeds add`\n")


@pytest.mark.parametrize(
    "part", [[], ["list"], ["add", "x.example"], ["remove", "1"], ["export"], ["import", "-"]], ids=lambda p: p[:1]
)
def test_every_part_teaches_and_knows_the_channels(part, here):
    """Each has help with exit codes, and names the channels there are."""
    assert "Exit codes: 0 done" in " ".join(told("feeds", *part[:1], "--help").out.split())
    given = opml.write([opml.Outline("https://a.example/x")], clock.now())
    code, out, err = told("feeds", *part, "--channel", "hoem", *here, given=given)
    assert (code, out) == (2, "")
    assert "did you mean home?" in err
    assert not Path(here[3]).exists()


# -- add ----------------------------------------------------------------------------------------


def test_a_site_is_added_by_its_feed(server, base, here):
    """A site's address adds the feed that its page names, and tells what it is and what else is there."""
    (found,) = objects(told("feeds", "add", "--json", base, *here).out)
    assert (found["added"], found["error"], found["address"]) == (True, None, f"{base}/world.xml")
    assert (found["feed"], found["stories"], found["language"]) == ("The Lindow Courier", 12, "en")
    assert found["newest"] == loopback.headlines(1)[0]
    assert [other["title"] for other in found["others"]] == ["Sport; $(reboot)"]
    assert addresses(here) == [f"{base}/own.xml", f"{base}/world.xml"]
    assert paths(server) == ["/", "/world.xml"]


def test_people_read_what_was_added(base, here):
    """Title, address, count, language and newest headline; the others come with a command that is safe to copy."""
    code, out, err = told("feeds", "add", base, f"{base}/sun.xml", *here)
    assert (code, err) == (0, "")
    for words in ("✓ The Lindow Courier", f"{base}/world.xml", "added to home: 12 stories, en", "3 stories, de",
                  f"newest: {loopback.headlines(1)[0]}", f"frontispiece feeds add '{base}/sport.xml?a=1;$(x)'"):  # fmt: skip
        assert words in out


def test_what_does_not_work_is_not_added_and_the_rest_is(base, here):
    """Each address is told by itself; one that fails is exit code 1 and leaves nothing."""
    code, out, err = told("feeds", "add", f"{base}/page", f"{base}/sun.xml", "http://10.9.8.7/feed", "file:///etc/passwd",
                          "127.0.0.1:1", "no\x1b[31mne", "bro\udcffken", *here)  # fmt: skip
    assert code == 1
    assert addresses(here) == [f"{base}/own.xml", f"{base}/sun.xml"]
    assert "a web page: it names no feed" in err
    assert 'allow_private = ["10.9.8.7"]' in err
    assert "only http and https" in err
    assert "taken for https" in err
    assert "\x1b" not in out + err
    assert err.count("✗") == 6


def test_a_file_is_pointed_to_import(here, tmp_path, monkeypatch):
    """Whoever gives a file to ``add`` learns the command for it."""
    monkeypatch.chdir(tmp_path)
    Path("mine.opml").write_text("<opml/>")
    assert "feeds import FILE" in told("feeds", "add", "./mine.opml", *here).err


@pytest.mark.parametrize(
    ("given", "said"),
    [("/own.xml", "stands in config.toml"), ("/world.xml", "was added before"), ("/", "was added before")],
)
def test_what_is_there_already_is_no_mistake(given, said, base, here):
    """A feed that a channel has, however it is reached, is said to be there; exit code 0, no second row."""
    subscribe(here, ("home", f"{base}/world.xml", "World"))
    code, out, _ = told("feeds", "add", base.replace("http", "HTTP") + given, *here)
    assert code == 0
    assert "is on home already" in out
    assert said in out
    assert len(listed(here)) == 2


def test_a_feed_that_was_gone_and_is_back_is_visited(base, here):
    """Adding a feed that failed earlier lets the next round visit it."""
    store = Store(here[3])
    store.unreachable(f"{base}/sun.xml", "HTTP 410 gone", store.now(), gone=True)
    told("feeds", "add", f"{base}/sun.xml", *here)
    assert not store.feed(f"{base}/sun.xml").gone
    told("once", *here)
    assert store.feed(f"{base}/sun.xml").error is None


def test_a_password_is_nowhere_printed(base, here, tmp_path):
    """A15: the login in a feed's address works and is masked in every answer, also where it fails."""
    secret = base.replace("http://", "http://me:hunter2@")
    for arguments in (["add", f"{secret}/sun.xml?token=hunter2"], ["add", f"{secret}/sun.xml", "--json"], ["add", f"{secret}/page"],
                      ["add", f"{secret}/sun.xml"], ["add", "me:hunter2@127.0.0.1"], [], ["--json"], ["export"],
                      ["export", "-o", tmp_path / "x.opml"], ["import", tmp_path / "x.opml"], ["remove", "nothing"], ["remove", "2"]):  # fmt: skip
        found = told("feeds", *arguments, *here)
        assert "hunter2" not in found.out + found.err, arguments
    assert "hunter2" not in (tmp_path / "x.opml").read_text()


def test_ctrl_c_keeps_what_was_added(base, here):
    """Stopped in the middle of several, the command says so and exits 130; the first feed stays."""
    free = threading.Event()
    with Loopback(lambda *_: free.wait(60)) as slow:
        process = started("feeds", "add", f"{base}/sun.xml", slow.url, f"{base}/world.xml", *here)
        until(lambda: slow.requests, what="the visit")
        process.send_signal(signal.SIGINT)
        code, _, err = ended(process, 20)
        free.set()
    assert (code, err) == (130, "stopped; what was added stays\n")
    assert addresses(here)[1:] == [f"{base}/sun.xml"]


# -- a service that runs ------------------------------------------------------------------------


def test_a_running_service_takes_up_what_is_added_and_removed(server, base, here):
    """Feeds added while a service runs are visited in its next round; those taken away are not."""
    with running(here[1], here[3]) as (_, _):
        until(lambda: "/own.xml" in paths(server), what="the first round")
        assert told("feeds", "add", f"{base}/world.xml", *here).code == 0
        seen = len(server.requests)
        asked = objects(told("once", "--json", *here).out)
        assert [event["what"] for event in asked if event["verb"] == "fetch"] == [f"{base}/world.xml"]
        assert paths(server)[seen:] == ["/world.xml"]
        status = objects(told("status", "--json", *here).out)[0]
        assert status["running"]
        assert [feed["feed"] for feed in status["feeds"]] == ["The Karvik Sun", "The Lindow Courier"]
        told("feeds", "remove", "Lindow Courier", *here)
        assert len(objects(told("status", "--json", *here).out)[0]["feeds"]) == 1


def test_check_tries_added_feeds_too(base, here):
    """``check`` visits a feed that was added, and says which one fails; one of a channel that is no more is left."""
    subscribe(here, ("home", f"{base}/world.xml", ""), ("home", f"{base}/page", ""), ("gone", f"{base}/sun.xml", ""))
    found = objects(told("check", "--json", *here).out)
    feeds = {finding["what"]: finding["ok"] for finding in found if finding["what"].startswith("feed ")}
    assert feeds == {f"feed {base}/own.xml": True, f"feed {base}/world.xml": True, f"feed {base}/page": False}


# -- remove -------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["2", "The Times of Tansy", "of tansy", "/world.xml", "HTTP:/world.xml"])
def test_a_feed_is_removed_by_what_it_is_called(words, base, here):
    """Its number, its title or a part of it, or its address in any spelling take it away, and nothing else."""
    subscribe(here, ("home", f"{base}/world.xml", "The Times of Tansy"), ("home", f"{base}/sun.xml", "The Karvik Sun"))
    words = words.replace("HTTP:", base.upper()) if "HTTP" in words else base + words if words[0] == "/" else words
    number = next(e["number"] for e in listed(here) if "world" in e["address"]) if words == "2" else words
    code, out, _ = told("feeds", "remove", number, *here)
    assert code == 0
    assert "The Times of Tansy is no longer on home; its stories stay" in out
    assert addresses(here) == [f"{base}/own.xml", f"{base}/sun.xml"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("1", "stands in config.toml, channels.home.feeds: delete it there"), ("99", "there is no feed '99'"),
        ("nothing", "`frontispiece feeds` lists them"), ("tansy", "could be 2 (Tansy Post), 3 (Tansy Times): say its number"),
        ("", "there is no feed ''"), ("https://x.example/", "there is no feed"), ("9" * 5000, "there is no feed"),
    ],
)  # fmt: skip
def test_what_cannot_be_removed_is_told(words, said, base, here):
    """The config's feeds, what is not there and what could be two are exit code 2, and all feeds stay."""
    subscribe(here, ("home", f"{base}/a", "Tansy Post"), ("home", f"{base}/b", "Tansy Times"))
    code, out, err = told("feeds", "remove", "2", words, *here)
    assert (code, out) == (2, "")
    assert said in err
    assert len(listed(here)) == 3


def test_a_feed_on_two_channels_is_removed_from_both_or_the_named_one(base, here):
    """An address means the feed wherever it was added; --channel narrows it."""
    both = [("home", f"{base}/a", "A"), ("kids", f"{base}/a", "A")]
    subscribe(here, *both)
    told("feeds", "remove", f"{base}/a", "--channel", "kids", *here)
    assert [e["channel"] for e in listed(here)] == ["home", "home"]
    subscribe(here, *both)
    assert [e["channel"] for e in objects(told("feeds", "remove", "--json", "A", *here).out)] == ["home", "kids"]
    assert len(listed(here)) == 1


# -- lists --------------------------------------------------------------------------------------


def write(path, *feeds):
    path.write_text(opml.write([opml.Outline(*feed) for feed in feeds], clock.now()))
    return path


def test_a_list_is_imported_with_its_reasons(server, base, here, tmp_path):
    """Good feeds are added to the channel of their group or the first; bad addresses are told one by one; no visit."""
    path = write(tmp_path / "x.opml", ("https://a.example/x", "A"), ("https://A.example:443/x", "A again"), ("http://exa mple/", "Bad"),
                 ("https://b.example/?token=***", "B"), ("javascript:alert(1)", ""), (f"{base}/own.xml", "Own"),
                 ("https://c.example/", "C", ("Kids",)))  # fmt: skip
    code, out, err = told("feeds", "import", path, *here)
    assert (code, out) == (1, "added 1 feed to home and 1 feed to kids; 2 there already; 3 refused:\n")
    assert [line.partition(":")[0] for line in err.splitlines()] == ["✗ Bad http", "✗ B https", "✗ javascript"]
    assert "by its whole address" in err
    assert [(e["channel"], e["feed"], e["address"]) for e in listed(here)[1:]] == [
        ("home", "A", "https://a.example/x"), ("kids", "C", "https://c.example/"),
    ]  # fmt: skip
    (again,) = objects(told("feeds", "import", path, "--json", *here).out)
    assert (again["added"], again["there"], len(again["refused"])) == ({}, 4, 3)
    (kids,) = objects(told("feeds", "import", path, "--json", "--channel", "kids", *here).out)
    assert kids["added"] == {"kids": 2}
    assert server.requests == []


@pytest.mark.parametrize("content", [b"", b"<html/>", b"<opml><body/></opml>", b"\xff\x00" * 99, b"<opml>" * 9, None])
def test_what_is_no_list_is_one_line(content, here, tmp_path):
    """Anything but a list of feeds is a sentence with the file's name, exit code 1; nothing is added or even made."""
    path = tmp_path / "x.opml"
    if content is not None:
        path.write_bytes(content)
    code, out, err = told("feeds", "import", path, *here)
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert err.startswith(str(path))
    assert not Path(here[3]).exists()


def test_a_thousand_feeds_are_imported_at_once(here, tmp_path):
    """A long list takes a moment, and is there whole."""
    path = write(tmp_path / "x.opml", *((f"https://{n}.example/feed", f"Feed {n}") for n in range(1000)))
    assert told("feeds", "import", "-", *here, given=path.read_bytes()).out == "added 1000 feeds to home\n"
    assert len(listed(here)) == 1001


def test_an_import_that_is_killed_adds_all_or_none(here, tmp_path):
    """Whenever the process dies, the list is in the rows whole or not at all."""
    path = write(tmp_path / "x.opml", *((f"https://{n}.example/feed", "") for n in range(2000)))
    process = started("feeds", "import", path, *here)
    until(lambda: Path(here[3], "frontispiece.db").exists() or process.poll() is not None, what="the database")
    process.kill()
    ended(process)
    assert len(listed(here)) in (1, 2001)


def test_our_own_list_gives_the_same_feeds(base, here, tmp_path):
    """What was exported, imported elsewhere, gives the same feeds, titles and channels; a second time nothing."""
    feeds = [("home", "https://a.example/x?b=1&c=%20d", 'A & "B" <c>'), ("kids", "https://xn--mnchen-3ya.example/ü?x", "Zoo"),
             ("home", "https://www.youtube.com/feeds/videos.xml?channel_id=UCabcdefghijklmnopqrstuv", "動画")]  # fmt: skip
    subscribe(here, *feeds)
    out = tmp_path / "x.opml"
    assert told("feeds", "export", "-o", out, *here)[:2] == (0, "")
    assert opml.read(told("feeds", "export", *here).out.encode()) == opml.read(out.read_bytes())
    there = [*here[:3], tmp_path / "other"]
    assert told("feeds", "import", out, *there).code == 0
    keys = ("channel", "address", "feed")
    assert sorted(tuple(e[k] for k in keys) for e in listed(there)) == sorted(
        (e["channel"], e["address"].replace("ü", "%C3%BC"), e["feed"]) for e in listed(here)
    )
    assert "there already" in told("feeds", "import", out, *there).out
    assert len(listed(there)) == 4


def test_secrets_are_masked_in_a_list_unless_asked_for(here, tmp_path):
    """A15: a list is passed on; passwords and tokens stay home, and it is said."""
    subscribe(
        here, ("home", "https://me:hunter2@a.example/x", ""), ("home", "https://b.example/?api_key=hunter2&p=1", "B")
    )
    code, out, err = told("feeds", "export", *here)
    assert (code, "hunter2" in out + err) == (0, False)
    assert "2 addresses" in err
    whole = told("feeds", "export", "--with-secrets", *here)
    assert ("me:hunter2@a" in whole.out, "api_key=hunter2" in whole.out, whole.err) == (True, True, "")
    (tmp_path / "x.opml").write_text(whole.out)
    there = [*here[:3], tmp_path / "other"]
    assert told("feeds", "import", tmp_path / "x.opml", *there).code == 0
    with opened(settings_of(here[1]), there[3]) as service:
        assert "https://me:hunter2@a.example/x" in [s.url for s in service.wishes.subscriptions()]


def test_a_list_that_cannot_be_written_is_a_sentence(here, tmp_path):
    """A folder that is not there for the file: one line, exit code 1."""
    (tmp_path / "file").write_text("")
    code, out, err = told("feeds", "export", "-o", tmp_path / "file/x.opml", *here)
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert "cannot be written" in err


def test_an_old_terminal_gets_a_list_that_can_be_read(here, tmp_path):
    """Where standard output knows no Unicode, characters are written as references, and the import reads them."""
    subscribe(here, ("home", "https://a.example/x", "動画"))
    found = command("feeds", "export", *here, also={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    assert found.out.isascii()
    assert [feed.title for feed in opml.read(found.out.encode())][1] == "動画"


def test_ctrl_c_while_standard_input_is_awaited(here):
    """Nobody waits for a list that does not come."""
    process = started("feeds", "import", "-", *here, stdin=subprocess.PIPE)
    try:
        process.stdin.write("<opml>" * 60_000)  # more than a pipe holds: it is read by now
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    finally:
        process.stdin.close()
        process.stdin = None
        ended(process)
