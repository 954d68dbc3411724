"""Cast displays against a receiver that speaks the real protocol over a real socket."""

import contextlib
import json
import socket
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import pytest

from service.displays import cast, cast_manners, cast_notes
from service.nights import Look, Nights, hours
from service.protocols import Display, Fetching, Reporting
from service.surroundings import Surroundings

from .castv2 import PLAYER, Receiver
from .values import NOON, plate

AT_NIGHT = datetime(2026, 11, 22, 23, 40, tzinfo=UTC)


#: what a good guest on a Cast screen does, and the tests that show it; those of the other files with their file's name
TWENTY = {
    "1 a new slide is on the screen, the right bytes": ["test_a_new_slide_is_on_the_screen"],
    "2 every slide has an address of its own": ["test_slides_differ_by_address_and_one_launch_serves_them_all"],
    "3 the address is that of the socket, or the owner's": [
        "test_a_new_slide_is_on_the_screen", "test_base_url_is_what_the_device_is_told"],
    "4 success is an answer and a fetch": [
        "test_a_showing_counts_only_when_the_bytes_were_fetched", "test_a_load_that_fails_is_said_and_tried_again",
        "test_a_launch_that_fails_is_said_and_tried_again",
        "test_a_device_that_falls_silent_is_noticed_and_taken_up_again"],
    "5 a guest is sent nothing": [
        "test_a_guest_is_sent_nothing", "test_somebody_elses_session_of_the_same_player_is_a_guest",
        "test_a_slide_for_a_player_that_a_guest_replaced_never_reaches_the_guest",
        "test_a_guest_that_comes_in_during_a_launch_keeps_the_screen"],
    "6 after the guest the newest slide": ["test_after_the_guest_the_newest_slide_comes_back"],
    "7 only our own session is stopped": [
        "test_a_guest_is_not_removed_at_the_end", "test_the_picture_is_removed_at_the_end_if_so_wished"],
    "8 back after a removal, but not for ever": [
        "test_a_picture_that_was_swiped_away_comes_back_within_ten_seconds",
        "test_the_fourth_removal_in_ten_minutes_is_taken_for_a_no"],
    "9 loaded again before the time-out": ["test_the_same_slide_is_loaded_again_before_the_devices_time_out"],
    "10 one launch, then loads": ["test_slides_differ_by_address_and_one_launch_serves_them_all"],
    "11 silent, and the sound as it was": [
        "test_the_launch_is_silent_and_the_sound_as_it_was", "test_a_device_that_was_muted_stays_muted",
        "test_the_sound_comes_back_after_a_failure", "test_the_sound_comes_back_after_a_crash", "test_the_sound_comes_back_after_a_kill",
        "test_a_device_that_answers_slowly_gets_its_sound_back"],
    "12 quiet hours": [
        "test_quiet_hours_take_the_picture_away_once", "test_quiet_hours_end_the_page",
        "test_nights.test_a_night_begins_and_ends_by_the_clock_on_the_wall"],
    "13 recovers from anything": [
        "test_a_dropped_line_is_taken_up_again", "test_a_device_that_was_off_shows_the_newest_slide_when_it_is_back",
        "test_a_silent_device_is_asked_whether_it_is_there"],
    "14 follows a device that moves, refuses another": [
        "test_cast_whole.test_a_device_is_found_by_its_name_or_uuid",
        "test_another_device_at_the_address_is_refused"],
    "15 a sick display delays no other": ["test_a_sick_display_does_not_delay_a_healthy_one"],
    "16 flat: processor, log, threads, files": [
        "test_threads_and_files_do_not_grow", "test_the_log_has_a_line_for_a_failure_not_for_an_attempt"],
    "17 ends quickly": [
        "test_shutdown_is_quick_in_the_middle_of_anything",
        "test_cast_whole.test_a_service_with_many_sick_displays_ends_quickly"],
    "18 tells how it is": [
        "test_the_state_tells_what_there_is_to_know", "test_cast_whole.test_metrics_tell_what_a_monitor_wants"],
    "19 small baseline JPEG, in the screen's size": [
        "test_cast_whole.test_the_sample_edition_goes_to_displays_that_are_told"],
    "20 speakers and groups are no displays": ["test_cast_whole.test_a_speaker_is_not_a_display"],
}  # fmt: skip


def test_each_of_the_twenty_has_its_tests():
    """The table above is true."""
    names = [name for tests in TWENTY.values() for name in tests]
    assert len(TWENTY) == 20
    for name in names:
        module, _, test = name.rpartition(".")
        text = Path(__file__).with_name(f"{module or 'test_cast'}.py").read_text()
        assert f"def {test}(" in text, name


class Home:
    """A service's own pages, a device, and the display between them."""

    def __init__(self, folder):
        self.folder, self.device, self.displays, self.body = folder, Receiver(), [], None
        self.bell, self.clock = self.device.bell, NOON

        class Pages(BaseHTTPRequestHandler):
            def do_GET(page):
                for display in self.displays:
                    display.fetched(page.path.partition("?")[2])
                page.send_response(200)
                page.end_headers()
                page.wfile.write(self.body or b"slide " + page.path.encode())

            def log_message(page, *_):
                pass

        self.pages = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
        self.port = self.pages.server_address[1]
        threading.Thread(target=self.pages.serve_forever, args=(0.01,), daemon=True).start()

    def display(self, night="", **settings):
        table = {"address": self.device.address, "resume_after_seconds": 0.2, **settings}
        nights = Nights(hours("22:30-07:00"), Look(night), UTC) if night else None
        around = Surroundings("hall", self.folder, self.folder, self.port, nights=nights)
        display = cast.make(cast.Settings(**table), around)
        display._now = lambda: self.clock
        self.displays.append(display)
        return display

    def wake(self, display):
        """A full minute has come."""
        display._owner.newest = replace(display._owner.newest)
        with display._owner.bell:
            display._owner.bell.notify_all()

    def shows(self, number, display=None, seconds=8.0):
        """The plate is on the screen, proven."""
        display = display or self.displays[-1]
        url = f"slide /d/hall.jpg?v={number}".encode()
        there = self.device.until(lambda: (self.device.picture or b"").startswith(url), seconds)
        return there and said(display, lambda s: s["shown_plate"] == number and s["last_error"] is None)

    def close(self):
        with ThreadPoolExecutor(max(1, len(self.displays))) as pool:
            list(pool.map(lambda display: display.close(), self.displays))
        self.device.off()
        self.pages.shutdown()
        self.pages.server_close()


def said(display, what, seconds=8.0):
    """Wait until the display's state is so; None if it never is."""
    until = time.monotonic() + seconds
    while not what(display.state()):
        if time.monotonic() > until:
            return None
        with display._owner.bell:
            display._owner.bell.wait(0.02)
    return display.state()


@pytest.fixture
def home(tmp_path):
    with contextlib.closing(Home(tmp_path)) as home:
        yield home


def test_it_is_a_display_that_reports_and_fetches(home):
    """It keeps the seams' promises, and sends nothing before the first plate."""
    display = home.display()
    assert isinstance(display, Reporting)
    assert isinstance(display, Fetching)
    assert callable(Display.show)
    display.close()
    assert home.device.heard == []
    assert display.state()["reachable"] is False


def test_a_new_slide_is_on_the_screen(home):
    """The right bytes, asked for at the local address of the connection, and the state says so."""
    display = home.display()
    display.show(plate(id=7))
    assert home.shows(7)
    assert home.device.fetched == [f"http://127.0.0.1:{home.port}/d/hall.jpg?v=7&p=words"]
    state = display.state()
    assert (state["reachable"], state["app"], state["busy_by"]) == (True, "Default Media Receiver", None)
    assert state["shown_at"]


def test_showing_does_not_wait_for_the_device(home):
    """The pipeline hands over and goes on."""
    display = home.display(address="127.0.0.1:9")
    began = time.monotonic()
    for number in range(100):
        display.show(plate(id=number))
    assert time.monotonic() - began < 0.5


def test_slides_differ_by_address_and_one_launch_serves_them_all(home):
    """No two slides share a URL; the app is started once, so nothing chimes or blinks in between."""
    display = home.display()
    for number in (1, 2, 3):
        display.show(plate(id=number))
        assert home.shows(number)
    assert len(set(home.device.fetched)) == 3
    assert home.device.count("LAUNCH") == 1


def test_the_launch_is_silent_and_the_sound_as_it_was(home):
    """Muted before the app starts, not muted after, the volume never touched."""
    home.display().show(plate())
    assert home.shows(1)
    assert home.device.chimes == 0
    assert home.device.until(lambda: not home.device.volume["muted"])
    assert home.device.volume["level"] == 0.4


def test_a_device_that_was_muted_stays_muted(home):
    """What we did not mute we do not unmute."""
    home.device.volume["muted"] = True
    home.display().show(plate())
    assert home.shows(1)
    assert home.device.volume["muted"]
    assert home.device.count("SET_VOLUME") == 0


@pytest.mark.parametrize("fault", ["launch_error", "load_answer"])
def test_the_sound_comes_back_after_a_failure(home, fault):
    """A launch or a load that is refused leaves no silent device behind."""
    setattr(home.device, fault, "LOAD_FAILED")
    display = home.display()
    display.show(plate())
    assert said(display, lambda s: "LOAD_FAILED" in (s["last_error"] or ""))
    assert home.device.until(lambda: not home.device.volume["muted"])
    assert display.state()["shown_plate"] is None
    assert display.state()["next_try_at"]


def test_the_sound_comes_back_after_a_crash(home):
    """The next process takes back the mute that the last one left."""
    cast_notes.Notebook(home.folder / "displays" / "hall.json", home.device.address).note(muted=True)
    home.device.volume["muted"] = True
    home.display().show(plate())
    assert home.shows(1)
    assert home.device.until(lambda: not home.device.volume["muted"])


def test_the_sound_comes_back_when_the_line_drops_in_the_middle(home):
    """The connection is lost while muted: the next one begins by taking it back."""
    home.device.on_launch = lambda: (setattr(home.device, "on_launch", None), home.device.drop())[0] or True
    home.display().show(plate())
    assert home.shows(1)
    assert home.device.until(lambda: not home.device.volume["muted"])


def test_a_launch_whose_answer_was_lost_is_still_ours(home):
    """The player came up, the line dropped: it is no stranger's."""

    def up_then_gone():
        home.device.on_launch = None
        home.device.connections, gone = [], home.device.connections
        home.device.front(PLAYER, "Default Media Receiver")
        home.device.connections = gone
        home.device.drop()
        return True

    home.device.on_launch = up_then_gone
    home.display().show(plate())
    assert home.shows(1)
    assert home.device.count("LAUNCH") == 1


def test_a_guest_is_sent_nothing(home):
    """While somebody's app is in front: no launch, no load, no stop, no volume, no channel to it."""
    home.device.guest()
    display = home.display(resume_after_seconds=0)
    display.show(plate(id=1))
    assert said(display, lambda s: s["busy_by"] == "Spotify")
    display.show(plate(id=2))
    display.close()
    assert {(to, what) for to, what, _ in home.device.heard} <= {("receiver-0", "CONNECT"), ("receiver-0", "GET_STATUS"),
                                                                 ("receiver-0", "CLOSE")}  # fmt: skip


def test_somebody_elses_session_of_the_same_player_is_a_guest(home):
    """Another program's picture or film is not ours to replace."""
    home.device.front(PLAYER, "Default Media Receiver")
    display = home.display(resume_after_seconds=0)
    display.show(plate())
    assert said(display, lambda s: s["busy_by"])
    display.close()
    assert home.device.count("LOAD") == home.device.count("LAUNCH") == home.device.count("STOP") == 0


def test_a_picture_that_was_taken_from_its_plate_leaves_the_screen(home):
    """The same plate without its picture, or with another, is another slide: it is sent at once."""
    display, painted = home.display(), plate(id=1, picture="ab/abcdef0123456789.png")
    for shown, token in ((painted, "abcdef01"), (replace(painted, picture=None), "words")):
        display.show(shown)
        assert home.device.until(
            lambda token=token: home.device.fetched[-1:] and f"&p={token}" in home.device.fetched[-1]
        )
    assert home.device.count("LAUNCH") == 1


def test_after_the_guest_the_newest_slide_comes_back(home):
    """Not a backlog, not before the time."""
    display = home.display(resume_after_seconds=0.5)
    display.show(plate(id=1))
    assert home.shows(1)
    home.device.guest()
    assert said(display, lambda s: s["busy_by"] == "Spotify")
    for number in (2, 3, 4):
        display.show(plate(id=number))
    left = time.monotonic()
    home.device.home()
    assert home.shows(4)
    assert time.monotonic() - left >= 0.5
    assert [url.partition("v=")[2].partition("&")[0] for url in home.device.fetched] == ["1", "4"]


def test_a_guest_that_comes_in_during_a_launch_keeps_the_screen(home):
    """It came first: nothing is loaded over it, and its sound is not left off."""

    def overtaken():
        home.device.on_launch = None
        home.device.guest()
        return False if home.device.app is None else bool(home.device.broadcast() or True)

    home.device.on_launch = overtaken
    display = home.display()
    display.show(plate())
    assert said(display, lambda s: s["busy_by"] == "Spotify")
    assert home.device.until(lambda: not home.device.volume["muted"])
    assert home.device.count("LOAD") == 0
    assert home.device.app["displayName"] == "Spotify"


def test_a_slide_for_a_player_that_a_guest_replaced_never_reaches_the_guest(home):
    """The load is addressed to our session, which is gone."""
    display = home.display()
    display.show(plate(id=1))
    assert home.shows(1)
    home.device.on_load = lambda: home.device.guest() or True
    display.show(plate(id=2))
    assert said(display, lambda s: s["busy_by"] == "Spotify")
    guest = home.device.app["transportId"]
    assert not [message for message in home.device.heard if message[0] == guest]


def test_a_picture_that_was_swiped_away_comes_back_within_ten_seconds(home):
    """The photo frame took over; the first removals are answered."""
    display = home.display()
    display.show(plate())
    assert home.shows(1)
    home.device.home(backdrop=True)
    assert home.device.until(lambda: home.device.count("LAUNCH") == 2, 10)
    assert home.device.until(lambda: len(home.device.fetched) == 2)


def test_the_fourth_removal_in_ten_minutes_is_taken_for_a_no(home, monkeypatch):
    """Three are answered; then it stays away, and says when it will ask again."""
    monkeypatch.setattr(cast_manners, "SETTLE_SECONDS", 0.1)
    display = home.display()
    display.show(plate())
    for launches in (1, 2, 3, 4):
        assert home.device.until(lambda n=launches: home.device.count("LAUNCH") == n)
        assert home.device.until(lambda n=launches: len(home.device.fetched) == n)
        assert said(display, lambda s: s["mode"] == "stills" and s["shown_plate"] == 1)
        assert home.device.until(lambda: not home.device.volume["muted"])
        home.device.home(backdrop=True)
    later = (datetime.now(UTC) + timedelta(minutes=25)).isoformat()
    assert said(display, lambda s: s["mode"] is None and (s["next_try_at"] or "") > later)
    display.show(plate(id=2))
    assert not home.device.until(lambda: home.device.count("LAUNCH") == 5, 0.5)


def test_the_state_tells_what_there_is_to_know(home):
    """Reachable, the app in front, who keeps us waiting, what was shown, what failed, when it is tried again."""
    display = home.display()
    display.show(plate(id=1))
    assert home.shows(1)
    state = display.state()
    assert {"reachable", "app", "busy_by", "mode", "shown_plate", "shown_at", "last_error", "next_try_at"} <= set(state)
    json.dumps(state)
    home.device.guest()
    assert said(display, lambda s: (s["busy_by"], s["app"], s["shown_plate"]) == ("Spotify", "Spotify", 1))
    home.device.load_answer = "LOAD_FAILED"
    home.device.home()
    assert said(display, lambda s: s["last_error"] and s["next_try_at"] and s["busy_by"] is None)
    home.device.off()
    assert said(display, lambda s: not s["reachable"] and s["app"] is None)


CRASHING = """
import sys, pathlib, threading
from service.displays import cast
from service.surroundings import Surroundings
from tests.values import plate
address, folder, port = sys.argv[1:]
folder = pathlib.Path(folder)
cast.make(cast.Settings(address=address), Surroundings("hall", folder, folder, int(port))).show(plate(id=1))
threading.Event().wait()
"""


def test_the_sound_comes_back_after_a_kill(home):
    """The process is killed between the mute and its end; the next one finds that on the disk and takes it back."""
    reached = threading.Event()
    home.device.on_launch = lambda: reached.set() or True
    command = [sys.executable, "-c", CRASHING, home.device.address, str(home.folder), str(home.port)]
    with subprocess.Popen(command, cwd=Path(__file__).parent.parent) as process:
        assert reached.wait(15)
        process.kill()
    assert home.device.volume["muted"]
    home.device.on_launch = None
    home.device.guest()
    display = home.display()
    display.show(plate(id=2))
    assert said(display, lambda s: s["busy_by"])
    assert home.device.violations == []
    home.device.home()
    assert home.shows(2)
    assert home.device.until(lambda: not home.device.volume["muted"])
    assert home.device.chimes == 0


def test_the_same_slide_is_loaded_again_before_the_devices_time_out(home):
    """At ``reload_minutes``, by another address, into the same session."""
    home.display(reload_minutes=0.01).show(plate())
    assert home.device.until(lambda: len(home.device.fetched) >= 3)
    assert home.device.fetched[:2] == [
        f"http://127.0.0.1:{home.port}/d/hall.jpg?{q}" for q in ("v=1&p=words", "v=1&p=words&again=1")
    ]
    assert home.device.count("LAUNCH") == 1


def test_a_showing_counts_only_when_the_bytes_were_fetched(home, monkeypatch):
    """A device that says "yes" and cannot reach us is told as it is."""
    monkeypatch.setattr(cast, "FETCH_SECONDS", 0.2)
    home.device.fetches = False
    display = home.display()
    display.show(plate())
    state = said(display, lambda s: s["last_error"])
    assert "did not fetch" in state["last_error"]
    assert state["shown_plate"] is None
    home.device.fetches = True
    assert home.shows(1)


@pytest.mark.parametrize("answer", ["LOAD_FAILED", "LOAD_CANCELLED", "INVALID_REQUEST"])
def test_a_load_that_fails_is_said_and_tried_again(home, answer):
    """By the device's own word for it."""
    home.device.load_answer = answer
    display = home.display()
    display.show(plate())
    assert said(display, lambda s: answer in (s["last_error"] or ""))
    home.device.load_answer = None
    assert home.shows(1)


def test_a_launch_that_fails_is_said_and_tried_again(home):
    """With the device's reason."""
    home.device.launch_error = "NOT_ALLOWED"
    display = home.display()
    display.show(plate())
    assert said(display, lambda s: "NOT_ALLOWED" in (s["last_error"] or ""))
    home.device.launch_error = None
    assert home.shows(1)


def test_a_dropped_line_is_taken_up_again(home):
    """Our session is still there: no launch, and the next slide is loaded."""
    display = home.display()
    display.show(plate(id=1))
    assert home.shows(1)
    home.device.drop()
    display.show(plate(id=2))
    assert home.shows(2)
    assert home.device.count("LAUNCH") == 1


def test_a_device_that_was_off_shows_the_newest_slide_when_it_is_back(home):
    """Within five seconds, without a backlog and without anybody's help."""
    display = home.display()
    display.show(plate(id=1))
    assert home.shows(1)
    home.device.off()
    assert said(display, lambda s: not s["reachable"] and "no Cast device answers" in (s["last_error"] or ""))
    for number in (2, 3):
        display.show(plate(id=number))
    home.device.on()
    back = time.monotonic()
    assert home.shows(3)
    assert time.monotonic() - back < 5
    assert "v=2" not in " ".join(home.device.fetched)


def test_a_device_that_falls_silent_is_noticed_and_taken_up_again(home, monkeypatch):
    """No answer to a load: the line is given up, and the next one works."""
    monkeypatch.setattr("service.displays.cast_link.LOAD_SECONDS", 0.3)
    display = home.display()
    display.show(plate(id=1))
    assert home.shows(1)
    home.device.on_load = lambda: setattr(home.device, "silent", True) or True
    display.show(plate(id=2))
    assert said(display, lambda s: "did not answer" in (s["last_error"] or ""))
    home.device.on_load, home.device.silent = None, False
    assert home.shows(2)


def test_a_device_that_does_not_hear_the_first_question_is_asked_again(home):
    """It takes connections while it is ill: it is used as soon as it is well, not when the attempt is over."""
    home.device.silent = True
    display = home.display()
    display.show(plate())
    assert home.device.until(lambda: home.device.connections)
    home.device.silent = False
    began = time.monotonic()
    assert home.shows(1)
    assert time.monotonic() - began < 4


def test_a_silent_device_is_asked_whether_it_is_there(home, monkeypatch):
    """Even when there is nothing to load."""
    monkeypatch.setattr(cast, "CHECK_SECONDS", 0.2)
    monkeypatch.setattr("service.displays.cast_link.ANSWER_SECONDS", 0.2)
    display = home.display()
    display.show(plate())
    assert home.shows(1)
    home.device.raw(struct.pack(">I", 1000) + b"half a frame")
    assert said(display, lambda s: s["last_error"])
    assert said(display, lambda s: s["reachable"])


@pytest.mark.parametrize(
    "garbage",
    [
        struct.pack(">I", 8) + b"\xff" * 8,
        struct.pack(">I", 1_000_000) + b"x" * 1_000_000,
        b"HTTP/1.1 400 Bad\r\n\r\n",
        struct.pack(">I", 1000) + b"half a frame",
    ],
    ids=["no protobuf", "a megabyte", "another protocol", "half a frame"],
)
def test_a_device_that_answers_garbage_is_an_error_on_its_row(home, garbage, monkeypatch):
    """It is told, and forgotten as soon as the device makes sense again."""
    monkeypatch.setattr("service.displays.cast_link.ANSWER_SECONDS", 0.2)
    monkeypatch.setattr("service.displays.cast_link.CONNECT_SECONDS", 0.5)
    home.device.garbage = garbage
    display = home.display()
    display.show(plate())
    assert said(display, lambda s: s["last_error"])
    home.device.garbage = None
    assert home.shows(1)


def test_a_flood_of_statuses_does_no_harm(home):
    """Only the newest one counts."""
    display = home.display()
    display.show(plate(id=1))
    assert home.shows(1)
    for _ in range(2000):
        home.device.broadcast()
    display.show(plate(id=2))
    assert home.shows(2)
    assert home.device.count("LAUNCH") == 1


def test_a_name_full_of_markup_is_only_a_name(home):
    """Headlines and app names are text on the way to the device and back."""
    home.device.front("CAFEBABE", '<b>"Radio"</b> & Söhne')
    display = home.display()
    display.show(plate('"><script>alert(1)</script>'))
    assert said(display, lambda s: s["busy_by"] == '<b>"Radio"</b> & Söhne')
    home.device.home()
    assert home.shows(1)
    (load,) = [body for _, what, body in home.device.heard if what == "LOAD"]
    assert load["media"]["metadata"]["title"] == '"><script>alert(1)</script>'


def test_an_address_that_is_no_cast_device_is_said(home):
    """A web server, for instance."""
    display = home.display(address=f"127.0.0.1:{home.port}")
    display.show(plate())
    state = said(display, lambda s: s["last_error"])
    assert "no Cast device answers at 127.0.0.1" in state["last_error"]


def test_a_service_that_the_device_cannot_reach_is_said_and_nothing_is_started(home):
    """Where our own door is closed, the device is not sent there."""
    home.port = socket.create_server(("127.0.0.1", 0)).getsockname()[1]
    display = home.display()
    display.show(plate())
    assert "web.host" in said(display, lambda s: s["last_error"])["last_error"]
    assert home.device.count("LAUNCH") == 0


def test_another_device_at_the_address_is_refused(home, monkeypatch):
    """Where the config names the UUID, an address that went to another device is not used."""
    monkeypatch.setattr("pychromecast.dial.FORMAT_BASE_URL_HTTPS", "http://{}:" + str(home.port))
    mine, other = uuid4(), uuid4()
    home.body = json.dumps({"device_info": {"name": "TV", "ssdp_udn": str(other)}}).encode()
    display = home.display(uuid=str(mine))
    display.show(plate())
    assert "another one" in said(display, lambda s: s["last_error"])["last_error"]
    assert home.device.connections == []
    home.body = json.dumps({"device_info": {"name": "Hub", "ssdp_udn": str(mine)}}).encode()
    assert home.device.until(lambda: home.device.count("LOAD"))


def test_a_device_that_answers_slowly_gets_its_sound_back(home, monkeypatch):
    """A mute that could not be taken back at once is taken back with the next connection."""
    monkeypatch.setattr("service.displays.cast_link.ANSWER_SECONDS", 0.5)
    home.device.on_load = lambda: setattr(home.device, "silent", True)
    display = home.display()
    display.show(plate())
    assert said(display, lambda s: "SET_VOLUME" in (s["last_error"] or ""))
    home.device.on_load, home.device.silent = None, False
    assert home.shows(1)
    assert home.device.until(lambda: not home.device.volume["muted"])


def test_base_url_is_what_the_device_is_told(home):
    """For a container, whose own address nobody can reach."""
    home.display(base_url=f"http://localhost:{home.port}/").show(plate())
    assert home.shows(1)
    assert home.device.fetched == [f"http://localhost:{home.port}/d/hall.jpg?v=1&p=words"]


def test_a_sick_display_does_not_delay_a_healthy_one(home):
    """Ten that are dead, silent or absent, and one that works."""
    with contextlib.ExitStack() as stack:
        mute = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        for _ in range(5):
            home.display(address=f"127.0.0.1:{mute.getsockname()[1]}").show(plate())
            home.display(address="127.0.0.1:9").show(plate())
        display = home.display()
        began = time.monotonic()
        display.show(plate())
        assert home.shows(1, display)
        assert time.monotonic() - began < 3


def test_a_restart_finds_its_own_picture(home):
    """The next process knows the session of the last one: no launch, no chime."""
    first = home.display()
    first.show(plate(id=1))
    assert home.shows(1)
    first.close()
    home.displays.clear()
    home.display().show(plate(id=2))
    assert home.shows(2)
    assert home.device.count("LAUNCH") == 1
    assert home.device.count("STOP") == 0


def test_the_picture_is_removed_at_the_end_if_so_wished(home):
    """``when_stopped = "remove"`` ends our session, and only ours."""
    display = home.display(when_stopped="remove")
    display.show(plate())
    assert home.shows(1)
    display.close()
    assert home.device.until(lambda: home.device.app is None)
    assert home.device.count("STOP") == 1


def test_a_guest_is_not_removed_at_the_end(home):
    """``when_stopped = "remove"`` says nothing about others."""
    display = home.display(when_stopped="remove")
    display.show(plate())
    assert home.shows(1)
    home.device.guest()
    assert said(display, lambda s: s["busy_by"])
    display.close()
    assert home.device.count("STOP") == 0


def test_quiet_hours_take_the_picture_away_once(home):
    """Our own session ends; nothing is launched until they are over."""
    display = home.display(night="off")
    display.show(plate(id=1))
    assert home.shows(1)
    home.clock = AT_NIGHT
    display.show(plate(id=2))
    assert home.device.until(lambda: home.device.app is None)
    assert said(display, lambda s: s["app"] is None)
    sent = lambda: [what for _, what, _ in home.device.heard if what not in ("CONNECT", "CLOSE", "GET_STATUS")]  # noqa: E731
    before = sent()
    display.show(plate(id=3))
    home.device.guest()
    home.device.home()
    assert said(display, lambda s: s["busy_by"] is None)
    assert sent() == before
    home.clock = NOON
    display.show(plate(id=4))
    assert home.shows(4)
    assert (home.device.count("STOP"), home.device.count("LAUNCH")) == (1, 2)


def test_a_service_that_starts_at_night_takes_away_what_it_left(home):
    """The picture of the last process goes, though nothing is to be shown; then nothing is sent."""
    display = home.display(night="off")
    display.show(plate(id=1))
    assert home.shows(1)
    display.close()
    assert home.device.app
    home.clock = AT_NIGHT
    home.display(night="off").show(plate(id=2))
    assert home.device.until(lambda: home.device.app is None)
    assert (home.device.count("STOP"), home.device.count("LAUNCH"), home.device.count("LOAD")) == (1, 1, 1)


def test_a_dim_night_sends_the_slide_again_darker_and_in_the_morning_bright(home):
    """Another address for each look, one launch, and the plate is the same."""
    display = home.display(night="dim")
    display.show(plate(id=1))
    assert home.shows(1)
    for clock, query in ((AT_NIGHT, "v=1&p=words&night=dim"), (NOON, "v=1&p=words")):
        home.clock = clock
        home.wake(display)
        assert home.device.until(lambda query=query: home.device.fetched[-1].endswith(f"?{query}"))
        assert said(display, lambda s: s["shown_plate"] == 1)
    assert home.device.count("LAUNCH") == 1


def test_a_clock_is_sent_anew_each_minute(home):
    """At night, in the same session, by another address for each minute; in the morning the slide is back."""
    home.clock = AT_NIGHT
    display = home.display(night="clock")
    display.show(plate(id=1))
    for minute in range(3):
        home.clock = AT_NIGHT + timedelta(minutes=minute)
        home.wake(display)
        assert home.device.until(lambda minute=minute: len(set(home.device.fetched)) == minute + 1)
        assert "night=clock&at=" in home.device.fetched[-1]
    home.clock = NOON
    home.wake(display)
    assert home.device.until(lambda: home.device.fetched[-1].endswith("?v=1&p=words"))
    assert home.device.count("LAUNCH") == 1


@pytest.mark.parametrize("moment", ["connecting", "launching", "loading", "fetching"])
def test_shutdown_is_quick_in_the_middle_of_anything(home, moment):
    """Under five seconds, and the sound is back where it can be."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        reached = threading.Event()
        home.device.on_launch = lambda: moment == "launching" and (reached.set() or True)
        home.device.on_load = lambda: reached.set() or moment == "loading"
        home.device.fetches = False
        own = {"address": f"127.0.0.1:{mute.getsockname()[1]}"} if moment == "connecting" else {}
        display = home.display(**own)
        display.show(plate())
        if moment == "connecting":
            mute.accept()
        else:
            assert reached.wait(8)
        began = time.monotonic()
        display.close()
        assert time.monotonic() - began < 4.5
        display.close()
        assert display._owner._thread is None or not display._owner._thread.is_alive()
        assert not home.device.volume["muted"]


def test_threads_and_files_do_not_grow(home):
    """Six connections that are lost and replaced leave nothing behind."""
    import psutil

    display = home.display()
    display.show(plate())
    assert home.shows(1)
    process = psutil.Process()
    before = (process.num_fds(), threading.active_count())
    for number in range(2, 8):
        home.device.drop()
        display.show(plate(id=number))
        assert home.shows(number)
    assert process.num_fds() <= before[0] + 2
    assert threading.active_count() <= before[1] + 2


def test_the_log_has_a_line_for_a_failure_not_for_an_attempt(home, caplog):
    """A display that is off for a day does not fill the disk."""
    display = home.display(address="127.0.0.1:9")
    display.show(plate())
    assert said(display, lambda s: s["last_error"])
    assert said(display, lambda _: display._memory.failures >= 3)
    assert len([record for record in caplog.records if record.levelname != "DEBUG"]) == 1


# -- the live page ---------------------------------------------------------------------------


class LivePage:
    """What our page does on the device: it asks what should hang, and says what does."""

    def __init__(self, home):
        self.home, self.urls, self.asking = home, [], True
        home.device.on_page = self.opened

    def opened(self, url):
        with self.home.bell:
            self.urls.append(url)
            self.home.bell.notify_all()
        if self.asking:
            self.ask()

    def ask(self, hangs=None):
        """One question, by the page that was opened last."""
        via = self.urls[-1].partition("?via=")[2]
        self.home.displays[-1].fetched(f"via={via}" + (f"&v={hangs}" if hangs else ""))


@pytest.fixture
def live(home, monkeypatch):
    monkeypatch.setattr(cast, "PAGE_SECONDS", 0.5)
    return LivePage(home)


def test_in_page_mode_the_page_is_opened_once_and_changes_by_itself(home, live):
    """One silent launch of DashCast, one address; a showing counts when the page says that it hangs."""
    display = home.display(mode="page")
    display.show(plate(id=1))
    assert said(display, lambda s: s["mode"] == "page" and s["app"] == "DashCast")
    assert display.state()["shown_plate"] is None
    assert live.urls[0].startswith(f"http://127.0.0.1:{home.port}/d/hall?via=")
    for number in (1, 2, 3):
        display.show(plate(id=number))
        live.ask(hangs=number)
        assert said(display, lambda s, number=number: s["shown_plate"] == number)
    assert (home.device.count("LAUNCH"), home.device.count("LOAD"), home.device.count("URL")) == (1, 0, 1)
    assert home.device.chimes == 0
    assert home.device.until(lambda: not home.device.volume["muted"])
    (sent,) = [body for _, what, body in home.device.heard if what == "URL"]
    assert sent["force"] is True


@pytest.mark.parametrize("fault", ["does not start", "never ready", "never asks"])
def test_a_page_that_does_not_come_up_falls_back_to_stills(home, live, fault, monkeypatch):
    """In the same silence, without a guest suffering, and without a second attempt for some hours."""
    monkeypatch.setattr("service.displays.cast_link.LAUNCH_SECONDS", 1.0)
    home.device.refused_apps = ("84912283",) if fault == "does not start" else ()
    home.device.deaf, live.asking = fault == "never ready", False
    display = home.display(mode="page")
    display.show(plate(id=1))
    assert home.shows(1)
    assert display.state()["mode"] == "stills"
    assert home.device.count("LAUNCH") == 2
    display.show(plate(id=2))
    assert home.shows(2)
    assert home.device.count("LAUNCH") == 2
    assert home.device.chimes == 0
    assert home.device.until(lambda: not home.device.volume["muted"])


def test_a_page_that_stops_asking_is_replaced_by_stills(home, live, monkeypatch):
    """The device says that it runs, and has put it to sleep: only the silence tells."""
    monkeypatch.setattr(cast_manners, "PAGE_SILENT_SECONDS", 0.3)
    display = home.display(mode="page")
    display.show(plate(id=1))
    assert home.shows(1)
    assert display.state()["mode"] == "stills"


def test_a_page_gives_way_to_a_guest_and_comes_back(home, live):
    """The same manners: nothing while somebody else is there, the page again afterwards."""
    display = home.display(mode="page", resume_after_seconds=0.3)
    display.show(plate(id=1))
    assert said(display, lambda s: s["mode"] == "page")
    home.device.guest()
    assert said(display, lambda s: s["busy_by"] == "Spotify")
    display.show(plate(id=2))
    left = time.monotonic()
    home.device.home()
    assert home.device.until(lambda: len(live.urls) == 2)
    assert time.monotonic() - left >= 0.3
    assert home.device.violations == []


def test_a_page_that_was_taken_off_is_opened_again(home, live, monkeypatch):
    """The photo frame covers it after some minutes: it comes back as a still would."""
    monkeypatch.setattr(cast_manners, "SETTLE_SECONDS", 0.1)
    display = home.display(mode="page")
    display.show(plate(id=1))
    assert home.device.until(lambda: len(live.urls) == 1)
    assert said(display, lambda s: s["mode"] == "page")
    home.device.home(backdrop=True)
    assert home.device.until(lambda: len(live.urls) == 2)
    assert live.urls[0] != live.urls[1]


def test_what_an_older_page_asks_proves_nothing(home, live):
    """Only the page that was opened last counts."""
    display = home.display(mode="page")
    display.show(plate(id=1))
    assert said(display, lambda s: s["mode"] == "page")
    display.fetched("via=another&v=1")
    display.show(plate(id=2))
    live.ask(hangs=2)
    assert said(display, lambda s: s["shown_plate"] == 2)


def test_a_restart_finds_its_own_page(home, live):
    """The next process waits for it to ask: no launch, no chime; and it still counts."""
    first = home.display(mode="page")
    first.show(plate(id=1))
    assert said(first, lambda s: s["mode"] == "page")
    first.close()
    second = home.display(mode="page")
    second.show(plate(id=2))
    assert said(second, lambda s: s["reachable"] and s["mode"] == "page")
    live.ask(hangs=2)
    assert said(second, lambda s: s["shown_plate"] == 2)
    assert home.device.count("LAUNCH") == 1


def test_another_receiver_in_the_config_makes_our_page_no_strangers(home, live):
    """The page that the last process opened in its own receiver gives way to one in the receiver that is wanted now."""
    home.device.page_apps.add("0F00BA44")
    first = home.display(mode="page", app_id="0F00BA44")
    first.show(plate(id=1))
    assert said(first, lambda s: s["mode"] == "page")
    first.close()
    home.displays.clear()
    home.display().show(plate(id=2))
    assert home.shows(2)


def test_what_was_noted_of_another_device_is_forgotten(home):
    """A display's name with another address is another device: its sound and its apps are not ours."""
    cast_notes.Notebook(home.folder / "displays" / "hall.json", "192.0.2.1").note(muted=True, session="session-1")
    home.device.volume["muted"] = True
    home.display().show(plate())
    assert home.shows(1)
    assert home.device.volume["muted"]
    assert home.device.count("SET_VOLUME") == 0


def test_a_page_left_by_the_last_process_becomes_stills_where_the_config_says_so(home, live):
    """Its session is known to be ours, and replaced at once."""
    first = home.display(mode="page")
    first.show(plate(id=1))
    assert said(first, lambda s: s["mode"] == "page")
    first.close()
    second = home.display()
    second.show(plate(id=2))
    assert home.shows(2, second)
    assert home.device.chimes == 0


def test_quiet_hours_end_the_page(home, live):
    """Our session only, as with stills."""
    display = home.display(night="off", mode="page")
    display.show(plate(id=1))
    assert said(display, lambda s: s["mode"] == "page")
    home.clock = AT_NIGHT
    home.wake(display)
    assert home.device.until(lambda: home.device.app is None)
