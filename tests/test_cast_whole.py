"""Cast displays in the whole service: settings, web door, wall and device together; and found by mDNS."""

import contextlib
import io
import json
import socket
import threading
import time
import uuid

import pytest
from PIL import Image

from bench import loopback
from service.assembly import opened, read_settings
from service.displays import cast, cast_find
from service.errors import ConfigError, DisplayError
from service.settings import Settings
from service.surroundings import Surroundings
from service.web.app import create
from service.web.server import serve

from .castv2 import Receiver
from .command import told
from .test_cast import said
from .values import plate
from .web_values import free_port

CONFIG = """
[[displays]]
name = "kitchen"
kind = "cast"
address = "{address}"
resume_after_seconds = 1
[[displays]]
name = "frame"
kind = "folder"
address = "{folder}"
keep = 2
[channels.home]
feeds = []
"""


@contextlib.contextmanager
def serving(service, port):
    """The service's real web door."""
    ready, stop = threading.Event(), threading.Event()
    app = create(service.wall, templates=service.templates, secret="x")
    thread = threading.Thread(target=serve, args=(app, "127.0.0.1", port, lambda _: ready.set()), kwargs={"stop": stop})
    thread.start()
    try:
        assert ready.wait(10)
        yield
    finally:
        stop.set()
        thread.join(10)


def test_the_sample_edition_goes_to_displays_that_are_told(tmp_path):
    """A newcomer's Nest Hub and photo frame show a real slide before any story has come, and the status says so."""
    port = free_port()
    config = tmp_path / "config.toml"
    with Receiver() as device:
        config.write_text(CONFIG.format(address=device.address, folder=tmp_path / "frame"))
        with opened(read_settings(config), tmp_path / "data", port) as service, serving(service, port):
            service.wall.greet()
            assert device.until(lambda: device.picture, 15)
            still = Image.open(io.BytesIO(device.picture))
            assert (still.format, still.size) == ("JPEG", (1024, 600))
            assert "progression" not in still.info
            assert len(device.picture) < 500_000
            hub, frame = (service.displays[name] for name in ("kitchen", "frame"))
            assert said(hub, lambda s: s["shown_plate"] is not None)
            assert said(frame, lambda s: s["shown_plate"] is not None)
            row = service.wall.status()["displays"][0]
            assert (row["reachable"], row["app"], row["error"]) == (True, "Default Media Receiver", None)
            assert row["shown_plate"] < 0
            assert (tmp_path / "frame/frontispiece.jpg").stat().st_size > 10_000


def test_a_banned_plate_leaves_a_cast_display_and_a_folder_at_once(tmp_path):
    """The next look takes it down: another plate comes, or the sample edition where there is none."""
    port = free_port()
    config = tmp_path / "config.toml"
    with Receiver() as device, loopback.serving({"news.xml": loopback.rss(loopback.headlines(2))}) as base:
        text = CONFIG.format(address=device.address, folder=tmp_path / "frame").replace(
            "feeds = []", f'feeds = ["{base}/news.xml"]\nplates_per_round = 1\nmax_age_hours = 0'
        )
        config.write_text(text + '[net]\nallow_private = ["127.0.0.1"]\n')
        with opened(read_settings(config), tmp_path / "data", port) as service, serving(service, port):
            list(service.wall.round())
            hub, frame = (service.displays[name] for name in ("kitchen", "frame"))
            first = service.archive.hung("kitchen").plate.id
            for screen in (hub, frame):
                assert said(screen, lambda s: s["shown_plate"] == first, 15)
            service.wishes.ban(first)
            began = time.monotonic()
            service.press.show()
            for screen in (hub, frame):
                assert said(screen, lambda s: s["shown_plate"] not in (first, None), 15)
            assert time.monotonic() - began < 5
            assert hub.state()["shown_plate"] < 0
            loads = device.count("LOAD")
            service.press.show()
            assert device.count("LOAD") == loads


def test_a_test_card_says_how_far_it_came(tmp_path):
    """Reached, launched, accepted, fetched; then what hung there is back. A guest is only named."""
    port = free_port()
    config = tmp_path / "config.toml"
    with Receiver() as device:
        config.write_text(CONFIG.format(address=device.address, folder=tmp_path / "frame"))
        with opened(read_settings(config), tmp_path / "data", port) as service, serving(service, port):
            told = list(service.wall.trial("kitchen"))
            assert told[-1]["step"] == "shown", told
            assert all(step["ok"] for step in told)
            assert {"reached", "launched"} & {step["step"] for step in told}
            assert said(service.displays["kitchen"], lambda s: s["shown_plate"] and s["shown_plate"] > -1000)
            device.guest()
            assert said(service.displays["kitchen"], lambda s: s["busy_by"])
            told = list(service.wall.trial("kitchen"))
            assert told[-1]["ok"] is False
            assert "Spotify" in told[-1]["says"]
            assert list(service.wall.trial("frame"))[-1]["step"] == "shown"
            assert device.violations == []


def test_a_device_is_reached_without_sending_it_anything(tmp_path):
    """``check`` names the app in front, and only asks."""
    with Receiver() as device, contextlib.closing(display(tmp_path, device.address)) as hub:
        device.guest()
        assert f"at {device.address}; Spotify is in front" in hub.reach()
        assert {what for _, what, _ in device.heard} <= {"CONNECT", "GET_STATUS", "CLOSE"}
    with contextlib.closing(display(tmp_path, "127.0.0.1:9")) as nobody, pytest.raises(DisplayError, match="no Cast"):
        nobody.reach()


def test_metrics_tell_what_a_monitor_wants(tmp_path):
    """In the format of Prometheus, read back by its own parser; what is not known is left out."""
    from fastapi.testclient import TestClient
    from prometheus_client.parser import text_string_to_metric_families

    port = free_port()
    config = tmp_path / "config.toml"
    with Receiver() as device:
        config.write_text(CONFIG.format(address=device.address, folder=tmp_path / "frame"))
        with opened(read_settings(config), tmp_path / "data", port) as service, serving(service, port):
            client = TestClient(
                create(service.wall, templates=service.templates, secret="x"), base_url="http://127.0.0.1"
            )
            found = lambda: {  # noqa: E731
                (sample.name.removeprefix("frontispiece_"), sample.labels.get("display")): sample
                for family in text_string_to_metric_families(client.get("/metrics").text)
                for sample in family.samples
            }
            assert found()["display_reachable", "kitchen"].value == 0
            assert ("display_shown_timestamp_seconds", "kitchen") not in found()
            service.wall.greet()
            assert said(service.displays["kitchen"], lambda s: s["shown_plate"] is not None, 15)
            device.front("CAFEBABE", '<b>"Radio"</b>\n')
            assert said(service.displays["kitchen"], lambda s: s["busy_by"])
            told = found()
            assert told["display_reachable", "kitchen"].value == 1
            assert told["display_busy", "kitchen"].value == 1
            assert told["display_busy_by_info", "kitchen"].labels["busy_by"] == '<b>"Radio"</b>\n'
            assert abs(told["display_shown_timestamp_seconds", "kitchen"].value - time.time()) < 60
            assert told["disk_free_bytes", None].value > 0
            list(service.wall.round())
            told = found()
            assert told["rounds_total", None].value == 1
            assert told["rounds_failed_total", None].value == 0
            assert 0 < told["round_last_seconds", None].value <= told["rounds_seconds_total", None].value
            assert told["editor_failing", None].labels == {"editor": "house"}


def test_a_service_with_many_sick_displays_ends_quickly(tmp_path):
    """All are let go of at the same time, however each of them hangs."""
    with socket.create_server(("127.0.0.1", 0)) as mute, opened(Settings(displays=[
        {"name": f"d{n}", "kind": "cast", "address": f"127.0.0.1:{mute.getsockname()[1]}"} for n in range(12)
    ]), tmp_path) as service:  # fmt: skip
        service.wall.greet()
        for _ in range(12):
            mute.accept()
        began = time.monotonic()
        service.close()
        assert time.monotonic() - began < 4.5


def test_a_mistake_in_a_cast_table_names_its_key(tmp_path):
    """As in every other table, and all of them at once."""
    path = tmp_path / "config.toml"
    path.write_text("""
        [[displays]]
        name = "a"
        kind = "cast"
        address = "http://hub/"
        resume_after_secnds = 5
        quiet_hours = "late"
        [[displays]]
        name = "b"
        kind = "cast"
    """)
    with pytest.raises(ConfigError) as caught:
        read_settings(path)
    found = caught.value.mistakes
    assert "unknown key displays[0].resume_after_secnds, did you mean resume_after_seconds?" in found
    assert any(line.startswith("displays[0].address: should be host") for line in found)
    assert any(line.startswith('displays[0].quiet_hours: should look like "23:00-06:30"') for line in found)
    assert "missing key displays[1].address" in found
    assert len(found) == 4


# -- mDNS ------------------------------------------------------------------------------------


class Announced:
    """mDNS records for devices, as they announce themselves, on loopback."""

    def __init__(self):
        from zeroconf import Zeroconf

        self.zeroconf = Zeroconf(interfaces=["127.0.0.1"])
        self.mark = uuid.uuid4().hex[:8]  # tests that run at the same time hear one another

    def announce(self, port, name, **record):
        from zeroconf import ServiceInfo

        number = uuid.uuid4()
        properties = {"id": number.hex, "fn": f"{name} {self.mark}", "md": "Google Nest Hub", "ca": "4101", **record}
        self.info = ServiceInfo(
            "_googlecast._tcp.local.", f"hub-{number.hex}._googlecast._tcp.local.", port, properties=properties,
            addresses=[socket.inet_aton("127.0.0.1")], server=f"{number.hex}.local.",
        )  # fmt: skip
        self.zeroconf.register_service(self.info)
        return properties

    def moved(self, port):
        self.info.port = port
        self.zeroconf.update_service(self.info)


@pytest.fixture
def air():
    try:
        made = Announced()
    except OSError as error:
        pytest.skip(f"this machine has no multicast on loopback: {error}")
    yield made
    made.zeroconf.close()


def display(tmp_path, address, port=9):
    return cast.make(
        cast.Settings(address=address, base_url="http://x"), Surroundings("hall", tmp_path, tmp_path, port)
    )


@pytest.mark.parametrize("by", ["fn", "id"])
def test_a_device_is_found_by_its_name_or_uuid(tmp_path, air, by):
    """Wherever it is, and wherever it moves to."""
    with Receiver() as device, Receiver() as elsewhere:
        device.fetches = elsewhere.fetches = False
        record = air.announce(device.port, "Kitchen")
        with contextlib.closing(display(tmp_path, record[by])) as hub:
            hub.show(plate())
            assert device.until(lambda: device.count("LOAD"), 15)
            air.moved(elsewhere.port)
            device.off()
            assert elsewhere.until(lambda: elsewhere.count("LOAD"), 15)


def test_discovery_tells_what_there_is(tmp_path, air):
    """Name, model, address and UUID, and whether there is a screen."""
    record = air.announce(8009, "Kitchen")
    found = [device for device in cast_find.discovered(3) if device.name == record["fn"]]
    assert [(device.model, device.address, device.screen) for device in found] == [
        ("Google Nest Hub", "127.0.0.1:8009", True)
    ]


def test_a_speaker_is_not_a_display(tmp_path, air):
    """It is found, and refused by name."""
    with Receiver() as device:
        record = air.announce(device.port, "Bathroom", md="Google Home Mini", ca="199172")
        with contextlib.closing(display(tmp_path, record["fn"])) as hub:
            hub.show(plate())
            assert "no screen" in said(hub, lambda s: s["last_error"], 15)["last_error"]
            assert device.heard == []


def test_a_search_that_finds_nothing_ends_at_once_when_the_service_does(tmp_path):
    """The thread does not wait for the search."""
    hub = display(tmp_path, f"Nowhere {uuid.uuid4()}")
    hub.show(plate())
    hub.close()
    assert not hub._owner._thread.is_alive()


# -- at a terminal -----------------------------------------------------------------------------


def lines(*words, folder):
    """What the command says, line by line, and its exit code."""
    code, out, err = told(*words, "--json", "--data", folder, "--config", folder / "config.toml")
    return code, [json.loads(line) for line in out.splitlines() if line.startswith("{")], err


def test_the_command_tries_a_display_and_lists_them(tmp_path):
    """Without a running service it opens the pages for as long as the test takes; a display there is not is a mistake."""
    with Receiver() as device:
        (tmp_path / "config.toml").write_text(
            CONFIG.format(address=device.address, folder=tmp_path / "frame") + f"[web]\nport = {free_port()}\n"
        )
        code, steps, _ = lines("displays", "test", "kitchen", folder=tmp_path)
        assert (code, steps[-1]["step"]) == (0, "shown"), steps
        assert Image.open(io.BytesIO(device.pictures[0])).size == (1024, 600)
        code, rows, _ = lines("displays", folder=tmp_path)
        assert (rows[0]["name"], rows[0]["kind"], rows[0]["address"]) == ("kitchen", "cast", device.address)
        code, _, error = lines("displays", "test", "kitchn", folder=tmp_path)
        assert code == 2
        assert "kitchen" in error
        device.guest()
        code, steps, _ = lines("displays", "test", "kitchen", folder=tmp_path)
        assert (code, steps[-1]["step"]) == (1, "busy")
        assert device.violations == []
