"""Choosing: fresh, varied, no event twice. All headlines are our own."""

import hashlib
import math
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
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


def score_of(each, **other):
    """What a candidate is worth where it is alone."""
    (only,) = choose([each], 1, **{"now": NOON, "max_age_hours": 0, **other}).chosen
    return only.score


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
    mild = candidate("Ferry drifts onto rocks near Ashford harbour", source="Mild", hours=0)
    grave = candidate("Ferry drifts onto rocks near Ashford harbour, two dead", source="Plain", hours=5)
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


def test_one_vote_moves_a_little_and_ten_a_lot():
    """A single favourite or ban tips a scale; ten change the order; a thousand are bounded."""
    opera = candidate("Opera opens at dusk", source="B")
    plain = score_of(opera)
    one, ten, thousand = (score_of(opera, taste=learn([voted(opera)] * n, [])) / plain for n in (1, 10, 1000))
    assert 1.0 < one < 2.0 < ten <= thousand < 5.0
    one, ten, thousand = (plain / score_of(opera, taste=learn([], [voted(opera)] * n)) for n in (1, 10, 1000))
    assert 1.0 < one < 2.0 < ten <= thousand < 5.0


def test_votes_take_each_other_back():
    """As many bans as favourites of one kind teach nothing."""
    opera = candidate("Opera opens at dusk")
    assert score_of(opera, taste=learn([voted(opera)] * 4, [voted(opera)] * 4)) == score_of(opera)


def test_common_words_teach_nothing():
    """Banning one headline says nothing about another that shares only words any headline may have."""
    banned = candidate("New report on otters: what we know today")
    other = candidate("New report on violins: what we know today")
    assert learn([], [voted(banned)]).words.keys() == {"otter"}
    assert learn([], [voted(banned)]).liking(*voted(other)) == 0


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


gravities = st.floats(0, 1, allow_nan=False)
hours = st.floats(0, 500)


def weighed(gravity=0.1, age=1.0, decision=Decision.PAINT):
    base = candidate(OTHERS[0], hours=age)
    return replace(base, verdict=replace(base.verdict, gravity=gravity), decision=decision)


@given(gravities, hours, hours)
@settings(max_examples=50, deadline=None)
def test_fresher_is_never_worth_less(gravity, one, other):
    """All else equal, the younger story is worth at least as much."""
    young, old = sorted((one, other))
    assert score_of(weighed(gravity, young)) >= score_of(weighed(gravity, old))


@given(gravities, gravities, hours)
@settings(max_examples=50, deadline=None)
def test_kinder_is_never_worth_less(one, other, age):
    """All else equal, the kinder story is worth at least as much, and a painted one more than words alone."""
    kind, grave = sorted((one, other))
    assert score_of(weighed(kind, age)) >= score_of(weighed(grave, age))
    assert score_of(weighed(kind, age)) > score_of(weighed(kind, age, Decision.TEXT_ONLY))


@given(st.integers(1, 12), st.integers(1, 12))
@settings(max_examples=25, deadline=None)
def test_more_sources_are_never_worth_less(one, other):
    """All else equal, the event that more publications tell is worth at least as much; one that repeats itself not."""
    few, many = sorted((one, other))
    scores = [
        choose([candidate(OTHERS[0], source=f"Paper {at}") for at in range(count)], 1, now=NOON, max_age_hours=0)
        for count in (few, many)
    ]
    assert scores[1].chosen[0].score >= scores[0].chosen[0].score
    same = choose([candidate(OTHERS[0]) for _ in range(many)], 1, now=NOON, max_age_hours=0).chosen[0].score
    assert same == score_of(candidate(OTHERS[0]))


@given(st.lists(st.sampled_from(["otters", "harbour", "clocks", "animals", "golf", "sport"]), max_size=6), hours)
@settings(max_examples=50, deadline=None)
def test_liked_is_never_worth_less(likes, age):
    """All else equal, a story of interest is worth more, the more of it is liked, and never without bound."""
    each = candidate(OTHERS[0], hours=age)
    worth = [score_of(each, taste=learn([], [], likes[:count])) for count in range(len(likes) + 1)]
    assert worth == sorted(worth)
    assert worth[-1] <= 5 * worth[0]


@given(st.lists(st.tuples(st.sampled_from("ABCDEF"), hours), max_size=30), st.integers(1, 8), st.integers(0, 8))
@settings(max_examples=60, deadline=None)
def test_the_cap_holds(items, count, spare):
    """Of the first cards no source has more than its third (a half of two), nor of those that follow for an editor."""
    pool = [candidate(hashlib.sha256(bytes([at])).hexdigest(), source=name, hours=age)
            for at, (name, age) in enumerate(items)]  # fmt: skip
    chosen = choose(pool, count, spare=spare, now=NOON, max_age_hours=0).chosen
    assert len(chosen) <= count + spare
    there = min(3, len({name for name, _ in items}))
    for taken in range(1, len(chosen) + 1):
        most = Counter(each.candidate.story.source for each in chosen[:taken]).most_common(1)[0][1]
        assert most <= math.ceil(max(taken, count) / there)


def test_variety_beats_a_little_more_worth():
    """Of three cards, two alike in topic and source are not both taken before one that is somewhat older."""
    alike = [
        candidate("Rovers win the football cup", source="Sporting Gull", hours=0),
        candidate("Wanderers sign a football coach", source="Sporting Gull", hours=0.2),
    ]
    other = candidate("Museum of clocks reopens", source="Clock Weekly", hours=3)
    assert titles(pick([*alike, other], 3))[1] == "Museum of clocks reopens"


def test_a_milder_telling_of_a_skipped_event_is_not_chosen():
    """At a bright dial a grave telling is skipped; its event is not painted in the milder words of another feed."""
    mild = candidate("Ferry drifts onto rocks near Ashford harbour", source="Mild", dial=5)
    grave = candidate("Ferry drifts onto rocks near Ashford harbour, two dead", source="Plain", dial=5)
    assert grave.decision is Decision.SKIP
    assert pick([mild, grave]) == ()
    assert titles(pick([mild])) == [mild.story.title]


def test_a_skipped_telling_is_named_nowhere():
    """Who is kept off this wall is not named beside the card either."""
    pool = [candidate(OTHERS[0], source=name) for name in ("Gull", "Dove", "Wren")]
    pool[1] = replace(pool[1], decision=Decision.SKIP)
    (chosen,) = pick(pool)
    assert {each.source for each in chosen.also} == {"Gull", "Wren"} - {chosen.candidate.story.source}


def test_who_tells_it_now():
    """Of what was on the wall lately, the choice says who tells it by now, by plate."""
    again = [candidate(SAME_EVENT[1], source="Dove"), candidate(OTHERS[0], source="Wren")]
    found = choose(again, 3, now=NOON, max_age_hours=48, recent=[Shown(SAME_EVENT[0], NOON - HOUR, 7)])
    assert {plate: [each.source for each in stories] for plate, stories in found.retold.items()} == {7: ["Dove"]}


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
