"""The whole line with nothing but real parts: feeds over loopback, the gate, the house editor, papercut, the wall."""

import io
import json
import shutil
import socket
import urllib.request
from itertools import pairwise

import pytest
from PIL import Image

from bench import loopback

from .command import command, objects, running, told, until
from .loopback import Loopback, answer, forever

WORLD = {
    "en": ["Night library opens for shift workers in Lindow", "Beavers restore a river that engineers had given up",
           "Old lighthouse becomes a school for sign language", "Whales change their song, and scientists sing back"],
    "de": ["Nachtzüge kehren nach vierzig Jahren in die Alpen zurück", "Bäcker teilen sich nach dem Sturm einen Ofen",
           "Glasmuseum lädt Besucher mit zerbrochenen Fenstern ein", "Imker stellen Bienenstöcke auf das Dach der Oper"],
    "fr": ["Le village rend sa grande place aux marchés", "Des tisserandes envoient la plus longue écharpe par le train",
           "Un orchestre joue pour les vaches du plateau", "Le glacier abrite désormais une bibliothèque de graines"],
    "es": ["Los bomberos rescatan a un gato y adoptan a otro", "El reloj de la plaza se detiene y nadie quiere repararlo",
           "Pescadores encuentran un ánfora llena de miel", "La escuela construye un puente que canta con el viento"],
    "ja": ["夜行列車が四十年ぶりにアルプスへ戻る", "図書館の猫が名誉館長に就任", "古い灯台が手話の学校になる", "村の時計が止まり、誰も直したがらない"],
}  # fmt: skip
HUGE = b'<?xml version="1.0"?><rss version="2.0"><channel><title>x</title>' + b"<!-- nothing -->" * 3_300_000


def configured(path, feeds, *, plates, more=""):
    """A config with these feed addresses."""
    listed = ", ".join(f'"{feed}"' for feed in feeds)
    path.write_text(
        f'[channels.home]\nfeeds = [{listed}]\nplates_per_round = {plates}\nmax_age_hours = 0\n'
        f'languages = ["en", "de", "fr", "es", "ja"]\n[[displays]]\nname = "hall"\ndwell_seconds = 0.001\n'
        f'[net]\nallow_private = ["127.0.0.1"]\n{more}'
    )  # fmt: skip
    return path


def refused():
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        return f"http://127.0.0.1:{door.getsockname()[1]}/feed"


@pytest.fixture(scope="module")
def world():
    documents = {
        f"{language}.xml": loopback.rss(titles, title=f"Courier {language}", language=language)
        for language, titles in WORLD.items()
    }
    with loopback.serving(
        {**documents, "page": b"<html><body>moved</body></html>", "empty": b"", "huge": HUGE}
    ) as base:
        yield base


def test_a_round_of_the_world(world, tmp_path):
    """Twenty stories in five languages reach the wall; each of six bad feeds has its short reason and harms nobody."""
    endless = Loopback(forever(answer(Content_Type="application/xml", Content_Length="99999999999"), b"<item>" * 9000))
    good = [f"{world}/{language}.xml" for language in WORLD]
    with endless:
        bad = {refused(): "refused", f"{world}/gone": "404", f"{world}/page": "HTML", f"{world}/empty": "empty",
               f"{world}/huge": "too large", endless.url: "too large"}  # fmt: skip
        config = configured(tmp_path / "config.toml", [*bad, *good], plates=20)
        here = ["--config", config, "--data", tmp_path / "data"]
        done = told("once", "--json", *here)
    assert done.code == 0, done.err
    events = objects(done.out)
    status = objects(told("status", "--json", *here).out)[0]
    feeds = {feed["address"]: feed for feed in status["feeds"]}
    for address, reason in bad.items():
        assert reason in feeds[address]["error"], feeds[address]
        assert len(feeds[address]["error"]) < 100
        assert feeds[address]["next_check_at"] > feeds[address]["checked_at"]
    assert [feeds[address]["error"] for address in good] == [None] * 5
    assert status["counts"]["stories"] == 20
    shown = {event["what"] for event in events if event["verb"] == "render"}
    assert len(shown) >= 12
    assert all(shown & set(titles) for titles in WORLD.values())
    assert status["displays"][0]["headline"] in shown
    assert status["displays"][0]["note"] == ""
    assert status["stuck"] == []


def test_nothing_is_shown_twice_in_a_row(world, tmp_path):
    """Round after round the display changes, and never to what it shows already."""
    here = [
        "--config",
        configured(tmp_path / "config.toml", [f"{world}/en.xml"], plates=2),
        "--data",
        tmp_path / "data",
    ]
    seen = []
    for _ in range(4):
        assert told("once", *here).code == 0
        seen.append(objects(told("status", "--json", *here).out)[0]["displays"][0]["plate"])
    assert all(a != b for a, b in pairwise(seen))


def test_a_day_without_network_shows_the_sample_edition(tmp_path):
    """With every feed dead the round ends well, the wall shows the sample edition, and the status says both."""
    config = configured(tmp_path / "config.toml", [refused(), refused()], plates=4)
    here = ["--config", config, "--data", tmp_path / "data"]
    done = told("once", "--json", *here)
    assert (done.code, objects(done.out)[-1]["painted"], objects(done.out)[-1]["errors"]) == (0, 0, 2)
    status = objects(told("status", "--json", *here).out)[0]
    assert status["displays"][0]["note"].startswith("sample edition")
    assert all("refused" in feed["error"] for feed in status["feeds"])


def asked(address):
    with urllib.request.urlopen(address, timeout=30) as response:
        return response.read()


def full(limit):
    """What makes every file that would grow beyond the limit (bytes) a write to a full disk."""
    return f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); "


@pytest.mark.parametrize("limit", [60_000, 400_000], ids=["not a row fits", "no picture fits"])
def test_a_full_disk_leaves_the_wall_as_it_is(limit, world, tmp_path):
    """When nothing more can be written the last slide stays on the wall, and the status says what is wrong."""
    data = tmp_path / "data"
    config = configured(tmp_path / "config.toml", [f"{world}/en.xml"], plates=1)
    assert told("once", "--config", config, "--data", data).code == 0
    config = configured(tmp_path / "config.toml", [f"{world}/de.xml", f"{world}/es.xml"], plates=4)
    with running(config, data, first=full(limit)) as (_, address):
        status = until(lambda: (s := json.loads(asked(f"{address}/api/status")))["error"] and s, what="the error")
        still = Image.open(io.BytesIO(asked(f"{address}/d/hall.jpg")))
        now = json.loads(asked(f"{address}/d/hall/now.json"))
        assert asked(f"{address}/healthz") == b"ok\n"
        assert b"All is well" not in asked(f"{address}/status")
    assert "cannot be" in status["error"]
    assert still.size == (1024, 600)
    assert not now["sample"]
    assert now["title"] in WORLD["en"] + WORLD["de"] + WORLD["es"]
    assert "Traceback" not in (tmp_path / "data.log").read_text()
    assert told("once", "--config", config, "--data", data).code == 0  # once there is room again
    status = objects(told("status", "--json", "--config", config, "--data", data).out)[0]
    assert (status["stuck"], status["error"]) == ([], None)


def test_a_full_disk_from_the_start_is_a_sentence(world, tmp_path):
    """Where not even a database can be made, the command says so and exits 3."""
    config = configured(tmp_path / "config.toml", [f"{world}/en.xml"], plates=1)
    found = command("once", "--config", config, "--data", tmp_path / "data", first=full(1000))
    assert found.code == 3
    assert "frontispiece.db cannot be used" in found.err
    assert len(found.err.splitlines()) == 1
    shutil.rmtree(tmp_path / "data")
