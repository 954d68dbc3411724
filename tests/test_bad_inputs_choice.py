"""Bad input to the choice, row by row of the catalogue: selection and tone (F), titles that are none (D), floods (E)."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from bench import loopback
from service.assembly import opened
from service.choice import cluster, learn, normal, trifle
from service.errors import SourceError
from service.gate.verdict import Rules, judge
from service.model import Decision
from service.protocols import Fetched
from service.settings import Channel, Settings
from service.text import headline

from .test_choice import HOUR, OTHERS, SAME_EVENT, candidate, pick, titles
from .test_pipeline import FEED, OTHER, Bench, Feed
from .values import NOON, story

PERU = [
    "Peru's Congress votes to impeach the president",
    "Peru president impeached by Congress after months of turmoil",
    "Lawmakers in Peru vote to impeach president",
    "Peruvian president impeached in Congress vote",
    "Congress in Peru impeaches the country's president",
]


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def wall(bench):
    return [plate.story.title for plate in bench.archive.recent(100)]


def feeds(bench, plates=4, **stories):
    """Let each address of ``stories`` answer with these, and nothing else."""
    bench.sources = {f"http://{name}.example/feed": Feed(Fetched(tuple(told))) for name, told in stories.items()}
    bench.channel = Channel(feeds=tuple(bench.sources), plates_per_round=plates)


def told(title, name, *, hours=1.0, **other):
    url = f"http://{name}.example/feed"
    number = f"{abs(hash((title, name, str(other)))):064x}"[-64:]
    base = story(title, feed=url, source=name.title(), published=NOON - hours * HOUR, id=number)
    return replace(base, **{"link": f"https://{name}.example/story", **other})


# -- F1 … F3: one event ---------------------------------------------------------------------------


@pytest.mark.parametrize("event", [SAME_EVENT, PERU[:2], PERU[3:]], ids=["F1", "F1-impeachment", "F1-vote"])
def test_one_event_is_one_card(event):
    """F1: an event told by several feeds is one card, and the other feeds are named beside it."""
    among = [candidate(title, source=f"Paper {at}", dial=-10) for at, title in enumerate(event)]
    chosen = pick([*among, candidate(OTHERS[0])])
    assert len(chosen) == 2
    card = next(each for each in chosen if each.candidate.story.title != OTHERS[0])
    named = {each.source for each in card.also}
    assert len(named) == len(event) - 1
    assert card.candidate.story.source not in named


def test_f1_the_others_are_on_the_plate(bench):
    """F1: "also in" is kept with the plate, and who tells the event only later is added to it."""
    feeds(
        bench, gull=[told(SAME_EVENT[0], "gull", hours=0)], dove=[told(SAME_EVENT[1], "dove", link="javascript:x")],
        wren=[],
    )  # fmt: skip
    bench.round()
    (plate,) = bench.archive.recent(10)
    assert [(each.source, each.title) for each in plate.also] == [("Dove", SAME_EVENT[1])]
    bench.sources["http://wren.example/feed"].answer = Fetched((told(SAME_EVENT[2], "wren"),))
    bench.clock.pass_(hours=25)
    bench.round()
    bench.round()
    assert [each.source for each in bench.archive.plate(plate.id).also] == ["Dove", "Wren"]
    assert len(bench.archive.recent(10)) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("Two hurt as bus overturns in Ashford", "Two rescued from cave near Penrith", id="F2-places"),
        pytest.param(
            "Norsk Kraft reports first quarter profit", "Bella Pasta reports first quarter loss", id="F2-firms"
        ),
    ],
)
def test_lookalikes_are_two_events(one, other):
    """F2: the same frame of words about another place or firm is another event."""
    among = [candidate(title, source=f"Paper {at}") for at, title in enumerate([one, other, *OTHERS])]
    assert {one, other} <= set(titles(pick(among, 9)))


@pytest.mark.parametrize(("hours", "events"), [(49, (0, 1)), (47, (0, 0))], ids=["F2-later", "F2-within"])
def test_the_same_words_later_are_another_event(hours, events):
    """F2: beyond 48 hours equal words tell another event, within them the same."""
    assert cluster([OTHERS[0]] * 2, [NOON, NOON - hours * HOUR]) == events


@pytest.mark.parametrize(
    "variant",
    [
        pytest.param("Otters Settle in the Harbour of Lowmouth", id="F3-case"),
        pytest.param("Otters settle in the harbour of Lowmouth - The Daily Example", id="F3-suffix"),
        pytest.param("Otters settle in the harbour of Lowmouth | Example News", id="F3-bar"),
        pytest.param("“Otters” settle in the harbour of Lowmouth!", id="F3-quotes"),
        pytest.param("Otters settle  in the harbour of Lowmouth.", id="F3-spaces"),
        pytest.param("Otters settle in the harbour of&nbsp;Lowmouth", id="F3-entity"),
        pytest.param("BREAKING: Otters settle in the harbour of Lowmouth!!!!", id="D13-breaking"),
        pytest.param("LIVE: Otters settle in the harbour of Lowmouth", id="D13-live"),
        pytest.param("WATCH | Otters settle in the harbour of Lowmouth", id="D13-watch"),
        pytest.param("Otters settle in the harbour of Lowmouth - BBC News", id="D13-bbc"),
        pytest.param("Otters settle in the harbour of Lowmouth | Reuters", id="D13-reuters"),
        pytest.param("Otters settle in the harbour of Lowmouth (video)", id="D13-video"),
        pytest.param("OTTERS SETTLE IN THE HARBOUR OF LOWMOUTH", id="D13-capitals"),
    ],
)
def test_variants_are_one_headline(variant):
    """F3, D13: case, quotes, labels and a publication's name make no other headline."""
    clean = headline(variant)
    assert normal(clean) == normal(OTHERS[0])
    assert cluster([OTHERS[0], clean], [NOON, NOON]) == (0, 0)


# -- F10, D14: less than news -----------------------------------------------------------------------

TRIFLES = [
    ("bait", "You won't believe what this otter did next"),
    ("bait", "Doctors hate this one weird trick"),
    ("bait", "Du wirst nicht glauben, was dieser Otter tat"),
    ("bait", "Vous n'allez pas en croire vos yeux"),
    ("bait", "No vas a creer lo que hizo esta nutria"),
    ("bait", "Non crederai a quello che ha fatto questa lontra"),
    ("bait", "Você não vai acreditar no que esta lontra fez"),
    ("bait", "Je gelooft nooit wat deze otter deed"),
    ("list", "10 best hikes in the Alps"),
    ("list", "Five things to know about the budget"),
    ("list", "Die 10 schönsten Wanderwege der Alpen"),
    ("list", "Les 7 meilleurs fromages de l'année"),
    ("list", "Los cinco mejores libros del verano"),
    ("list", "I 5 migliori vini rossi"),
    ("list", "As 10 melhores praias do norte"),
    ("list", "De 10 mooiste fietsroutes"),
    ("deal", "Deal of the day: a kettle for half the price"),
    ("deal", "Save up to $200 on garden chairs this weekend"),
    ("deal", "Das Schnäppchen der Woche: Zelte"),
    ("deal", "Bon plan : une tente à moitié prix"),
    ("deal", "Oferta del día: una tienda a mitad de precio"),
    ("score", "Rovers 2-1 Wanderers"),
    ("score", "Harbour City beat Lowmouth 112-98"),
    ("score", "Mainz gewinnt 3:1 gegen Lowmouth"),
    ("horoscope", "Your horoscope for Sunday"),
    ("horoscope", "Horoskop: Was die Sterne am Sonntag sagen"),
    ("horoscope", "Oroscopo di domenica"),
    ("quiz", "Quiz of the week: how well do you know your rivers?"),
    ("quiz", "Can you guess the river from its bends?"),
    ("nothing", "null"),
    ("nothing", "undefined"),
    ("nothing", "[object Object]"),
    ("nothing", "Untitled"),
    ("nothing", "Subscribe now to keep reading"),
    ("nothing", "We use cookies to improve your visit"),
    ("nothing", "Sign up to our newsletter"),
    ("nothing", "This article is for subscribers"),
    ("nothing", "Newsletter"),
]


@pytest.mark.parametrize(("kind", "title"), TRIFLES, ids=lambda text: text if text in dict(TRIFLES) else None)
def test_trifles_score_lower(kind, title):
    """F10, D14: bait, lists, deals, scores, horoscopes and quizzes lose to a plain story; what is nothing is dropped."""
    assert trifle(title).kind == kind
    found = candidate(title, hours=0, source="Trifles")
    plain = candidate(OTHERS[1], hours=6, source="Plain")
    found, plain = (replace(each, verdict=plain.verdict, decision=Decision.PAINT) for each in (found, plain))
    assert titles(pick([found, plain])) == [OTHERS[1], *([title] if kind != "nothing" else [])]


@pytest.mark.parametrize(
    "title",
    [
        "Ten rescued from mountain hut", "10 people found safe after storm", "Senate votes 52-48 to confirm judge",
        "MPs quiz governor over interest rates", "State-sponsored programme teaches swimming",
        "Scores of otters return to the river", "Council offers new bus deal to drivers", "Top court hears bee case",
        "Two best friends cross the ocean", "Author wins 2025-26 book prize", "Zehn Menschen aus Höhle gerettet",
        "Sept nouvelles gares ouvrent en mai", "Ein Quiz, das verbindet: Dorf spielt seit 40 Jahren",
    ],
)  # fmt: skip
def test_news_is_no_trifle(title):
    """F10: numbers, deals and votes of the news keep their worth."""
    assert trifle(title) is None


# -- F11: interest ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("likes", "title", "welcome"),
    [
        pytest.param(["Arsenal"], "Arsenal open a garden behind the stadium", True, id="F11-club"),
        pytest.param(["Arsenal"], "Army shows its arsenal of missiles at the parade", False, id="F11-missiles"),
        pytest.param(["rat"], "Village celebrates its new bridge", False, id="F11-inside-a-word"),
        pytest.param(["bicycles"], "A bicycle for every pupil", True, id="F11-singular"),
        pytest.param(["news"], "New bridge opens", False, id="F11-no-plural"),
        pytest.param(["night trains"], "Night trains return to the Alps", True, id="F11-phrase"),
        pytest.param(["night trains"], "Trains stay in the night depot", False, id="F11-not-the-phrase"),
        pytest.param(["sport"], "Rovers win the football cup", True, id="F11-topic"),
        pytest.param(["Café"], "CAFE opens on the roof of the library", True, id="F11-accent"),
        pytest.param(["列車"], "夜行列車が四十年ぶりにアルプスへ", True, id="F11-unspaced"),
        pytest.param(["", "  ", "!"], "Anything at all", False, id="F11-empty"),
    ],
)
def test_interest_means_whole_words(likes, title, welcome):
    """F11: a like is a whole word, phrase or topic, in any case; a veto is stronger than any interest."""
    verdict = judge(title, "", "en" if title.isascii() else "ja", Rules(trusted_languages=("ja",)))
    assert (learn([], [], likes).liking(title, verdict) > 0) is welcome


# -- F12, E9, C21: floods and repetitions -----------------------------------------------------------

NOUNS = ["kite", "lamp", "boat", "clock", "garden", "violin", "bridge", "teapot", "orchard", "lantern"]


def flood(name="flood"):
    return [told(f"Fair number {at} for a {NOUNS[at % 10]} in town {at}", name, hours=0) for at in range(200)]


def test_f12_a_flood_does_not_fill_the_wall(bench):
    """F12: of a round's four plates a feed with two hundred items gets two, whatever the editor would take."""
    others = [[told(title, f"paper{at}", hours=6)] for at, title in enumerate(OTHERS)]
    feeds(bench, flood=flood(), **{f"paper{at}": stories for at, stories in enumerate(others)})
    bench.round()
    sources = [plate.story.source for plate in bench.archive.recent(10)]
    assert len(sources) == 4
    assert sources.count("Flood") <= 2


def test_f12_no_source_always_wins(bench):
    """F12: over a day's rounds every source that has something gets its turn."""
    others = [[told(title, f"paper{at}", hours=6)] for at, title in enumerate(OTHERS)]
    feeds(bench, flood=flood(), **{f"paper{at}": stories for at, stories in enumerate(others)})
    for _ in range(3):
        bench.round()
    assert {plate.story.source for plate in bench.archive.recent(20)} >= {f"Paper{at}" for at in range(5)}


def test_e9_the_same_headline_fifty_times(bench):
    """E9: one headline from fifty feeds is one plate that names eight others; declined, it is asked about once."""
    same = {f"paper{at}": [told(OTHERS[0], f"paper{at}")] for at in range(50)}
    feeds(bench, **same)
    bench.round()
    bench.round()
    (plate,) = bench.archive.recent(10)
    assert len(plate.also) == 8


def test_e9_what_was_declined_is_not_asked_again(bench):
    """E9: fifty copies of a headline that the editor declined are one question."""
    feeds(bench, **{f"paper{at}": [told(OTHERS[0], f"paper{at}")] for at in range(50)})
    bench.editor.keep = False
    for _ in range(3):
        bench.round()
    assert bench.steps() == ["declined"]


def test_e9_an_edit_war_changes_nothing(bench):
    """E9: a title that changes each minute under one name is the story that it was first."""
    first = told(OTHERS[0], "gull")
    feeds(bench, gull=[first])
    for at in range(4):
        bench.sources["http://gull.example/feed"].answer = Fetched((replace(first, title=f"{OTHERS[at]}!"),))
        bench.round()
        bench.clock.pass_(hours=25)
    assert wall(bench) == [f"{OTHERS[0]}!"]


@pytest.mark.parametrize(
    ("days", "change", "again"),
    [
        pytest.param(3, {}, False, id="C21-3-days"),
        pytest.param(13, {"link": "http://www.gull.example/story/?utm_source=x#top"}, False, id="C21-decorated-link"),
        pytest.param(13, {"title": "OTTERS settle, in the harbour of Lowmouth"}, False, id="C21-restyled-title"),
        pytest.param(15, {}, True, id="C21-after-14-days"),
        pytest.param(3, {"link": "https://gull.example/2"}, True, id="C21-another-link"),
    ],
)
def test_a_feed_that_publishes_everything_again(days, change, again, bench):
    """C21: with new names and dates, but the same words and link, a story is not told again within 14 days."""
    first = told(OTHERS[0], "gull", link="https://gull.example/story")
    feeds(bench, gull=[first])
    bench.round()
    bench.clock.pass_(days=days)
    copy = replace(first, id="ab" * 32, published=bench.clock() - HOUR, **change)
    bench.sources["http://gull.example/feed"].answer = Fetched((copy,))
    bench.round()
    assert len(wall(bench)) == 1 + again


# -- F13, F14: odd dates, and nothing ---------------------------------------------------------------


@pytest.mark.parametrize("hours", [-24 * 365 * 98, -72, -3], ids=["F13-2124", "F13-days", "F13-hours"])
def test_the_future_leads_nothing(hours):
    """F13: an item dated in the future is shown, but not on top."""
    chosen = pick([candidate(OTHERS[0], hours=hours, source="Future"), candidate(OTHERS[1], hours=1, source="Now")], 2)
    assert titles(chosen) == [OTHERS[1], OTHERS[0]]


def test_f13_1970_is_too_old():
    """F13: an item of 1970 is dropped, unless any age is welcome; then it comes last."""
    old = candidate(OTHERS[0], hours=24 * 365 * 56, source="Old")
    new = candidate(OTHERS[1], hours=30, source="New")
    assert titles(pick([old, new])) == [OTHERS[1]]
    assert titles(pick([old, new], max_age_hours=0)) == [OTHERS[1], OTHERS[0]]


def test_f13_an_edited_old_item_is_not_news(bench):
    """F13: an item that comes again with another date and title under its old name is still the old story."""
    old = told(OTHERS[0], "gull", hours=60)
    feeds(bench, gull=[old, told(OTHERS[1], "gull", hours=2, link="https://gull.example/b")])
    bench.round()
    edited = replace(old, title=f"{OTHERS[0]}, updated", published=NOON + 25 * HOUR)
    bench.sources["http://gull.example/feed"].answer = Fetched((edited,))
    bench.clock.pass_(hours=25)
    bench.round()
    assert wall(bench) == [OTHERS[1]]


def test_f14_nothing_in_nothing_out():
    """F14: no items, one item, only duplicates: no error, and no more cards than events."""
    assert pick([]) == ()
    assert pick([candidate(OTHERS[0])], 0) == ()
    assert titles(pick([candidate(OTHERS[0])])) == [OTHERS[0]]
    assert len(pick([candidate(OTHERS[0], source=f"Paper {at}") for at in range(50)])) == 1
    assert cluster([], []) == ()
    assert cluster(["", "", "???"], [None, None, None])[0] == 0


def test_f14_all_feeds_down_for_a_week(bench):
    """F14: the last news stays up and takes turns, however long nothing new can be fetched."""
    bench.round()
    bench.round()
    bench.sources[FEED].answer = bench.sources[OTHER].answer
    seen = set()
    for _ in range(7):
        bench.clock.pass_(days=1)
        errors = [event.error for event in bench.round() if event.verb == "fetch"]
        assert all(errors)
        seen.add(bench.archive.hung("hall").plate.id)
    assert seen == {plate.id for plate in bench.archive.recent(10)}


def test_f14_the_wall_says_how_old_its_news_is(tmp_path, monkeypatch):
    """F14: before the first story a calm sample hangs; days after the last one, the slide says its age."""
    now = [NOON]
    monkeypatch.setattr("service.clock.now", lambda: now[0])
    with loopback.serving({"news.xml": loopback.rss(loopback.headlines(1))}) as base:
        table = {
            "channels": {"home": {"feeds": [f"{base}/news.xml"], "plates_per_round": 1, "max_age_hours": 0}},
            "net": {"allow_private": ["127.0.0.1"]},
        }
        with opened(Settings.model_validate(table), tmp_path) as service:
            assert service.wall.showing("hall").plate.sample
            list(service.wall.round())
            plate = service.wall.showing("hall").plate
            now[0] = plate.story.published + timedelta(days=6)
            list(service.wall.round())
            assert service.wall.showing("hall").plate.id == plate.id
            assert re.search(r"\b6 ?d", service.wall.fragment(plate, "hall", 1024, 600, "").html)


@pytest.mark.parametrize("error", ["HTTP 500", "timed out"], ids=["F14-500", "F14-timeout"])
def test_f14_nothing_but_errors_from_the_start(error, bench):
    """F14: feeds that never answered leave a wall without plates, a round that ends, and what failed in words."""
    bench.sources = {FEED: Feed(SourceError(error)), OTHER: Feed(SourceError(error))}
    events = bench.round()
    assert [event.error for event in events if event.error] == [error, error]
    assert bench.archive.hung("hall") is None
