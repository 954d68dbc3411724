"""A TRMNL, played over real HTTP as its firmware speaks: set up, ask, fetch, complain; and what must be refused."""

import io
import json
import logging
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given, strategies as st
from PIL import Image
from pydantic import ValidationError

from service.assembly import opened
from service.displays import trmnl
from service.profiles import PROFILES
from service.protocols import Calling, Fetching, Reporting
from service.settings import Settings
from service.surroundings import Surroundings
from service.web import trmnl as door

from .values import NOON
from .web_values import DisplayInfo, Wall, hung, serving

MAC = "AA:BB:CC:00:11:22"
FIRMWARE = {
    "ID": MAC, "Content-Type": "application/json", "FW-Version": "1.8.14", "Model": "og", "RSSI": "-69",
    "Battery-Voltage": "4.10", "Refresh-Rate": "900", "Width": "800", "Height": "480", "Update-Source": "timer",
}  # fmt: skip


class Clock:
    def __init__(self):
        self.at = NOON

    def __call__(self):
        return self.at


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(trmnl, "now", clock)
    return clock


def device(folder, address=MAC, name="desk"):
    return trmnl.make(trmnl.Settings(address=address), Surroundings(name, folder, folder))


@pytest.fixture
def desk(tmp_path, clock):
    return device(tmp_path)


@pytest.fixture
def wall(desk):
    screens = [DisplayInfo(), DisplayInfo("desk", kind="trmnl", profile=PROFILES["eink2"])]
    wall = Wall(screens=screens, devices={"desk": desk})
    wall.fetched = lambda display, query: desk.fetched(query)
    return wall


@pytest.fixture
def site(wall):
    with serving(wall, hosts=["frames.example"]) as address, httpx.Client(base_url=address, timeout=10) as client:
        yield client


@pytest.fixture
def key(site):
    return site.get("/api/setup", headers={"ID": MAC}).json()["api_key"]


def ask(site, key, **headers):
    return site.get("/api/display", headers={**FIRMWARE, "Access-Token": key, **headers})


def test_it_is_a_display(desk):
    """The adapter keeps to every seam that it claims."""
    assert all(isinstance(desk, seam) for seam in (Fetching, Reporting, Calling))


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_device_is_set_up(site, slash):
    """For its MAC address a device gets a key, a short name, and a picture that is there."""
    answer = site.get(f"/api/setup{slash}", headers={"ID": MAC.lower(), "FW-Version": "1.8.14", "Model": "og"})
    told = answer.json()
    assert answer.status_code == told["status"] == 200
    assert len(told["api_key"]) >= 20
    assert len(told["friendly_id"]) == 6
    assert httpx.get(told["image_url"]).content.startswith(b"\x89PNG")
    assert answer.headers["cache-control"] == "no-store"


def test_a_key_is_kept(site, key, tmp_path):
    """The key is the same for ever, also after a restart; nobody else may read its file; another device has another."""
    assert site.get("/api/setup", headers={"ID": "AABBCC001122"}).json()["api_key"] == key
    assert device(tmp_path).key() == key
    (file,) = (tmp_path / "displays").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert device(tmp_path, "AA:BB:CC:00:11:33").key() != key


def test_a_key_file_that_is_damaged_is_made_anew(tmp_path):
    """Whatever stands in the file, there is a key."""
    for nonsense in ("", "{", "[]", '{"device": "aabbcc001122"}', "\ud800".encode("utf-8", "surrogatepass")):
        (tmp_path / "displays").mkdir(exist_ok=True)
        file = tmp_path / "displays" / "desk.json"
        file.write_bytes(nonsense if isinstance(nonsense, bytes) else nonsense.encode())
        assert len(device(tmp_path).key()) >= 20


def test_a_disk_that_is_full_costs_a_set_up(tmp_path, caplog):
    """A key that cannot be written holds as long as the process."""
    (tmp_path / "displays").write_text("in the way")
    desk = device(tmp_path)
    assert desk.key() == desk.key() != ""
    assert "cannot be written" in caplog.text


def test_a_device_is_told_what_to_show(site, key):
    """It gets the address of a picture at the host it asked, a name for it, and when to call again."""
    told = ask(site, key).json()
    assert (told["status"], told["refresh_rate"]) == (0, 910)
    assert (told["reset_firmware"], told["update_firmware"], told["special_function"]) == (False, False, "none")
    assert told["image_url"].startswith(str(site.base_url.join("/d/desk.png?v=")))
    assert len(told["image_url"]) < 200
    picture = httpx.get(told["image_url"], headers={"ID": MAC, "Access-Token": key})
    assert Image.open(io.BytesIO(picture.content)).size == (800, 480)


def test_the_name_changes_when_the_picture_does(site, key, wall):
    """Firmware downloads only what has another name: the same slide keeps its own, another has another."""
    first, again = ask(site, key).json(), ask(site, key).json()
    wall.hang(hung(2))
    other = ask(site, key).json()
    assert first["filename"] == again["filename"] != other["filename"]
    assert first["image_url"] != other["image_url"]
    assert other["filename"].startswith("desk-")


def test_old_firmware_gets_a_bmp(site, key):
    """Firmware from before 1.5.2 reads no PNG."""
    assert urlsplit(ask(site, key, **{"FW-Version": "1.4.8"}).json()["image_url"]).path == "/d/desk.bmp"
    for version in ("1.5.2", "1.10.0", "2.0", "", "x"):
        assert urlsplit(ask(site, key, **{"FW-Version": version}).json()["image_url"]).path == "/d/desk.png"


def test_a_battery_is_spared(site, key, wall):
    """Where a picture's time is nearly up, or up and nothing newer there, nobody is woken within the minute."""
    for left, told in ((30, 60), (-300, 910), (100, 110)):
        wall.showing = lambda _, left=left: type(
            "Showing", (), {"until": NOON + timedelta(seconds=left), "plate": wall.plates[-1], "note": ""}
        )
        assert ask(site, key).json()["refresh_rate"] == told


@pytest.mark.parametrize("token", ["", "wrong", "ü", "x" * 5000, "null"])
def test_a_wrong_key_is_refused(site, key, desk, token):
    """401 in TRMNL's form, nothing of the wall, and nothing that the stranger says is believed."""
    headers = [(k.encode(), v.encode()) for k, v in {**FIRMWARE, "Access-Token": token}.items()]
    for answer in (site.get("/api/display", headers=headers), site.post("/api/log", headers=headers, content=b"{}")):
        assert answer.status_code == answer.json()["status"] == 401
        assert "image_url" not in answer.json()
        assert answer.headers["cache-control"] == "no-store"
    assert desk.state()["called_at"] is None


@pytest.mark.parametrize("who", [None, "", "AA:BB:CC:00:11:23", "desk", "../desk", "%", "'--"])
def test_a_stranger_is_not_known(site, key, who):
    """A device that no display is for gets TRMNL's own words for that, with 404, also with another's key."""
    headers = {"Access-Token": key} | ({"ID": who} if who is not None else {})
    for answer in (
        site.get("/api/setup", headers=headers), site.get("/api/display", headers=headers),
        site.post("/api/log", headers=headers),
    ):  # fmt: skip
        assert answer.status_code == answer.json()["status"] == 404
        assert answer.json()["api_key"] is None
        assert answer.json()["message"] == "MAC Address not registered"


def test_a_stranger_is_told_of_once(site, caplog):
    """The owner reads in the log what to write into the config, once for each device and not for ever."""
    with caplog.at_level(logging.WARNING):
        for number in range(40):
            for _ in range(3):
                site.get("/api/setup", headers={"ID": f"00:00:00:00:00:{number:02X}"})
        site.get("/api/setup", headers={"ID": "\x1b[31mred"})
    lines = [record.getMessage() for record in caplog.records if "TRMNL" in record.getMessage()]
    assert len(lines) == door.STRANGERS
    assert 'kind = "trmnl", address = "00:00:00:00:00:00"' in lines[0]


@pytest.mark.parametrize(
    "path",
    ["/api/display/../../etc/passwd", "/api/display/%2e%2e/status", "/api/display/x", "/api/setup/..%2f..%2fdesk", "/api/log/1",
     "/d/desk.png/..%2f..%2fdesk.json", "/d/..%2f..%2fdisplays%2fdesk.json", "/d/%2e%2e%2fdesk.png", "/api//display"],
)  # fmt: skip
def test_tricks_with_paths_are_missing(site, key, path):
    """Nothing but the three addresses answers a device; its key never comes out of the data folder."""
    raw = httpx.URL(str(site.base_url)).copy_with(raw_path=path.encode())
    answer = site.get(raw, headers={**FIRMWARE, "Access-Token": key})
    assert answer.status_code in (404, 405)
    assert key not in answer.text


@pytest.mark.parametrize("host", ["evil.example/x?", "a b", "", "x@y", "[::1", '"><script>', "h" * 300, "a:b", "a#"])
def test_a_host_that_is_none_is_refused(site, key, host):
    """An address that could be read otherwise than as a host is not handed on."""
    for path in ("/api/display", "/api/setup", "/feeds/home.atom"):
        answer = site.get(path, headers={**FIRMWARE, "Access-Token": key, "Host": host})
        assert answer.status_code in (400, 403)
        assert "image_url" not in answer.text


@pytest.mark.parametrize("host", ["frontispiece.local:8080", "192.168.1.5", "[fe80::1]:8080", "my_nas"])
def test_the_picture_is_where_the_device_asked(site, key, host):
    """By whatever name a device knows this machine, by that it fetches."""
    assert ask(site, key, Host=host).json()["image_url"].startswith(f"http://{host}/d/desk.png?v=")


def test_behind_a_proxy_the_picture_is_at_https(site, key):
    """A proxy on this machine says that it was asked by https."""
    told = ask(site, key, Host="frames.example", **{"X-Forwarded-Proto": "https"}).json()
    assert told["image_url"].startswith("https://frames.example/d/")


def test_a_device_says_how_it_is(site, key, desk, clock):
    """Battery, signal, firmware and when it called are in the status; a call too late and it counts as away."""
    assert desk.state()["reachable"] is False
    ask(site, key)
    told = desk.state()
    assert (told["battery_volts"], told["wifi_dbm"], told["firmware"], told["model"]) == (4.1, -69, "1.8.14", "og")
    assert (told["called_at"], told["reachable"], told["last_error"]) == (NOON.isoformat(), True, None)
    assert told["next_call_at"] == (NOON + timedelta(seconds=910)).isoformat()
    json.dumps(told)
    clock.at += timedelta(seconds=910 * 2 - 1)
    assert desk.state()["reachable"] is True
    clock.at += timedelta(seconds=2)
    assert desk.state()["reachable"] is False


def test_a_picture_counts_when_it_was_fetched(site, key, desk, wall):
    """Told is not shown: only the request for the picture that the device was given is."""
    desk.show(wall.plates[-1])
    url = ask(site, key).json()["image_url"]
    assert desk.state()["shown_plate"] is None
    httpx.get(url.split("?")[0] + "?v=other")
    httpx.get(url.split("?")[0])
    assert desk.state()["shown_plate"] is None
    httpx.get(url)
    assert (desk.state()["shown_plate"], desk.state()["shown_at"]) == (1, NOON.isoformat())


def test_a_screen_of_another_size_is_said(site, key, desk):
    """A profile that is not the device's is the display's error until it fits; a turned screen is no other."""
    ask(site, key, Width="1872", Height="1404")
    assert "1872 x 1404" in desk.state()["last_error"]
    ask(site, key, Width="480", Height="800")
    assert desk.state()["last_error"] is None


@given(
    st.dictionaries(st.sampled_from(["battery-voltage", "rssi", "fw-version", "model", "percent-charged"]), st.text())
)
def test_whatever_a_device_says_is_safe(headers):
    """What is kept of a device's words is a number within reason or one short word."""
    for value in door.said(headers).values():
        assert isinstance(value, float) or (value.isascii() and value.isprintable() and len(value) <= 24)
    json.dumps(door.said(headers), allow_nan=False)


def test_a_device_complains(site, key, desk, caplog):
    """The last failure in a device's log is in the status and, once, in ours; its chatter is not."""
    notes = [
        {"level": "info", "message": "woke up", "id": 1},
        {"level": "error", "message": "connection\nlost \x1b[31m" + "x" * 900, "id": 2},
        {"level": "info", "message": "slept", "id": 3},
    ]
    for _ in range(3):
        answer = site.post("/api/log", headers={"ID": MAC, "Access-Token": key}, json={"logs": notes})
        assert answer.status_code == 200
    complaint = desk.state()["complaint"]
    assert complaint.startswith("connection lost  [31mxxx")
    assert len(complaint) <= trmnl.LONGEST
    assert sum("connection lost" in record.getMessage() for record in caplog.records) == 1


def test_older_logs_are_read():
    """Firmware before 1.5 wrapped its notes otherwise; all of them were failures."""
    old = {"log": {"logs_array": [{"creation_timestamp": 1, "log_message": "no route", "log_id": 3}]}}
    assert door.notes(json.dumps(old).encode()) == [("error", "no route")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 60_000,
        b'{"logs": 3}',
        b'{"logs": [3, null, {"level": "error"}]}',
        b"\xff\xfe",
        b'{"log": []}',
    ],
)
def test_nonsense_in_a_log_is_no_failure_of_ours(site, key, desk, body):
    """A device that sends garbage is answered and forgotten."""
    assert site.post("/api/log", headers={"ID": MAC, "Access-Token": key}, content=body).status_code == 200
    assert desk.state()["complaint"] is None


def test_an_endless_log_is_cut_off(site, key):
    """A log of megabytes is refused before it is held."""
    answer = site.post("/api/log", headers={"ID": MAC, "Access-Token": key}, content=b"x" * 3_000_000)
    assert answer.status_code == 413


@pytest.mark.parametrize("address", ["", "AA:BB:CC", "AA:BB:CC:00:11:22:33", 'x"y', "a/b", "z" * 65, "a b"])
def test_an_address_that_no_device_has_is_a_mistake(address):
    """A MAC address has twelve digits; another name is short and plain."""
    with pytest.raises(ValidationError):
        trmnl.Settings(address=address)
    assert trmnl.Settings(address="aa-bb-cc-00-11-22")
    assert trmnl.Settings(address="my-kindle.1")


def test_the_whole_way(tmp_path):
    """From the config to the glass: a black-and-white panel is set up, asks, fetches, and is in the status."""
    table = {
        "channels": {"home": {"feeds": []}},
        "displays": [{"name": "desk", "kind": "trmnl", "address": MAC, "profile": "eink2"}],
    }
    with opened(Settings.model_validate(table), tmp_path / "data") as service:
        service.wall.greet()
        with serving(service.wall) as address, httpx.Client(base_url=address, timeout=30) as site:
            key = site.get("/api/setup", headers={"ID": MAC}).json()["api_key"]
            told = ask(site, key).json()
            data = httpx.get(told["image_url"], timeout=30).content
            assert (data[24], data[25]) == (1, 0)  # one bit, grey
            assert len(data) < 90_000
            (row,) = service.wall.status()["displays"]
            assert (row["kind"], row["reachable"], row["battery_volts"], row["error"]) == ("trmnl", True, 4.1, None)
            assert row["shown_plate"] == row["plate"]
