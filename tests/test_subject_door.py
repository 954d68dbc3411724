"""`frontispiece subject` and a subject's page: the command, its process, the rows it writes, and what learning looks like."""

import fcntl
import io
import json
import os
import re
import signal
import sys
import threading
import time

import pytest
from rich.console import Console

from personalization.dataset import Photo, keep, photos
from service import checking, learning, progress, subjects
from service.album import SEEN
from service.doors import subject_captions, subject_words
from service.doors.subject_learning import Board, sparkline, spoken
from service.errors import SubjectError
from service.roster import Roster
from service.subjects import Frequency, Kind, Subject

from .command import command, objects, told
from .dialects import speaking
from .homes import client, home, painted
from .photo_files import scene
from .values import NOON

REX = Subject(name="rex", kind=Kind.DOG, class_noun="corgi", token="phol", base="some/model")
ANA = Subject(name="ana", kind=Kind.PERSON, class_noun="woman", token="zshq")
PAGE = {"accept": "text/html"}


@pytest.fixture
def data(tmp_path):
    """A data folder with Rex, who has two photos, and Ana, who was never asked."""
    for card in (REX, ANA):
        subjects.save(tmp_path / "data", card)
    folder = tmp_path / "data/subjects/rex"
    for number in (1, 2):
        for where in ("photos", SEEN):
            (folder / where).mkdir(exist_ok=True)
            scene(number, (300, 240)).save(folder / f"{where}/{number:03}.jpg")
    keep(
        folder,
        [Photo(f"photos/{n:03}.jpg", f"IMG_{n}.heic", f"{n}" * 64, 300, 240, box=(80, 60, 220, 200)) for n in (1, 2)],
    )
    return tmp_path / "data"


def subject(data, *words, given="", config=None):
    more = ["--config", config] if config else []
    return told("subject", words[0], *more, "--data", data, *words[1:], given=given)


def learns(tmp_path, monkeypatch, *lines, first="", last=""):
    """A process in the place of learning's, which says these lines."""
    script = tmp_path / "learner.py"
    script.write_text(
        f"import sys, time, signal, json\n{first}\n"
        + "".join(f"print({json.dumps(line)!r}, flush=True)\n" for line in lines)
        + last
    )
    monkeypatch.setattr(learning, "COMMAND", (sys.executable, str(script)))


# -- the command -------------------------------------------------------------------------------------


def test_photos_go_in_by_one_command(tmp_path):
    """A real process, a real photo; the table says what was found, and a bad file makes the exit code 1."""
    scene(1).save(tmp_path / "one.png")
    (tmp_path / "two.jpg").write_bytes(b"%PDF")
    ran = command("subject", "add", "globe", tmp_path, "--kind", "thing", "--noun", "ball", "--data", tmp_path / "data")
    assert ran.code == 1, ran.err
    assert "two.jpg is a PDF, not a photo" in ran.out
    assert re.search(r"✓ 1 +one\.png +900x700", ran.out)
    assert "globe, a ball: 1 of 1 photo will be learned from" in ran.out
    assert "One photo teaches that photo" in ran.out
    assert [photo.original for photo in photos(tmp_path / "data/subjects/globe")] == ["one.png"]


def test_files_that_cannot_be_taken_are_named_even_where_none_could_be(tmp_path):
    """Twenty by name, the rest by how many have which fault."""
    for number in range(26):
        (tmp_path / f"{number:02}.jpg").write_bytes(b"%PDF" if number < 24 else b"")
    ran = told("subject", "add", "rex", tmp_path, "--kind", "dog", "--data", tmp_path / "data")
    assert ran.code == 1
    assert "✗ 00.jpg is a PDF, not a photo" in ran.out
    assert "and 6 more: 4 × is a PDF, not a photo, 2 × is empty" in ran.out
    assert "none of these files could be taken" in ran.err


def test_each_thing_that_takes_long_has_one_bar(monkeypatch):
    """However far it is."""
    terminal = Console(file=io.StringIO(), force_terminal=True, width=80)
    monkeypatch.setattr(subject_words, "err", terminal)
    bars = []
    monkeypatch.setattr(subject_words.Progress, "add_task", lambda _, what: bars.append(what) or len(bars) - 1)
    monkeypatch.setattr(subject_words.Progress, "update", lambda *_, **__: None)
    told = [{"event": "progress", "what": what, "done": at, "total": 3} for what in ("A", "B") for at in (1, 2, 3)]
    assert list(subject_words.progressed([*told, {"event": "done"}])) == [{"event": "done"}]
    assert bars == ["A", "B"]


def test_a_person_is_asked_for_at_a_terminal_only(tmp_path):
    """Without a terminal and without --consent nothing is even read."""
    ran = subject(tmp_path, "add", "tom", "nowhere.jpg", "--kind", "person")
    assert (ran.code, ran.out) == (2, "")
    assert "say --consent once they have agreed" in ran.err
    assert subject(tmp_path, "add", "rex", "nowhere.jpg").code == 2
    assert not (tmp_path / "subjects").exists()


def test_the_list_says_how_everybody_stands(data):
    """For people and for programs; a card that cannot be read is one line of it."""
    (data / "subjects/rex/subject.toml").write_text("kind = 3")
    ran = told("subject", "--data", data)
    assert "a woman" in ran.out
    assert "Field required" in ran.out
    ana, rex = objects(told("subject", "list", "--data", data, "--json").out)
    assert (ana["name"], ana["learned"], ana["channels"], rex["name"]) == ("ana", False, [], "rex")
    assert rex["error"]
    assert "subject add" in told("subject", "list", "--data", data / "other").out


def test_a_subject_is_put_on_a_channel_and_taken_off(data, tmp_path):
    """A row, not the config; what the config says stays there."""
    assert "may appear on home" in subject(data, "use", "rex").out
    assert objects(told("subject", "list", "--data", data, "--json").out)[1]["channels"] == ["home"]
    assert "no longer appears on home" in subject(data, "use", "rex", "--off").out
    assert "did not appear" in subject(data, "use", "rex", "--off").out
    assert subject(data, "use", "nobody").code == 1
    assert subject(data, "use", "rex", "--channel", "attic").code == 2
    ana = subject(data, "use", "ana")
    assert (ana.code, "has not agreed" in ana.err) == (1, True)
    config = tmp_path / "config.toml"
    config.write_text('[channels.home]\nsubjects = ["rex"]\n')
    assert "stands in config.toml" in subject(data, "use", "rex", "--off", config=config).err


def test_a_running_line_takes_it_up(tmp_path):
    """The next brief names who may appear, the config's first."""
    with home(tmp_path / "data", channels={"home": {"subjects": ["ana"]}}) as (service, _):
        line, desk = service.press.line, service.press.line.desks[0]
        assert line.subjects(desk) == ("ana",)
        line.appearances.begin("rex", "home")
        line.appearances.begin("ana", "home")
        assert line.subjects(desk) == ("ana", "rex")
        line.appearances.end("rex", "home")
        assert line.subjects(desk) == ("ana",)


def test_rules_are_written_on_the_card(data):
    """What is said changes, the rest stays; a topic that there is not is refused."""
    ran = subject(data, "rules", "rex", "--frequency", "rarely", "--max-gravity", ".1", "--forbid", "politics")
    assert ran.out.strip() == "rex appears rarely, up to gravity 0.1, never about politics"
    card = subjects.load(data, "rex")
    assert (card.frequency, card.max_gravity, card.topics_forbidden) == (Frequency.RARELY, 0.1, ("politics",))
    assert "rarely" in subject(data, "rules", "rex").out
    assert subject(data, "rules", "rex", "--allow", "politics").code == 2
    assert subject(data, "rules", "rex", "--forbid", "polotics").code == 2
    assert "never about" not in subject(data, "rules", "rex", "--any-topic").out


def test_captions_are_told_and_edited(data, tmp_path, monkeypatch):
    """One by its number, all in the owner's editor; a broken line changes nothing."""
    assert "1 a [V] corgi on a lawn" in subject(data, "caption", "rex", "1", "a corgi on a lawn").out
    editor = tmp_path / "editor.py"
    editor.write_text("import sys; from pathlib import Path; p = Path(sys.argv[1]); t = p.read_text()\n"
                      "assert '1: a [V] corgi on a lawn' in t and '2: ' in t\n"
                      "p.write_text(t.replace('2: ', '2: asleep by the door'))\n")  # fmt: skip
    monkeypatch.setenv("VISUAL", f"{sys.executable} {editor}")
    ran = subject(data, "caption", "rex", "--edit")
    assert [photo.caption for photo in photos(data / "subjects/rex")] == [
        "a [V] corgi on a lawn",
        "a [V] corgi, asleep by the door",
    ], ran.err
    editor.write_text("import sys; open(sys.argv[1], 'a').write('nonsense\\n')")
    assert subject(data, "caption", "rex", "--edit").code == 2
    monkeypatch.setenv("VISUAL", "no-such-editor")
    assert "$EDITOR" in subject(data, "caption", "rex", "--edit").err


def test_a_model_that_can_see_says_what_photos_show(data, tmp_path):
    """It is shown the photo and told the noun, never the name; a failure costs its own photo."""
    config = tmp_path / "config.toml"
    with speaking(lambda _: json.dumps({"doing": "Lying on its side", "where": "on a grey sofa, indoors"})) as server:
        config.write_text(f'[editors.eyes]\nkind = "chat"\nbase_url = "{server.url}"\nmodel = "tiny"\n')
        ran = subject(data, "caption", "rex", "--editor", "eyes", config=config)
    assert ran.out.splitlines()[0].strip() == "1 a [V] corgi lying on its side, on a grey sofa, indoors"
    assert "sent to 127.0.0.1" in ran.err
    assert all(heard.picture.startswith("data:image/jpeg") for heard in server.heard)
    words = " ".join(heard.system + heard.user for heard in server.heard).lower()
    assert "corgi" in words
    assert "rex" not in words
    assert subject(data, "caption", "rex", "--editor", "nobody", config=config).code == 2
    subjects.save(data, REX.model_copy(update={"photos_travel": "never"}))
    for name, why in (("rex", "photos_travel"), ("ana", "has not agreed")):
        ran = subject(data, "caption", name, "--editor", "eyes", config=config)
        assert (ran.code, why in ran.err) == (1, True)


def test_removing_leaves_nothing(data):
    """Photos, card, its plates and their files; other plates stay. Asked for without a terminal it needs --yes."""
    with home(data) as (service, _):
        plates = [painted(service, 1, subject="rex"), painted(service, 2), painted(service, 3, subject="rex")]
        service.wishes.favour(plates[2])
        service.press.line.appearances.begin("rex", "home")
        files = {plate: service.data / "pictures" / service.archive.plate(plate).picture for plate in plates}
        assert subject(data, "remove", "rex").code == 2
        assert (data / "subjects/rex").exists()
        ran = subject(data, "remove", "rex", "--yes")
        assert ran.out.strip() == "rex is gone: 2 photos, 2 plates"
        assert [service.archive.plate(plate) is None for plate in plates] == [True, False, True]
        assert [files[plate].exists() for plate in plates] == [False, True, False]
        assert service.press.line.subjects(service.press.line.desks[0]) == ()
    assert sorted(path.name for path in (data / "subjects").iterdir()) == ["ana"]
    assert subject(data, "remove", "rex", "--yes").code == 1


def test_who_is_being_learned_is_not_removed(data):
    """A lesson would write the folder anew after it is gone; so it is refused, and goes once the lesson is over."""
    with progress.at_work(data / "subjects/rex"):
        ran = subject(data, "remove", "rex", "--yes")
        assert (ran.code, (data / "subjects/rex/subject.toml").exists()) == (1, True)
        assert "a command learns" in ran.err
    assert subject(data, "remove", "rex", "--yes").code == 0


def test_a_removal_that_was_cut_short_is_finished_by_the_next(data, monkeypatch):
    """Photos that could not be deleted are hidden already, and gone when it is said again; so is a folder with no card."""

    def full(_):
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr("service.roster.shutil.rmtree", full)
        assert subject(data, "remove", "rex", "--yes").code == 1
    assert [path.name[:5] for path in (data / "subjects").glob(".*")] == [".rex."]
    (data / "subjects/zoe").mkdir()
    assert [subject(data, "remove", name, "--yes").code for name in ("rex", "zoe", "rex")] == [0, 0, 1]
    assert sorted(path.name for path in (data / "subjects").iterdir()) == ["ana"]


def test_a_removal_that_lost_its_power_is_finished_at_the_next_start(data):
    """What was hidden is deleted with the pictures of it; those of a subject that was made anew by that name stay."""
    with home(data) as (service, _):
        old, new = painted(service, 1, subject="rex"), painted(service, 2, subject="ana")
        (data / "subjects/rex").rename(data / "subjects/.rex.0123abcd.gone")
        (data / "subjects/.ana.0123abcd.gone").mkdir()
        service.hand.roster.finish()
        assert sorted(path.name for path in (data / "subjects").iterdir()) == ["ana"]
        assert [service.archive.plate(plate) is None for plate in (old, new)] == [True, False]


def test_a_picture_that_two_plates_share_stays_for_the_other(data):
    """Only what no row names any more is deleted."""
    with home(data) as (service, _):
        gone, stays = painted(service, 1, subject="rex"), painted(service, 2)
        with service.store.transaction() as db:
            db.execute(
                "UPDATE plates SET picture = (SELECT picture FROM plates WHERE id = ?) WHERE id = ?", (gone, stays)
            )
        Roster(service.press.line).remove("rex")
        assert service.store.folder.whole(service.archive.plate(stays).picture)


# -- learning as a process ---------------------------------------------------------------------------


def test_what_learning_says_is_drawn_and_its_end_is_the_commands(data, tmp_path, monkeypatch):
    """Sentences are printed; options go along as they are; a refusal is a sentence and exit code 1."""
    learns(tmp_path, monkeypatch, {"event": "plan", "says": "learns rex in 8 min"}, {"event": "step", "step": 10, "steps": 20, "loss": 0.5, "left_s": 4},
           {"event": "measured", "step": 20, "likeness": 0.7, "drift": 0.1, "best": True, "says": "looks like rex"}, first="open(sys.argv[0] + '.asked', 'w').write(repr(sys.argv[1:]))",
           last="print(json.dumps({'event': 'done', 'says': 'looks like Rex; other dogs unaffected'}))")  # fmt: skip
    ran = subject(data, "train", "rex", "--steps", "20", "--adapter=lokr")
    assert ran.code == 0, ran.err
    assert "learns rex in 8 min" in ran.out
    assert "looks like Rex; other dogs unaffected" in ran.out
    asked = (tmp_path / "learner.py.asked").read_text()
    assert asked == repr(["train", "--data", str(data), "rex", "--steps", "20", "--adapter=lokr"])
    learns(tmp_path, monkeypatch, {"event": "error", "says": "the token means something"})
    ran = subject(data, "train", "rex")
    assert (ran.code, ran.err.strip()) == (1, "the token means something")
    assert subject(data, "train", "ana").code == 1


def test_a_subject_is_learned_on_the_model_that_paints(data, tmp_path, monkeypatch):
    """The base, and how pictures of it are made, come from the channel's engine; what is written goes before it."""
    learns(tmp_path, monkeypatch, first="open(sys.argv[0] + '.asked', 'w').write(' '.join(sys.argv[4:]))",
           last="print(json.dumps({'event': 'done'}))")  # fmt: skip
    config = tmp_path / "config.toml"

    def asked(engine, *words):
        config.write_text(
            f'[channels.home]\nengines = ["gpu", "papercut"]\n[engines.gpu]\nkind = "diffusion"\n{engine}'
        )
        ran = subject(data, *words, config=config)
        assert ran.code == 0, ran.err
        return (tmp_path / "learner.py.asked").read_text()

    own = 'model = "some/model"\ndevice = "cpu"\nsteps = 12\nguidance = 3.0'
    told = "--device=cpu --sampling-steps=12 --guidance=3.0"
    assert asked(own, "train", "rex", "--steps", "9") == f"rex --base=some/model {told} --steps 9"
    assert asked(own, "one-photo", "rex", "--photo", "a").endswith(f"rex --base=some/model {told} --photo a")
    assert asked(own, "try", "rex", "on the moon") == f"rex {told} on the moon"
    assert asked(own, "evaluate", "rex") == f"rex {told}"
    assert asked('model = "another"', "evaluate", "rex") == "rex"
    assert asked(own, "train", "rex", "--base", "theirs") == "rex --base theirs"
    klein = 'model = "flux2-klein-4b"\ndevice = "cpu"'
    card = subjects.load(data, "rex")
    subjects.save(data, card.model_copy(update={"base": ""}))
    config.write_text("")
    assert subject(data, "try", "rex", "moon", config=config).code == 0  # learning itself says what is missing
    subjects.save(data, card)
    assert asked(klein, "plan", "rex") == "rex --base=black-forest-labs/FLUX.2-klein-base-4B --device=cpu"
    assert asked('model = "sdxl"\ndevice = "cuda:1"', "train", "rex").startswith(
        "rex --base=stabilityai/stable-diffusion-xl-base-1.0 --device=cuda:1"
    )


def test_who_is_painted_from_photos_is_not_said_to_be_just_any_corgi(data, tmp_path, monkeypatch):
    """By the command and on the page, before and while it is learned; never where photos are of no use."""
    learns(tmp_path, monkeypatch, last="print(json.dumps({'event': 'done'}))")
    config = tmp_path / "config.toml"
    engine = '[channels.home]\nengines = ["gpu", "papercut"]\n[engines.gpu]\nkind = "diffusion"\ndevice = "cpu"\n'
    config.write_text(engine + 'model = "sd15"')
    meanwhile = "gpu paints it from 2 photos"
    assert meanwhile not in subject(data, "train", "rex", config=config).err  # it is on no channel yet
    assert f"Until it is learned, {meanwhile}" in subject(data, "use", "rex", config=config).out
    assert f"until rex is learned, {meanwhile} on home: a preview" in subject(data, "train", "rex", config=config).err
    table = {"engines": {"gpu": {"kind": "diffusion", "device": "cpu", "model": "sd15"}}}
    folder = data / "subjects/rex"
    with home(data, channels={"home": {"engines": ["gpu"]}}, **table) as (service, clock):
        owner = client(service, clock)
        page = owner.get("/subjects/rex").text
        assert f"until then {meanwhile}. How" in page
        assert "just a corgi" not in page
        (found,) = checking._subjects(service, service.desks["home"])
        assert found["says"] == f"learned on some/model; {meanwhile}"
        lesson(data)
        with (folder / progress.LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert f"Until rex is learned, {meanwhile} on home: a preview." in owner.get("/subjects/rex/learning").text
    config.write_text(engine + 'model = "sd15"\nip_adapter = false')
    assert "pictures show just a corgi" in subject(data, "use", "rex", config=config).out
    assert meanwhile not in subject(data, "train", "rex", config=config).err


@pytest.mark.parametrize(
    ("engine", "says"),
    [
        ("", "no channel paints with a model on this machine"), ('model = "sd-turbo"', "nothing can be learned on"),
        ('model = "/some/model.safetensors"\ncard = "sdxl"', "a single file, which learning cannot read"),
    ],
)  # fmt: skip
def test_without_a_base_it_says_what_to_do(data, tmp_path, engine, says):
    """No engine with a model, or one on which nothing is learned: a sentence, and nothing is started."""
    config = tmp_path / "config.toml"
    table = f'[channels.home]\nengines = ["gpu"]\n[engines.gpu]\nkind = "diffusion"\n{engine}' if engine else ""
    config.write_text(table)
    subjects.save(data, REX.model_copy(update={"base": ""}))
    ran = subject(data, "train", "rex", config=config)
    assert (ran.code, ran.out) == (1, "")
    assert says in ran.err
    assert "--base" in ran.err


def test_programs_get_the_lines_as_they_are(data, tmp_path, monkeypatch):
    """One object a line."""
    lines = [{"event": "step", "step": 1, "steps": 2, "loss": 1.0}, {"event": "done", "says": "ok"}]
    learns(tmp_path, monkeypatch, *lines)
    assert objects(subject(data, "train", "rex", "--json").out) == lines


@pytest.mark.parametrize(
    ("last", "says"),
    [
        ("import os; os.kill(os.getpid(), 9)", "ran out of memory"), ("raise ValueError('a bug')", "it last said: ValueError: a bug"),
        ("sys.stderr.write('prog: error: no such option'); sys.exit(2)", "^no such option$"), ("print('not json')", "ended with code 0"),
    ],
)  # fmt: skip
def test_a_process_that_dies_is_a_sentence(data, tmp_path, monkeypatch, last, says):
    """However it went."""
    learns(tmp_path, monkeypatch, {"event": "step"}, last=last)
    with pytest.raises(SubjectError, match=says):
        learning.asked(data, "train", "rex")


def test_ctrl_c_is_passed_on_and_what_was_learned_stays(data, tmp_path, monkeypatch):
    """The process finishes what must be whole, and the command says how to go on."""
    learns(
        tmp_path, monkeypatch, {"event": "step", "step": 1, "steps": 9},
        first="signal.signal(signal.SIGINT, lambda *_: (print(json.dumps({'event': 'stopped', 'step': 3}), flush=True), sys.exit(130)))",
        last="time.sleep(30)",
    )  # fmt: skip
    threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    began = time.monotonic()
    ran = subject(data, "train", "rex")
    assert time.monotonic() - began < 20
    assert ran.code == 130
    assert "`frontispiece subject train rex` goes on from here" in ran.err


def test_no_secret_goes_to_learning(data, tmp_path, monkeypatch):
    """The keys of editors and engines stay with the service."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    learns(
        tmp_path,
        monkeypatch,
        first="import os; print(json.dumps({'event': 'seen', 'names': sorted(os.environ)}))",
        last="print(json.dumps({'event': 'done'}))",
    )
    seen, _ = learning.asked(data, "plan", "rex")
    assert "OPENAI_API_KEY" not in seen["names"]
    assert "PATH" in seen["names"]


def test_the_board_shows_time_left_and_curves():
    """As many columns as fit, whatever has been heard so far."""
    board = Board()
    for step in range(1, 200):
        board.heard({"event": "step", "step": step, "steps": 400, "loss": 1 / step, "left_s": 720.0})
    board.heard(
        {"event": "measured", "step": 200, "likeness": 0.4, "drift": 0.1, "best": True, "says": "not yet like rex"}
    )
    board.heard(
        {"event": "measured", "step": 300, "likeness": 0.3, "drift": 0.2, "best": False, "says": "less like rex"}
    )
    console = Console(width=90, record=True, file=io.StringIO())
    console.print(board)
    text = console.export_text()
    assert "step 300 of 400" in text
    assert "about 12 min left" in text
    assert "best at step 200: 0.40" in text
    assert "less like rex" in text
    assert sparkline([0, 1, 2, 3]) == "▁▃▆█"
    assert sparkline([5.0]) == "▁"
    assert len(sparkline(list(range(1000)))) == 32
    assert [spoken(span) for span in (40, 720, 7500)] == ["40 s", "12 min", "2 h 5 min"]


# -- the page ----------------------------------------------------------------------------------------


def test_a_subjects_page_is_for_the_owners_eyes_alone(data):
    """Others are led to the login, and get no photo."""
    with home(data) as (service, clock):
        guest, owner = client(service, clock, token=""), client(service, clock)
        assert guest.get("/subjects/rex", headers=PAGE).headers["location"] == "/login?then=/subjects/rex"
        assert guest.get("/subjects", headers=PAGE).status_code == 303
        assert guest.get("/subjects/rex/1.jpg").status_code == 401
        assert guest.post("/subjects/rex/1", data={"caption": "x"}).status_code == 401
        assert "Subjects" not in guest.get("/").text
        page = owner.get("/subjects/rex")
        assert page.status_code == 200
        assert "private" in page.headers["cache-control"]
        assert "IMG_2.heic" in page.text
        assert 'href="/subjects/rex"' in owner.get("/subjects").text
        photo = owner.get("/subjects/rex/1.jpg")
        assert (photo.headers["content-type"], photo.content[:2]) == ("image/jpeg", b"\xff\xd8")
        assert owner.get("/subjects/rex/9.jpg").status_code == 404
        assert owner.get("/subjects/nobody").status_code == 404
        assert owner.get("/subjects/..%2f..%2fetc/1.jpg").status_code == 404


def test_a_caption_is_edited_on_the_page(data):
    """And a photo left out; what cannot be is said on a page. Foreign words stay text."""
    with home(data) as (service, clock):
        owner = client(service, clock)
        saved = owner.post("/subjects/rex/2", data={"caption": "a corgi <b>asleep</b>"})
        assert saved.headers["location"] == "/subjects/rex#photo-2"
        assert photos(data / "subjects/rex")[1].caption == "a [V] corgi <b>asleep</b>"
        assert "&lt;b&gt;asleep" in owner.get("/subjects/rex").text
        assert owner.post("/subjects/rex/1", data={"used": "", "caption": "x"}).status_code == 303
        assert [photo.used for photo in photos(data / "subjects/rex")] == [False, True]
        assert "Left out" in owner.get("/subjects/rex").text
        wrong = owner.post("/subjects/rex/2", data={"caption": "[V] and [V]"})
        assert wrong.status_code == 409
        assert "belongs into a caption once" in wrong.text


# -- its lesson, on the page -------------------------------------------------------------------------

CURVE = [{"step": step, "likeness": step / 500, "leak": 0.02, "drift": 0.1, "alignment": None,
          "sheet": f"learning/{'a' * 12}/step-{step:06}.png"} for step in (100, 200, 300)]  # fmt: skip


def lesson(data, state="learning", **more):
    """What learning leaves in Rex's folder; returns the folder."""
    folder = data / "subjects/rex"
    sheets = folder / CURVE[0]["sheet"]
    sheets.parent.mkdir(parents=True, exist_ok=True)
    scene(1, (64, 32)).save(sheets)
    table = {"state": state, "what": "Learning", "step": 340, "steps": 800, "best": 200, "left_s": 700, "began_at": NOON, "told_at": NOON,
             "plan": "needs about 6 GB", "says": "looks like <rex>", "losses": [(10, 0.3), (20, 0.2), (30, 0.1)], "curve": CURVE}  # fmt: skip
    progress.keep(folder, progress.Progress.model_validate(table | more))
    return folder


def test_how_far_learning_is_is_seen_on_the_page(data):
    """While a process holds the lock: steps, the time left by now, curves, pictures. Then it is said to have broken off."""
    folder = lesson(data)
    with home(data) as (service, clock), (folder / progress.LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        owner = client(service, clock)
        clock.pass_(seconds=100)
        page = owner.get("/subjects/rex/learning").text
        assert page in owner.get("/subjects/rex").text
        assert "Step 340 of 800" in page
        assert "at most 10 min left" in page
        assert "looks like &lt;rex&gt;" in page
        assert "best at step 200" in page
        assert page.count("<polyline") == 4
        assert 'data-every="2000"' in page
        shown = owner.get("/subjects/rex/steps/100.png")
        assert (shown.headers["content-type"], "private" in shown.headers["cache-control"]) == ("image/png", True)
        assert owner.get("/subjects/rex/steps/200.png").status_code == 404  # cleared away
        fcntl.flock(lock, fcntl.LOCK_UN)
        assert "Learning broke off" in owner.get("/subjects/rex/learning").text


def test_what_came_of_learning_is_seen_on_the_page(data):
    """The verdict, its numbers and pictures; a refusal in words, beside what stays in use; nothing at all, what to do."""
    folder = data / "subjects/rex"
    with home(data) as (service, clock):
        owner = client(service, clock)
        assert "frontispiece subject train rex" in owner.get("/subjects/rex").text
        (folder / "weights.safetensors").write_bytes(b"x")
        assert "Learned elsewhere" in owner.get("/subjects/rex").text
        (folder / "evaluation.json").write_text(
            json.dumps(CURVE[2] | {"says": "resembles rex", "refusal": "", "curve": CURVE})
        )
        (folder / "samples").mkdir()
        scene(1, (64, 32)).save(folder / "samples/classes.png")
        lesson(data, "done")
        page = owner.get("/subjects/rex").text
        assert "Resembles rex." in page
        assert "0.60" in page
        assert owner.get("/subjects/rex/samples/classes.png").status_code == 200
        assert owner.get("/subjects/rex/samples/..%2f..%2fphotos%2f001.png").status_code == 404
        lesson(data, "refused", says="not published: nothing was learned")
        page = owner.get("/subjects/rex").text
        assert "Not published: nothing was learned." in page
        assert "What was learned before stays in use: resembles rex" in page


@pytest.mark.parametrize(
    "spoilt", ["{", '{"state": "learning"}', '{"curve": [{"step": 1, "sheet": "../../../etc/passwd"}]}', "[" * 5000]
)
def test_notes_that_make_no_sense_cost_only_themselves(data, spoilt):
    """The page is there without them, and no path of theirs is followed."""
    (data / "subjects/rex/training").mkdir()
    (data / "subjects/rex/training/progress.json").write_text(spoilt)
    (data / "subjects/rex/evaluation.json").write_text(spoilt)
    (data / "subjects/rex/weights.safetensors").write_bytes(b"x")
    with home(data) as (service, clock):
        owner = client(service, clock)
        assert owner.get("/subjects/rex").status_code == 200
        assert owner.get("/subjects/rex/steps/1.png").status_code == 404


def test_a_lesson_is_for_the_owners_eyes_alone(data):
    """Numbers and pictures alike, and nobody else changes anything."""
    lesson(data)
    with home(data) as (service, clock):
        guest = client(service, clock, token="")
        for path in ("learning", "steps/100.png", "samples/subject.png"):
            assert guest.get(f"/subjects/rex/{path}").status_code == 401
        assert guest.post("/subjects/rex/rules", data={"frequency": "always"}).status_code == 401
        assert guest.post("/subjects/rex/channels/home", data={"on": "1"}).status_code == 401
    assert subjects.load(data, "rex") == REX


def test_where_a_subject_appears_is_pressed_on_the_page(data):
    """On and off; a person who has not agreed, a channel that is not there or of the config's is refused in words."""
    with home(data, channels={"home": {}, "kids": {"subjects": ["rex"]}}) as (service, clock):
        owner, line = client(service, clock), service.press.line
        assert owner.post("/subjects/rex/channels/home", data={"on": "1"}).headers["location"] == "/subjects/rex#rules"
        assert line.appearances.channels("rex") == ("home",)
        assert "✓ home" in owner.get("/subjects/rex").text
        owner.post("/subjects/rex/channels/home", data={"on": ""})
        assert line.appearances.channels("rex") == ()
        for name, channel, on, why in (("ana", "home", "1", "has not agreed"), ("rex", "attic", "1", "no channel"), ("rex", "kids", "", "config.toml")):  # fmt: skip
            refused = owner.post(f"/subjects/{name}/channels/{channel}", data={"on": on})
            assert (refused.status_code, why in refused.text) == (409, True)


def test_the_rules_of_a_subject_are_changed_on_the_page(data):
    """The whole form at once; what makes no sense changes nothing and is said."""
    form = {"frequency": "rarely", "max_gravity": "0.1", "photos_travel": "never", "topics_forbidden.politics": "on",
            "topics_allowed.sport": "on", "topics_allowed.nonsense": "on"}  # fmt: skip
    with home(data) as (service, clock):
        owner = client(service, clock)
        assert owner.post("/subjects/rex/rules", data=form).status_code == 303
        card = subjects.load(data, "rex")
        assert (card.frequency, card.max_gravity, card.photos_travel) == ("rarely", 0.1, "never")
        assert (card.topics_allowed, card.topics_forbidden) == (("sport",), ("politics",))
        assert (card.kind, card.token, card.consent_at) == (REX.kind, REX.token, REX.consent_at)
        for wrong in ({"frequency": "hourly"}, {"max_gravity": "2"}, {"topics_forbidden.sport": "on"}):
            assert owner.post("/subjects/rex/rules", data=form | wrong).status_code == 409
        assert subjects.load(data, "rex") == card


def test_a_damaged_album_is_said_on_its_page(data):
    """The page is there all the same."""
    (data / "subjects/rex/photos.json").write_text("{")
    with home(data) as (service, clock):
        page = client(service, clock).get("/subjects/rex").text
        assert "add the photos again" in page
        assert client(service, clock).get("/subjects").status_code == 200


def test_lines_of_the_file_of_captions_are_read_back():
    """With colons and signs of their own."""
    read = subject_captions._read("# no\n1: a [V] dog: asleep  # a.jpg\n 2:\n", {1: "a.jpg", 2: "b.jpg"})
    assert read == [(1, "a [V] dog: asleep"), (2, "")]
