"""Which plate hangs next."""

from datetime import UTC, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st

from service.hanging import NEWEST, SHUFFLE, STORY_OF_THE_HOUR, Order, Ready, dwell_seconds, next_up, until
from service.settings import Display

from .values import NOON


def ready(plate, *, shown=None, hours_old=1):
    last = None if shown is None else NOON - timedelta(minutes=shown)
    return Ready(plate, NOON - timedelta(hours=hours_old), last)


def test_the_newest_unseen_plate_comes_first():
    """A display that was away gets the newest, not a backlog."""
    assert next_up([ready(3), ready(2), ready(1, shown=5)], 1, NOON, due=True) == 3


def test_a_plate_stays_until_it_is_due():
    """A new plate waits for the one that hangs to have had its time."""
    assert next_up([ready(2), ready(1, shown=1)], 1, NOON, due=False) is None


def test_an_empty_display_gets_one_at_once():
    """A display with nothing on it does not wait."""
    assert next_up([ready(2), ready(1)], None, NOON, due=False) == 2


def test_seen_plates_take_turns():
    """With nothing new, the plate that was away for longest returns."""
    plates = [ready(3, shown=1), ready(2, shown=30), ready(1, shown=20)]
    assert next_up(plates, 3, NOON, due=True) == 2


def test_old_plates_only_where_nothing_is_fresh():
    """Yesterday's plates hang again only on a wall without today's."""
    old = [ready(3, shown=300, hours_old=30), ready(2, shown=500, hours_old=31)]
    assert next_up([ready(9, shown=1), ready(8, shown=5), *old], 9, NOON, due=True) == 8
    assert next_up(old, 3, NOON, due=True) == 2


def test_a_single_plate_stays():
    """The only plate is not shown twice in a row."""
    assert next_up([ready(1, shown=99)], 1, NOON, due=True) is None


@given(
    st.lists(st.tuples(st.none() | st.integers(0, 500), st.integers(0, 200)), max_size=12),
    st.none() | st.integers(0, 11), st.booleans(),
)  # fmt: skip
def test_never_the_same_twice_in_a_row(rows, hung, due):
    """Whatever is ready, the plate that hangs is never hung again."""
    plates = [ready(i, shown=0 if i == hung else shown, hours_old=age) for i, (shown, age) in enumerate(rows)]
    chosen = next_up(plates, hung, NOON, due=due)
    assert chosen is None or chosen != hung


def test_the_cadence_is_shared_among_a_rounds_plates():
    """Four plates a quarter of an hour hang 225 seconds each, unless the display has its own wish."""
    assert dwell_seconds(0, 15, 4) == 225
    assert dwell_seconds(60, 15, 4) == 60


# -- orders ----------------------------------------------------------------------------------------


def test_the_orders_of_hanging_are_those_of_the_config():
    """Each name that a display may say is one that is decided on."""
    allowed = Display.model_fields["order"].annotation
    assert set(get_args(allowed)) == {NEWEST, SHUFFLE, STORY_OF_THE_HOUR}


def test_a_shuffle_is_another_order_for_another_seed_and_the_same_for_the_same():
    """What was never shown comes first there, too."""
    plates = [ready(n) for n in range(9, 0, -1)]
    drawn = {seed: next_up(plates, None, NOON, due=True, order=Order(SHUFFLE, seed)) for seed in "abcdefgh"}
    assert len(set(drawn.values())) > 2
    assert drawn == {s: next_up(plates, None, NOON, due=True, order=Order(SHUFFLE, s)) for s in "abcdefgh"}
    seen = [ready(n, shown=n) for n in range(9, 1, -1)]
    assert next_up([*seen, ready(1)], 9, NOON, due=True, order=Order(SHUFFLE, "a")) == 1


def test_a_shuffle_draws_from_those_away_longest():
    """Nothing returns after one turn."""
    plates = [ready(n, shown=10 * n) for n in range(8, 0, -1)]
    drawn = {next_up(plates, 1, NOON, due=True, order=Order(SHUFFLE, str(seed))) for seed in range(60)}
    assert drawn == {8, 7, 6, 5}


def test_a_shuffle_begins_with_todays():
    """A display that was away for days does not get a backlog."""
    plates = [ready(5, hours_old=1), *(ready(n, hours_old=40) for n in (4, 3, 2, 1))]
    assert {next_up(plates, None, NOON, due=True, order=Order(SHUFFLE, s)) for s in "abcdefgh"} == {5}


def test_the_story_of_the_hour_is_what_most_tell():
    """Of what was chosen within the hour; of several the newest; else the newest of all."""
    plates = [
        Ready(n, NOON - timedelta(minutes=70 - 10 * n), None, told) for n, told in ((6, 1), (5, 3), (4, 3), (0, 9))
    ]
    order = Order(STORY_OF_THE_HOUR)
    assert next_up(plates, None, NOON, due=True, order=order) == 5
    assert next_up([ready(2, hours_old=3), ready(1, hours_old=4)], None, NOON, due=True, order=order) == 2


def test_the_story_of_the_hour_stays_for_the_hour():
    """Whatever the dwell is, until the clock strikes; and the hour that is there twice in autumn is two."""
    berlin = ZoneInfo("Europe/Berlin")
    assert until(STORY_OF_THE_HOUR, NOON + timedelta(minutes=50), 60) == NOON + timedelta(hours=1)
    assert until(NEWEST, NOON, 60) == NOON + timedelta(minutes=1)
    first = datetime(2026, 10, 25, 2, 30, tzinfo=berlin)
    ends = [until(STORY_OF_THE_HOUR, first.replace(fold=fold), 60) for fold in (0, 1)]
    assert ends == [datetime(2026, 10, 25, 1, tzinfo=UTC), datetime(2026, 10, 25, 2, tzinfo=UTC)]
    half = datetime(2026, 11, 22, 9, 45, tzinfo=ZoneInfo("Asia/Kolkata"))
    assert until(STORY_OF_THE_HOUR, half, 60) == datetime(2026, 11, 22, 4, 30, tzinfo=UTC)


@given(
    st.lists(st.tuples(st.none() | st.integers(0, 500), st.integers(0, 200), st.integers(0, 5)), max_size=12),
    st.none() | st.integers(0, 11), st.booleans(), st.sampled_from([NEWEST, SHUFFLE, STORY_OF_THE_HOUR]), st.text(max_size=3),
)  # fmt: skip
def test_every_order_keeps_the_rules(rows, hung, due, name, seed):
    """Never what hangs already; never an empty display while something is ready; what was never shown goes first."""
    plates = [
        Ready(
            i,
            NOON - timedelta(hours=age),
            None if shown is None or i == hung else NOON - timedelta(minutes=shown),
            others,
        )
        for i, (shown, age, others) in enumerate(rows)
    ]
    chosen = next_up(plates, hung, NOON, due=due, order=Order(name, seed))
    assert chosen is None or chosen != hung
    assert chosen is not None or hung is not None or not plates
    unseen = {r.plate for r in plates if r.last_shown is None} - {hung}
    assert chosen is None or not unseen or chosen in unseen
