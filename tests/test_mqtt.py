"""Home Assistant over MQTT: a real broker, the real wall, and a listener that hears what Home Assistant would."""

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from PIL import Image

from service.broker import Mqtt
from service.errors import BrokerError
from service.mqtt import Link, Names, home_of, linked, probe
from service.mqtt.names import Order
from service.mqtt.orders import BURST, Pace

from .command import until
from .homes import client as browser, home
from .mosquitto import Broker, Listener, needs_broker

SHARED = {  # what https://www.home-assistant.io/integrations/<platform>.mqtt/ documents for every platform used here
    "platform", "unique_id", "name", "default_entity_id", "icon", "entity_category", "json_attributes_topic",
}  # fmt: skip
PLATFORMS = {  # platform -> keys that must be there, keys that may be there
    "image": ({"image_topic"}, {"content_type", "image_encoding"}),
    "button": ({"command_topic"}, {"payload_press", "command_template", "device_class"}),
    "switch": ({"command_topic"}, {"state_topic", "value_template", "payload_on", "payload_off"}),
    "sensor": ({"state_topic"}, {"value_template", "device_class", "state_class"}),
    "number": ({"command_topic"}, {"state_topic", "value_template", "min", "max", "step", "mode"}),
}
DEVICE = {"identifiers", "name", "model", "manufacturer", "sw_version", "configuration_url", "hw_version"}
QUICK = 0.05  # the first wait before another try, seconds


@contextlib.contextmanager
def link(service, broker, **settings):
    """The link of a service to a broker, at work."""
    told = Mqtt.model_validate({"host": "127.0.0.1", "port": broker.port, **settings})
    names = Names(told.topic, told.discovery, home_of(service.data))
    one = Link(service.wall, told, names, 8080, first_wait=QUICK)
    service.wall.doors["mqtt"] = one
    one.start()
    try:
        yield one
    finally:
        one.close()


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    if not needs_broker.args[0]:
        with Broker(tmp_path_factory.mktemp("broker")) as one:
            yield one
    else:
        yield None


@pytest.fixture
def house(tmp_path, broker):
    """Four finished plates, of which the newest hangs in the hall; a broker, a link, and a listener."""
    with home(tmp_path / "data", plates=4) as (service, _clock):
        service.press.show()
        with Listener(broker.port) as ear, link(service, broker) as one:
            until(lambda: ear.kept.get(image(one)), what="a picture")
            yield service, ear, one


def image(one, display="hall"):
    return one.names.at("displays", display, "image")


def state(ear, one, room="displays", name="hall"):
    return ear.json(one.names.at(room, name, "state"))


def press(ear, one, verb, payload="PRESS", name="hall", room="displays"):
    ear.say(one.names.do(room, name, verb), payload)


# -- what Home Assistant finds ---------------------------------------------------------------------


@needs_broker
def test_every_display_and_channel_is_a_device(house):
    """One retained message each, at a topic that Home Assistant looks at, with documented keys and those that it needs."""
    _, ear, one = house
    configs = ear.configs()
    mine = {topic: body for topic, body in configs.items() if one.names.node in topic}
    assert len(mine) == 2
    ids = []
    for topic, body in mine.items():
        assert re.fullmatch(r"homeassistant/device/[a-zA-Z0-9_-]+/[a-zA-Z0-9_-]+/config", topic)
        assert set(body) == {"device", "origin", "availability_topic", "components"}
        assert body["origin"]["name"] == "Frontispiece"
        assert body["device"]["identifiers"]
        assert set(body["device"]) <= DEVICE
        for part in body["components"].values():
            needed, allowed = PLATFORMS[part["platform"]]
            assert needed <= set(part) <= needed | allowed | SHARED, part
            assert part["default_entity_id"].startswith(part["platform"] + ".")
            assert re.fullmatch(r"[a-z_]+\.[a-z0-9_]+", part["default_entity_id"])
            ids.append(part["unique_id"])
        assert all("/" in value for key, value in flat(body) if key.endswith("_topic"))
    assert len(ids) == len(set(ids)) == 8 + 2
    display = mine[one.names.config("displays", "hall")]
    assert display["device"]["name"] == "Frontispiece hall"
    assert display["components"]["image"]["name"] is None  # the device's own name is the picture's
    assert set(display["components"]) == {
        "image", "headline", "next", "previous", "favourite", "ban", "pause", "error",
    }  # fmt: skip
    number = mine[one.names.config("channels", "home")]["components"]["mood"]
    assert (number["min"], number["max"], number["step"]) == (-10, 10, 1)


def flat(body):
    """Every key and value of a message, however deep."""
    for key, value in body.items():
        if isinstance(value, dict):
            yield from flat(value)
        elif isinstance(value, str):
            yield key, value


@needs_broker
def test_a_home_assistant_that_comes_later_finds_everything(house, broker):
    """Devices, states, pictures and availability are kept at the broker."""
    _service, _, one = house
    with Listener(broker.port) as late:
        until(lambda: late.kept.get(image(one)), what="the kept picture")
        assert all(kept for _, topic, _, kept in late.heard if one.names.home in topic)
        assert late.kept[one.names.status] == b"online"
        assert state(late, one)["headline"] == "Headline number 4"
        assert len([topic for topic in late.configs() if one.names.node in topic]) == 2


@needs_broker
def test_the_picture_is_the_slide(house):
    """Its bytes are the JPEG that the display's profile would show by day, and nothing beside."""
    service, ear, one = house
    body = ear.kept[image(one)]
    opened = Image.open(io.BytesIO(body))
    assert (opened.format, opened.size) == ("JPEG", (1024, 600))
    assert body == service.wall.still("hall", ".jpg").data


@needs_broker
def test_the_picture_has_no_night(tmp_path, broker):
    """A dashboard does not hang in the bedroom: what a dark display hangs is sent as by day."""
    hall = {"name": "hall", "quiet_hours": "00:00-23:59", "night": "off"}
    with home(tmp_path / "data", plates=1, displays=[hall]) as (service, _), Listener(broker.port) as ear:
        service.press.show()
        with link(service, broker) as one:
            until(lambda: ear.kept.get(image(one)))
            dark = Image.open(io.BytesIO(service.wall.still("hall", ".jpg").data)).convert("L").getextrema()
            bright = Image.open(io.BytesIO(ear.kept[image(one)])).convert("L").getextrema()
            assert dark[1] < 10 < 100 < bright[1]


@needs_broker
def test_ids_stay_through_a_restart(tmp_path, broker):
    """The same data folder is the same devices; another one is other devices."""
    found = []
    for folder in ("data", "data", "other"):
        with home(tmp_path / folder) as (service, _), Listener(broker.port) as ear, link(service, broker) as one:
            until(lambda one=one, ear=ear: one.names.config("displays", "hall") in ear.configs())
            found.append(ear.configs()[one.names.config("displays", "hall")])
    assert found[0] == found[1]
    assert found[0]["device"]["identifiers"] != found[2]["device"]["identifiers"]


def test_a_home_whose_name_cannot_be_kept_has_one_all_the_same(tmp_path):
    """A file in the way, or garbage in it, ends no service."""
    assert home_of(tmp_path) == home_of(tmp_path)
    (tmp_path / "mqtt-home").write_text("../../#\n")
    assert re.fullmatch(r"[0-9a-f]{8}", home_of(tmp_path))
    (tmp_path / "mqtt-home").unlink()
    (tmp_path / "mqtt-home").mkdir()
    assert re.fullmatch(r"[0-9a-f]{8}", home_of(tmp_path))


@needs_broker
def test_pairing_and_unpairing_come_and_go(house):
    """A screen that is paired while the service runs is a device within seconds; unpaired, nothing of it is left."""
    service, ear, one = house
    _, offered = service.hand.pairing.offer()
    service.hand.pairing.confirm(offered.code, name="den", profile="tv", channel="home")
    config = one.names.config("displays", "den")
    until(lambda: config in ear.configs() and ear.kept.get(image(one, "den")))
    assert Image.open(io.BytesIO(ear.kept[image(one, "den")])).size == (1920, 1080)
    service.hand.pairing.unpair("den")
    left = [config, image(one, "den"), one.names.at("displays", "den", "state")]
    until(lambda: all(ear.gone(topic) for topic in left))


@needs_broker
def test_what_a_former_run_left_is_taken_away(tmp_path, broker):
    """A display that went from the config while nothing ran disappears; another home's devices stay."""
    other = "homeassistant/device/frontispiece_0badcafe/display_den/config"
    both = {"displays": [{"name": "hall"}, {"name": "attic", "profile": "phone"}]}
    with Listener(broker.port) as ear:
        ear.say(other, json.dumps({"device": {}}), retain=True)
        with home(tmp_path / "data", plates=1, **both) as (service, _), link(service, broker) as one:
            until(lambda: ear.kept.get(image(one, "attic")))
        with home(tmp_path / "data", displays=[{"name": "hall"}]) as (service, _), link(service, broker) as one:
            left = [one.names.config("displays", "attic")]
            left += [one.names.at("displays", "attic", leaf) for leaf in ("image", "state")]
            until(lambda: all(ear.gone(topic) for topic in left))
        assert ear.configs()[other]
        assert one.names.config("displays", "hall") in ear.configs()


@needs_broker
def test_two_services_share_a_broker(tmp_path, broker):
    """With the same config they do not meet: each has its devices, and hears its own orders only."""
    with contextlib.ExitStack() as held:
        ear = held.enter_context(Listener(broker.port))
        service_a, _ = held.enter_context(home(tmp_path / "a", plates=3))
        service_b, _ = held.enter_context(home(tmp_path / "b", plates=3))
        for service in (service_a, service_b):
            service.press.show()
        a, b = (held.enter_context(link(service, broker)) for service in (service_a, service_b))
        until(lambda: ear.kept.get(image(a)) and ear.kept.get(image(b)))
        press(ear, a, "next")
        until(lambda: state(ear, a)["headline"] == "Headline number 2")
        assert service_b.archive.hung("hall").plate.id == 3
        assert a.state()["connected"]
        assert b.state()["connected"]


# -- orders ----------------------------------------------------------------------------------------


@needs_broker
def test_buttons_do_what_they_say(house):
    """Next, previous, favourite and ban act on the wall, and the new state and picture come back."""
    service, ear, one = house
    press(ear, one, "next")
    until(lambda: state(ear, one)["plate"] == 3 and one.board.seen["hall"] == 3)
    press(ear, one, "previous")
    until(lambda: state(ear, one)["plate"] == 4 and one.board.seen["hall"] == 4)
    press(ear, one, "favourite")
    until(lambda: state(ear, one)["favourite"])
    assert service.archive.plate(4).favourite
    before = ear.count(image(one))
    press(ear, one, "ban")
    until(lambda: service.archive.plate(4).banned and state(ear, one)["plate"] != 4)
    until(lambda: ear.count(image(one)) > before)


@needs_broker
def test_a_vote_is_for_what_was_seen(house):
    """Where the slide has just changed, the picture that was sent last is the one that is meant."""
    service, ear, one = house
    one.board.seen["hall"] = 2
    press(ear, one, "favourite")
    until(lambda: service.archive.plate(2).favourite)
    assert not service.archive.plate(4).favourite


@needs_broker
def test_the_switch_pauses(house):
    """It says so itself, whoever pauses: Home Assistant, or the command in another process."""
    service, ear, one = house
    assert state(ear, one)["paused"] == "OFF"
    press(ear, one, "pause", "ON")
    until(lambda: state(ear, one)["paused"] == "ON")
    assert service.screens.paused("hall")
    threading.Thread(target=service.hand.pause, args=("hall",), kwargs={"paused": False}).start()
    until(lambda: state(ear, one)["paused"] == "OFF")


@needs_broker
def test_the_number_turns_the_dial(house):
    """From -10 to 10, in the forms that Home Assistant writes; the status says that a hand turned it."""
    service, ear, one = house
    for said, mood in (("7", 7), ("-10", -10), ("3.0", 3)):
        press(ear, one, "mood", said, "home", "channels")
        until(lambda mood=mood: state(ear, one, "channels", "home")["mood"] == mood)
    assert "turned by hand to +3" in service.wall.status()["gate"][0]["says"]
    assert "turned by hand" in state(ear, one, "channels", "home")["gate"]
    service.hand.turn("home", None)
    until(lambda: state(ear, one, "channels", "home")["mood"] == 0)


@needs_broker
def test_an_order_that_cannot_be_done_is_told(house):
    """The display's error sensor says why, until the next order that can."""
    _service, ear, one = house
    press(ear, one, "previous")
    until(lambda: state(ear, one)["error"].startswith("previous: nothing that may still hang"))
    press(ear, one, "next")
    until(lambda: state(ear, one)["error"] == "none")


@needs_broker
def test_a_displays_own_error_is_told(tmp_path, broker):
    """What an adapter says of itself stands in its sensor."""
    frame = {"name": "frame", "kind": "folder", "address": str(tmp_path / "file/frame"), "profile": "phone"}
    (tmp_path / "file").write_text("no folder")
    with home(tmp_path / "data", plates=1, displays=[frame]) as (service, _), Listener(broker.port) as ear:
        service.press.show()
        until(lambda: service.displays["frame"].state()["last_error"], what="the folder's error")
        with link(service, broker) as one:
            until(lambda: state(ear, one, name="frame").get("error", "none") != "none")


@needs_broker
def test_an_old_order_is_nobodys_wish(tmp_path, broker):
    """An order that somebody had kept at the broker is not obeyed at each start, and is counted."""
    with home(tmp_path / "data", plates=3) as (service, _), Listener(broker.port) as ear:
        service.press.show()
        names = Names("frontispiece", "homeassistant", home_of(service.data))
        ear.say(names.do("displays", "hall", "next"), "PRESS", retain=True)
        ear.say(names.do("displays", "hall", "pause"), "ON", retain=True)
        with link(service, broker) as one:
            until(lambda: one.state()["ignored"] == 2)
            assert service.archive.hung("hall").plate.id == 3
            assert not service.screens.paused("hall")


# -- a broker that is not well ---------------------------------------------------------------------


@needs_broker
def test_our_last_will_says_that_we_are_gone(tmp_path, broker):
    """A clean end and a torn connection both leave "offline"."""
    with home(tmp_path / "data", plates=1) as (service, _), Listener(broker.port) as ear:
        with link(service, broker) as one:
            until(lambda: ear.kept.get(one.names.status) == b"online")
            one.wire._client.socket().shutdown(2)
            until(lambda: tuple(b for _, t, b, _ in ear.heard if t == one.names.status)[1:3] == (b"offline", b"online"))
        until(lambda: ear.kept[one.names.status] == b"offline")


@needs_broker
def test_a_broker_that_dies_and_comes_back_is_told_everything(tmp_path):
    """Meanwhile the service says what is wrong and goes on; afterwards all devices, states and pictures are there."""
    with home(tmp_path / "data", plates=2) as (service, clock), Broker(tmp_path / "broker") as own:
        service.press.show()
        with link(service, own) as one:
            until(lambda: one.state()["connected"])
            own.kill()
            until(lambda: not one.state()["connected"] and one.state()["last_error"])
            status = service.wall.status()["mqtt"]
            assert re.search(r"nothing listens at|went away", status["last_error"])
            page = browser(service, clock).get("/metrics").text
            assert "frontispiece_mqtt_connected 0.0" in page
            assert "frontispiece_mqtt_failing 1.0" in page
            service.hand.next("hall")
            own.start()
            with Listener(own.port) as ear:
                until(lambda: ear.kept.get(image(one)), 60)
                until(lambda: ear.kept.get(one.names.status) == b"online")
                assert state(ear, one)["plate"] == 1
                assert len(ear.configs()) == 2
            assert one.state()["last_error"] is None


@needs_broker
def test_home_assistant_starting_has_everything_said_again(house, monkeypatch):
    """As often as it starts, but not as often as somebody shouts it."""
    monkeypatch.setattr("service.mqtt.link.HELLO_SECONDS", 0.6)
    _, ear, one = house
    topics = [one.names.config("displays", "hall"), one.names.at("displays", "hall", "state"), image(one)]
    before = [ear.count(topic) for topic in topics]
    ear.say("homeassistant/status", "offline")
    for _ in range(50):
        ear.say("homeassistant/status", "online")
    until(lambda: all(ear.count(t) > n for t, n in zip(topics, before, strict=True)))
    until(lambda: time.monotonic() > one._hello_at)
    assert ear.count(topics[0]) <= before[0] + 4


@needs_broker
def test_a_broker_that_stops_answering_does_not_hold_anything_up(house, broker):
    """While it is frozen, the wall turns, the status answers, and the end takes no longer than two seconds."""
    service, _, one = house
    broker.freeze()
    try:
        for act in ("next", "previous", "next"):
            getattr(service.hand, act)("hall")
        assert service.wall.status()["mqtt"]["broker"].endswith(str(broker.port))
        began = time.monotonic()
        one.close()
        assert time.monotonic() - began < 2
    finally:
        broker.freeze(frozen=False)


@needs_broker
def test_logins_are_checked_and_named(tmp_path, monkeypatch):
    """A wrong password, none, and a variable that is not set are three sentences; the right one comes through."""
    subprocess.run(["mosquitto_passwd", "-b", "-c", tmp_path / "passwords", "wall", "opensesame"], check=True)
    with Broker(tmp_path / "broker", f"password_file {tmp_path / 'passwords'}", anonymous=False) as own:
        table = {"host": "127.0.0.1", "port": own.port}
        login = table | {"username": "wall", "password_env": "TEST_MQTT_PASSWORD"}
        with pytest.raises(BrokerError, match=r"lets nobody in without a login"):
            probe(Mqtt.model_validate(table))
        with pytest.raises(BrokerError, match=r"TEST_MQTT_PASSWORD .* is not set"):
            probe(Mqtt.model_validate(login))
        monkeypatch.setenv("TEST_MQTT_PASSWORD", "wrong")
        with pytest.raises(BrokerError, match=r"mqtt\.username|this user"):
            probe(Mqtt.model_validate(login))
        with home(tmp_path / "data", plates=1) as (service, _), link(service, own, **login) as one:
            until(lambda: one.state()["last_error"])
            assert "wrong" not in json.dumps(service.wall.status())
            monkeypatch.setenv("TEST_MQTT_PASSWORD", "opensesame")
            until(lambda: one.state()["connected"])
        assert "MQTT 5" in probe(Mqtt.model_validate(login))


@needs_broker
def test_a_broker_that_lets_us_in_but_not_speak_is_named(tmp_path):
    """Its rules forbid the discovery prefix: check and status name the topic."""
    (tmp_path / "acl").write_text("topic readwrite frontispiece/#\n")
    with Broker(tmp_path / "broker", f"acl_file {tmp_path / 'acl'}") as own:
        with pytest.raises(BrokerError, match="does not let whoever has no login publish at homeassistant/device"):
            probe(Mqtt.model_validate({"host": "127.0.0.1", "port": own.port}))
        with home(tmp_path / "data", plates=1) as (service, _), link(service, own) as one:
            until(lambda: "publish at homeassistant" in (one.state()["last_error"] or ""))
            assert one.state()["connected"]


@needs_broker
def test_a_copy_of_the_data_folder_is_noticed(tmp_path, broker):
    """Two services that are called the same take turns: the status asks whether a copy runs elsewhere."""
    with contextlib.ExitStack() as held:
        folders = [held.enter_context(home(tmp_path / name, plates=1))[0] for name in ("a", "b")]
        (folders[1].data / "mqtt-home").write_text(home_of(folders[0].data))
        one, two = (held.enter_context(link(service, broker)) for service in folders)
        until(lambda: any("a copy of the data folder" in (each.state()["last_error"] or "") for each in (one, two)))


@needs_broker
def test_tls_is_spoken_and_certificates_are_checked(tmp_path):
    """A certificate that nobody vouches for is refused with what to do; with its file, all is well."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    made += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    if not shutil.which("openssl") or subprocess.run(made, capture_output=True).returncode:
        pytest.skip("openssl cannot make a certificate here")
    with Broker(tmp_path / "broker", f"certfile {cert}", f"keyfile {key}") as own:
        table = {"host": "127.0.0.1", "port": own.port, "tls": True}
        with pytest.raises(BrokerError, match=r"certificate .* is not trusted .*mqtt\.ca_file"):
            probe(Mqtt.model_validate(table))
        assert "lets us in" in probe(Mqtt.model_validate(table | {"ca_file": str(cert)}))
        with pytest.raises(BrokerError, match=r"does it want TLS|does not|no MQTT"):
            probe(Mqtt.model_validate(table | {"tls": False}))
    with Broker(tmp_path / "plain") as own, pytest.raises(BrokerError, match="TLS"):
        probe(Mqtt.model_validate({"host": "127.0.0.1", "port": own.port, "tls": True}))


@needs_broker
def test_a_picture_larger_than_the_broker_takes_is_named(tmp_path):
    """Everything else is said all the same, and the connection holds."""
    with contextlib.ExitStack() as held:
        own = held.enter_context(Broker(tmp_path / "broker", "max_packet_size 9000"))
        service, _ = held.enter_context(home(tmp_path / "data", plates=1))
        service.press.show()
        ear, one = held.enter_context(Listener(own.port)), held.enter_context(link(service, own))
        until(lambda: "takes messages of 9000 bytes" in (one.state()["last_error"] or ""))
        until(lambda: ear.kept.get(one.names.status) == b"online")
        assert one.state()["connected"]
        assert image(one) not in ear.kept


# -- garbage and floods ----------------------------------------------------------------------------


@needs_broker
def test_garbage_is_left_alone(house):
    """Words that mean nothing, names that are no display's, a megabyte: the wall stays, and the next order is done."""
    service, ear, one = house
    base = one.names.base
    nonsense = [
        (f"{base}/displays/hall/do/next", b"\xff\x00\xfe"), (f"{base}/displays/hall/do/next", b"press"),
        (f"{base}/displays/hall/do/pause", b"maybe"), (f"{base}/displays/hall/do/explode", b"PRESS"),
        (f"{base}/channels/home/do/mood", b"11e99"), (f"{base}/channels/home/do/mood", b"nan"),
        (f"{base}/channels/home/do/mood", b""), (f"{base}/rooms/hall/do/next", b"PRESS"),
        (f'{base}/displays/<b>"&/do/next', b"PRESS"), (f"{base}/displays/../do/next", b"PRESS"),
        (f"{base}/displays/hall/do/next", b"P" * 1_000_000), (f"{base}/channels/home/do/mood", b"9" * 20_000),
        ("homeassistant/status", b"\xff" * 1000), ("homeassistant/status", b"x" * 1_000_000),
        (f"homeassistant/device/{one.names.node}/x/config", b"{" * 1000),
    ]  # fmt: skip
    for topic, payload in nonsense:
        ear.say(topic, payload)
    ear.say(one.names.do("channels", "home", "mood"), "10")  # within the dial
    ear.say(one.names.do("channels", "home", "mood"), "99")  # beyond it
    press(ear, one, "next")
    until(lambda: state(ear, one)["plate"] == 3)
    assert not service.screens.paused("hall")
    assert service.hand.mood("home")["mood"] == 10
    assert one.state()["connected"]
    assert one.state()["ignored"] + one.state()["dropped"] >= 9


@needs_broker
def test_a_flood_of_orders_is_no_flood_of_work(house, caplog):
    """Two thousand at once: a few are done, the rest counted, one line is logged, and the wall answers meanwhile."""
    service, ear, one = house
    topic = one.names.do("displays", "hall", "next")
    for _ in range(2000):
        ear.client.publish(topic, b"PRESS", qos=0)
    began = time.monotonic()
    service.wall.status()
    assert time.monotonic() - began < 2
    until(lambda: one.state()["dropped"] > 500)
    turned = service.store.db.execute("SELECT count(*) FROM showings").fetchone()[0]
    assert turned < 60
    assert sum("too many at once" in record.message for record in caplog.records) <= 1
    before = ear.count(image(one))
    until(lambda: time.monotonic() > began + 1)
    assert before <= 8


def test_whoever_is_no_broker_is_named(monkeypatch):
    """Silence, garbage, a web server, a closed port, a name that there is not: a sentence each, and a link that goes on."""
    monkeypatch.setattr("service.mqtt.wire.CONNECT_SECONDS", 1.0)
    for answer, words in (
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "MQTT broker"), (os.urandom(4096), "MQTT"), (None, "hangs up"),
    ):  # fmt: skip
        with talking(answer) as port, pytest.raises(BrokerError, match=words):
            probe(Mqtt.model_validate({"host": "127.0.0.1", "port": port}))
    with pytest.raises(BrokerError, match=r"nothing listens at 127\.0\.0\.1:9"):
        probe(Mqtt.model_validate({"host": "127.0.0.1", "port": 9}))
    with pytest.raises(BrokerError, match=r"no machine is called|cannot be reached"):
        probe(Mqtt.model_validate({"host": "no-such-broker.invalid"}))


@contextlib.contextmanager
def talking(answer):
    """Somebody at a port who says this to everybody, or hangs up."""
    import socket

    def speak():
        with contextlib.suppress(OSError):
            while True:
                caller, _ = door.accept()
                with caller, contextlib.suppress(OSError):
                    caller.recv(100)
                    if answer is not None:
                        caller.sendall(answer)
                        caller.recv(100)

    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=speak, daemon=True).start()
        yield door.getsockname()[1]
        door.close()


def test_an_older_broker_is_spoken_to_in_its_own_words(tmp_path):
    """One that knows MQTT 3.1.1 only refuses the newer protocol by its own code, and is asked again in the older."""
    import socket

    asked = []

    def speak(door):
        with contextlib.suppress(OSError):
            while True:
                caller, _ = door.accept()
                with caller, contextlib.suppress(OSError, IndexError):
                    level = caller.recv(200)[8]  # of CONNECT's variable header, after the name "MQTT"
                    asked.append(level)
                    caller.sendall(b"\x20\x02\x00\x01" if level == 5 else b"\x20\x02\x00\x00")
                    while level == 4:
                        kind, length = caller.recv(1)[0] >> 4, caller.recv(1)[0]
                        body = caller.recv(length)
                        at = 2 + int.from_bytes(body[:2]) if kind == 3 else 0  # PUBLISH says its topic first
                        number = body[at : at + 2]
                        caller.sendall(b"\x40\x02" + number if kind == 3 else b"\x90\x03" + number + b"\x01")

    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=speak, args=(door,), daemon=True).start()
        told = probe(Mqtt.model_validate({"host": "127.0.0.1", "port": door.getsockname()[1]}))
    assert asked == [5, 4]
    assert "MQTT 3.1.1" in told


NAMES = Names("frontispiece", "homeassistant", "0badcafe")


@given(
    st.text(max_size=60) | st.sampled_from([NAMES.do("displays", "hall", "next"), NAMES.do("channels", "a", "mood")]),
    st.binary(max_size=40),
)
def test_no_message_is_more_than_an_order_or_nothing(topic, payload):
    """Whatever comes, it is an order with a known verb or it is none."""
    order = NAMES.order(topic, payload)
    assert order is None or order.verb in ("next", "mood")


def test_orders_are_read_as_home_assistant_writes_them():
    """Buttons, switch and number, in the payloads that are its defaults."""
    assert NAMES.order(NAMES.do("displays", "hall", "ban"), b"PRESS") == Order("displays", "hall", "ban")
    assert NAMES.order(NAMES.do("displays", "hall", "pause"), b"ON") == Order("displays", "hall", "pause", on=True)
    assert NAMES.order(NAMES.do("channels", "home", "mood"), b"-3.0") == Order("channels", "home", "mood", mood=-3)


@given(st.lists(st.floats(0, 5), max_size=200))
def test_orders_keep_a_pace(gaps):
    """However they come, no more are done than a burst and three a second after it."""
    clock = [0.0]
    pace, done = Pace(lambda: clock[0]), 0
    for gap in gaps:
        clock[0] += gap
        done += pace.allows("hall")
    assert done <= BURST + 3 * clock[0] + 1


# -- in the whole service --------------------------------------------------------------------------


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


@needs_broker
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system does not list a process's open files")
def test_connections_leave_nothing_behind(tmp_path, broker):
    """Thirty lost connections later there are as many threads and open files as before."""
    with home(tmp_path / "data", plates=1) as (service, _), link(service, broker) as one:
        until(lambda: one.state()["connected"])
        until(lambda: one.board.seen)
        files, threads = open_files(), threading.active_count()
        for _ in range(30):
            one._wait = QUICK
            before = one.state()["since"]
            until(lambda: one.wire._client is not None)
            one.wire._client.socket().shutdown(2)
            until(lambda before=before: one.state()["connected"] and one.state()["since"] != before)
        assert abs(open_files() - files) <= 2
        assert threading.active_count() <= threads


@needs_broker
def test_an_unchanged_slide_is_sent_once(house):
    """Looks at the wall, other processes' writes and repeated rounds send nothing that stands there already."""
    service, ear, one = house
    before = len(ear.heard)
    for number in range(5):
        service.wishes.subscribe("home", f"http://feeds.example/{number}")
        one._look_at = 0.0
        until(lambda: one._look_at > 0)
    assert [topic for _, topic, _, _ in ear.heard[before:] if one.names.home in topic] == []


def test_nothing_is_started_without_a_table(tmp_path):
    """No thread, no file, no word in the status."""
    with home(tmp_path / "data") as (service, _):
        assert linked(service.wall, service.settings.mqtt, service.data, 8080) == []
        assert "mqtt" not in service.wall.status()
        assert not (tmp_path / "data/mqtt-home").exists()


@needs_broker
def test_the_command_runs_checks_and_tells_it(tmp_path, broker):
    """``run`` with the table has a picture at the broker; ``check`` and ``status`` say how it is; the end is quick."""
    from .command import running, told

    config = tmp_path / "config.toml"
    config.write_text(f'[channels.home]\nfeeds = []\n[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n')
    where = ("--config", config, "--data", tmp_path / "data")
    with Listener(broker.port) as ear:
        with running(config, tmp_path / "data") as (process, _):
            names = Names("frontispiece", "homeassistant", home_of(tmp_path / "data"))
            until(lambda: ear.kept.get(names.at("displays", "hall", "image")), 60)
            assert f"broker 127.0.0.1:{broker.port}: connected" in told("status", *where).out
            began = time.monotonic()
            process.terminate()
            process.wait(15)
            assert time.monotonic() - began < 5
        until(lambda: ear.kept[names.status] == b"offline")
    assert f"MQTT broker 127.0.0.1:{broker.port}: lets us in, publish and hear, by MQTT 5" in told("check", *where).out


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ('password_env = "X"', "mqtt.password_env: needs username as well"),
        ('ca_file = "a.pem"', "mqtt.ca_file: needs tls = true as well"),
        ('topic = "a/#"', "mqtt.topic: should be letters, digits"),
        ('discovery = "/ha"', "mqtt.discovery: should be letters, digits"),
        ('base_url = "wall.lan"', "mqtt.base_url: should begin with http"),
        ('hosts = "a"', "unknown key mqtt.hosts, did you mean host?"),
        ("port = 70000", "mqtt.port: should be less than or equal to 65535"),
    ],
)
def test_mistakes_in_the_table_are_named(tmp_path, table, line):
    """Each by its key, with what it should be."""
    from service.assembly import read_settings
    from service.errors import ConfigError

    config = tmp_path / "config.toml"
    config.write_text(f"[mqtt]\n{table}\n")
    with pytest.raises(ConfigError) as told:
        read_settings(config)
    assert any(mistake.startswith(line) for mistake in told.value.mistakes), told.value.mistakes
