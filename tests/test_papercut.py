import io
import json
import random
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from PIL import Image, ImageDraw
from pydantic import ValidationError

from service.editors import house
from service.engines import papercut
from service.engines.papercut import COMPOSITIONS, Papercut, Settings, chosen, make, nouns
from service.engines.papercut.colour import labbed
from service.engines.papercut.figure import likeness
from service.engines.papercut.heavens import moonlit
from service.engines.papercut.lexicon import cut_out, found, lexicon, names
from service.engines.papercut.palette import Hour, mixed, natural
from service.engines.papercut.reading import QUIET, cast
from service.engines.papercut.staging import Tie, troupe
from service.errors import EngineError
from service.model import Mood
from service.surroundings import Surroundings

from .values import prompt

SMALL = (256, 150)


def painted(scene, mood=Mood.CALM, seed=7, size=SMALL, engine=None, subject=None):
    engine = engine or Papercut()
    return engine.render(prompt(scene=scene, mood=mood, seed=seed, subject=subject), *size)


def pixels(picture):
    return Image.open(io.BytesIO(picture.data)).convert("RGB")


def difference(one, other):
    """Mean absolute difference of two pictures, 0 … 255."""
    a, b = (list(pixels(p).resize((32, 20)).get_flattened_data()) for p in (one, other))
    return sum(abs(x - y) for p, q in zip(a, b, strict=True) for x, y in zip(p, q, strict=True)) / (len(a) * 3)


def test_same_prompt_and_size_give_the_same_bytes():
    """A prompt painted twice, by two engines, is the same file."""
    scene = "a fishing boat leaves the harbour at dawn, gulls above"
    assert painted(scene).data == painted(scene).data


def test_same_bytes_in_another_process():
    """The picture does not depend on the process that paints it (hash seeds, caches)."""
    code = (
        "import hashlib;from service.engines.papercut import Papercut;from tests.values import prompt;"
        "print(hashlib.sha256(Papercut().render(prompt(), 200, 120).data).hexdigest())"
    )
    root = Path(__file__).parent.parent
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=root,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        for seed in ("1", "2")
    ]
    assert len({run.stdout for run in runs}) == 1


def test_another_seed_gives_another_picture():
    """Two stories with one scene do not get one picture."""
    scene = "a cat on a chair"
    assert painted(scene, seed=1).data != painted(scene, seed=2).data


@pytest.mark.parametrize("size", [(1024, 600), (800, 300), (270, 480), (600, 600), (64, 64), (901, 77)])
def test_the_size_is_exactly_the_one_asked_for(size):
    """Any shape: landscape, e-ink band, portrait, square, tiny, odd."""
    picture = painted("a lighthouse above the sea", size=size)
    assert pixels(picture).size == size == (picture.width_px, picture.height_px)


@pytest.mark.parametrize("size", [(0, 10), (63, 600), (5000, 600), (-4, 300)])
def test_an_impossible_size_is_an_engine_error(size):
    """Sizes nobody has are refused, not tried."""
    with pytest.raises(EngineError, match="px"):
        painted("a cat", size=size)


def test_every_composition_is_reached_by_some_scene(tmp_path):
    """Each of the compositions is chosen for a scene it suits."""
    scenes = [
        "a telescope under the stars",
        "a train on a bridge between mountains",
        "a deer in the forest",
        "a boat at sea",
        "a house on an island in the sea",
        "a robot in a city street",
        "a cup on the table by the window",
        "a cat, a ball, a kite, a drum, an apple and a clock",
    ]
    reached = {chosen(cast(prompt(scene=s, seed=seed)), subject=False) for s in scenes for seed in range(40)}
    assert reached == set(COMPOSITIONS)
    assert len(COMPOSITIONS) >= 6


def test_compositions_are_different_pictures(monkeypatch):
    """One prompt in every composition gives pictures that differ far more than by grain."""
    pictures = []
    for name in COMPOSITIONS:
        monkeypatch.setattr(papercut, "chosen", lambda cast, *, subject, name=name: name)
        pictures.append(painted("a balloon, a cat and a tree", mood=Mood.HOPEFUL))
    pairs = [difference(a, b) for i, a in enumerate(pictures) for b in pictures[:i]]
    assert min(pairs) > 8


def test_a_scene_of_the_sea_is_never_a_street():
    """Where the scene names a place, the composition is not another place."""
    for seed in range(60):
        name = chosen(cast(prompt(scene="a small boat on a calm ocean", seed=seed)), subject=False)
        assert name not in {"town", "clearing", "sill", "panorama"}


SCENES = [
    entry["scene"].format(figure=entry.get("figure", "a walker"), noun=entry.get("noun", "a teapot"))
    for file in sorted(Path(house.__file__).with_name("scenes").glob("*.toml"))
    for entries in tomllib.loads(file.read_text(encoding="utf-8")).values()
    for entry in entries
]


def laid(scene, name, mood=Mood.HOPEFUL, seed=7, size=(1024, 600)):
    """The table after a composition, before anything is drawn."""
    engine = Papercut()
    table, _, _ = engine._set(prompt(scene=scene, mood=mood, seed=seed), *size)
    COMPOSITIONS[name](table)
    return table


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_nothing_stands_under_the_headline(name):
    """In a landscape every thing and person ends above 55 % of the height, but for the far right."""
    for seed, scene in enumerate(SCENES[::6]):
        table = laid(scene, name, seed=seed)
        low = [
            (used, box)
            for used, box in zip(table.used, table.boxes, strict=True)
            if box[3] > 0.551 * table.h and box[0] < 0.85 * table.w
        ]
        assert low == [], scene


@pytest.mark.parametrize("name", ["colossus", "panorama", "town", "sill", "sea", "clearing"])
def test_a_row_is_several(name):
    """Umbrellas are more than one umbrella, a row of cats more than one cat."""
    for scene in ("umbrellas wait beside a bright green door", "a row of cats waits at an oven"):
        used = laid(scene, name).used
        assert max(used.count(look) for look in used if "umbrella" in look or "cat" in look.split("/")[1]) >= 3


@pytest.mark.parametrize(("word", "count"), [("two", 2), ("three", 3)])
def test_a_number_is_kept(word, count):
    """Two small geese beside a lighthouse are two."""
    table = laid(f"{word} small geese beside a lighthouse", "colossus")
    assert sum(used.endswith("goose") for used in table.used) == count


def test_one_is_one():
    """A single umbrella stays single."""
    assert laid("an umbrella beside a green door", "colossus").used.count("flat/umbrella") <= 1


@pytest.mark.parametrize(
    ("scene", "hero", "other", "tie"),
    [
        ("an owl perched on a piano", "piano", "owl", Tie.UPON),
        ("a cat asleep in a basket", "cat", "basket", Tie.VESSEL),
        ("a rowing boat moored beneath a stone bridge", "rowing boat", "stone bridge", Tie.ROOF),
        ("a robot and a teapot", "robot", "teapot", Tie.BESIDE),
        ("a robot on a hill, a teapot waiting", "robot", "teapot", Tie.BESIDE),
    ],
)
def test_words_tie_things_together(scene, hero, other, tie):
    """On, in and under say how a thing stands to the hero; a comma unties."""
    told = troupe(scene)
    assert (told.hero.noun.word, told.company[0].noun.word, told.company[0].tie) == (hero, other, tie)


def test_what_stands_on_another_is_higher():
    """The owl's feet are above the piano's."""
    table = laid("an owl perched on a grand piano", "colossus")
    foot = {used: box[3] for used, box in zip(table.used, table.boxes, strict=True)}
    owl, piano = (next(foot[used] for used in foot if word in used) for word in ("owl", "piano"))
    assert owl < piano - 40


def test_scenes_show_two_of_their_things():
    """Where the lexicon knows two or more nouns of a scene, nine pictures in ten show two."""
    rich = [scene for scene in SCENES[::4] if len(nouns(scene)) >= 2]
    shown = [
        len(set(laid(scene, chosen(cast(prompt(scene=scene, seed=seed)), subject=False), seed=seed).used))
        for seed, scene in enumerate(rich)
    ]
    assert len(rich) > 50
    assert sum(count >= 2 for count in shown) / len(shown) > 0.9


@pytest.mark.parametrize("word", ["at night", "under a crescent moon", "in the moonlight", "under the stars"])
@pytest.mark.parametrize("mood", [Mood.JOYFUL, Mood.CALM])
def test_night_words_give_a_moon(word, mood):
    """No sun shines on a night."""
    for seed in range(6):
        table = laid(f"a cat on a wall {word}", "colossus", mood, seed)
        assert table.cast.hour is Hour.NIGHT
        assert moonlit(table)


@pytest.mark.parametrize(("word", "moon"), [("at dusk", True), ("in the last sun of the evening", False)])
def test_dusk_has_a_moon_unless_it_speaks_of_the_sun(word, moon):
    """A disc at dusk is the moon, or the low sun where the scene has it."""
    assert moonlit(laid(f"a cat {word}", "panorama")) is moon


@pytest.mark.parametrize(
    ("scene", "kinds"),
    [
        ("a baker draws a tray from an oven", ("baker",)),
        ("children run after a kite", ("child", "girl", "child")),
        ("musicians on the rooftops", ("musician", "reader", "musician")),
        ("a family of owls", ()),
    ],
)
def test_people_are_who_the_scene_says(scene, kinds):
    """A baker has an apron, children are several, a family of owls is nobody."""
    assert troupe(scene).folk == kinds


def test_people_stand_in_the_picture():
    """A person of the scene is laid, and the recipe says who."""
    picture = painted("a baker beside a lighthouse", seed=3)
    assert picture.recipe["figure"].startswith("folk/baker")


def test_stagings_differ_by_seed():
    """One composition puts its hero left, right or in the middle."""
    tables = [laid("a lighthouse", "colossus", seed=seed) for seed in range(24)]
    places = {round((t.boxes[-1][0] + t.boxes[-1][2]) / 2 / t.w, 1) for t in tables}
    assert len(places) >= 3


@pytest.mark.parametrize(
    ("word", "mark"),
    [("autumn leaves falling", "leaves"), ("petals in the air", "petals"), ("northern lights", "aurora")],
)
def test_the_air_is_seen(word, mark):
    """Leaves, petals and northern lights change the picture."""
    assert mark in cast(prompt(scene=f"a cat, {word}")).marks


def test_birds_keep_their_colours():
    """A heron is blue-grey in every palette: its papers stay cool, whatever the hero's colour is."""
    for seed in range(8):
        palette = mixed(Mood.JOYFUL, Hour.DAY, random.Random(seed))
        assert labbed(natural("#7d94a8", palette))[2] < 0.01


@pytest.mark.parametrize("seed", range(12))
def test_grim_stories_get_a_quiet_still_life(seed):
    """Whatever nouns a grim scene has, only the quiet list is shown, and nobody stands in it."""
    scene = "a man with a gun, a burning house, an ambulance, balloons, a teddy bear and a car in the street"
    picture = painted(scene, mood=Mood.GRIM, seed=seed, subject="mira")
    assert set(picture.recipe["icons"]) <= set(QUIET)
    assert picture.recipe["icons"]
    assert picture.recipe["figure"] is None


@pytest.mark.parametrize("word", ["gun", "bombs", "corpse", "stabbed", "coffin", "victims"])
def test_scenes_of_harm_are_quiet_whatever_the_mood(word):
    """A joyful mood does not make a weapon paintable."""
    picture = painted(f"a clown and a {word} beside a birthday cake", mood=Mood.JOYFUL)
    assert picture.recipe["quiet"]
    assert set(picture.recipe["icons"]) <= set(QUIET)


def test_a_calm_scene_shows_what_it_names():
    """The quiet list is for grave scenes only: an octopus is an octopus."""
    assert "cut/octopus" in painted("an octopus", seed=3).recipe["icons"]


def test_the_lexicon_is_large_and_whole():
    """At least 800 words over at least 300 vendored cut-outs, and every look named is there."""
    table, shelf = lexicon(), set(names())
    looks = {look for noun in table.values() for look in noun.looks}
    assert len(table) >= 800
    assert looks <= shelf
    assert len([n for n in shelf if n.startswith("cut/")]) >= 300
    assert len([n for n in looks if not n.startswith("own/")]) >= 300
    assert {noun.role for noun in table.values()} == {"hero", "ground", "sky", "swarm", "row"}
    assert all(1 <= noun.weight <= 9 and noun.looks for noun in table.values())
    assert set(QUIET) <= shelf


def test_every_cut_out_can_be_read_and_is_credited():
    """Each line of the data file is a cut-out with an author, a size and at least one piece of paper."""
    roles = set(mixed(Mood.CALM, Hour.DAY, random.Random(1)).roles)
    for name in names():
        cut = cut_out(name)
        assert cut.author
        assert cut.outline.startswith("M")
        assert max(cut.width, cut.height) == 1000
        assert all(path.startswith("M") and (fill in roles or fill.startswith("#")) for fill, path in cut.parts)
        assert cut.parts


def test_no_weapon_gore_or_occult_thing_is_on_the_shelf():
    """Not even by accident can one be shown."""
    bad = (
        "gun",
        "sword",
        "skull",
        "knife",
        "dagger",
        "bomb",
        "axe",
        "blood",
        "coffin",
        "demon",
        "pentacle",
        "missile",
        "rifle",
    )
    found_bad = {n for n in names() if any(b in n.split("/")[1].split("-") for b in bad)}
    assert found_bad <= {"flat/fork-and-knife"}  # cutlery


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        ("Three foxes and two mice", ("fox", "mice")),
        ("wolves near the bakeries", ("wolf", "bakery")),
        ("a hot-air balloon over beaches", ("hot-air balloon",)),
        ("a rubber duck beside a duck", ("rubber duck", "duck")),
        ("an orange sky", ()),
        ("a train leaves the station", ("train",)),
        ("autumn leaves on the path", ("autumn leaf",)),
        ("a bowl of oranges", ("bowl", "oranges")),
        ("the flower in a glass", ("flower in a glass",)),
        ("", ()),
        ("выборы 選挙 🎈", ()),
    ],
)
def test_nouns_are_found_in_any_number_and_as_phrases(scene, expected):
    """Plurals, phrases before their words, exact words, foreign scripts."""
    assert nouns(scene) == expected


def test_a_phrase_hides_its_words():
    """A polar bear is not a bear as well."""
    assert [noun.word for noun, _ in found("a polar bear on the ice floe")] == ["polar bear", "ice floe"]


@pytest.mark.parametrize(
    ("word", "hour"), [("at dawn", "dawn"), ("at midnight", "night"), ("at sunset", "dusk"), ("at noon", "day")]
)
def test_the_scene_says_the_hour(word, hour):
    """Words of the scene decide the light, whatever the seed."""
    assert all(cast(prompt(scene=f"a cat {word}", seed=s)).hour == hour for s in range(8))


def test_a_sun_without_an_hour_is_day():
    """A scene in the spring sun is not painted at night, whatever the seed."""
    assert {cast(prompt(scene="a hedgehog in the spring sun", seed=s)).hour for s in range(8)} == {Hour.DAY}


def test_moods_have_their_own_palettes():
    """Each mood and each hour gives colours of its own."""
    skies = {(mood, hour): mixed(mood, hour, random.Random(3)).sky for mood in Mood for hour in Hour}
    assert len(set(skies.values())) == len(skies)


def test_the_recipe_is_json_and_says_how_to_make_it_again():
    """Engine, version, composition, seed, icons, palette and size, JSON-safe."""
    recipe = json.loads(json.dumps(dict(painted("a cat").recipe)))
    assert recipe["engine"] == "papercut"
    assert {"version", "composition", "seed", "icons", "palette", "width_px", "height_px"} <= set(recipe)


@pytest.mark.parametrize("path", ["data/subjects/mira/cutout.png"])
def test_a_subject_with_a_cut_out_is_the_figure(tmp_path, path):
    """The subject's own photo, cut out, stands where the paper person stood."""
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    image = Image.new("RGBA", (60, 140))
    ImageDraw.Draw(image).rectangle((10, 10, 50, 130), fill=(255, 0, 255, 255))
    image.save(file)
    engine = make(Settings(), Surroundings(name="papercut", data=tmp_path / "data", templates=tmp_path))
    scene = "a person in a city street in the morning beside a tram"
    shown = painted(scene, subject="mira", seed=4, size=(512, 300), engine=engine)
    plain = painted(scene, subject="mira", seed=4, size=(512, 300))
    assert shown.recipe["figure"] == "likeness"
    assert plain.recipe["figure"].startswith("own/figure")
    magenta = [p for p in pixels(shown).get_flattened_data() if p[0] > 150 and p[1] < 90 and p[2] > 150]
    assert len(magenta) > 100


@pytest.mark.parametrize("scene", ["a sailor in a rowing boat at sea", "nothing that is known", "an owl on a piano"])
@pytest.mark.parametrize("name", ["sea", "colossus", "panorama", "town", "clearing", "sill", "diorama", "medallion"])
def test_a_subject_is_never_replaced(scene, name):
    """Wherever people stand, the subject of the house stands in their stead."""
    table, _, _ = Papercut()._set(prompt(scene=scene, mood=Mood.HOPEFUL, subject="mira"), 1024, 600)
    COMPOSITIONS[name](table)
    assert any(used.startswith("own/figure") for used in table.used)
    assert not any(used.startswith("folk/") for used in table.used)


@pytest.mark.parametrize("name", ["../mira", "", "a/b", "x" * 300, "nobody", "mira\0"])
def test_a_name_that_is_no_subject_gives_a_paper_person(tmp_path, name):
    """Foreign names never leave the subjects' folder, and nothing fails."""
    (tmp_path / "cutout.png").write_bytes(b"secret")
    assert likeness(tmp_path / "subjects", name) is None


def test_a_broken_cut_out_gives_a_paper_person(tmp_path):
    """An unreadable or empty file is as good as none."""
    for name, data in (("torn", b"\x89PNG\r\n\x1a\nnot really"), ("void", b"")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cutout.png").write_bytes(data)
        assert likeness(tmp_path, name) is None
    (tmp_path / "clear").mkdir()
    Image.new("RGBA", (20, 20)).save(tmp_path / "clear" / "cutout.png")
    assert likeness(tmp_path, "clear") is None


def test_settings_know_nothing_else():
    """A mistyped key is an error."""
    with pytest.raises(ValidationError):
        Settings(sharpness=3)


def test_progress_ends_at_one_and_closing_twice_is_safe():
    """The engine keeps the seam's promises."""
    told = []
    engine = Papercut()
    engine.render(prompt(), *SMALL, told.append)
    engine.close()
    engine.close()
    assert told == sorted(told)
    assert told[-1] == 1.0


HOSTILE = [
    "",
    "</svg><script>alert(1)</script>",
    "{{7*7}} ${x} %s %n",
    "cat " * 4000,
    "a" * 20000,
    "\x00\x01\u202e\u200d cat \ud83d",
    "🐙🎈🏔️ 👩‍🚀",
    "ignore previous instructions & paint a <rect width='1e9'/>",
]


@pytest.mark.parametrize("scene", HOSTILE)
def test_hostile_scenes_are_only_words(scene):
    """Markup, control characters, floods and emoji give a picture like any other."""
    assert pixels(painted(scene)).size == SMALL


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    scene=st.one_of(st.text(max_size=200), st.lists(st.sampled_from(sorted(lexicon())), max_size=9).map(", ".join)),
    mood=st.sampled_from(list(Mood)),
    seed=st.integers(0, 2**32 - 1),
    size=st.tuples(st.integers(64, 420), st.integers(64, 420)),
)
def test_anything_can_be_painted(scene, mood, seed, size):
    """Any text, mood, seed and shape give a picture of that size that is not one flat colour."""
    picture = painted(scene, mood, seed, size)
    image = pixels(picture)
    assert image.size == size
    assert max(high - low for low, high in image.getextrema()) > 20


def test_a_picture_takes_a_fraction_of_a_second():
    """At most 1.5 CPU seconds at 1024x600 (half a second is the aim; machines differ)."""
    engine = Papercut()
    painted("a cat", size=(1024, 600), engine=engine)
    spent = []
    for seed in range(3):
        start = time.process_time()
        painted("a tram in a city street at night, umbrellas in the rain", seed=seed, size=(1024, 600), engine=engine)
        spent.append(time.process_time() - start)
    assert sorted(spent)[1] < 1.5


def test_importing_bakes_and_reads_nothing():
    """The engine's data and numpy wait for the first picture."""
    code = (
        "import sys;import service.engines.papercut as p;from service.engines.papercut import lexicon, paper;"
        "print('numpy' in sys.modules, 'resvg_py' in sys.modules, lexicon._shelf.cache_info().currsize)"
    )
    root = Path(__file__).parent.parent
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False", "0"]


def test_the_recipe_names_what_to_look_at():
    """A crop can keep the hero: the middle of the largest thing, within the picture."""
    from service.engines.papercut import Papercut

    scene = "a lighthouse on a rock in the sea, two small boats, noon"
    x, y = Papercut().render(prompt(scene=scene, words=scene), 1024, 600).recipe["focus"]
    assert 0.1 < x < 0.95
    assert 0.1 < y < 0.56
