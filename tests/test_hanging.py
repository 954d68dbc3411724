"""Which plate hangs next."""

from datetime import timedelta

from hypothesis import given, strategies as st

from service.hanging import Ready, dwell_seconds, next_up

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
