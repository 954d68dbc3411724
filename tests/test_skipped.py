"""Nothing hidden: what was kept off and why, the owner's word that lets a story through, the gate's line of the day."""

import json
from datetime import timedelta

import httpx
import pytest
from hypothesis import given, strategies as st

from service import skipping
from service.choice import Candidate
from service.editors import house
from service.errors import Declined
from service.gate.verdict import Rules, judge
from service.gatekeeper import Gatekeeper
from service.model import Decision, Mood, Step
from service.pipeline import Desk, choose
from service.press import Press
from service.protocols import Fetched, Ruling
from service.settings import Channel
from service.skipping import Kept, Kind, Reason, Tally
from service.store import Store, Wishes
from service.surroundings import Surroundings
from service.web import wording

from .command import objects, told
from .test_pipeline import FEED, Bench, Editor
from .values import NOON, story, verdict
from .web_values import Wall, serving

KIND = "Volunteers rescue a kitten from a tree"
GRAVE = "Body Shop's founder has Hepatitis C"  # grave, but nobody is harmed: words alone at a dial of 0
VETO = "Bomb attack kills 14 at a market"
FOREIGN = "Кошка спасла город"
OTHERS = ("Astronomers find a quiet planet", "Bakers open a school for bread", "A lost violin comes home")


class Line(Bench):
    """A bench whose feed says what a test wants, on a channel with words of its own."""

    def __init__(self, folder, *titles, **channel):
        super().__init__(folder)
        language = {FOREIGN: "ru"}
        self.stories = {
            t: story(t, feed=FEED, language=language.get(t, "en"), published=NOON - timedelta(minutes=n))
            for n, t in enumerate(titles)
        }
        self.sources[FEED].answer = Fetched(tuple(self.stories.values()))
        self.channel = Channel(feeds=(FEED,), **{"plates_per_round": 3, **channel})
        self.wishes = Wishes(self.store)

    def line(self):
        line = super().line()
        (desk,) = line.desks
        rules = Rules(self.channel.allow_words, self.channel.block_words, trusted_languages=self.channel.languages)
        object.__setattr__(line, "desks", [Desk(**{**{k: getattr(desk, k) for k in Desk.__slots__}, "rules": rules})])
        return line

    def kept(self, *kinds, **asked):
        found = Gatekeeper(self.line()).kept_off(kinds=kinds, **asked)
        return {kept.story.title: kept for kept in found}

    def let(self, title):
        self.clock.pass_(minutes=1)
        self.wishes.let_through("home", self.stories[title].id)
        self.clock.pass_(minutes=1)

    def plates(self):
        return {plate.story.title: plate for plate in self.archive.recent(50)}


@pytest.fixture
def line(tmp_path):
    return lambda *titles, **channel: Line(tmp_path, *titles, **channel)


def newest(bench):
    return bench.archive.recent(1)[0]


# -- what was kept off --------------------------------------------------------------------------


def test_the_list_says_who_kept_a_story_off_and_why(line):
    """The gate, the owner's words and the editor are told apart, each with its reason; what is painted is not there."""
    bench = line(KIND, VETO, "A vegan sausage wins the village prize", *OTHERS, mood=5, block_words=("vegan",))

    class Picky(Editor):
        def decide(self, candidates):
            return [Ruling(s.id, s.title != OTHERS[0], "seen before") for s, _ in candidates]

    bench.editor = Picky()
    bench.round()
    kept = bench.kept()
    assert {title: (k.kind, k.why) for title, k in kept.items()} == {
        VETO: (Kind.GATE, "kept off by the gate: violence (attack, bomb, kills)"),
        "A vegan sausage wins the village prize": (Kind.OWNER, "kept off by you: your word (vegan)"),
        OTHERS[0]: (Kind.EDITOR, "declined by the editor: seen before"),
    }
    assert set(bench.kept(Kind.OWNER, Kind.EDITOR)) == set(kept) - {VETO}


def test_stories_for_words_alone_are_a_kind_of_their_own(line):
    """At a dial of 0 a grave story is not off the wall, but has no picture; once hung, the list names its plate."""
    bench = line(GRAVE, VETO)
    bench.round()
    kept = bench.kept()
    assert {title: k.kind for title, k in kept.items()} == {GRAVE: Kind.WORDS, VETO: Kind.WORDS}
    assert kept[GRAVE].why == "in words alone: too grave (hepatitis, body)"
    assert kept[GRAVE].plate == bench.plates()[GRAVE].id
    assert (kept[GRAVE].if_let, kept[VETO].if_let) == (Decision.PAINT, Decision.TEXT_ONLY)


def test_a_story_without_a_picture_for_another_reason_is_not_listed(line):
    """Where engines failed, the gate kept nothing off."""
    bench = line(KIND)
    bench.engines = []
    bench.round()
    assert bench.plates()[KIND].text_only
    assert bench.kept() == {}


def test_the_list_says_what_the_round_would_do(line):
    """Whatever the rules of the channel: what is listed is not painted, and what is not listed is."""
    bench = line(*OTHERS, GRAVE, VETO, FOREIGN, KIND, plates_per_round=20, block_words=("violin",), mood=-3)
    bench.round()
    painted = {title for title, plate in bench.plates().items() if not plate.text_only}
    assert painted | set(bench.kept()) == set(bench.stories)
    assert painted.isdisjoint(bench.kept())


def test_newest_first_and_no_more_than_asked(line):
    """The list goes back as far as it is asked to, by when a story was first seen, and stops at its limit."""
    bench = line(VETO)
    bench.round()
    bench.clock.pass_(hours=25)
    later = "Two killed in shooting at a station"
    bench.sources[FEED].answer = Fetched((story(later, feed=FEED),))
    bench.round()
    assert list(bench.kept()) == [later]
    assert list(bench.kept(hours=48)) == [later, VETO]
    assert list(bench.kept(hours=48, limit=1)) == [later]


@pytest.mark.parametrize(
    ("title", "rules", "expected"),
    [
        (VETO, Rules(), "violence (attack, bomb, kills)"),
        (GRAVE, Rules(), "too grave (hepatitis, body)"),
        ("Kitten wins a prize", Rules(block=("kitten",)), "your word (kitten)"),
        ("Kitten wins a prize", Rules(block_topics=("animals",)), "your topic (animals)"),
        ("The Iraq tape", Rules(), "too grave (about conflict)"),
        ("The parliament meets", Rules(), "not bright enough (about politics)"),
        ("The clock was wound", Rules(), "not bright enough"),
    ],
)
def test_reasons_are_words_for_people(title, rules, expected):
    """A reason says what it is, then what in the headline said so."""
    assert str(skipping.reason(judge(title, rules=rules))) == expected


def test_what_a_model_heard_is_a_reason():
    """Where no word is grave but the sentence sounds so, that is said, without its number."""
    heard = verdict(gravity=0.7, why="no grave words; sounds grim (-0.80)", topics=("sport",))
    assert str(skipping.reason(heard)) == "too grave (sounds grim)"


@given(st.text(max_size=60), st.integers(-10, 10))
def test_any_verdict_has_a_reason(title, dial):
    """No headline is kept off without a word about it, before and after the owner's."""
    weighed = skipping.weighed(story(title or "-"), verdict(), Rules(block=("a",)), dial)
    for each in (weighed, skipping.let_through(weighed, Rules())):
        assert skipping.reason(each.verdict).short
        assert skipping.LET_THROUGH not in str(skipping.reason(each.verdict))


# -- letting a story through ----------------------------------------------------------------------


def test_a_story_let_through_is_painted_first(line):
    """The next round takes it before all others, paints it, and says whose word it was."""
    bench = line(*OTHERS, GRAVE, KIND, mood=5, plates_per_round=1)
    bench.round()
    assert GRAVE not in bench.plates()
    bench.let(GRAVE)
    bench.round()
    plate = newest(bench)
    assert (plate.story.title, plate.text_only, bool(plate.picture)) == (GRAVE, False, True)
    assert plate.verdict.why == "let through by you; grave words: hepatitis, body"
    assert len(bench.plates()) == 2  # no more than a round's plates
    assert GRAVE not in bench.kept()


def test_a_veto_stays_a_veto(line):
    """What is never painted is shown in words, whoever lets it through; the list says so."""
    bench = line(VETO, mood=5)
    bench.round()
    bench.let(VETO)
    bench.round()
    plate = newest(bench)
    assert (plate.story.title, plate.text_only, plate.picture) == (VETO, True, None)
    kept = bench.kept()[VETO]
    assert (kept.kind, kept.plate, kept.let_through) == (Kind.WORDS, plate.id, True)
    assert kept.why == "in words alone: violence (attack, bomb, kills)"


def test_the_owners_word_beats_the_owners_rule(line):
    """A story with a blocked word can be let through; it is judged by what else it says."""
    bench = line("A vegan sausage wins the village prize", block_words=("vegan",))
    bench.round()
    assert bench.plates() == {}
    bench.let("A vegan sausage wins the village prize")
    bench.round()
    assert newest(bench).picture
    assert newest(bench).verdict.gravity < 0.5


def test_a_blocked_story_with_a_veto_topic_is_still_not_painted(line):
    """Taking the owner's block away uncovers the gate's."""
    bench = line(VETO, block_words=("market",))
    bench.round()
    bench.let(VETO)
    bench.round()
    assert newest(bench).text_only


def test_a_language_nobody_taught_us_is_vouched_for(line):
    """The owner's word stands in for the word list; words that are grave in any language are still heard."""
    bench = line(FOREIGN)
    bench.round()
    assert bench.plates()[FOREIGN].text_only
    bench.let(FOREIGN)
    bench.round()
    assert newest(bench).picture
    grave = skipping.weighed(story("災害で3人死亡", language="ja"), verdict(), Rules(block=("x",)), 0)
    assert skipping.let_through(grave, Rules()).decision is Decision.TEXT_ONLY


def test_what_hung_in_words_is_painted_once_let_through(line):
    """A story that hangs in words is chosen anew, and its picture comes up next."""
    bench = line(GRAVE)
    bench.round()
    assert bench.archive.hung("hall").plate.text_only
    bench.let(GRAVE)
    bench.round()
    assert [plate.text_only for plate in bench.archive.recent(9)] == [False]
    assert bench.archive.hung("hall").plate.picture


def test_age_does_not_matter_once_let_through(line):
    """The owner asked for it: the oldest story is taken."""
    bench = line(GRAVE, mood=5)
    bench.round()
    bench.clock.pass_(hours=24 * 6)
    bench.let(GRAVE)
    bench.round()
    assert GRAVE in bench.plates()


def test_plates_that_wait_do_not_hold_it_up(line):
    """A round whose room is taken by stuck plates still takes the owner's story, and at most a round's worth."""
    bench = line(*OTHERS, GRAVE, "Kylie's love split", mood=5, plates_per_round=1)
    engines, bench.engines = bench.engines, [("gpu", None)]
    with pytest.raises(AttributeError):
        bench.round()
    bench.let(GRAVE)
    bench.let("Kylie's love split")
    list(choose(bench.line(), bench.line().desks[0]))
    assert [p.story.title for p in bench.store.unfinished()][1:] == [GRAVE]
    bench.engines = engines
    bench.round()
    assert {GRAVE, "Kylie's love split"} <= set(bench.plates())


@pytest.mark.parametrize("editor", [Editor(keep=False), Editor(Declined("tasteless"))], ids=["decides", "describes"])
def test_an_editor_cannot_decline_what_was_let_through(line, editor):
    """What an editor declined, before or while directing, is taken back; the house directs it, and it is not lost."""
    bench = line(KIND)
    bench.editor = editor
    bench.round()
    assert bench.steps() == ["declined"]
    bench.let(KIND)
    bench.round()
    assert (newest(bench).story.title, bool(newest(bench).picture)) == (KIND, True)


def test_what_nobody_will_direct_hangs_in_words(line):
    """Where the house declines too, the owner's story is shown in words, with the reason."""
    advert = "Horoscope for Sunday: what the stars hold for you"
    bench = line(advert)
    bench.editor = house.make(house.Settings(), Surroundings("house", None, None))
    bench.round()
    assert bench.kept()[advert].kind is Kind.EDITOR
    bench.let(advert)
    bench.round()
    assert newest(bench).text_only
    assert "declined" in newest(bench).error


def test_letting_through_while_the_editor_thinks(line):
    """An editor that takes its time cannot overrule what the owner said meanwhile."""
    bench = line(KIND)

    class Slow(Editor):
        def decide(self, candidates):
            bench.let(KIND)
            return super().decide(candidates)

    bench.editor = Slow(keep=False)
    bench.round()
    assert bench.steps() == []
    bench.editor = Editor(keep=False)
    bench.round()
    assert KIND in bench.plates()


def test_the_same_event_is_not_chosen_beside_it(line):
    """Another telling of the story that was let through is no news in that round."""
    bench, again = line(KIND), "Volunteers rescue kitten from a tall tree"
    bench.editor = Editor(keep=False)
    bench.round()
    bench.store.visited(FEED, Fetched((story(again, feed=FEED),)), NOON + timedelta(days=1))
    bench.let(KIND)
    bench.editor = Editor()
    bench.round()
    assert set(bench.plates()) == {KIND}


@pytest.mark.parametrize(("title", "blocked"), [(VETO, "x"), (GRAVE, "x"), (KIND, "kitten")])
def test_nobody_of_this_home_is_let_through_with_it(title, blocked):
    """A story that the gate would not paint by itself has nobody of this home in it, once let through."""
    rules = Rules(block=(blocked,))
    assert not skipping.let_through(skipping.weighed(story(title), verdict(), rules, 0), rules).verdict.subject_allowed
    at_a_high_dial = Candidate(story(KIND), verdict(subject_allowed=True), Decision.SKIP)
    assert not skipping.let_through(at_a_high_dial, Rules()).verdict.subject_allowed


def test_a_subject_stays_where_the_gate_allowed_one():
    """A kind story that only an editor declined may show the home's own people as before."""
    weighed = skipping.weighed(story(KIND), judge(KIND), Rules(), 0)
    assert skipping.let_through(weighed, Rules()).verdict.subject_allowed is weighed.verdict.subject_allowed is True


def test_a_wish_is_met_once(line):
    """When its plate is let go of, with time or for room, the story does not come back."""
    bench = line(GRAVE, mood=5)
    bench.round()
    bench.let(GRAVE)
    bench.round()
    bench.archive.prune(90, 1e-12)
    assert bench.plates() == {}
    bench.round()
    assert bench.plates() == {}


def test_a_plate_that_went_meanwhile_is_not_shown(line):
    """A display that was about to hang it keeps what it has."""
    bench = line(KIND)
    bench.round()
    bench.archive.show("hall", 999)
    assert bench.archive.hung("hall").plate.story.title == KIND


def test_a_dry_day_relaxes_nothing(line):
    """F4: where all is grim, a wall shows fewer stories for days; the gate lets nothing through by itself."""
    grim = [f"{n} killed in bomb attack on {place}" for n, place in enumerate(("a bus", "a school", "a bridge"), 3)]
    bench = line(*grim, GRAVE, mood=5)
    for _ in range(12):
        bench.round()
        bench.clock.pass_(hours=2)
    assert bench.steps() == []
    assert bench.wishes.passed("home") == set()
    (today,) = Gatekeeper(bench.line()).today()
    assert today["says"] in ("gate: strict, 0 % passed today", "gate: strict, no story yet today")
    assert (today["mood"], {k.decision for k in bench.kept(hours=48).values()}) == (5, {Decision.SKIP})


# -- the gate's day -------------------------------------------------------------------------------


def test_status_has_the_gates_line(line):
    """Per channel: the dial's name, the share that may be painted, and the numbers behind it."""
    bench = line(*OTHERS, GRAVE, VETO, KIND, block_words=("violin",))
    press = Press(bench.line())
    assert press.status()["gate"][0]["says"] == "gate: balanced, no story yet today"
    list(press.round())
    (gate,) = press.status()["gate"]
    assert gate == {
        "channel": "home", "mood": 0, "configured": 0, "turned_at": None, "setting": "balanced", "stories": 6,
        "paint": 3, "text_only": 2, "skip": 1, "passed_percent": 50, "says": "gate: balanced, 50 % passed today",
    }  # fmt: skip
    bench.clock.pass_(hours=25)
    assert press.status()["gate"][0]["stories"] == 0


def test_the_day_is_weighed_once(line, monkeypatch):
    """Asked again, the gate weighs only what is new, and still counts what it knew."""
    bench = line(*OTHERS)
    press = Press(bench.line())
    list(press.round())
    press.status()
    asked, weigh = [], skipping.weighed
    monkeypatch.setattr(skipping, "weighed", lambda *told: asked.append(told[0].title) or weigh(*told))
    new = story(KIND, feed=FEED)
    bench.store.visited(FEED, Fetched((new,)), NOON)
    bench.store.judged([(new.id, judge(KIND))])
    assert press.status()["gate"][0]["stories"] == 4
    assert asked == [KIND]


def test_counting_the_day_reads_an_index_alone(line):
    """A hundred thousand stories do not slow the status down: neither they nor the table are read."""
    bench = line(KIND)
    seen = []
    bench.store.db.set_trace_callback(seen.append)
    bench.archive.arrived_rows([FEED], NOON)
    bench.archive.named("home", [FEED], "3fa94c01", 6)
    bench.store.db.set_trace_callback(None)
    plans = [[row["detail"] for row in bench.store.db.execute(f"EXPLAIN QUERY PLAN {told}")] for told in seen]
    assert plans[0] == ["SEARCH stories USING COVERING INDEX stories_by_arrival (feed=? AND first_seen>?)"]
    assert "(id>? AND id<?)" in plans[1][0]


@pytest.mark.parametrize(
    ("dial", "name"),
    [(-10, "open"), (-9, "lenient"), (-1, "lenient"), (0, "balanced"), (1, "careful"), (4, "careful"), (5, "strict"),
     (9, "strict"), (10, "only joy")],
)  # fmt: skip
def test_the_dial_has_a_name(dial, name):
    """From everything to only joy."""
    assert skipping.setting(dial) == name


@pytest.mark.parametrize(
    ("tally", "share"), [(Tally(), None), (Tally(0, 5, 5), 0), (Tally(1, 0, 999), 1), (Tally(999, 1, 0), 99),
                         (Tally(31, 60, 9), 31), (Tally(4, 0, 0), 100)],
)  # fmt: skip
def test_nothing_and_everything_are_not_rounded_to(tally, share):
    """0 % and 100 % are said only of none and all."""
    assert tally.passed_percent == share


# -- the doors ------------------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path):
    """A data folder with two channels' stories, and the options that lead to it."""
    config, data = tmp_path / "config.toml", tmp_path / "data"
    both, kids = "http://127.0.0.1:9/both.xml", "http://127.0.0.1:9/kids.xml"
    config.write_text(
        f'[channels.home]\nfeeds = ["{both}", "http://127.0.0.1:9/home.xml"]\nmood = 5\n'
        f'[channels.kids]\nfeeds = ["{both}", "{kids}"]\nmood = 10\n'
    )
    store = Store(data)
    for title, feed in ((VETO, both), (GRAVE, "http://127.0.0.1:9/home.xml"), (KIND, kids)):
        one = story(title, feed=feed)
        store.visited(feed, Fetched((one,)), NOON)
        store.judged([(one.id, judge(title))])
    return ["--config", str(config), "--data", str(data)]


def handle(title):
    return story(title).id[:8]


def test_skipped_lists_and_let_lets_through(here, tmp_path):
    """The handle that the list prints is what `let` takes; the list then says so, and `--undo` takes it back."""
    lines = told("skipped", *here).out
    assert f"{handle(GRAVE)}  {GRAVE}  The Daily Example" in lines
    assert "kept off by the gate: violence (attack, bomb, kills) · kids" in lines
    let = told("let", handle(GRAVE), *here)
    assert (let.code, let.out) == (0, f"“{GRAVE}” is let through: the next round paints it first\n")
    assert Wishes(Store(tmp_path / "data")).passed("home") == {story(GRAVE).id}
    (row,) = [row for row in objects(told("skipped", "--json", *here).out) if row["headline"] == GRAVE]
    assert (row["let_through"], row["handle"], row["decision"], row["kind"]) == (True, handle(GRAVE), "skip", "gate")
    assert "let through by you" in told("skipped", *here).out
    assert "not let through any more" in told("let", "--undo", handle(GRAVE), *here).out
    assert "was not let through" in told("let", "--undo", handle(GRAVE), *here).out
    assert Wishes(Store(tmp_path / "data")).passed("home") == set()


def test_the_list_can_be_narrowed(here):
    """By channel, by who kept it off, by number; a program gets an object a line."""
    rows = objects(told("skipped", "--json", "--channel", "home", *here).out)
    assert {row["headline"] for row in rows} == {VETO, GRAVE}
    assert objects(told("skipped", "--json", "--why", "owner", "--why", "editor", *here).out) == []
    assert len(objects(told("skipped", "--json", "--limit", "1", *here).out)) == 1
    assert "more than 1" in told("skipped", "--limit", "1", *here).out
    assert told("skipped", "--why", "owner", *here).out == "nothing was kept off\n"
    assert told("skipped", "--channel", "attic", *here).code == 2


def test_let_asks_where_a_name_is_not_enough(here):
    """A story of two channels wants one named; words of a headline will do for a handle; a veto is said plainly."""
    twice = told("let", handle(VETO), *here)
    assert (twice.code, "say --channel home or --channel kids" in twice.err) == (2, True)
    let = told("let", "bomb attack", "--channel", "kids", *here)
    assert let.out == (
        f"“{VETO}” is let through: the next round shows it first, in words "
        "(it is never painted: violence (attack, bomb, kills))\n"
    )
    assert told("let", "a unicorn", *here).code == 2
    several = told("let", "a", *here)
    assert (several.code, "may be several" in several.err) == (2, True)
    assert told("let", handle(KIND), "--channel", "home", *here).code == 2


def test_let_says_where_there_is_nothing_to_do(here, tmp_path):
    """What hangs already, or is on its way, is not let through again."""
    store = Store(tmp_path / "data")
    store.chosen("kids", story(KIND).id, verdict(), text_only=False)
    assert "on its way to the wall already, as plate 1" in told("let", handle(KIND), *here).out
    store.unillustrated(store.waiting("kids", Step.CHOSEN)[0])
    store.chosen("kids", story(VETO).id, judge(VETO), text_only=True)
    store.unillustrated(store.waiting("kids", Step.CHOSEN)[0])
    assert "hangs in words already, as plate 2" in told("let", handle(VETO), "--channel", "kids", *here).out
    assert "paints it first" in told("let", handle(KIND), *here).out


def test_status_prints_the_gates_line(here):
    """A line for each channel, named where there are several."""
    out = told("status", *here).out
    assert "gate of home: strict, 0 % passed today" in out
    assert "gate of kids: only joy, 50 % passed today" in out
    (row,) = objects(told("status", "--json", *here).out)
    assert [gate["passed_percent"] for gate in row["gate"]] == [0, 50]


# -- the page -------------------------------------------------------------------------------------

GATES = [{"channel": "home", "stories": 6, "paint": 3, "text_only": 2, "skip": 1, "says": "gate: strict, 31 % passed"}]


def kept(title=VETO, kind=Kind.GATE, **other):
    facts = {"decision": Decision.SKIP, "reason": Reason("violence", "killed"), "if_let": Decision.TEXT_ONLY}
    return Kept("home", story(title), NOON - timedelta(hours=1), verdict(mood=Mood.GRIM), kind=kind, **facts | other)


def test_the_page_says_why_and_how(tmp_path):
    """Each story with its reason and the command that lets it through; a hostile headline is only words."""
    hostile = "<script>alert(1)</script>{{7*7}}"
    wall = Wall(told={"version": "0", "gate": GATES}, kept=[kept(), kept(hostile, Kind.EDITOR, plate=4)])
    with serving(wall) as address:
        page = httpx.get(f"{address}/skipped").text
        assert f"<code>frontispiece let {handle(VETO)}</code>" in page
        assert '<span class="chip">violence</span> killed · kept off by the gate' in page
        assert "never painted" in page
        assert "Gate: strict, 31 % passed" in page
        assert "<script>" not in page
        assert "{{7*7}}" in page
        only = httpx.get(f"{address}/skipped?why=editor").text
        assert (handle(VETO) in only, handle(hostile) in only) == (False, True)
        assert "Nothing" in httpx.get(f"{address}/skipped?why=owner").text
        assert 'href="/skipped"' in httpx.get(address).text
        assert httpx.get(f"{address}/skipped?channel=attic").status_code == 404
        assert httpx.get(f"{address}/skipped?why=spite").status_code == 422
        status = httpx.get(f"{address}/status").text
        assert "Gate: strict, 31 % passed" in status
        assert "3 of 6 stories may be painted" in status


def test_what_waits_for_the_next_round_says_so():
    """A story let through has no command any more."""
    wall = Wall(told={"gate": GATES}, kept=[kept(let_through=True)])
    with serving(wall) as address:
        page = httpx.get(f"{address}/skipped").text
    assert "Let through by you: the next round takes it" in page
    assert "<code>frontispiece let" not in page


def test_the_commands_name_the_channel_where_there_are_several():
    """A story that one child may see is not thereby let onto every wall."""
    gates = [*GATES, {**GATES[0], "channel": "kids"}]
    with serving(Wall(told={"gate": gates}, kept=[kept()])) as address:
        page = httpx.get(f"{address}/skipped").text
        assert f"frontispiece let {handle(VETO)} --channel home" in page
        assert "Nothing of this kind" in httpx.get(f"{address}/skipped?channel=kids").text


def test_every_kind_can_be_asked_for_on_the_page():
    """The page's choices are the kinds there are, and everything."""
    assert set(wording.KINDS) == {"", *Kind}


def test_a_listed_story_is_json_safe():
    """A program gets plain values."""
    assert json.loads(json.dumps(kept().table()))["reason"] == {"short": "violence", "words": "killed"}
