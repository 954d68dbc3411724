"""Choosing: fresh, varied, no event twice. All headlines are our own."""

import random
import subprocess
import sys
import time
from datetime import timedelta

from hypothesis import given, settings, strategies as st

from service.choice import Candidate, Shown, choose, cluster, learn, normal
from service.gate.verdict import decide, judge
from service.model import Decision

from .values import NOON, story

HOUR = timedelta(hours=1)


def candidate(title, *, hours=1.0, source="The Daily Example", dial=0, **other):
    found = judge(title)
    return Candidate(
        story(title, published=NOON - hours * HOUR, source=source, feed=f"http://{source}/", **other),
        found,
        decide(found, dial),
    )


def voted(each):
    """What a favourite or a ban of this story teaches from."""
    return each.story.title, each.verdict


def titles(chosen):
    return [each.candidate.story.title for each in chosen]


def pick(candidates, count=5, **other):
    return choose(candidates, count, **{"now": NOON, "max_age_hours": 48, **other}).chosen


SAME_EVENT = [
    "Night trains return to the Alps after forty years",
    "After forty years, night trains return to the Alps",
    "Alps: night trains are back after a forty-year absence",
]
OTHERS = [
    "Otters settle in the harbour of Lowmouth",
    "Museum of clocks reopens on Sunday",
    "Village choir wins the national title",
    "Astronomers find a planet with two suns",
    "Chocolate festival opens in the old mill",
]


def test_a_single_feed_may_fill_the_wall():
    """Where there is one source only, its share is everything."""
    assert len(pick([candidate(title) for title in OTHERS], 5)) == 5


def test_topics_alternate():
    """Two equally fresh stories of one topic are not both taken before one of another."""
    sport = [candidate(f"{team} win the football cup", source=team) for team in ("Rovers", "Wanderers")]
    chosen = pick([*sport, candidate("Museum of clocks reopens", source="Clock Weekly")], 2)
    assert sum("football" in title for title in titles(chosen)) == 1


def test_skipped_stories_are_never_chosen():
    """What the gate skips is not taken, however dry the day."""
    grim = [candidate("Dozens killed in market bombing", dial=5), candidate("Troops shell the harbour town", dial=5)]
    assert {each.decision for each in grim} == {Decision.SKIP}
    assert pick(grim) == ()


def test_a_mild_wording_does_not_stand_in_for_a_grave_event():
    """Where one feed says that people died, the event is text-only, whoever tells it."""
    mild = candidate("Bus overturns on mountain road near Ashford", source="Mild", hours=0)
    grave = candidate("Bus overturns on mountain road near Ashford, two dead", source="Plain", hours=5)
    (chosen,) = pick([mild, grave])
    assert chosen.candidate.decision is Decision.TEXT_ONLY


def test_shown_events_do_not_come_again_within_two_days():
    """What was on the wall is not told again for 48 hours, in other words either."""
    again = [candidate(SAME_EVENT[1]), candidate(OTHERS[0])]
    assert titles(pick(again, recent=[Shown(SAME_EVENT[0], NOON - 5 * HOUR)])) == [OTHERS[0]]
    assert len(pick(again, recent=[Shown(SAME_EVENT[0], NOON - 60 * HOUR)])) == 2


def test_fresh_kind_and_much_told_come_first():
    """Freshness, mood and the number of sources each lift a story."""
    fresh, stale = candidate(OTHERS[0], hours=1, source="A"), candidate(OTHERS[1], hours=40, source="B")
    assert titles(pick([stale, fresh], 1)) == [OTHERS[0]]
    kind, grave = candidate(OTHERS[2], source="A"), candidate("Company to lay off 4,000 workers", source="B")
    assert titles(pick([grave, kind], 1)) == [OTHERS[2]]
    told = [candidate(title, source=f"Paper {at}") for at, title in enumerate(SAME_EVENT)]
    assert "trains" in titles(pick([candidate("Ferry line returns to the isles", source="Z"), *told], 1))[0]


def test_taste_is_learned_from_favourites_and_bans():
    """Topics of favourites rise, topics of bans fall."""
    golf, opera = candidate("Golf final ends at dusk", source="A"), candidate("Opera opens at dusk", source="B")
    likes_opera = learn([voted(opera)] * 3, [voted(golf)] * 3)
    likes_golf = learn([voted(golf)] * 3, [voted(opera)] * 3)
    assert "Opera" in titles(pick([golf, opera], 1, taste=likes_opera))[0]
    assert "Golf" in titles(pick([golf, opera], 1, taste=likes_golf))[0]


def test_unspaced_scripts_group_too():
    """Japanese and Chinese headlines, which have no spaces, are compared by pairs of letters."""
    among = ["夜行列車が四十年ぶりにアルプスへ", "四十年ぶり、夜行列車がアルプスに戻る", "港町でチョコレート祭りが開幕"]
    assert cluster(among, [NOON] * 3) == (0, 0, 1)


def test_the_order_of_candidates_does_not_matter_to_events():
    """The same candidates in another order give the same cards."""
    pool = [candidate(title, source=f"Paper {at}", hours=at) for at, title in enumerate(SAME_EVENT + OTHERS)]
    shuffled = pool[:]
    random.Random(3).shuffle(shuffled)
    assert titles(pick(pool, 8)) == titles(pick(pool, 8))
    assert set(titles(pick(pool, 8))) == set(titles(pick(shuffled, 8)))


@given(st.lists(st.tuples(st.text(max_size=60), st.integers(-100, 100)), max_size=12), st.integers(0, 6))
@settings(max_examples=60, deadline=None)
def test_any_titles_and_dates(items, count):
    """Any titles and dates give at most ``count`` cards, each event once, none of them skipped."""
    pool = [candidate(title, hours=hours, source=title[:2]) for title, hours in items]
    chosen = pick(pool, count)
    assert len(chosen) <= count
    assert len({normal(title) for title in titles(chosen)}) == len(chosen)
    assert len(cluster([title for title, _ in items], [None] * len(items))) == len(items)


def test_two_thousand_candidates_in_a_second():
    """A big household's feeds are chosen from in about a CPU second; the limit has margin for a busy machine."""
    dice = random.Random(1)
    words = [
        f"{one}{two}"
        for one in ("bor", "lin", "tas", "mek", "rud")
        for two in ("der", "ham", "ton", "vik", "ost", "ley")
    ]
    base = judge("Otters settle in the harbour")
    pool = [
        Candidate(
            story(
                " ".join(dice.choices(words, k=9)) + f" {at % 400}",
                source=f"Paper {at % 40}",
                published=NOON - dice.random() * 40 * HOUR,
            ),
            base,
            Decision.PAINT,
        )
        for at in range(2000)
    ]
    began = time.process_time()
    assert len(pick(pool, 20)) == 20
    assert time.process_time() - began < 4


def test_importing_is_light():
    """Nothing heavy is loaded, and no list read, before the first headline is judged."""
    code = "import sys, service.choice, service.gate.verdict as v; assert 'numpy' not in sys.modules; assert not v.lexicons.lexicon.cache_info().currsize"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
