"""A picture is made again from its recipe: the same to the byte, or in another style."""

import json

import pytest
from PIL import Image

from service import pipeline
from service.errors import Refused
from service.studio import Studio

from .command import told
from .homes import client, home, painted


def rendered(service):
    """A plate that the papercut engine painted, through the real pipeline; its number."""
    number = painted(service, 1)
    service.store.spoilt(service.archive.plate(number))
    list(pipeline.render(service.press.line, service.desks["home"]))
    return number


@pytest.fixture
def house(tmp_path):
    with home(tmp_path) as (service, _):
        yield service, rendered(service)


def test_the_same_recipe_is_the_same_picture(house):
    """Papercut paints a plate again to the byte, and the wall stays as it is."""
    service, number = house
    before = service.archive.plate(number)
    made = Studio(service.press.line).repaint(number)
    assert made.same
    assert made.psnr_db is None
    assert service.archive.plate(number) == before


def test_another_seed_hangs_from_then_on(house):
    """The new picture is on the plate, both are among its tries, and the transcript says that it was painted again."""
    service, number = house
    before = service.archive.plate(number)
    made = Studio(service.press.line).repaint(number, seed=99)
    after = service.archive.plate(number)
    assert not made.same
    assert made.psnr_db < 40
    assert after.picture != before.picture
    assert [tried.picture for tried in service.journal.tries(number)] == [before.picture, after.picture]
    assert service.journal.notes(number)[-1][1].what == "painted again"
    assert Studio(service.press.line).repaint(number).same


def test_without_keeping_nothing_changes(house):
    """A look at another seed leaves the wall alone."""
    service, number = house
    before = service.archive.plate(number)
    assert not Studio(service.press.line).repaint(number, seed=99, keep=False).same
    assert service.archive.plate(number) == before


def test_what_cannot_be_painted_again_says_why(house):
    """An unknown plate, one in words, one whose engine is gone, one whose picture is damaged."""
    service, number = house
    studio = Studio(service.press.line)
    with pytest.raises(LookupError):
        studio.repaint(4000)
    words = painted(service, 2)
    service.store.spoilt(service.archive.plate(words))
    service.store.unillustrated(service.archive.plate(words))
    with pytest.raises(Refused, match="no picture whose recipe is known"):
        studio.repaint(words)
    file = service.store.folder.path / "pictures" / service.archive.plate(number).picture
    whole = file.read_bytes()
    file.write_bytes(whole[:50])
    with pytest.raises(Refused, match="cannot be read"):
        studio.repaint(number)
    file.write_bytes(whole)
    studio.line.desks[0].engines[:] = [("gpu", None)]
    with pytest.raises(Refused, match="papercut, which no channel names"):
        studio.repaint(number)


def test_the_command_paints_again(house, tmp_path):
    """Here, where no service runs: the words say what came of it, and -o leaves the wall alone."""
    service, number = house
    config = tmp_path / "config.toml"
    config.write_text("")
    asked = ("--data", service.data, "--config", config)
    assert "the same picture, to the byte" in told("repaint", number, *asked).out
    out = tmp_path / "again.jpg"
    said = json.loads(told("repaint", number, "--seed", 5, "-o", out, "--json", *asked).out)
    assert (said["same"], said["seed"], said["file"]) == (False, 5, str(out))
    assert Image.open(out).size == (1024, 600)
    assert told("repaint", 4000, *asked).code == 2


def test_the_running_service_paints_again_for_programs_and_people(house):
    """The API says what came of it; the button leads back to the page with another picture; a stranger gets neither."""
    service, number = house
    web = client(service, service.store.now, studio=Studio(service.press.line))
    assert web.post(f"/api/plates/{number}/repaint").json()["same"]
    looked = web.post(f"/api/plates/{number}/repaint", json={"seed": 3, "keep": False}).json()
    assert looked["b64_json"]
    before = service.archive.plate(number).picture
    assert web.post(f"/plates/{number}/repaint").headers["location"] == f"/plates/{number}"
    assert service.archive.plate(number).picture != before
    assert "Paint again" in web.get(f"/plates/{number}").text
    assert web.post("/api/plates/4000/repaint").status_code == 404
    assert client(service, service.store.now, token=None).post(f"/api/plates/{number}/repaint").status_code == 401
