"""The owner's hand: next, previous, pause, show, not me; on the command line, over HTTP, and seen by every display."""

from dataclasses import replace
from datetime import timedelta

import pytest

from service import pipeline
from service.errors import Refused, Withdrawn
from service.hand import Hand
from service.model import Step
from service.profiles import PROFILES

from .command import objects, told
from .homes import FEED, client, home, painted, picture
from .values import prompt, verdict

DWELL = timedelta(hours=1)


@pytest.fixture
def house(tmp_path):
    """Four finished plates, of which the newest hangs in the hall."""
    with home(tmp_path / "data", plates=4) as (service, clock):
        service.press.show()
        yield service, clock


def hung(service, display="hall"):
    return service.archive.hung(display).plate.id


def turned(service, *acts):
    """What hangs after each of these."""
    hand, found = service.hand, []
    for act in acts:
        try:
            getattr(hand, act)("hall")
            found.append(hung(service))
        except Refused:
            found.append(None)
    return found


# -- next and previous -----------------------------------------------------------------------------


def test_next_and_previous_move_as_in_a_browser(house):
    """Back goes further back each time; forth the same way again, and beyond the end to what is new."""
    service, _ = house
    assert hung(service) == 4
    assert turned(service, "next", "next") == [3, 2]
    assert turned(service, "previous", "previous", "previous") == [3, 4, None]
    assert turned(service, "next", "next", "next") == [3, 2, 1]


def test_there_is_nothing_before_the_first(house):
    """The first slide stays, and a sentence says why."""
    service, _ = house
    with pytest.raises(Refused, match="was on hall before"):
        service.hand.previous("hall")
    assert hung(service) == 4


def test_next_on_an_empty_wall_says_so(tmp_path):
    """While the sample edition hangs there is nothing to turn to."""
    with home(tmp_path) as (service, _), pytest.raises(Refused, match="nothing else is ready for hall"):
        service.hand.next("hall")


def test_banned_plates_are_passed_over_both_ways(house):
    """What the owner banned comes back neither by previous nor by next."""
    service, _ = house
    turned(service, "next", "next")
    service.hand.ban(3)
    assert turned(service, "previous") == [4]
    assert turned(service, "next") == [2]
    service.hand.ban(3, banned=False)
    assert turned(service, "previous") == [3]


def test_the_clock_goes_on_from_where_the_owner_turned(house):
    """After a step back the slide has its whole time, and then what is new hangs."""
    service, clock = house
    turned(service, "next", "previous")
    service.press.show()
    assert hung(service) == 4
    clock.pass_(hours=1)
    service.press.show()
    assert hung(service) == 2


# -- pause -----------------------------------------------------------------------------------------


def test_a_paused_display_keeps_its_slide_through_a_restart(tmp_path):
    """The wish is a row; the other displays go on."""
    screens = [{"name": "hall"}, {"name": "kitchen"}]
    with home(tmp_path, plates=3, displays=screens) as (service, clock):
        service.press.show()
        service.hand.pause("hall")
    with home(tmp_path, displays=screens) as (service, clock):
        clock.pass_(hours=2)
        service.press.show()
        assert (hung(service), hung(service, "kitchen")) == (3, 2)
        rows = {row["name"]: row for row in service.wall.status()["displays"]}
        assert (rows["hall"]["paused"], rows["hall"]["note"], rows["kitchen"]["paused"]) == (True, "paused", False)
        service.hand.pause("hall", paused=False)
        service.press.show()
        assert hung(service) == 2


def test_a_ban_beats_a_pause(house):
    """What is banned leaves a paused display too."""
    service, _ = house
    service.hand.pause("hall")
    service.hand.ban(4)
    service.press.show()
    assert hung(service) == 3
    assert service.hand.said("hall")["paused"]


def test_a_paused_display_can_be_turned(house):
    """It keeps what the owner turned to."""
    service, clock = house
    service.hand.pause("hall")
    assert turned(service, "next") == [3]
    clock.pass_(hours=9)
    service.press.show()
    assert hung(service) == 3


# -- show this now ---------------------------------------------------------------------------------


def test_show_this_now(house):
    """Any finished plate hangs at once; banned, unfinished and unknown ones do not."""
    service, _ = house
    assert service.hand.show("hall", 1)["plate"] == hung(service) == 1
    service.hand.ban(2)
    with pytest.raises(Refused, match="banned"):
        service.hand.show("hall", 2)
    service.store.spoilt(service.archive.plate(3))
    with pytest.raises(Refused, match="not finished"):
        service.hand.show("hall", 3)
    with pytest.raises(LookupError):
        service.hand.show("hall", 99)
    with pytest.raises(KeyError):
        service.hand.show("attic", 1)


class Screen:
    """A display that is told what to show."""

    def __init__(self):
        self.shown = []

    def show(self, plate):
        self.shown.append(plate.id)

    def close(self):
        pass


def test_what_another_process_turned_is_told_to_the_display(house):
    """The job that hangs slides sees the row, tells the display once, and tells it nothing twice."""
    service, clock = house
    screen = Screen()
    service.__dict__["displays"] = service.press.line.displays  # what the press holds already
    object.__setattr__(service.press.line, "displays", {"hall": screen})
    service.press.show()
    assert screen.shown == []
    Hand(service.press).show("hall", 1)  # as another process does: rows alone
    service.press.show()
    service.press.show()
    assert screen.shown == [1]
    clock.pass_(hours=1)
    service.press.show()
    assert screen.shown == [1, 3]


# -- not me ----------------------------------------------------------------------------------------


def test_not_me_takes_the_picture_away_and_paints_it_without(tmp_path):
    """The picture, its tries and its direction go at once; the gate's word for the story is no from then on."""
    with home(tmp_path) as (service, _):
        plate = painted(service, 1, subject="anna")
        other = painted(service, 2)
        service.hand.show("hall", plate)
        told = service.hand.not_me(plate)
        assert (told["subject"], told["subject_allowed"]) == (None, False)
        again = service.archive.plate(plate)
        assert (again.step, again.picture, again.prompt) == (Step.CHOSEN, None, None)
        assert pipeline.brief(service.press.line, service.desks["home"], again).subjects == ()
        assert service.wall.showing("hall").plate.picture is None
        service.press.show()
        assert hung(service) == other
        list(pipeline.describe(service.press.line, service.desks["home"]))
        assert service.archive.plate(plate).prompt.subject is None


def test_not_me_can_be_taken_back(tmp_path):
    """Only the owner's own no is taken back, never the gate's."""
    with home(tmp_path) as (service, _):
        plate = painted(service, 1, subject="anna")
        with pytest.raises(Refused, match="nobody was taken out"):
            service.hand.not_me(plate, absent=False)
        service.hand.not_me(plate)
        assert service.hand.not_me(plate, absent=False)["subject_allowed"]


def test_not_me_is_told_to_a_display_that_has_nothing_else_to_show(tmp_path):
    """The plate is told once more without its picture, and again when it has another."""
    with home(tmp_path) as (service, _):
        plate, screen = painted(service, 1, subject="anna"), Screen()
        object.__setattr__(service.press.line, "displays", {"hall": screen})
        service.press.show()
        service.hand.not_me(plate)
        for _ in range(2):
            service.press.show()
        assert screen.shown == [plate, plate]
        list(pipeline.describe(service.press.line, service.press.line.desks[0]))
        list(pipeline.render(service.press.line, service.press.line.desks[0]))
        for _ in range(2):
            service.press.show()
        assert screen.shown == [plate, plate, plate]


class Interrupted:
    """An engine that is still at work when the owner has a word to say."""

    def __init__(self, says):
        self.says = says

    def render(self, prompt, width_px, height_px, progress=None):
        self.says()
        return picture(9)


@pytest.mark.parametrize("word", ["not_me", "ban"])
def test_a_picture_that_was_being_painted_when_the_owner_spoke_does_not_land(tmp_path, word):
    """Neither as the plate's picture nor as one of its tries; the round goes on and says so."""
    with home(tmp_path) as (service, _):
        plate = painted(service, 1, subject="anna")
        service.store.spoilt(service.archive.plate(plate))
        line = service.press.line
        engine = Interrupted(lambda: getattr(service.hand, word)(plate))
        events = list(pipeline.render(line, replace(line.desks[0], engines=[("gpu", engine)])))
        assert [event.note for event in events] == [f"plate {plate} was taken back meanwhile"]
        now = service.archive.plate(plate)
        assert (now.picture, now.attempts, line.journal.tries(plate)) == (None, 0 if word == "not_me" else 1, [])
        assert now.step is (Step.CHOSEN if word == "not_me" else Step.DESCRIBED)


def test_a_direction_that_was_being_written_when_somebody_was_taken_out_does_not_land(tmp_path):
    """The same story on another channel: what was directed with them is directed anew."""
    channels = {"home": {"feeds": [FEED]}, "kids": {"feeds": [FEED]}}
    with home(tmp_path, channels=channels) as (service, _):
        plate = painted(service, 1, subject="anna")
        story = service.archive.plate(plate).story
        service.store.chosen("kids", story.id, verdict(), text_only=False)
        kids = service.store.waiting("kids", Step.CHOSEN)[0]
        service.hand.not_me(plate)
        with pytest.raises(Withdrawn):
            service.store.described(kids, prompt(subject="anna"))
        service.store.described(kids, prompt())


def test_not_me_where_nobody_is(house):
    """A picture without anybody of this home stays as it is."""
    service, _ = house
    with pytest.raises(Refused, match="nobody of this home is in plate 1"):
        service.hand.not_me(1)
    assert service.archive.plate(1).picture


def test_a_plates_page_takes_not_me_back(tmp_path):
    """The button that undoes it is there for as long as it holds."""
    with home(tmp_path) as (service, clock):
        plate = painted(service, 1, subject="anna")
        owner, button = client(service, clock), f'formaction="/plates/{plate}/me"'
        assert button not in owner.get(f"/plates/{plate}").text
        assert owner.post(f"/plates/{plate}/not-me").status_code == 303
        assert button in owner.get(f"/plates/{plate}").text
        assert owner.post(f"/plates/{plate}/me").status_code == 303
        assert button not in owner.get(f"/plates/{plate}").text
        assert service.archive.plate(plate).verdict.subject_allowed


def test_a_plates_page_has_a_slide_for_every_profile(house):
    """Whatever profiles there are."""
    service, clock = house
    page = client(service, clock).get("/plates/1").text
    assert all(f'href="/plates/1.jpg?profile={name}"' in page for name in PROFILES)


def test_a_screen_that_is_paired_gets_pictures_of_its_size_from_the_next_round_on(tmp_path):
    """No restart: what is painted next is as large as the largest screen that the channel has by then."""
    with home(tmp_path) as (service, _):
        plate, sizes = painted(service, 1), []
        engine = Interrupted(lambda: None)
        engine.render = lambda prompt, *size: sizes.append(size[:2]) or picture(3)
        line = service.press.line
        line.desks[:] = [replace(line.desks[0], engines=[("gpu", engine)])]
        for paired in (False, True):
            if paired:
                service.screens.offer("123456", "0" * 64)
                service.screens.confirm("123456", "den", "tv", "home")
            service.store.folder.remove(service.archive.plate(plate).picture)
            list(pipeline.run_round(line, ["home"]))
        assert list(dict.fromkeys(sizes)) == [(1024, 600), (1920, 1080)]


# -- one slide for many ----------------------------------------------------------------------------


def test_a_slide_is_composed_once_for_all_displays_of_a_profile(tmp_path):
    """Two Nest Hubs share one; a television has its own."""
    screens = [{"name": "a"}, {"name": "b"}, {"name": "c", "profile": "tv"}]
    with home(tmp_path, plates=1, displays=screens) as (service, _):
        service.press.show()
        composed, compose = [], service.composer.compose

        def counted(plate, image, profile, **other):
            composed.append(profile.name)
            return compose(plate, image, profile, **other)

        object.__setattr__(service.wall.composer, "compose", counted)
        stills = [service.wall.still(name, ".jpg") for name in "abcab"]
        assert composed == ["nest-hub", "tv"]
        assert stills[0] is stills[1] is stills[3] is stills[4]


@pytest.mark.parametrize("order", ["newest", "shuffle", "story of the hour"])
def test_a_display_that_was_away_gets_the_newest(tmp_path, order):
    """After a day without the service nobody catches up: the first slide is of today."""
    with home(tmp_path, plates=3, displays=[{"name": "hall", "order": order}]) as (service, clock):
        service.press.show()
        clock.pass_(hours=30)
        newest = painted(service, 9)
        service.press.show()
        assert hung(service) == newest


# -- over HTTP -------------------------------------------------------------------------------------


def test_the_api_turns_a_display(house):
    """Each action answers with what hangs now."""
    service, clock = house
    site = client(service, clock)
    assert site.post("/api/displays/hall/next").json() == {
        "display": "hall", "plate": 3, "headline": "Headline number 3", "paused": False,
    }  # fmt: skip
    assert site.post("/api/displays/hall/previous").json()["plate"] == 4
    assert site.post("/api/displays/hall/pause").json()["paused"] is True
    assert site.get("/d/hall/now.json").json()["note"] == "paused"
    assert site.post("/api/displays/hall/resume").json()["paused"] is False
    assert site.post("/api/displays/hall/show", json={"plate": 1}).json()["plate"] == 1
    assert site.post("/api/displays/hall/show?plate=2").json()["plate"] == 2


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/displays/attic/next", 404), ("/api/displays/hall/show?plate=99", 404),
        ("/api/displays/hall/show", 422), ("/api/displays/hall/previous", 409), ("/api/plates/99/ban", 404),
        ("/api/plates/1/not-me", 409), (f"/api/plates/{2**80}/ban", 404),
        ("/api/displays/%22%3Cb%3E/next", 404), ("/api/displays/hall/show?plate=-1", 422),
    ],
)  # fmt: skip
def test_an_action_that_cannot_be_done_says_why(house, path, status):
    """404, 409 or 422, with a sentence."""
    service, clock = house
    answer = client(service, clock).post(path)
    assert (answer.status_code, bool(answer.json()["error"])) == (status, True)


def test_the_api_votes(house):
    """Favourite, ban, and each taken back by DELETE; a ban is off the wall in the same moment."""
    service, clock = house
    site = client(service, clock)
    assert site.post("/api/plates/4/favourite").json()["favourite"] is True
    assert site.delete("/api/plates/4/favourite").json()["favourite"] is False
    assert site.post("/api/plates/4/ban").json()["banned"] is True
    assert hung(service) == 3
    assert site.delete("/api/plates/4/ban").json()["banned"] is False


def test_the_api_takes_somebody_out(tmp_path):
    """Not me, and taken back."""
    with home(tmp_path) as (service, clock):
        site, plate = client(service, clock), painted(service, 1, subject="anna")
        assert site.post(f"/api/plates/{plate}/not-me").json()["subject_allowed"] is False
        assert site.delete(f"/api/plates/{plate}/not-me").json()["subject_allowed"] is True


def test_openapi_describes_every_action(house):
    """Each has words, its failures, and says that it needs the token."""
    service, clock = house
    told = client(service, clock).get("/api/openapi.json").json()
    actions = {
        (path, method): body
        for path, methods in told["paths"].items() for method, body in methods.items()
        if path.startswith(("/api/displays/", "/api/plates/", "/api/pair")) and method != "get"
    }  # fmt: skip
    assert len(actions) == 15
    for body in actions.values():
        assert body["description"]
        assert "401" in body["responses"]
        assert body["security"] == [{"HTTPBearer": []}]


# -- on the command line ---------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path):
    """The options of a home with four plates and two displays."""
    screens = [{"name": "hall"}, {"name": "kitchen", "channel": "kids"}]
    channels = {"home": {"feeds": []}, "kids": {"feeds": []}}
    with home(tmp_path / "data", plates=4, displays=screens, channels=channels) as (service, _):
        service.press.show()
    (tmp_path / "config.toml").write_text(
        "[channels.home]\nfeeds = []\n[channels.kids]\nfeeds = []\n"
        '[[displays]]\nname = "hall"\n[[displays]]\nname = "kitchen"\nchannel = "kids"\n'
    )
    return ["--config", tmp_path / "config.toml", "--data", tmp_path / "data"]


def test_the_command_turns_and_pauses(here):
    """next, previous, pause, resume and show say what hangs."""
    assert told("next", "hall", *here).out == "hall: Headline number 3\n"
    assert told("previous", "hall", *here).out == "hall: Headline number 4\n"
    assert told("pause", "hall", *here).out == "hall (paused): Headline number 4\n"
    assert objects(told("status", "--json", *here).out)[0]["displays"][0]["paused"] is True
    assert objects(told("show", "1", "--json", *here).out) == [
        {"display": "hall", "plate": 1, "headline": "Headline number 1", "paused": True}
    ]
    assert told("resume", "hall", *here).out == "hall: Headline number 1\n"


def test_the_command_without_a_name_means_every_display(here):
    """One that cannot does not keep the others from it; where none can, it fails."""
    code, out, err = told("next", *here)
    assert (code, out) == (0, "hall: Headline number 3\n")
    assert "nothing else is ready for kitchen" in err
    assert told("previous", "kitchen", *here).code == 1


@pytest.mark.parametrize(("arguments", "says"), [
    (["next", "attic"], "no display 'attic'; there is hall, kitchen"), (["show", "99"], "no plate 99"),
    (["show", "1", "attic"], "no display 'attic'"), (["show", str(2**70)], "no plate"),
])  # fmt: skip
def test_the_command_names_what_is_not_there(here, arguments, says):
    """Exit code 2 and a sentence."""
    code, out, err = told(*arguments, *here)
    assert (code, out) == (2, "")
    assert says in err


def test_the_command_says_not_me(here):
    """Refused with the reason where nobody of this home is in the picture."""
    code, _, err = told("not-me", "1", *here)
    assert (code, err) == (1, "nobody of this home is in plate 1\n")
